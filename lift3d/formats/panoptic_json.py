"""Calibrations of CMU Panoptic (``calibration_<sequence>.json``); centimetres, -y up.

``{"cameras": [{"name", "type", "resolution", "K", "distCoef" (k1 k2 p1 p2 k3), "R", "t"}]}``, world to camera. All
cameras are read, under their names, which are panel and node: the HD cameras are those of panel 0, which
``rig.only(name for name in rig.names if name.startswith("00_"))`` picks out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lift3d.cameras import CameraRig
from lift3d.formats._entry import FileFormat
from lift3d.formats._json import beginning, json_list, json_table, read_json, write_json
from lift3d.formats._rigs import FileCamera, FileRig, needs, numbers_at, size_of
from lift3d.formats._written_rigs import file_cameras, pose_of, whole_size

__all__ = ["FORMAT"]


def _recognises(path: Path) -> bool:
    text = beginning(path)
    return '"cameras"' in text and '"distCoef"' in text


def _read(path: Path) -> FileRig:
    values = json_table(path, "the file", read_json(path))
    cameras = json_list(path, "cameras", needs(path, "the file", values, "cameras"))
    return FileRig([_camera(path, index, one) for index, one in enumerate(cameras)], unit="cm", up="-y")


def _camera(path: Path, index: int, value: Any) -> FileCamera:
    table = json_table(path, f"camera {index}", value)
    name = str(needs(path, f"camera {index}", table, "name"))
    where = f"camera {name!r}"
    return FileCamera(
        name=name,
        intrinsics=numbers_at(path, where, table, "K", 3, 3),
        distortion=numbers_at(path, where, table, "distCoef"),
        rotation=numbers_at(path, where, table, "R", 3, 3),
        translation=numbers_at(path, where, table, "t", 3),
        image_size=size_of(path, f"{where} resolution", table.get("resolution")),
    )


def _write(rig: CameraRig, path: Path) -> None:
    """Write the rig as HD cameras; centimetres, the world turned so that -y is up.

    Raises:
        InputError: an image size is not known, or a lens is not Brown-Conrady or has more than five coefficients.
    """
    cameras = file_cameras(rig, FORMAT.name, coefficients=5, unit="cm", up="-y")
    write_json({"cameras": [_table(index, camera) for index, camera in enumerate(cameras)]}, path)


def _table(index: int, camera: FileCamera) -> dict[str, Any]:
    rotation, translation = pose_of(camera)
    numbered = re.fullmatch(r"([0-9]+)_([0-9]+)", camera.name)
    return {
        "name": camera.name,
        "type": "hd",
        "resolution": whole_size(camera),
        "panel": int(numbered[1]) if numbered else 0,
        "node": int(numbered[2]) if numbered else index,
        "K": camera.intrinsics.tolist(),
        "distCoef": camera.distortion.tolist(),
        "R": rotation.tolist(),
        "t": translation[:, None].tolist(),
    }


FORMAT = FileFormat(
    name="panoptic_json",
    holds=CameraRig,
    suffixes=(".json",),
    about="CMU Panoptic calibration_*.json, all its cameras; centimetres, -y up.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
