"""What a file of this folder declares: one filter, under the name ``FILTER``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["PoseFilter"]


@dataclass(frozen=True)
class PoseFilter:
    """A filter over time.

    Args:
        name: such as ``"butterworth"``; also what a user passes.
        settings: the frozen dataclass of its settings, all with defaults; its constructor raises ``InputError``.
        about: one line for people.
        shortest: ``shortest(settings, rate)``: frames that a run must have to be filtered. Raises ``InputError`` where
            the settings do not go with the rate (frames a second).
        apply: ``apply(values, rate, settings)``: filters values (frames, tracks), metres, of one run without gaps that
            is not too short, in double precision, into new ones of the same shape.
        causal: whether a value depends on nothing that comes after it.
    """

    name: str
    settings: type
    about: str
    shortest: Callable[[Any, float], int]
    apply: Callable[[np.ndarray, float, Any], np.ndarray]
    causal: bool = False
