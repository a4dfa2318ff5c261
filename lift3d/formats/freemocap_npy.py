"""FreeMoCap's 2D array, ``*2dData_numCams_numFrames_numTrackedPoints_pixelXY.npy``: all cameras, one person.

The array is (cameras, frames, joints, 2 or 3); of three the last, a depth, is passed over. Distorted pixels; NaN is a
missing joint, others have score 1. Of 33, 543 or 553 points the first 33 are MediaPipe's body; other numbers need
``skeleton=`` of as many joints. The file does not name its cameras, and they are never matched by position: they are
called ``array0``, ``array1``, ..., in the order of the array. Give them the calibration's names with ``camera_names=``
(``--cameras``). After the names in FreeMoCap's sources; not checked against a file of its own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lift3d.errors import FileError
from lift3d.formats._detections import check_dense
from lift3d.formats._entry import FileFormat
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton, get_skeleton

_BODY_FIRST = (33, 543, 553)  # the body alone; with hands and 468 or 478 points of the face


def _recognises(path: Path) -> bool:
    try:
        return _is_points(_array(path))
    except FileError:
        return False


def _is_points(array: np.ndarray) -> bool:
    return array.ndim == 4 and array.shape[-1] in (2, 3) and array.dtype.kind == "f"


def _read(path: Path, skeleton: Skeleton | None = None, fps: float | None = None) -> Keypoints2D:
    array = _array(path)
    if not _is_points(array):
        raise FileError(
            path, f"holds {array.dtype} of shape {array.shape}; expected numbers over cameras, frames, joints, xy"
        )
    cameras, frames, joints, _ = array.shape
    if skeleton is None and joints not in _BODY_FIRST:
        raise FileError(path, f"has {joints} joints; known are 33, 543 and 553 (MediaPipe)", "Pass skeleton='...'.")
    chosen = skeleton or get_skeleton("blazepose33")
    if len(chosen) > joints or (len(chosen) < joints and joints not in _BODY_FIRST):
        raise FileError(path, f"has {joints} joints; skeleton {chosen.name!r} has {len(chosen)}")
    check_dense(path, cameras * frames, 1, len(chosen))
    pixels = np.array(array[:, :, None, : len(chosen), :2], dtype=np.float64)
    names = [f"array{camera}" for camera in range(cameras)]
    return Keypoints2D.of(pixels, skeleton=chosen, fps=fps or 30.0, camera_names=names)


def _array(path: Path) -> np.ndarray:
    """The array in the file, not read into memory."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, EOFError, ValueError, TypeError, SyntaxError, OverflowError, MemoryError) as error:
        problem = " ".join(str(error).split())[:200]
        raise FileError(path, f"is damaged or no NumPy array of numbers ({problem})", "Write it again.") from error


FORMAT = FileFormat(
    name="freemocap_npy",
    holds=Keypoints2D,
    suffixes=(".npy",),
    about="FreeMoCap's array of 2D points of all cameras, distorted pixels.",
    recognises=_recognises,
    read=_read,
)
