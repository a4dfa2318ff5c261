"""Butterworth low-pass, forwards and backwards: the habit of biomechanics.

Running a filter of order n forwards and then backwards takes away its delay, doubles its order, and lowers the
frequency at which half of the power is left. Order and cutoff here are those of the whole: order 4 is two passes of
order 2, and each pass has its cutoff raised so that after both the amplitude is 1 / sqrt(2) at ``cutoff_hz``:
tan(pi f' / rate) = tan(pi f / rate) / (sqrt(2) - 1)^(1 / order) (Winter 2009, Biomechanics and Motor Control of Human
Movement, 4th ed., 3.4.4.2: 0.802 for order 4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import signal

from lift3d.errors import InputError
from lift3d.filtering._entry import PoseFilter

__all__ = ["FILTER", "ButterworthSettings"]


@dataclass(frozen=True)
class ButterworthSettings:
    """A low-pass without delay.

    Args:
        cutoff_hz: where the amplitude, after both passes, is 1 / sqrt(2); below half the frame rate.
        order: of both passes together; even.
    """

    cutoff_hz: float = 6.0
    order: int = 4

    def __post_init__(self) -> None:
        if not self.cutoff_hz > 0:
            raise InputError(f"butterworth: cutoff_hz={self.cutoff_hz:g}; expected more than 0.")
        if self.order < 2 or self.order % 2:
            raise InputError(f"butterworth: order={self.order}; expected 2, 4, ...: two passes of half the order each.")


def shortest(settings: ButterworthSettings, rate: float) -> int:
    """Frames of three time constants of a pass: shorter runs are left as they are."""
    if settings.cutoff_hz >= rate / 2:
        raise InputError(
            f"butterworth: cutoff_hz={settings.cutoff_hz:g} with {rate:g} frames a second; "
            f"expected less than {rate / 2:g}, half the frame rate."
        )
    return max(4, math.ceil(3 * rate / (2 * math.pi * settings.cutoff_hz)))


def apply(values: np.ndarray, rate: float, settings: ButterworthSettings) -> np.ndarray:
    """Filter forwards and backwards.

    The line from the first value to the last is taken off before and put back after, so that steady motion passes as
    it is, and the rest goes on beyond its ends turned about them (odd), for three periods of the cutoff if it is that
    long: no ringing at the ends, which stay about where they are.
    """
    corrected = math.tan(math.pi * settings.cutoff_hz / rate) / (math.sqrt(2) - 1) ** (1 / settings.order)
    sections = signal.butter(settings.order // 2, 2 * math.atan(corrected) / math.pi, output="sos")
    line = np.linspace(values[0], values[-1], len(values))
    padding = min(len(values) - 1, math.ceil(3 * rate / settings.cutoff_hz))
    return line + signal.sosfiltfilt(sections, values - line, axis=0, padtype="odd", padlen=padding)


FILTER = PoseFilter(
    name="butterworth",
    settings=ButterworthSettings,
    about="low-pass forwards and backwards, no delay; order and cutoff of both passes together (Winter 2009)",
    shortest=shortest,
    apply=apply,
)
