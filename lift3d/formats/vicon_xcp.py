"""Calibrations of Vicon (``.xcp``, which is XML); millimetres, z up; video cameras only.

Kept are cameras with ``SYSTEM="DV"``; they are named after ``DEVICEID``. ``SENSOR_SIZE`` is the size of the pictures;
videos of another size need the rig cropped or resized. Of the first ``KeyFrame``: ``FOCAL_LENGTH`` (fy is fx divided by
``PIXEL_ASPECT_RATIO``), ``PRINCIPAL_POINT``, ``ORIENTATION`` (quaternion x y z w, world to camera) and ``POSITION``
(the camera's centre).

Vicon's radial distortion (``VICON_RADIAL``, ``VICON_RADIAL2``) maps the other way than OpenCV's, in units of its own.
It is left out with a warning. Written after the reader of Pose2Sim: no real file was at hand.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from xml.etree.ElementTree import Element

import torch
from torch import Tensor

from lift3d.cameras import CameraRig
from lift3d.errors import FileError
from lift3d.formats._entry import FileFormat
from lift3d.formats._json import beginning
from lift3d.formats._rigs import FileCamera, FileRig, numbers, size_of
from lift3d.formats._xml import read_xml
from lift3d.geometry.rotations import quaternion_to_matrix

__all__ = ["FORMAT"]


def _recognises(path: Path) -> bool:
    text = beginning(path)
    return "<Camera" in text and "<KeyFrame" in text


def _read(path: Path) -> FileRig:
    cameras = [one for one in read_xml(path).iter("Camera") if one.get("SYSTEM") == "DV"]
    if not cameras:
        raise FileError(path, 'holds no video camera; expected a <Camera> with SYSTEM="DV"', "Calibrate these too.")
    found = [_camera(path, element) for element in cameras]
    bent = [camera.name for camera, element in zip(found, cameras, strict=True) if _is_distorted(element)]
    if bent:
        warnings.warn(
            f"{path}: the lens distortion, of Vicon's own kind, is left out: {', '.join(bent)}. Undistort the videos, "
            "or calibrate these lenses otherwise.",
            stacklevel=2,
        )
    return FileRig(found, unit="mm", up="+z")


def _camera(path: Path, element: Element) -> FileCamera:
    name = element.get("DEVICEID", "")
    frame = next(element.iter("KeyFrame"), None)
    if not name or frame is None:
        raise FileError(path, f"camera {name!r} has no DEVICEID or no <KeyFrame>", "Calibrate and export it again.")
    (focal,) = _values(path, name, frame, "FOCAL_LENGTH", 1).tolist()
    (aspect,) = _values(path, name, element, "PIXEL_ASPECT_RATIO", 1).tolist()
    if aspect <= 0:
        raise FileError(path, f"camera {name!r}: PIXEL_ASPECT_RATIO is {aspect}; expected a positive number")
    cx, cy = _values(path, name, frame, "PRINCIPAL_POINT", 2).tolist()
    rotation = quaternion_to_matrix(_values(path, name, frame, "ORIENTATION", 4)[[3, 0, 1, 2]])
    return FileCamera(
        name=name,
        intrinsics=torch.tensor([[focal, 0, cx], [0, focal / aspect, cy], [0, 0, 1]], dtype=torch.float64),
        distortion=torch.zeros(0, dtype=torch.float64),
        rotation=rotation,
        translation=-rotation @ _values(path, name, frame, "POSITION", 3),
        image_size=size_of(path, f"camera {name!r} SENSOR_SIZE", element.get("SENSOR_SIZE", "").split() or None),
    )


def _values(path: Path, name: str, element: Element, key: str, count: int) -> Tensor:
    """The numbers of an attribute."""
    words = element.get(key)
    if words is None:
        raise FileError(path, f"camera {name!r} has no {key}", "The calibration is incomplete; export it again.")
    return numbers(path, f"camera {name!r} {key}", words.split(), count)


def _is_distorted(element: Element) -> bool:
    frame = element.find(".//KeyFrame")
    assert frame is not None  # the camera has been read
    words = frame.get("VICON_RADIAL2", "").split()[3:] or frame.get("VICON_RADIAL", "").split()
    return any(word.strip("0.+-") for word in words)


FORMAT = FileFormat(
    name="vicon_xcp",
    holds=CameraRig,
    suffixes=(".xcp",),
    about="Vicon .xcp, video cameras only, without lens distortion; millimetres, z up.",
    recognises=_recognises,
    read=_read,
)
