"""Cameras of OpenCap, pickled: one file a camera; millimetres, -y up.

A dictionary with ``intrinsicMat``, ``distortion`` (k1 k2 p1 p2 k3), ``imageSize`` (height, then width), and, once the
camera's place is known, ``rotation`` (matrix) and ``translation``, world to camera. ``rotation_EulerAngles`` repeats
the rotation as a rotation vector, in spite of its name, and is not read. The world is that of the checkerboard that
stands upright: y points down along it. Give a file, a folder of them, or the ``Videos`` folder of a session, whose
``Cam0/cameraIntrinsicsExtrinsics.pickle`` is the camera ``Cam0``.

Pickles can run code when they are read. These are read by an allow-list that runs nothing (see ``_safe_pickle``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lift3d.cameras import CameraRig
from lift3d.errors import FileError
from lift3d.formats._camera_files import camera_files, has_camera_files
from lift3d.formats._entry import FileFormat
from lift3d.formats._json import beginning
from lift3d.formats._rigs import FileCamera, FileRig, finite_numbers, first_of, needs, numbers, rotation_of, size_of
from lift3d.formats._safe_pickle import read_pickle

__all__ = ["FORMAT"]

_OF_A_SESSION = "cameraIntrinsicsExtrinsics"
_PATTERNS = ("*.pickle", "*.pkl", f"*/{_OF_A_SESSION}.pickle")


def _recognises(path: Path) -> bool:
    return has_camera_files(path, _PATTERNS, _is_camera)


def _is_camera(path: Path) -> bool:
    return "intrinsicMat" in beginning(path)


def _read(path: Path) -> FileRig:
    return FileRig([_camera(one) for one in camera_files(path, _PATTERNS, _is_camera)], unit="mm", up="-y")


def _camera(path: Path) -> FileCamera:
    values = _values(path)
    rotation, translation = first_of(values, "rotation"), first_of(values, "translation")
    height_first = finite_numbers(path, "imageSize", needs(path, "the file", values, "imageSize"))
    return FileCamera(
        name=path.parent.name if path.stem == _OF_A_SESSION else path.stem,
        intrinsics=numbers(path, "intrinsicMat", needs(path, "the file", values, "intrinsicMat"), 3, 3),
        distortion=finite_numbers(path, "distortion", needs(path, "the file", values, "distortion")).reshape(-1),
        rotation=None if rotation is None else rotation_of(path, "rotation", rotation),
        translation=None if translation is None else numbers(path, "translation", translation, 3),
        image_size=size_of(path, "imageSize", height_first.reshape(-1).flip(0).tolist()),
    )


def _values(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            values = read_pickle(path, file, "the pickle")
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the path.") from error
    if not isinstance(values, dict):
        raise FileError(path, "holds no named values; expected intrinsicMat, distortion, ...", "Is it OpenCap's?")
    return {str(key): value.tolist() if isinstance(value, np.ndarray) else value for key, value in values.items()}


FORMAT = FileFormat(
    name="opencap_pickle",
    holds=CameraRig,
    suffixes=(".pickle", ".pkl", ""),
    about="OpenCap camera pickles (one, or a folder), read without running code; millimetres, -y up.",
    recognises=_recognises,
    read=_read,
)
