"""Calibrations of Qualisys Track Manager (``.qca.txt``, which is XML); millimetres, z up.

Kept are cameras whose ``model`` contains "video", "hybrid" or "none": marker cameras film no pictures.

- ``transform``: x, y, z are the camera's centre in the world; with A of rows r11 r12 r13, ..., the rotation from
  world to camera (x right, y down, z forward) is diag(1, -1, -1) A.
- ``intrinsic``: focal lengths and principal point in 1/64 pixel, the latter from the sensor's corner; ``fov_video`` is
  the part of the sensor that was filmed. Footage that was binned (540p) needs the rig resized by a half.
- Distortion coefficients have no unit and are taken as they stand. Pose2Sim divides them by 64; in real files this
  would leave next to no distortion (k1 = -0.046 becomes -0.0007). Only where the values as they stand would fold the
  picture over itself, which no lens does, and those divided by 64 do not, they are divided, with a warning.
- ``viewrotation``: the angle at which QTM shows the camera's pictures. The numbers belong to the picture as the sensor
  has it; if it is not 0 a warning says so, since exported videos may be turned.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element

import torch
from torch import Tensor

from lift3d.cameras import CameraRig
from lift3d.errors import FileError
from lift3d.formats._entry import FileFormat
from lift3d.formats._rigs import FileCamera, FileRig, numbers, size_of
from lift3d.formats._xml import read_xml

__all__ = ["FORMAT"]

_STEPS_PER_PIXEL = 64
_PICTURES = ("video", "hybrid", "none")


def _recognises(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    return b"<calibration" in head and b"<camera" in head


def _read(path: Path) -> FileRig:
    root = read_xml(path)
    found = [one for one in root.iter("camera") if any(word in one.get("model", "").lower() for word in _PICTURES)]
    if not found:
        raise FileError(
            path, "holds no video camera; expected a camera whose model contains video, hybrid or none",
            "Calibrate the video cameras too.",
        )  # fmt: skip
    return FileRig([_camera(path, element) for element in found], unit="mm", up="+z")


def _camera(path: Path, element: Element) -> FileCamera:
    name = element.get("serial", "")
    if not name:
        raise FileError(path, "a camera has no serial; expected its name there")
    where = f"camera {name!r}:"
    left, top, right, bottom = _values(path, where, element, "fov_video", "left", "top", "right", "bottom").tolist()
    columns = [f"r{row}{column}" for row in (1, 2, 3) for column in (1, 2, 3)]
    flip = torch.tensor([[1.0], [-1.0], [-1.0]], dtype=torch.float64)
    rotation = flip * _values(path, where, element, "transform", *columns).reshape(3, 3)
    centre = _values(path, where, element, "transform", "x", "y", "z")
    _warn_of_turned_view(path, name, element)
    camera = FileCamera(
        name=name,
        intrinsics=_intrinsics(path, where, element, left, top),
        distortion=_distortion(path, where, element),
        rotation=rotation,
        translation=-rotation @ centre,
        image_size=size_of(path, f"{where} fov_video", [right - left + 1, bottom - top + 1]),
    )
    return _unscaled(path, camera)


def _intrinsics(path: Path, where: str, element: Element, left: float, top: float) -> Tensor:
    keys = ("focalLengthU", "focalLengthV", "centerPointU", "centerPointV")
    fx, fy, cx, cy = (_values(path, where, element, "intrinsic", *keys) / _STEPS_PER_PIXEL).tolist()
    return torch.tensor([[fx, 0, cx - left], [0, fy, cy - top], [0, 0, 1]], dtype=torch.float64)


def _distortion(path: Path, where: str, element: Element) -> Tensor:
    keys = (
        "radialDistortion1",
        "radialDistortion2",
        "tangentalDistortion1",
        "tangentalDistortion2",
        "radialDistortion3",
    )
    return _values(path, where, element, "intrinsic", *keys)


def _unscaled(path: Path, camera: FileCamera) -> FileCamera:
    """The camera with its distortion divided by 64 if it is impossible as it stands and possible so."""
    divided = replace(camera, distortion=camera.distortion / _STEPS_PER_PIXEL)
    if not _folds(camera) or _folds(divided):
        return camera
    warnings.warn(
        f"{path}: camera {camera.name!r}: its distortion would fold the picture over itself; divided it by 64.",
        stacklevel=2,
    )
    return divided


def _folds(camera: FileCamera) -> bool:
    """Whether, before the corner of the picture, points farther from its centre are seen nearer to it."""
    k1, k2, _, _, k3 = camera.distortion.tolist()
    width, height = camera.image_size.tolist()
    focal = float(camera.intrinsics[[0, 1], [0, 1]].mean())
    r2 = torch.linspace(0, math.hypot(width, height) / 2 / focal, 100, dtype=torch.float64) ** 2
    slope = 1 + r2 * (3 * k1 + r2 * (5 * k2 + r2 * (7 * k3)))
    return bool((slope <= 0).any())


def _warn_of_turned_view(path: Path, name: str, element: Element) -> None:
    turned = element.get("viewrotation", "0")
    if turned not in ("", "0", "0.0"):
        warnings.warn(
            f"{path}: camera {name!r} is shown turned by {turned} degrees (viewrotation); its calibration belongs to "
            "pictures that are not turned. Export the videos so, or turn the keypoints back.",
            stacklevel=2,
        )


def _values(path: Path, where: str, element: Element, tag: str, *keys: str) -> Tensor:
    """Numbers from the attributes of a camera's child; a third radial coefficient may be missing."""
    child = element.find(tag)
    if child is None:
        raise FileError(path, f"{where} has no <{tag}>", "The calibration is incomplete; export it again.")
    missing = [key for key in keys if child.get(key) is None and key != "radialDistortion3"]
    if missing:
        raise FileError(path, f"{where} <{tag}> has no {', '.join(missing)}", "Export the calibration again.")
    return numbers(path, f"{where} <{tag}>", [child.get(key, "0") for key in keys], len(keys))


FORMAT = FileFormat(
    name="qualisys_text",
    holds=CameraRig,
    suffixes=(".txt", ".xml"),
    about="Qualisys Track Manager .qca.txt (XML); millimetres, z up; video cameras only.",
    recognises=_recognises,
    read=_read,
)
