"""The one-euro filter: a low-pass whose cutoff rises with speed; looks only back, so it can run live.

Casiez, Roussel and Vogel 2012, 1 EUR filter: a simple speed-based low-pass filter for noisy input in interactive
systems, CHI.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lift3d.errors import InputError
from lift3d.filtering._entry import PoseFilter

__all__ = ["FILTER", "OneEuroSettings"]


@dataclass(frozen=True)
class OneEuroSettings:
    """A causal low-pass; it lags behind what moves.

    Args:
        min_cutoff_hz: cutoff at rest: lower for less jitter.
        beta: how much the cutoff rises with speed, Hz for each m/s: higher for less lag. 10 leaves about half of the
            jitter of a walk and lags it by 1.5 cm; lower for what moves slowly.
        derivative_cutoff_hz: cutoff of the speed.
    """

    min_cutoff_hz: float = 1.0
    beta: float = 10.0
    derivative_cutoff_hz: float = 1.0

    def __post_init__(self) -> None:
        for name in ("min_cutoff_hz", "derivative_cutoff_hz"):
            if not getattr(self, name) > 0:
                raise InputError(f"one_euro: {name}={getattr(self, name):g}; expected more than 0.")
        if not self.beta >= 0:
            raise InputError(f"one_euro: beta={self.beta:g}; expected 0 or more.")


def shortest(_settings: OneEuroSettings, _rate: float) -> int:
    """No run is too short."""
    return 1


def apply(values: np.ndarray, rate: float, settings: OneEuroSettings) -> np.ndarray:
    """Filter frame by frame; the first value stays, at a speed of 0."""
    filtered = values.copy()
    speed = np.zeros(values.shape[1])
    slowly = smoothing_factor(settings.derivative_cutoff_hz, rate)
    for frame in range(1, len(values)):
        speed += slowly * ((values[frame] - filtered[frame - 1]) * rate - speed)
        quickly = smoothing_factor(settings.min_cutoff_hz + settings.beta * np.abs(speed), rate)
        filtered[frame] = filtered[frame - 1] + quickly * (values[frame] - filtered[frame - 1])
    return filtered


def smoothing_factor(cutoff_hz: float | np.ndarray, rate: float) -> float | np.ndarray:
    """How much a new value counts in an exponential filter of a cutoff, 0 to 1."""
    return 1 / (1 + rate / (2 * math.pi * cutoff_hz))


FILTER = PoseFilter(
    name="one_euro",
    settings=OneEuroSettings,
    about="low-pass whose cutoff rises with speed; causal, lags a little (Casiez et al. 2012)",
    shortest=shortest,
    apply=apply,
    causal=True,
)
