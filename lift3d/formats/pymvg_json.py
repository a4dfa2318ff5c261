"""Camera systems of PyMVG; the length unit and the up axis are not stored.

``{"__pymvg_file_version__", "camera_system": [{"name", "width", "height", "K", "D" (k1 k2 p1 p2 k3), "Q" (rotation),
"translation", "R", "P"}]}``, world to camera. R rectifies stereo pairs; one that does anything is refused. P repeats K.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from lift3d.cameras import CameraRig
from lift3d.errors import FileError
from lift3d.formats._entry import FileFormat
from lift3d.formats._json import beginning, json_list, json_table, read_json, write_json
from lift3d.formats._rigs import FileCamera, FileRig, needs, numbers, numbers_at, size_of
from lift3d.formats._written_rigs import file_cameras, pose_of, whole_size

__all__ = ["FORMAT"]

_MARK = "__pymvg_file_version__"
_IDENTITY = torch.eye(3, dtype=torch.float64)


def _recognises(path: Path) -> bool:
    return f'"{_MARK}"' in beginning(path)


def _read(path: Path) -> FileRig:
    values = json_table(path, "the file", read_json(path))
    cameras = json_list(path, "camera_system", needs(path, "the file", values, "camera_system"))
    return FileRig([_camera(path, index, one) for index, one in enumerate(cameras)])


def _camera(path: Path, index: int, value: Any) -> FileCamera:
    table = json_table(path, f"camera {index}", value)
    name = str(needs(path, f"camera {index}", table, "name"))
    where = f"camera {name!r}"
    rectification = numbers(path, f"{where} R", table.get("R", _IDENTITY.tolist()), 3, 3)
    if not torch.allclose(rectification, _IDENTITY, atol=1e-9):
        raise FileError(path, f"{where} is rectified: its R is no identity", "Export it without rectification.")
    return FileCamera(
        name=name,
        intrinsics=numbers_at(path, where, table, "K", 3, 3),
        distortion=numbers_at(path, where, table, "D"),
        rotation=numbers_at(path, where, table, "Q", 3, 3),
        translation=numbers_at(path, where, table, "translation", 3),
        image_size=size_of(path, f"{where} width and height", [table.get("width"), table.get("height")]),
    )


def _write(rig: CameraRig, path: Path) -> None:
    """Write the rig in metres, its world as it is.

    Raises:
        InputError: an image size is not known, or a lens is not Brown-Conrady or has more than five coefficients.
    """
    cameras = file_cameras(rig, FORMAT.name, coefficients=5)
    write_json({_MARK: "1.0", "camera_system": [_table(camera) for camera in cameras]}, path)


def _table(camera: FileCamera) -> dict[str, Any]:
    rotation, translation = pose_of(camera)
    width, height = whole_size(camera)
    matrix = camera.intrinsics.tolist()
    return {
        "name": camera.name,
        "width": width,
        "height": height,
        "P": [[*row, 0.0] for row in matrix],
        "K": matrix,
        "D": camera.distortion.tolist(),
        "R": _IDENTITY.tolist(),
        "Q": rotation.tolist(),
        "translation": translation.tolist(),
    }


FORMAT = FileFormat(
    name="pymvg_json",
    holds=CameraRig,
    suffixes=(".json",),
    about="PyMVG camera system; unit and up axis not stored.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
