"""Tracks that fit what was seen and move as smoothly as the data says: a penalised spline with information weights.

Of all tracks x the one is taken that makes least::

    sum over frames of  (x - z)^T A (x - z)  +  |x[t-1] - 2 x[t] + x[t+1]|^2 / q[t]^2

where z and A are the points and the information of the views, and q is how much a track accelerates, metres per frame
squared. The system is banded, seven wide, one for each track (Whittaker 1923; Rue and Held 2005, 3.4). Its inverse
gives the covariance, and with it how much of each acceleration is noise: q is where the accelerations that are found
agree with it (MacKay 1992, evidence), first for each track as a whole, then for each moment from the frames around it
and from what is usual for the track, so that a kick or a landing is not flattened by the calm before it. What is usual
is the mean of the moments' precisions: 1 / q^2 taken to be spread like chi-squared, as behind Student's t (Lange,
Little and Taylor 1989), so that the calm is not made restless by a kick either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from lift3d.compiled import banded, track_loops

__all__ = ["Motion", "System", "assemble", "covariance_of", "interpolated", "motion_from"]

_NEIGHBOURS = 9  # frames around a moment that tell how much it accelerates
_TRUST = 1.0  # what is usual for the track counts as so many frames in that
_SLOWEST, _FASTEST = 1e-5, 0.1  # metres per frame squared
_STILL = 1e-3  # 1 / m^2: holds tracks in place that nothing else holds


@dataclass(frozen=True, eq=False)
class Motion:
    """How much tracks accelerate.

    Args:
        deviation: (K) of each track, metres per frame squared.
        share: (T - 2, K) 1 / variance at each moment, in units of that of the track.
    """

    deviation: np.ndarray
    share: np.ndarray

    @classmethod
    def even(cls, frames: int, tracks: int, deviation: float) -> Motion:
        """The same at all times and for all tracks, metres per frame squared."""
        return cls(np.full(tracks, deviation), np.ones((max(frames - 2, 0), tracks)))

    @property
    def precision(self) -> np.ndarray:
        """(T - 2, K) 1 / variance of each acceleration."""
        return self.share / np.square(self.deviation)


@dataclass(frozen=True, eq=False)
class System:
    """The banded systems of K tracks: ``band`` (7, 3 T, K) as in ``lift3d.compiled.banded``, ``right`` (3 T, K)."""

    band: np.ndarray
    right: np.ndarray

    def solved(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions (T, K, 3), and the band of the inverse."""
        factor, positions, inverse = self.band.copy(), self.right.copy(), np.zeros_like(self.band)
        banded.factorise(factor)
        banded.solve(factor, positions)
        banded.invert_band(factor, inverse)
        return by_frame(positions), inverse


def by_frame(flat: np.ndarray) -> np.ndarray:
    """(3 T, K) as (T, K, 3)."""
    return np.ascontiguousarray(flat.reshape(-1, 3, flat.shape[1]).swapaxes(1, 2))


def flattened(positions: np.ndarray) -> np.ndarray:
    """(T, K, 3) as (3 T, K)."""
    return np.ascontiguousarray(positions.swapaxes(1, 2)).reshape(-1, positions.shape[1])


def assemble(equations: np.ndarray, at: np.ndarray, motion: Motion) -> System:
    """The systems of what was seen and of the motion.

    Args:
        equations: (T, K, 9) information and gradient of the views at ``at``, as ``point_loops.linearise`` gives them.
        at: (T, K, 3).
        motion: how much the tracks accelerate.
    """
    frames, tracks = at.shape[:2]
    band, right = np.zeros((7, 3 * frames, tracks)), np.empty((3 * frames, tracks))
    track_loops.assemble(equations, at, motion.precision, _STILL, band, right)
    return System(band, right)


def motion_from(positions: np.ndarray, inverse: np.ndarray, motion: Motion, local: bool) -> Motion:
    """A better estimate of how much tracks accelerate, from a solution and its band of the inverse.

    Args:
        positions: (T, K, 3).
        inverse: band of the inverse.
        motion: what the solution was made with.
        local: for each moment from the frames around it and what is usual, else for each track as a whole.
    """
    if len(positions) < 3:
        return motion
    squared = np.square(positions[:-2] - 2 * positions[1:-1] + positions[2:]).sum(-1)
    # three axes, less what the data leaves open: by so many numbers is each acceleration known
    known = np.maximum(3 - _acceleration_variance(inverse) * motion.precision, 0)
    if not local:
        variance = squared.sum(0) / np.maximum(known.sum(0), 1e-3 * len(known))
        return Motion(np.sqrt(np.clip(variance, _SLOWEST**2, _FASTEST**2)), np.ones_like(motion.share))
    width = min(_NEIGHBOURS, len(squared))
    around = [width * uniform_filter1d(values, width, axis=0, mode="nearest") for values in (squared, known)]
    usual = 1 / motion.precision.mean(0)
    variance = (3 * _TRUST * usual + around[0]) / (3 * _TRUST + around[1])
    return Motion(motion.deviation, np.square(motion.deviation) / np.clip(variance, _SLOWEST**2, _FASTEST**2))


def _acceleration_variance(inverse: np.ndarray) -> np.ndarray:
    """(T - 2, K) variance of x[t-1] - 2 x[t] + x[t+1], its three axes added."""
    own = inverse.reshape(7, -1, 3, inverse.shape[2]).sum(2)
    return own[0, :-2] + 4 * own[0, 1:-1] + own[0, 2:] - 4 * own[3, :-2] - 4 * own[3, 1:-1] + 2 * own[6, :-2]


def covariance_of(inverse: np.ndarray) -> np.ndarray:
    """(T, K, 6) upper triangle of each point's covariance, from the band of the inverse."""
    parts = [inverse[0, 0::3], inverse[1, 0::3], inverse[2, 0::3], inverse[0, 1::3], inverse[1, 1::3], inverse[0, 2::3]]
    return np.stack(parts, axis=-1)


def interpolated(points: np.ndarray) -> np.ndarray:
    """Tracks (T, K, 3) with their gaps filled linearly in time, the ends held; 0 where nothing was seen."""
    frames = np.arange(len(points))
    filled = np.zeros_like(points)
    seen = np.isfinite(points[..., 0])
    for track in range(points.shape[1]):
        own = seen[:, track]
        if own.all():
            filled[:, track] = points[:, track]
        elif own.any():
            for axis in range(3):
                filled[:, track, axis] = np.interp(frames, frames[own], points[own, track, axis])
    return filled
