"""Human3.6M's frames as MMPose annotates them: ``h36m_train.npz`` and ``h36m_test.npz``.

Rows of pictures: ``imgname``, ``center`` and ``scale`` (1.2 times the longer side of the person's box, in 200 pixels),
``part`` (rows, 17, 3) pixels and whether the joint is there, ``S`` (rows, 17, 4) metres in the camera frame and the
same. The box is the square without the margin of 1.2. S11's first Directions are left out, as everyone does. The
folder of pictures is the one that holds ``S1``, ``S5``, ...
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lift3d.datasets._mmpose_images import recordings
from lift3d.datasets.labelled_pictures import LabelledPeople, LabelledPictures, PictureOptions, PicturesFormat
from lift3d.datasets.picture_sources._boxes import around_centres
from lift3d.datasets.picture_sources._picture_files import PictureFiles
from lift3d.datasets.picture_sources._picture_names import FrameNames
from lift3d.errors import FileError
from lift3d.formats._safe_npz import member_names, read_numbers
from lift3d.skeletons import get_skeleton

_SHAPES = {"part": (17, 3), "S": (17, 4), "center": (2,), "scale": ()}
_MARGIN = 1.2


def _recognises(path: Path) -> bool:
    return path.is_file() and {"imgname", *_SHAPES} <= member_names(path)


def _read(path: Path, images: Path | None, options: PictureOptions) -> LabelledPictures:  # noqa: ARG001
    arrays = read_numbers(path, {"imgname", *_SHAPES})
    missing = {"imgname", *_SHAPES} - set(arrays)
    if missing:
        raise FileError(path, f"lacks the arrays {', '.join(sorted(missing))}", "Expected MMPose's h36m_*.npz.")
    rows, names = _names(path, arrays["imgname"])
    for name, shape in _SHAPES.items():
        if arrays[name].shape != (len(arrays["imgname"]), *shape):
            wanted = (len(arrays["imgname"]), *shape)
            raise FileError(path, f"{name} has shape {arrays[name].shape}; expected {wanted}", "Copy it again.")
    seen, there = arrays["part"][rows], arrays["S"][rows]
    side = 200 / _MARGIN * arrays["scale"][rows].astype(float)
    people = LabelledPeople.of(
        np.arange(len(rows)),
        around_centres(arrays["center"][rows].astype(float), side, side),
        np.where(seen[..., 2:] > 0, seen[..., :2], np.nan),
        joints_3d=np.where(there[..., 3:] > 0, there[..., :3], np.nan),
    )
    return LabelledPictures(get_skeleton("human36m17"), people, names, PictureFiles(images, names, path))


def _names(path: Path, stored: np.ndarray) -> tuple[np.ndarray, FrameNames]:
    """The rows that are used, in the file's order, and the names of their pictures."""
    texts = [one.decode() if isinstance(one, bytes) else str(one) for one in stored.tolist()]
    folder = np.full(len(texts), -1, dtype=np.int32)
    number = np.zeros(len(texts), dtype=np.int32)
    patterns = []
    for one in recordings(path, texts):
        folder[one.rows], number[one.rows] = len(patterns), one.numbers
        first = texts[one.rows[0]]
        stem, _, suffix = first.rpartition(".")
        digits = len(stem) - len(stem.rstrip("0123456789"))
        patterns.append(f"{stem[: len(stem) - digits].replace('%', '%%')}%0{digits}d.{suffix}")
    rows = np.flatnonzero(folder >= 0)
    return rows, FrameNames(patterns, folder[rows], number[rows])


PICTURES = PicturesFormat(
    name="human36m_mmpose_npz",
    about="MMPose's h36m_train.npz and h36m_test.npz: pixels and the camera frame.",
    recognises=_recognises,
    read=_read,
)
