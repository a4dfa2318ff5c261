"""MPII Human Pose as HRNet and SimpleBaseline read it: ``annot/train.json``, ``valid.json``, ``test.json``.

A list of people: ``image``, ``center`` (x, y), ``scale`` (the person's height is about 200 ``scale`` pixels),
``joints`` (16 of x, y) and ``joints_vis``; counted from 1, as in the data set's MATLAB file. ``test.json`` has no
joints. Here pixels count from 0. The box is a square of 200 ``scale`` about the centre, moved down by 15 ``scale``.

Head sizes for PCKh are in ``gt_valid.mat``, which is taken from the same folder where it is there: 0.6 of the diagonal
of ``headboxes_src`` (Andriluka et al. 2014), in the order of ``valid.json``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat

from lift3d.datasets.labelled_pictures import LabelledPeople, LabelledPictures, PictureOptions, PicturesFormat
from lift3d.datasets.picture_sources._boxes import around_centres
from lift3d.datasets.picture_sources._picture_files import PictureFiles
from lift3d.errors import FileError
from lift3d.formats._json import beginning, json_list, read_json
from lift3d.skeletons import get_skeleton

_JOINTS = 16
_HEAD_BOXES = "gt_valid.mat"
_SHARE_OF_DIAGONAL = 0.6


def _recognises(path: Path) -> bool:
    if not path.is_file() or path.suffix.lower() != ".json":
        return False
    text = beginning(path)
    return text.startswith("[") and all(re.search(rf'"{name}"\s*:', text) for name in ("image", "center", "scale"))


def _read(path: Path, images: Path | None, options: PictureOptions) -> LabelledPictures:  # noqa: ARG001
    rows = json_list(path, "the file", read_json(path))
    names, centres, scales, joints, there = _arrays(path, rows)
    pictures = list(dict.fromkeys(names))
    place = {name: number for number, name in enumerate(pictures)}
    sides = 200 * scales
    centres = centres + np.stack([np.zeros_like(scales), 15 * scales], axis=1) - 1
    people = LabelledPeople.of(
        np.array([place[name] for name in names]),
        around_centres(centres, sides, sides),
        np.where(there[..., None] > 0, joints - 1, np.nan),
        2 * (there > 0),
        head_sizes=_head_sizes(path, len(rows)),
    )
    return LabelledPictures(get_skeleton("mpii16"), people, pictures, PictureFiles(images, pictures, path))


def _arrays(path: Path, rows: list[Any]) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Picture, centre, scale, joints (people, 16, 2) and whether each is there; as they are in the file."""
    none = np.zeros((_JOINTS, 2)), np.zeros(_JOINTS)
    try:
        names = [str(one["image"]) for one in rows]
        centres = np.array([one["center"] for one in rows], dtype=float).reshape(len(rows), 2)
        scales = np.array([one["scale"] for one in rows], dtype=float).reshape(len(rows))
        joints = np.array([one.get("joints", none[0]) for one in rows], dtype=float).reshape(len(rows), _JOINTS, 2)
        there = np.array([one.get("joints_vis", none[1]) for one in rows], dtype=float).reshape(len(rows), _JOINTS)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"an entry is not as MPII's are ({type(error).__name__}: {error})"
        raise FileError(path, problem, "Expected image, center, scale, 16 x 2 joints and 16 joints_vis.") from error
    return names, centres, scales, joints, there


def _head_sizes(path: Path, people: int) -> np.ndarray | None:
    """Pixels that PCKh divides by, of the validation set; None of another, or where the file is not there."""
    file = path.parent / _HEAD_BOXES
    if path.stem != "valid" or not file.exists():
        return None
    try:
        boxes = np.asarray(loadmat(file, variable_names=["headboxes_src"])["headboxes_src"], dtype=float)
    except Exception as error:  # the reader of MATLAB files raises many kinds
        problem = f"holds no head boxes that can be read ({type(error).__name__}: {' '.join(str(error).split())})"
        raise FileError(file, problem, "Expected MPII's gt_valid.mat.") from error
    if boxes.shape != (2, 2, people):
        raise FileError(file, f"has head boxes of shape {boxes.shape}; {path.name} has {people} people",
                        "Expected (2, 2, people), of the same release.")  # fmt: skip
    return _SHARE_OF_DIAGONAL * np.linalg.norm(boxes[1] - boxes[0], axis=0)


PICTURES = PicturesFormat(
    name="mpii_json",
    about="MPII as HRNet's annot/*.json; head sizes from gt_valid.mat beside it.",
    recognises=_recognises,
    read=_read,
)
