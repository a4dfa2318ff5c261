"""Stretches of motion that can be learnt from: whole, without jumps, long enough; and other frame rates."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float

__all__ = ["good_stretches", "resampled"]


def good_stretches(
    positions: Float[np.ndarray, "frames joints 3"],
    frames_per_second: float,
    fastest: float | None = None,
    lowest: float | None = None,
    shortest: float = 0.0,
) -> list[slice]:
    """Stretches of frames in which every joint is there.

    Args:
        positions: metres, z up; NaN where missing.
        frames_per_second: of the frames.
        fastest: metres a second; a clip is cut between two frames where any joint is faster, as where a marker is
            mistaken or an angle flips.
        lowest: metres; frames with a joint below this height are left out.
        shortest: seconds; shorter stretches are left out.

    Returns:
        Slices of frames, in order; none where nothing is left.
    """
    good = np.asarray(np.isfinite(positions).all((1, 2)))
    if lowest is not None:
        good &= ~(positions[..., 2] < lowest).any(1)
    joined = good[1:] & good[:-1]
    if fastest is not None:
        speed = np.linalg.norm(np.diff(positions, axis=0), axis=-1) * frames_per_second
        joined &= ~(speed > fastest).any(1)
    fewest = max(1, round(shortest * frames_per_second))
    return [part for part in _runs(good, joined) if part.stop - part.start >= fewest]


def _runs(good: Bool[np.ndarray, "frames"], joined: Bool[np.ndarray, "steps"]) -> list[slice]:
    edges = [0, *(np.flatnonzero(~joined) + 1).tolist(), len(good)] if len(good) else []
    return [slice(start, stop) for start, stop in pairwise(edges) if good[start]]


def resampled(
    positions: Float[np.ndarray, "frames joints 3"], frames_per_second: float, wanted: float
) -> Float[np.ndarray, "kept joints 3"]:
    """The same motion at another frame rate, from its first frame on: frames that fall between two are interpolated
    linearly; where the rate is a whole multiple of the one wanted, frames are kept as they are.

    Args:
        positions: metres; a frame between two of which one lacks a joint lacks it too (NaN).
        frames_per_second, wanted: the rate they have, and the one to have.
    """
    step = frames_per_second / wanted
    if abs(step - round(step)) < 1e-3 * step and step > 0.5:
        return positions[:: round(step)]
    at = np.arange(int((len(positions) - 1) / step + 1e-6) + 1) * step if len(positions) else np.zeros(0)
    before = np.minimum(at.astype(int), max(len(positions) - 2, 0))
    after = np.minimum(before + 1, len(positions) - 1)
    share = (at - before)[:, None, None]
    return positions[before] * (1 - share) + positions[after] * share
