"""Names of Human3.6M's sequences and of others': one spelling, actions, splits, the one that is left out.

The data set's own files call two actions ``TakingPhoto`` and ``WalkingDog`` (and, of S1, ``Photo`` and ``WalkDog``);
papers say ``Photo`` and ``WalkDog``, and so does this project. ``Directions 1`` is the second recording of the action
``Directions``; the first, ``Directions``, has no number.
"""

from __future__ import annotations

import re

__all__ = ["ROWS_17_OF_32", "action_of", "canonical", "is_left_out", "split_of"]

# Human3.6M's 32 joints to the 17 that move, in the order of the skeleton human36m17
ROWS_17_OF_32 = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)

_SPLITS = {"train": ("S1", "S5", "S6", "S7", "S8"), "test": ("S9", "S11")}


def canonical(sequence: str) -> str:
    """The spelling of a Human3.6M sequence.

    >>> canonical("TakingPhoto_1"), canonical("WalkingDog"), canonical("Walking 1")
    ('Photo 1', 'WalkDog', 'Walking 1')
    """
    name = sequence.replace("_", " ").strip()
    return name.replace("TakingPhoto", "Photo").replace("WalkingDog", "WalkDog")


def action_of(sequence: str) -> str:
    """What is done in a sequence: its name up to the first number.

    >>> action_of("Walking 1"), action_of("ThrowCatch 1 chunk0")
    ('Walking', 'ThrowCatch')
    """
    return re.split(r"[ _]\d|[ _]chunk", sequence)[0]


def is_left_out(subject: str, sequence: str) -> bool:
    """Whether everyone leaves a Human3.6M sequence out: S11's first Directions, of which a video is damaged."""
    return (subject, sequence) == ("S11", "Directions")


def split_of(subject: str) -> str:
    """``"train"`` or ``"test"`` of the common Human3.6M protocols; empty for other subjects."""
    return next((split for split, subjects in _SPLITS.items() if subject in subjects), "")
