"""Means and standard deviations of Human3.6M's training data, with which Martinez' network is given its input.

A file holds ``mean`` and ``std`` of all 32 joints of the capture system, or of the used ones alone, and may hold
``dim_use``, the indices of the used numbers. Those of the pixels can be computed from VideoPose3D's 2D archive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lift3d.errors import FileError
from lift3d.formats._safe_npz import member_names, read_numbers, read_objects
from lift3d.importers._torch_file import read_torch_file

__all__ = ["Statistics", "read_statistics"]

# the 17 joints that move among the 32 of the capture system, in the order of human36m17
_RAW_JOINTS = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
_NECK_NOSE, _PELVIS = 9, 0  # indices in human36m17: the joint that the 2D input, and the 3D answer, goes without
_USED_2D = tuple(2 * joint + axis for joint in np.delete(_RAW_JOINTS, _NECK_NOSE).tolist() for axis in range(2))
_USED_3D = tuple(3 * joint + axis for joint in np.delete(_RAW_JOINTS, _PELVIS).tolist() for axis in range(3))
_TRAINING = ("S1", "S5", "S6", "S7", "S8")
_ARCHIVE = "positions_2d"


@dataclass(frozen=True)
class Statistics:
    """Of the used numbers of a frame, joint by joint.

    Args:
        space: ``"2d"`` (32 numbers, pixels) or ``"3d"`` (48 numbers, millimetres relative to the pelvis).
        mean: of each.
        std: of each.
    """

    space: str
    mean: tuple[float, ...]
    std: tuple[float, ...]


def read_statistics(path: Path) -> Statistics:
    """The statistics in a file: of ``torch.save``, an npz with ``mean`` and ``std``, or VideoPose3D's 2D archive.

    Raises:
        FileError: the file is missing, damaged, or holds no such statistics.
    """
    if not path.is_file():
        raise FileError(path, "there is no such file")
    names = member_names(path)
    if _ARCHIVE in names:
        return _from_archive(path)
    content = read_numbers(path) if {"mean", "std"} <= names else read_torch_file(path)
    if not isinstance(content, Mapping) or not {"mean", "std"} <= set(content):
        raise FileError(path, "holds no 'mean' and 'std'", "Expected statistics such as stat_3d.pth.tar.")
    try:
        mean, std = (np.asarray(content[name], dtype=np.float64).ravel() for name in ("mean", "std"))
        return _used(path, mean, std, content.get("dim_use"))
    except (TypeError, ValueError, IndexError) as error:
        raise FileError(path, f"its statistics are no numbers of the expected kind ({error})") from error


def _used(path: Path, mean: np.ndarray, std: np.ndarray, told: Any) -> Statistics:
    spaces = {64: ("2d", _USED_2D), 32: ("2d", range(32)), 96: ("3d", _USED_3D), 48: ("3d", range(48))}
    if len(mean) not in spaces or len(mean) != len(std):
        problem = f"has {len(mean)} means and {len(std)} standard deviations; expected 64 or 32 of 2D, 96 or 48 of 3D"
        raise FileError(path, problem)
    space, used = spaces[len(mean)]
    if told is not None and len(mean) in (64, 96) and tuple(np.ravel(told).tolist()) != tuple(used):
        raise FileError(path, f"'dim_use' names other numbers than the {len(used)} of the published network")
    mean, std = mean[list(used)], std[list(used)]
    if not (np.isfinite(mean).all() and np.isfinite(std).all() and (std > 0).all()):
        raise FileError(path, "a mean or a standard deviation is no number, or a deviation is not above 0")
    return Statistics(space, tuple(mean.tolist()), tuple(std.tolist()))


def _from_archive(path: Path) -> Statistics:
    """Over all frames and cameras of the training subjects; joints in the order of human36m17."""
    positions = read_objects(path)[_ARCHIVE]
    subjects = positions.item() if isinstance(positions, np.ndarray) and positions.size == 1 else {}
    if not isinstance(subjects, Mapping) or not set(_TRAINING) <= set(subjects):
        raise FileError(path, f"has not the training subjects {', '.join(_TRAINING)}", "Expected data_2d_h36m_gt.npz.")
    clips = [clip for name in _TRAINING for cameras in subjects[name].values() for clip in cameras]
    if any(np.ndim(clip) != 3 or np.shape(clip)[1:] != (17, 2) for clip in clips):
        raise FileError(path, "holds others than 17 joints of two numbers", "Expected data_2d_h36m_gt.npz.")
    frames = np.delete(np.concatenate(clips), _NECK_NOSE, axis=1).reshape(-1, 32)
    return _used(path, frames.mean(0, dtype=np.float64), frames.std(0, dtype=np.float64), None)
