"""From the tracks of named markers to people with joints."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lift3d.formats._joint_names import joint_places, skeleton_of_names
from lift3d.formats._tracks import people_and_joints
from lift3d.skeletons import Skeleton

__all__ = ["people_of_markers"]

_SUBJECT = re.compile(r"([^:]+):(.+)")


def people_of_markers(
    path: Path, names: Sequence[str], values: np.ndarray, skeleton: Skeleton | None
) -> tuple[Skeleton, np.ndarray]:
    """The skeleton and (frames, people, joints, axes), NaN where there is no marker.

    Args:
        path: of the file, for errors.
        names: of the markers; ``person1_LHip`` and ``person2_LHip``, or ``Anna:LHip`` and ``Ben:LHip``, are two people.
        values: (frames, markers, axes).
        skeleton: the one given; else the smallest known one that has all joints, or one of their own.

    Raises:
        FileError: the skeleton given has not all the joints, or one occurs twice.
    """
    people, joints = _subjects(names)
    chosen = skeleton_of_names(path, list(dict.fromkeys(joints)), skeleton)
    placed = np.full((len(values), max(people) + 1, len(chosen), values.shape[-1]), np.nan)
    for person in sorted(set(people)):
        own = [marker for marker, one in enumerate(people) if one == person]
        placed[:, person, joint_places(path, [joints[marker] for marker in own], chosen)] = values[:, own]
    return chosen, placed


def _subjects(names: Sequence[str]) -> tuple[list[int], list[str]]:
    """Person (from 0) and joint of each marker."""
    matches = [_SUBJECT.fullmatch(name) for name in names]
    if not all(matches):
        return people_and_joints(list(names))
    subjects = [match[1] for match in matches if match]
    order = list(dict.fromkeys(subjects))
    return [order.index(one) for one in subjects], [match[2] for match in matches if match]
