"""Joints as tracks over time, for formats that have Y up, no missing values and one name for each joint of a person."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

import numpy as np

from lift3d.poses import Poses3D

__all__ = ["people_and_joints", "person_prefixes", "warn_of_gaps", "without_gaps", "y_up_positions"]

_PERSON = re.compile(r"person([0-9]{1,4})_(.+)")

_TO_Y_UP: dict[str, tuple[tuple[int, int], ...]] = {  # (axis, sign) of the world for x, y, z of the file; rotations all
    "+x": ((2, 1), (0, 1), (1, 1)),
    "-x": ((2, -1), (0, -1), (1, 1)),
    "+y": ((0, 1), (1, 1), (2, 1)),
    "-y": ((0, 1), (1, -1), (2, -1)),
    "+z": ((1, 1), (2, 1), (0, 1)),
    "-z": ((1, -1), (2, -1), (0, 1)),
}


def y_up_positions(poses: Poses3D) -> np.ndarray:
    """Positions (frames, people, joints, 3) in float64, metres, turned so that the world's up axis is +y; NaN stays."""
    positions = poses.positions.detach().cpu().double().numpy()
    return np.stack([positions[..., axis] * sign for axis, sign in _TO_Y_UP[poses.up]], axis=-1)


def without_gaps(track: np.ndarray, seen: np.ndarray, times: np.ndarray, at: np.ndarray | None = None) -> np.ndarray:
    """A joint's (frames, 3) with gaps interpolated linearly in time, and held at both ends.

    Args:
        track: positions.
        seen: of each frame; at least one.
        times: of the frames, ascending.
        at: other times to take the joint at; by default those of the frames.
    """
    wanted = times if at is None else at
    return np.stack([np.interp(wanted, times[seen], axis[seen]) for axis in track.T], axis=-1)


def warn_of_gaps(format_name: str, filled: int, left_out: Sequence[str]) -> None:
    """Say how many joints were filled in over time, and which were never seen; nothing where there are none."""
    parts = [f"{filled} missing joint positions were filled in over time"] if filled else []
    if left_out:
        more = f" and {len(left_out) - 4} more" if len(left_out) > 4 else ""
        parts.append(f"joints never seen were left out: {', '.join(left_out[:4])}{more}")
    if parts:
        warnings.warn(f"{format_name}: {'; '.join(parts)}.", stacklevel=2)


def person_prefixes(people: int) -> list[str]:
    """What stands before the joints' names of each person: nothing for one, else ``person1_``, ``person2_``, ..."""
    return [""] if people == 1 else [f"person{one}_" for one in range(1, people + 1)]


def people_and_joints(names: list[str]) -> tuple[list[int], list[str]]:
    """Person (from 0) and joint of each name; one person where names have no person in front."""
    found = [_PERSON.fullmatch(name) for name in names]
    matches = [one for one in found if one is not None and int(one[1]) > 0]
    if len(matches) < len(names):
        return [0] * len(names), names
    return [int(one[1]) - 1 for one in matches], [one[2] for one in matches]
