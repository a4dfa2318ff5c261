"""Feet that stand, stand still: against skating.

A foot stands while its points are near their lowest and hardly move. Each such stretch has one place, the mean of the
points' places in it, and the fit is repeated with the points held there. What a foot does in the air is left alone.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.ndimage import median_filter

from lift3d.fitting.least_squares import TargetTerm
from lift3d.fitting.observations import Joined, Observations
from lift3d.fitting.start import Seen

__all__ = ["foot_points", "planted", "standing"]

_ON_FEET = ("ankle", "heel", "toe", "foot")
_NEAR = 0.06  # metres above a point's low places
_LOW = 5.0  # percentile of a point's heights that is low
_SLOW = 0.25  # metres / second
_SMOOTHED = 0.12  # seconds of the median that speeds are taken from
_SHORTEST = 0.1  # seconds that a foot stands at least


def planted(observed: Observations, places: np.ndarray, stands: np.ndarray, deviation: float) -> Joined:
    """Observations, and feet that stand still.

    Args:
        observed: what was seen.
        places: (N, M, 3) where points stand; any number where they do not.
        stands: (N, M) whether they do.
        deviation: standard deviation from there, metres.
    """

    def still(poses: np.ndarray, _: float) -> TargetTerm:
        stiff = stands[poses, :, None] * np.array([1.0, 0, 0, 1, 0, 1]) / deviation**2
        return TargetTerm(np.ascontiguousarray(places[poses]), np.ascontiguousarray(stiff))

    return Joined(observed, still)


def foot_points(names: tuple[str, ...]) -> np.ndarray:
    """Which of named points are on the feet."""
    return np.array([any(word in name for word in _ON_FEET) for name in names])


def standing(points: np.ndarray, on_foot: np.ndarray, seen: Seen, up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where points stand (N, M, 3), and whether they do (N, M).

    Args:
        points: (N, M, 3) of the fitted bodies, metres.
        on_foot: (M) which of them are on the feet.
        seen: whose they are, and which poses follow each other.
        up: (3) of the world, of length 1.
    """
    places, stands = np.zeros_like(points), np.zeros(points.shape[:2], bool)
    width, shortest = (max(1, round(span / seen.seconds)) for span in (_SMOOTHED, _SHORTEST))
    for point in np.nonzero(on_foot)[0]:
        for person in np.unique(seen.whose):
            own = np.nonzero(seen.whose == person)[0]
            heights = points[own, point] @ up
            near = np.zeros(len(points), bool)
            near[own] = heights < np.percentile(heights, _LOW) + _NEAR
            for run in seen.runs:
                if seen.whose[run.start] == person:
                    still = near[run] & (_speeds(points[run, point], width, seen.seconds) < _SLOW)
                    _plant(points[run, point], still, shortest, places[run, point], stands[run, point])
    return places, stands


def _speeds(track: np.ndarray, width: int, seconds: float) -> np.ndarray:
    """(F) speeds of a point (F, 3) between the medians of so many frames, as far apart as those are wide."""
    if len(track) < 3:
        return np.full(len(track), np.inf)
    smooth = median_filter(track, size=(width | 1, 1), mode="nearest")
    frames = np.arange(len(track))
    before, after = (frames - width).clip(0), (frames + width).clip(max=len(track) - 1)
    return np.linalg.norm(smooth[after] - smooth[before], axis=1) / ((after - before) * seconds)


def _plant(track: np.ndarray, still: np.ndarray, shortest: int, places: np.ndarray, stands: np.ndarray) -> None:
    """Write the mean place of each stretch in which a point is still for long enough."""
    edges = np.concatenate([[0], np.nonzero(np.diff(still))[0] + 1, [len(still)]])
    for start, stop in pairwise(edges.tolist()):
        if still[start] and stop - start >= shortest:
            places[start:stop], stands[start:stop] = track[start:stop].mean(0), True
