"""Savitzky and Golay 1964: at every frame a polynomial is fitted to the frames around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal

from lift3d.errors import InputError
from lift3d.filtering._entry import PoseFilter
from lift3d.filtering._windows import odd_frames

__all__ = ["FILTER", "SavitzkyGolaySettings"]


@dataclass(frozen=True)
class SavitzkyGolaySettings:
    """A moving fit of a polynomial.

    Args:
        window: seconds; the nearest odd number of frames is taken, which must be more than the order and one.
        order: of the polynomial.
    """

    window: float = 0.25
    order: int = 3

    def __post_init__(self) -> None:
        if not self.window > 0 or self.order < 0:
            raise InputError(
                f"savitzky_golay: window={self.window:g}, order={self.order}; expected a window above 0 seconds and an "
                "order of at least 0."
            )


def shortest(settings: SavitzkyGolaySettings, rate: float) -> int:
    """The frames of the window: shorter runs are left as they are."""
    frames = odd_frames(settings.window, rate)
    if frames < settings.order + 2:
        raise InputError(
            f"savitzky_golay: window={settings.window:g} seconds are {frames} frames at {rate:g} a second; a "
            f"polynomial of order {settings.order} needs at least {(settings.order + 2) // 2 * 2 + 1} to smooth."
        )
    return frames


def apply(values: np.ndarray, rate: float, settings: SavitzkyGolaySettings) -> np.ndarray:
    """Filter; at the ends the polynomial of the first or last whole window is taken."""
    frames = odd_frames(settings.window, rate)
    return np.asarray(signal.savgol_filter(values, frames, settings.order, axis=0, mode="interp"))


FILTER = PoseFilter(
    name="savitzky_golay",
    settings=SavitzkyGolaySettings,
    about="moving fit of a polynomial, no delay; keeps peaks (Savitzky and Golay 1964)",
    shortest=shortest,
    apply=apply,
)
