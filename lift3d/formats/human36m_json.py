"""Human3.6M cameras as ``camera-parameters.json`` (github.com/karfly/human36m-camera-parameters); millimetres, z up.

``{"intrinsics": {camera: {"calibration_matrix", "distortion"}}, "extrinsics": {subject: {camera: {"R", "t"}}}}``, world
to camera. Each subject has its own rig: pass ``subject="S1"``.

The five distortion numbers are k1 k2 p0 p1 k3 of Human3.6M's own lens model (``Lens.HUMAN36M``), in the order of the
data set's metadata. Decided with numbers, for camera 54138969 against pixels projected by published code of the data
set's model (850 points, in single precision): in this order the largest difference is 0.0002 pixels; with p0 and p1
exchanged, which is how VideoPose3D's constants have them, 0.12; read as OpenCV's k1 k2 p1 p2 k3, 0.27.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lift3d.cameras import CameraRig, Lens
from lift3d.errors import FileError
from lift3d.formats._entry import FileFormat
from lift3d.formats._human36m import chosen_subject, picture_size
from lift3d.formats._rigs import FileCamera, FileRig, needs, numbers

__all__ = ["FORMAT"]

_LARGEST = 2**22


def _recognises(path: Path) -> bool:
    try:
        if path.stat().st_size > _LARGEST:
            return False
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    if not isinstance(values, dict) or not {"intrinsics", "extrinsics"} <= values.keys():
        return False
    intrinsics = values["intrinsics"]
    return isinstance(intrinsics, dict) and "calibration_matrix" in next(iter(intrinsics.values()), ())


def _read(path: Path, subject: str | None = None) -> FileRig:
    values = _loaded(path)
    intrinsics = _table(path, "intrinsics", needs(path, "the file", values, "intrinsics"))
    extrinsics = _table(path, "extrinsics", needs(path, "the file", values, "extrinsics"))
    chosen = chosen_subject(path, subject, list(extrinsics))
    poses = _table(path, f"extrinsics of {chosen}", extrinsics[chosen])
    cameras = [_camera(path, name, intrinsics, _table(path, f"camera {name!r}", pose)) for name, pose in poses.items()]
    return FileRig(cameras, unit="mm", up="+z")


def _loaded(path: Path) -> dict[str, Any]:
    try:
        return _table(path, "the file", json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(path, f"is not valid JSON: {error}") from error


def _table(path: Path, where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FileError(path, f"{where} is no table of names and values")
    return value


def _camera(path: Path, name: str, intrinsics: dict[str, Any], pose: dict[str, Any]) -> FileCamera:
    where = f"camera {name!r}"
    lens = _table(path, f"{where} of intrinsics", needs(path, "intrinsics", intrinsics, name))
    return FileCamera(
        name=name,
        intrinsics=numbers(path, f"{where} calibration_matrix", needs(path, where, lens, "calibration_matrix"), 3, 3),
        distortion=numbers(path, f"{where} distortion", needs(path, where, lens, "distortion"), 5),
        rotation=numbers(path, f"{where} R", needs(path, where, pose, "R"), 3, 3),
        translation=numbers(path, f"{where} t", needs(path, where, pose, "t"), 3),
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
