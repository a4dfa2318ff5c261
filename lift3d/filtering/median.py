"""Moving median: takes out spikes shorter than half its window and keeps steps and steady motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lift3d.errors import InputError
from lift3d.filtering._entry import PoseFilter
from lift3d.filtering._windows import odd_frames

__all__ = ["FILTER", "MedianSettings"]


@dataclass(frozen=True)
class MedianSettings:
    """A moving median.

    Args:
        window: seconds; the nearest odd number of frames is taken, at least 3.
    """

    window: float = 0.1

    def __post_init__(self) -> None:
        if not self.window > 0:
            raise InputError(f"median: window={self.window:g}; expected more than 0 seconds.")


def shortest(_settings: MedianSettings, _rate: float) -> int:
    """Three frames: shorter runs are left as they are."""
    return 3


def apply(values: np.ndarray, rate: float, settings: MedianSettings) -> np.ndarray:
    """Filter; towards the ends the window shrinks evenly on both sides.

    The first and the last value become the median of themselves, their filtered neighbour, and where the line through
    the two filtered neighbours leads a frame beyond them (Tukey 1977, Exploratory Data Analysis, 7E), so that a spike
    there goes too.
    """
    half = min(max(3, odd_frames(settings.window, rate)), len(values) - 1 + len(values) % 2) // 2
    filtered = values.copy()
    filtered[half : len(values) - half] = np.median(sliding_window_view(values, 2 * half + 1, axis=0), axis=-1)
    for inset in range(1, half):
        filtered[inset] = np.median(values[: 2 * inset + 1], axis=0)
        filtered[-1 - inset] = np.median(values[-2 * inset - 1 :], axis=0)
    near, far = filtered[[1, -2]], filtered[[2, -3]]
    filtered[[0, -1]] = np.median([values[[0, -1]], near, 3 * near - 2 * far], axis=0)
    return filtered


FILTER = PoseFilter(
    name="median",
    settings=MedianSettings,
    about="moving median, no delay: takes out spikes, keeps steps",
    shortest=shortest,
    apply=apply,
)
