"""Cameras of OpenPose's calibration: one XML file a camera, named after its serial number; metres.

OpenCV matrices ``CameraMatrix`` (3 x 4, [R t], world to camera), ``Intrinsics`` (3 x 3) and ``Distortion`` (k1 k2 p1 p2
k3 k4 k5 k6, perhaps fewer). The world is usually the first camera's; the up axis and the size of the pictures are not
stored. Give one file, or the folder of all. Written after OpenPose's documentation: no real file was at hand.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

import torch
from torch import Tensor

from lift3d.cameras import CameraRig
from lift3d.errors import FileError
from lift3d.formats._camera_files import camera_files, has_camera_files
from lift3d.formats._entry import FileFormat
from lift3d.formats._json import beginning
from lift3d.formats._rigs import UNKNOWN_SIZE, FileCamera, FileRig, finite_numbers
from lift3d.formats._xml import read_xml

__all__ = ["FORMAT"]

_PATTERNS = ("*.xml",)


def _recognises(path: Path) -> bool:
    return has_camera_files(path, _PATTERNS, _is_camera)


def _is_camera(path: Path) -> bool:
    text = beginning(path)
    return "<CameraMatrix" in text and "<Intrinsics" in text


def _read(path: Path) -> FileRig:
    return FileRig([_camera(one) for one in camera_files(path, _PATTERNS, _is_camera)], unit="m")


def _camera(path: Path) -> FileCamera:
    root = read_xml(path)
    pose = _matrix(path, root, "CameraMatrix", 12).reshape(3, 4)
    distortion = _matrix(path, root, "Distortion") if root.find("Distortion") is not None else torch.zeros(0)
    return FileCamera(
        name=path.stem,
        intrinsics=_matrix(path, root, "Intrinsics", 9).reshape(3, 3),
        distortion=distortion,
        rotation=pose[:, :3],
        translation=pose[:, 3],
        image_size=UNKNOWN_SIZE,
    )


def _matrix(path: Path, root: Element, tag: str, count: int | None = None) -> Tensor:
    """The numbers of an OpenCV matrix, row by row."""
    words = root.findtext(f"{tag}/data")
    if words is None:
        raise FileError(path, f"has no matrix <{tag}>", "The calibration is incomplete; export it again.")
    found = finite_numbers(path, f"<{tag}>", words.split())
    if count is not None and len(found) != count:
        raise FileError(path, f"<{tag}> has {len(found)} numbers; expected {count}", "Export the calibration again.")
    return found


FORMAT = FileFormat(
    name="openpose_xml",
    holds=CameraRig,
    suffixes=("", ".xml"),
    about="OpenPose camera XML (the folder, or one file); metres, up axis not stored.",
    recognises=_recognises,
    read=_read,
)
