"""Joints seen in pictures, as observations of a fit: the reprojection error of all cameras, lens included.

The pull of a point on the body is the sum of its views': J^T W J and J^T W r, with J the slope of the projection and W
the inverse variance of a detection by its camera and score. The solver therefore never sees how many cameras there are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lift3d._times import clips_of
from lift3d.compiled import point_loops
from lift3d.compiled.view_terms import reprojection_terms
from lift3d.fitting.body_tree import BodyTree
from lift3d.fitting.least_squares import Pull
from lift3d.fitting.observations import runs_of
from lift3d.fitting.points import BodyPoints
from lift3d.fitting.start import Seen
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.triangulation.views import PackedRig

__all__ = ["ReprojectionTerm", "ViewsSeen", "views_seen"]

_LONGEST_GAP = 0.5  # seconds to the next known place, over which a start is drawn straight
_LEAST_KERNEL = 0.010  # metres of noise that the robust kernel reckons with at least: starts are not better
_NEAREST = 0.1  # metres from a camera that anybody stands
_TO_DEVIATION = 1 / 1.1774  # the median length of a vector of two standard normal numbers


@dataclass(frozen=True, eq=False)
class ReprojectionTerm:
    """Points should be seen where they were detected.

    Args:
        rig: the cameras.
        pixels: (C, N, M, 2) distorted; any finite numbers where nothing was seen.
        weights: (C, N, M) 1 / variance of a pixel; 0 where nothing was seen.
        scale: of Geman and McClure's kernel, standard deviations; infinite for least squares.
    """

    rig: PackedRig
    pixels: np.ndarray
    weights: np.ndarray
    scale: float = np.inf

    def __call__(self, points: np.ndarray) -> Pull:
        """The pull on points (N, M, 3) of the world."""
        poses, count = points.shape[:2]
        costs, information, gradient = np.empty(poses * count), np.empty((poses * count, 6)), np.empty_like(points)
        cameras = len(self.rig)
        reprojection_terms(
            self.rig.lens, self.rig.numbers, self.pixels.reshape(cameras, -1, 2), self.weights.reshape(cameras, -1),
            self.scale**-2, (points - self.rig.origin).reshape(-1, 3), costs, information, gradient.reshape(-1, 3),
        )  # fmt: skip
        return Pull(costs.reshape(poses, count).sum(1), information.reshape(poses, count, 6), gradient)


@dataclass(frozen=True, eq=False)
class ViewsSeen:
    """Joints in pictures of several cameras; see ``Observations``. Noise is the factor by which it is larger than told.

    Args:
        seen: places to start from, by pose.
        rig: the cameras.
        pixels: (C, N, M, 2) distorted; 0 where nothing was seen.
        weights: (C, N, M) 1 / variance of a pixel, 1 / px^2; 0 where nothing was seen.
        per_metre: (C, N) pixels that a metre spans where the person is.
    """

    seen: Seen
    rig: PackedRig
    pixels: np.ndarray
    weights: np.ndarray
    per_metre: np.ndarray
    first_noise: float = 1.0
    offset_noise: float = 1.0
    known_noise: float | None = None

    def least_noise(self, trusted: np.ndarray, body: BodyTree) -> float:  # noqa: ARG002
        """As the detections' noise was told."""
        return 1.0

    def distances(self, poses: np.ndarray | slice, points: np.ndarray) -> np.ndarray:
        """(C, n, M) pixels between where points of chosen poses (n, M, 3) are seen and were detected; NaN if not."""
        pixels = np.ascontiguousarray(self.pixels[:, poses])
        out = np.empty(pixels.shape[:-1])
        flat = np.ascontiguousarray((points - self.rig.origin).reshape(-1, 3))
        point_loops.distances(
            self.rig.lens, self.rig.numbers, flat, pixels.reshape(len(out), -1, 2), out.reshape(len(out), -1)
        )
        return np.where(self.weights[:, poses] > 0, out, np.nan)

    def deviation(self, poses: np.ndarray, points: np.ndarray) -> float:
        """From the median distance in a picture."""
        away = self.distances(poses, points) * np.sqrt(self.weights[:, poses])
        return float(np.nanmedian(away)) * _TO_DEVIATION

    def residuals(self, points: np.ndarray) -> np.ndarray:
        """(N, M) metres between points and the lines of sight, the median of the views; NaN where nothing was seen."""
        away = np.sort(self.distances(slice(None), points) / self.per_metre[..., None], axis=0)  # NaN last
        views = np.isfinite(away).sum(0)
        upper, lower = (np.take_along_axis(away, at[None], axis=0)[0] for at in (views // 2, (views - 1).clip(0) // 2))
        return np.where(views % 2 == 1, lower, (lower + upper) / 2)

    def term(self, poses: np.ndarray, trusted: np.ndarray | None, noise: float, scale: float) -> ReprojectionTerm:
        """Points where they were detected; the kernel is no narrower than starts are good.

        Points that are not trusted are those that had a start and are suspicious; seen by one camera alone they count.
        """
        weights = self.weights[:, poses] / noise**2
        if trusted is not None:
            weights = np.where(trusted[poses] | ~self.seen.seen[poses], weights, 0.0)
        typical = (np.sqrt(self.weights) * self.per_metre[..., None])[self.weights > 0]
        width = scale * max(1.0, _LEAST_KERNEL * float(np.median(typical)) / noise)
        return ReprojectionTerm(self.rig, np.ascontiguousarray(self.pixels[:, poses]), weights, width)


def views_seen(
    keypoints: Keypoints2D,
    starts: Poses3D,
    rig: PackedRig,
    variance: Callable[[np.ndarray, np.ndarray], np.ndarray],
    points: BodyPoints,
    enough: int,
    misfit: float,
) -> tuple[ViewsSeen, np.ndarray]:
    """What cameras saw in frames with enough joints, and how many there are of each person, (F, people).

    Args:
        keypoints: what they saw.
        starts: where the joints are, more or less, in the frame of the rig; on the keypoints' skeleton. Short gaps are
            filled.
        rig: the cameras, in the keypoints' order.
        variance: of detections, square pixels, by their scores (C, N, M) and the pixels that a metre spans (C, N, 1).
        points: of the body.
        enough: joints seen, with a place to start from.
        misfit: standard deviation by which no body has the joints that were seen, metres an axis; added to the noise.
    """
    joints = list(points.joints)
    places = _filled(starts.positions[:, :, joints].detach().cpu().double().numpy(), starts)
    pixels = keypoints.pixels[:, :, :, joints].detach().cpu().double().numpy()
    scores = keypoints.scores[:, :, :, joints].detach().cpu().double().numpy()
    there = (scores > 0) & np.isfinite(pixels).all(-1)
    started = ~np.isnan(places[..., 0])
    count = (started & there.any(0)).sum(-1)
    people, frames = np.nonzero((count >= enough).T)
    own, there = started[frames, people], there[:, frames, people]
    runs, seconds = runs_of(people, frames, keypoints.times), 1 / keypoints.frames_per_second
    seen = Seen(np.where(own[..., None], places[frames, people], 0.0), own, people, frames, runs, seconds)
    per_metre = _pixels_per_metre(rig, seen)
    whole = variance(scores[:, frames, people], per_metre[..., None]) + (misfit * per_metre[..., None]) ** 2
    pixels = np.where(there[..., None], pixels[:, frames, people], 0.0)
    return ViewsSeen(seen, rig, pixels, np.where(there, 1 / whole, 0.0), per_metre), count


def _filled(places: np.ndarray, poses: Poses3D) -> np.ndarray:
    """Places (F, people, M, 3) with short gaps filled along straight lines, within clips."""
    filled, times = places.copy(), poses.times.detach().cpu().double().numpy()
    missing = np.isnan(places[..., 0])
    for clip in clips_of(poses.times):
        for person, point in np.argwhere(missing[clip].any(0) & ~missing[clip].all(0)):
            known = np.nonzero(~missing[clip, person, point])[0] + clip.start
            gone = np.nonzero(missing[clip, person, point])[0] + clip.start
            after = np.searchsorted(known, gone)
            before, after = known[(after - 1).clip(0)], known[after.clip(max=len(known) - 1)]
            near = np.minimum(abs(times[gone] - times[before]), abs(times[after] - times[gone])) <= _LONGEST_GAP
            line = [np.interp(times[gone], times[known], axis) for axis in places[known, person, point].T]
            filled[gone[near], person, point] = np.stack(line, axis=-1)[near]
    return filled


def _pixels_per_metre(rig: PackedRig, seen: Seen) -> np.ndarray:
    """(C, N) pixels that a metre spans where each pose is, from the mean of its places."""
    count = np.maximum(seen.seen.sum(1), 1)[:, None]
    centre = np.where(seen.seen[..., None], seen.targets, 0.0).sum(1) / count - rig.origin
    depth = rig.numbers[:, 19:22] @ centre.T + rig.numbers[:, 24:25]
    focal = np.sqrt(rig.numbers[:, 0] * rig.numbers[:, 3])[:, None]
    return focal / np.maximum(depth, _NEAREST)
