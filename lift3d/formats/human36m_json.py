"""Human3.6M cameras as ``camera-parameters.json`` (github.com/karfly/human36m-camera-parameters); millimetres, z up.

``{"intrinsics": {camera: {"calibration_matrix", "distortion"}}, "extrinsics": {subject: {camera: {"R", "t"}}}}``, world
to camera. Each subject has its own rig: pass ``subject="S1"``.

The five distortion numbers are k1 k2 p0 p1 k3 of Human3.6M's own lens model (``Lens.HUMAN36M``), in the order of the
data set's metadata. Decided with numbers, for camera 54138969 against pixels projected by published code of the data
set's model (850 points, in single precision): in this order the largest difference is 0.0002 pixels; with p0 and p1
exchanged, which is how VideoPose3D's constants have them, 0.12; read as OpenCV's k1 k2 p1 p2 k3, 0.27.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lift3d.cameras import CameraRig, Lens
from lift3d.formats._entry import FileFormat
from lift3d.formats._human36m import chosen_subject, picture_size
from lift3d.formats._json import beginning, json_table, read_json
from lift3d.formats._rigs import FileCamera, FileRig, needs, numbers_at

__all__ = ["FORMAT"]


def _recognises(path: Path) -> bool:
    text = beginning(path)
    return '"intrinsics"' in text and '"calibration_matrix"' in text


def _read(path: Path, subject: str | None = None) -> FileRig:
    values = json_table(path, "the file", read_json(path))
    intrinsics = json_table(path, "intrinsics", needs(path, "the file", values, "intrinsics"))
    extrinsics = json_table(path, "extrinsics", needs(path, "the file", values, "extrinsics"))
    chosen = chosen_subject(path, subject, list(extrinsics))
    poses = json_table(path, f"extrinsics of {chosen}", extrinsics[chosen])
    cameras = [
        _camera(path, name, intrinsics, json_table(path, f"camera {name!r}", pose)) for name, pose in poses.items()
    ]
    return FileRig(cameras, unit="mm", up="+z")


def _camera(path: Path, name: str, intrinsics: dict[str, Any], pose: dict[str, Any]) -> FileCamera:
    where = f"camera {name!r}"
    lens = json_table(path, f"{where} of intrinsics", needs(path, "intrinsics", intrinsics, name))
    return FileCamera(
        name=name,
        intrinsics=numbers_at(path, where, lens, "calibration_matrix", 3, 3),
        distortion=numbers_at(path, where, lens, "distortion", 5),
        rotation=numbers_at(path, where, pose, "R", 3, 3),
        translation=numbers_at(path, where, pose, "t", 3),
        image_size=picture_size(name),
        lens=Lens.HUMAN36M,
    )


FORMAT = FileFormat(
    name="human36m_json",
    holds=CameraRig,
    suffixes=(".json",),
    about="Human3.6M camera-parameters.json; millimetres, z up; choose a subject.",
    recognises=_recognises,
    read=_read,
)
