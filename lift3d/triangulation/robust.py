"""Robust triangulation of every point by itself, with exchanged sides put right and impossible points left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lift3d.compiled import track_loops
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton
from lift3d.triangulation.consensus import fit_points
from lift3d.triangulation.noise import NoiseModel, estimate_noise
from lift3d.triangulation.settings import TriangulationSettings
from lift3d.triangulation.swaps import exchanged, find_swaps, twins_outward
from lift3d.triangulation.symmetric import inverse
from lift3d.triangulation.views import PackedRig, Views, frame_chunks

__all__ = ["Found", "find_points", "measured_noise", "put_right"]

_ROUNDS = 2  # of looking for exchanged sides
_STRETCH = 0.3  # a bone that two views alone disagree with by more is impossible
_SURE = 4.0  # and by more than so many standard deviations
_FRAMES_FOR_LENGTHS = 500
_FEWEST_LENGTHS = 10
_MOST_VARIANCE = 1e12  # square metres: views that hardly fix a point at all
_POINTS_FOR_NOISE = 10_000  # of which a sample is taken


@dataclass(eq=False)
class Found:
    """Points of all frames, and what they are made from; filled in chunk by chunk.

    Args:
        points: (F, people, joints, 3) relative to the rig's origin; NaN where fewer than two views agree.
        covariance: (F, people, joints, 6) upper triangles, square metres; NaN where there is no point. None of the
            linear method.
        used: (C, F, people, joints) views that agree.
        swapped: (C, F, people, joints) detections exchanged with those of their twins.
    """

    points: np.ndarray
    covariance: Any
    used: np.ndarray
    swapped: np.ndarray

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> Found:
        """Arrays to fill in, for keypoints of (C, F, people, joints)."""
        return cls(
            np.full((*shape[1:], 3), np.nan),
            np.full((*shape[1:], 6), np.nan, np.float32),
            np.zeros(shape, np.bool_),
            np.zeros(shape, np.bool_),
        )


def measured_noise(rig: PackedRig, keypoints: Keypoints2D, settings: TriangulationSettings) -> NoiseModel:
    """The noise of the detections, from frames spread evenly over all of them."""
    frames, people, joints = keypoints.scores.shape[1:]
    step = max(1, frames * people * joints // _POINTS_FOR_NOISE)
    views = Views.of(keypoints.pixels[:, ::step], keypoints.scores[:, ::step], settings.min_score)
    return estimate_noise(rig, views, settings.consensus, settings.seed)


def find_points(rig: PackedRig, keypoints: Keypoints2D, noise: NoiseModel, settings: TriangulationSettings) -> Found:
    """Every point by itself."""
    found = Found.empty(tuple(keypoints.scores.shape))

    def work(part: slice) -> None:
        scores = keypoints.scores[:, part]
        shape = tuple(scores.shape)
        views = Views.of(keypoints.pixels[:, part], scores, settings.min_score)
        fit = fit_points(rig, views, noise, settings.consensus)
        for _ in range(_ROUNDS if settings.swaps and len(rig) > 2 else 0):
            marked, views = put_right(rig, views, fit.points, fit.used, noise, settings, keypoints.skeleton, shape)
            changed = np.nonzero(marked.any(0).reshape(-1))[0]
            if not len(changed):
                break
            found.swapped[:, part] ^= marked
            again = fit_points(rig, views[changed], noise, settings.consensus)
            fit.points[changed], fit.information[changed] = again.points, again.information
            fit.used[:, changed] = again.used
        found.points[part] = fit.points.reshape(*shape[1:], 3)
        covariance = np.clip(inverse(fit.information), -_MOST_VARIANCE, _MOST_VARIANCE)
        found.covariance[part] = covariance.reshape(*shape[1:], 6)
        found.used[:, part] = fit.used.reshape(shape)

    frame_chunks(tuple(keypoints.scores.shape), work, "triangulating")
    _leave_out_impossible(found, keypoints.skeleton)
    return found


def put_right(
    rig: PackedRig,
    views: Views,
    points: np.ndarray,
    used: np.ndarray,
    noise: NoiseModel,
    settings: TriangulationSettings,
    skeleton: Skeleton,
    shape: tuple[int, ...],
) -> tuple[np.ndarray, Views]:
    """Exchange sides in the views where that agrees with the points.

    Only where both joints of a pair do not fit, or have a poor score, is there anything to look at. All detections are
    held to the typical error: a detector may well be unsure of what it has exchanged.

    Args:
        points: (N, 3) relative to the rig's origin.
        used: (C, N) views that fit.
        shape: (cameras, frames, people, joints) that the N points are.

    Returns:
        Which were exchanged, of that shape, and the views with those exchanged.
    """
    marked = np.zeros(shape, np.bool_)
    left = list(twins_outward(skeleton))
    right = [skeleton.flip_order[joint] for joint in left]
    doubtful = ((views.scores > 0) & (~used | noise.poor(views.scores))).reshape(shape)
    camera, frame, person = np.nonzero((doubtful[..., left] & doubtful[..., right]).any(-1))
    if not len(camera):
        return marked, views
    row, column = camera[:, None], (frame * shape[2] + person)[:, None] * shape[3] + np.arange(shape[3])
    projected = rig.project(points[column.reshape(-1)]).reshape(len(rig), *column.shape, 2)
    projected = projected[camera, np.arange(len(camera))]
    pixels, scores = views.pixels[row, column], views.scores[row, column]
    information = np.where(scores > 0, np.maximum(noise.information(row, scores), noise.typical[row]), 0.0)
    own = find_swaps(projected, pixels, information, skeleton, settings.consensus.gate)
    if not own.any():
        return marked, views
    changed = Views(views.pixels.copy(), views.scores.copy())
    changed.pixels[row, column] = exchanged(pixels, own, skeleton)
    changed.scores[row, column] = exchanged(scores, own, skeleton)
    marked[camera, frame, person] = own
    return marked, changed


def _leave_out_impossible(found: Found, skeleton: Skeleton) -> None:
    """Leave out points that only two views agree on where they would make a bone far too long or too short.

    Two views always nearly meet where the joint of one happens to lie near the epipolar line of an error in the other.
    A bone is held against its median length, and a joint's distance from its grandparent against the longest seen.
    """
    views = found.used.sum(0, dtype=np.int8)
    for person in range(found.points.shape[1]):
        points, covariance, own = found.points[:, person], found.covariance[:, person], views[:, person]
        pairs, limits = _lengths(points, own > 2, skeleton)
        wrong = np.zeros(own.shape, np.bool_)
        track_loops.mark_impossible(points, covariance, own, pairs, limits, _STRETCH, _SURE, wrong)
        points[wrong] = np.nan
        covariance[wrong] = np.nan
        found.used[:, :, person][:, wrong] = False


def _lengths(points: np.ndarray, sure: np.ndarray, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (B, 2) of joints, and the shortest and longest (B, 2) that their distance should be."""
    bones = [(parent, child, True) for parent, child in skeleton.bones]
    chains = [(skeleton.parents[parent], child, False) for parent, child, _ in bones if skeleton.parents[parent] >= 0]
    step = max(1, len(points) // _FRAMES_FOR_LENGTHS)
    pairs, limits = [], []
    for first, second, rigid in bones + chains:
        between = points[::step, first] - points[::step, second]
        lengths = np.sqrt(np.square(between[sure[::step, first] & sure[::step, second]]).sum(-1))
        if len(lengths) >= _FEWEST_LENGTHS:
            pairs.append((first, second))
            limits.append((np.median(lengths),) * 2 if rigid else (0.0, lengths.max()))
    return np.array(pairs, np.int64).reshape(-1, 2), np.array(limits, np.float64).reshape(-1, 2)
