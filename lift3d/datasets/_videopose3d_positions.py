"""VideoPose3D's 3D archives (``data_3d_*.npz``): which data set, its joints, and the clips in metres, world, z up.

``positions_3d`` is a dict {subject: {action: (frames, joints, 3)}} in an object array, a pickle, which is read by an
allow-list that runs nothing; so the whole file is read at once, and the joints that are used stay in memory.

==================  ======================================================================================
32 joints           Human3.6M, of which the 17 that move are kept
17 joints           Human3.6M; in a file with ``3dhp`` in its name those of MPI-INF-3DHP's test set
28 joints           MPI-INF-3DHP
15 joints           HumanEva; subjects are called ``Train/S1``, ``Validate/S1``, ...
==================  ======================================================================================

MPI-INF-3DHP's joints come out in the order of ``human36m17`` (its head joint as ``neck_nose``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lift3d.datasets._sequence_names import ROWS_17_OF_32, canonical, is_left_out, split_of
from lift3d.errors import FileError
from lift3d.formats._safe_npz import read_objects
from lift3d.formats._videopose3d import actions_of, dict_of
from lift3d.skeletons import Skeleton, get_skeleton

__all__ = ["ROWS_OF_3DHP", "Positions", "read_positions"]

# MPI-INF-3DHP to human36m17: of the test set's 17 joints (head top, neck, right arm, left arm, right leg, left leg,
# pelvis, spine, head), and of the 28 of its training set
_3DHP_17 = (14, 8, 9, 10, 11, 12, 13, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4)
_3DHP_28 = (4, 23, 24, 25, 18, 19, 20, 3, 5, 6, 7, 9, 10, 11, 14, 15, 16)
ROWS_OF_3DHP = {17: _3DHP_17, 28: _3DHP_28}
_RATES = {"h36m": 50.0, "humaneva15": 60.0}


@dataclass(frozen=True, eq=False)
class Positions:
    """The sequences of an archive.

    Args:
        dataset: ``"h36m"``, ``"humaneva15"`` or ``"3dhp"``.
        skeleton: what the joints are.
        frames_per_second: of the data set, where it has one rate; else 30.
        sequences: by subject (as the file has it) and sequence, (frames, joints, 3) float32, metres, world z up.
    """

    dataset: str
    skeleton: Skeleton
    frames_per_second: float
    sequences: dict[tuple[str, str], np.ndarray]

    def person_and_split(self, subject: str) -> tuple[str, str]:
        """Who a subject of the file is, and the split: HumanEva's ``Train/S1`` says both."""
        split, slash, person = subject.rpartition("/")
        if slash:
            return person, split.lower()
        return subject, split_of(subject) if self.dataset == "h36m" else "train"


def read_positions(path: Path) -> Positions:
    """The sequences of an archive; Human3.6M's in one spelling, without S11's first Directions.

    Raises:
        FileError: it is damaged, no such archive, or has joints of no known data set.
    """
    found = actions_of(path, dict_of(path, read_objects(path), "positions_3d"))
    joints = {_joints(path, key, array) for key, array in found.items()}
    if len(joints) != 1:
        raise FileError(path, f"sequences have {sorted(joints)} joints; expected the same number in each")
    dataset, rows = _dataset(path, joints.pop())
    if dataset == "h36m":
        found = {(subject, canonical(name)): array for (subject, name), array in found.items()}
        found = {key: array for key, array in found.items() if not is_left_out(*key)}
    skeleton = get_skeleton("humaneva15" if dataset == "humaneva15" else "human36m17")
    sequences = {key: array[:, list(rows)].astype(np.float32) for key, array in found.items()}
    return Positions(dataset, skeleton, _RATES.get(dataset, 30.0), sequences)


def _joints(path: Path, key: tuple[str, str], array: object) -> int:
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or array.ndim != 3 or array.shape[2] != 3:
        raise FileError(path, f"{'/'.join(key)} is no array of numbers of shape (frames, joints, 3)")
    return array.shape[1]


def _dataset(path: Path, joints: int) -> tuple[str, tuple[int, ...]]:
    """Which data set has so many joints, and which of them are used, in the order of its skeleton."""
    if joints == 32:
        return "h36m", ROWS_17_OF_32
    if joints == 15:
        return "humaneva15", tuple(range(15))
    if joints == 28 or (joints == 17 and "3dhp" in path.stem.lower()):
        return "3dhp", ROWS_OF_3DHP[joints]
    if joints == 17:
        return "h36m", tuple(range(17))
    raise FileError(path, f"has {joints} joints; expected 32 or 17 (Human3.6M), 15 (HumanEva), 28 or 17 (MPI-INF-3DHP)")
