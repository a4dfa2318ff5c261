"""How far detections of a given score lie from the truth: the noise of a detector, measured on its own detections.

A robust fit leaves residuals; a view that pulls hard at its point leaves a smaller one. With the leverage accounted
for, E|r|^2 = variance (2 - leverage), the residuals of the views of similar score give the variance of a pixel at that
score. It is taken not to grow with the score, and to differ between cameras by a factor. With few cameras, two that
agree by chance look better than they are: of C cameras, 1 - 2 / C of the factor is believed (of its logarithm).
Fit and variances take turns a few times, from a robust first guess: the scale at which half of the residuals of the
linear solution lie below the median of a two-dimensional normal distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from lift3d.compiled import point_loops
from lift3d.triangulation.consensus import ConsensusSettings, Fit, fit_points
from lift3d.triangulation.symmetric import inverse
from lift3d.triangulation.views import PackedRig, Views

__all__ = ["NoiseModel", "estimate_noise", "residual_sums"]

_SAMPLE = 2500  # points: variances to about 3 %
_CLASSES = 10  # of scores
_ROUNDS = 2
_LOWEST_SCORE = 0.05
_SMALLEST_VARIANCE = 1e-6  # square pixels: exact detections
_LEVELS = np.linspace(0, 1, point_loops.LEVELS)


@dataclass(frozen=True, eq=False)
class NoiseModel:
    """Variance of a detection by camera and score.

    Args:
        tables: (C, LEVELS) 1 / variance of a pixel, 1 / px^2, at scores 0 to 1.
        median_score: of the detections.
    """

    tables: np.ndarray
    median_score: float = 1.0

    @classmethod
    def unknown(cls, cameras: int) -> NoiseModel:
        """One pixel for every detection."""
        return cls(np.ones((cameras, point_loops.LEVELS)))

    def information(self, camera: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """1 / variance of detections of given cameras (numbers) and scores; the two broadcast."""
        at = np.clip(scores, 0, 1) * (point_loops.LEVELS - 1)
        low = np.minimum(at.astype(np.int64), point_loops.LEVELS - 2)
        below, above = self.tables[camera, low], self.tables[camera, low + 1]
        return below + (at - low) * (above - below)

    @property
    def typical(self) -> np.ndarray:
        """(C) information of a detection of the median score."""
        return self.information(np.arange(len(self.tables)), np.full(len(self.tables), self.median_score))

    def poor(self, scores: np.ndarray) -> np.ndarray:
        """Whether detections (C, N) have a score that speaks for three times the typical error or more."""
        good_from = (self.tables >= self.typical[:, None] / 9).argmax(1) / (point_loops.LEVELS - 1)
        return scores < good_from[:, None]


def estimate_noise(rig: PackedRig, views: Views, settings: ConsensusSettings, seed: int = 0) -> NoiseModel:
    """The noise of the detections, from a sample of the points."""
    sample = _sample(views, seed)
    points = np.empty((len(sample), 3))
    weights = np.square(sample.scores)
    point_loops.linear(rig.lens, rig.numbers, sample.pixels, weights, points)
    base = np.tile(np.square(np.maximum(_LEVELS, _LOWEST_SCORE)), (len(rig), 1))
    seen = sample.scores[sample.scores > 0]
    median_score = float(np.median(seen)) if len(seen) else 1.0
    noise = NoiseModel(base / _median_variance(rig, sample, points, base), median_score)
    points = fit_points(rig, sample, noise, settings).points
    noise = NoiseModel(base / _median_variance(rig, sample, points, base), median_score)
    edges, centres = _classes(sample.scores)
    for _ in range(_ROUNDS):
        noise = _updated(rig, sample, noise, fit_points(rig, sample, noise, settings), edges, centres)
    return noise


def _sample(views: Views, seed: int) -> Views:
    """Points seen by two or more cameras, no more than needed."""
    useful = np.nonzero((views.scores > 0).sum(0) >= 2)[0]
    if len(useful) > _SAMPLE:
        useful = np.sort(np.random.default_rng(seed).choice(useful, _SAMPLE, replace=False))
    return views[useful]


def _median_variance(rig: PackedRig, views: Views, points: np.ndarray, tables: np.ndarray) -> float:
    """The variance, in units of the tables', that the median residual speaks for."""
    squared = np.square(rig.project(points) - views.pixels).sum(-1)
    number = (views.scores > 0).sum(0)
    freedom = 2 - 3 / np.maximum(number, 2)  # of each view's two numbers, on average
    cameras = np.arange(len(rig))[:, None]
    weighed = squared * NoiseModel(tables).information(cameras, views.scores) / freedom
    seen = (views.scores > 0) & np.isfinite(squared)
    enough = seen & (number >= 3)
    chosen = weighed[enough if enough.any() else seen]
    return max(float(np.median(chosen)) / np.log(2), _SMALLEST_VARIANCE) if len(chosen) else 1.0


def _classes(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edges between classes of scores with about as many detections each, and the mean score of each class."""
    seen = scores[scores > 0]
    if not len(seen):
        return np.empty(0), np.array([0.5])
    edges = np.unique(np.quantile(seen, np.linspace(0, 1, _CLASSES + 1)[1:-1]))
    group = np.searchsorted(edges, seen)
    held = np.unique(group)  # equal scores leave classes empty
    edges = edges[held[:-1]]
    group = np.searchsorted(edges, seen)
    return edges, np.bincount(group, seen) / np.bincount(group)


def _updated(
    rig: PackedRig, views: Views, noise: NoiseModel, fit: Fit, edges: np.ndarray, centres: np.ndarray
) -> NoiseModel:
    """Variances by class of scores and factors by camera from the residuals of a fit."""
    squares, freedom = residual_sums(rig, views, noise, fit, edges)
    held = freedom.sum(0) > 0
    if not held.any():
        return noise
    variance = squares.sum(0)[held] / freedom.sum(0)[held]
    variance = isotonic_regression(variance, weights=freedom.sum(0)[held], increasing=False).x
    variance = np.maximum(variance, _SMALLEST_VARIANCE)
    expected = (freedom[:, held] * variance).sum(1)
    seen = expected > 0
    factor = np.ones(len(rig))
    factor[seen] = (squares.sum(1)[seen] / expected[seen]) ** (1 - 2 / max(2, seen.sum()))
    curve = np.exp(np.interp(_LEVELS, centres[held], np.log(variance)))
    return NoiseModel(1 / np.maximum(factor[:, None] * curve, _SMALLEST_VARIANCE), noise.median_score)


def residual_sums(
    rig: PackedRig, views: Views, noise: NoiseModel, fit: Fit, edges: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Squared residuals of a fit, and the degrees of freedom that they have, by camera and class of scores.

    Args:
        edges: (B - 1) where one class of scores ends and the next begins.

    Returns:
        Two arrays (C, B): the sums of |r|^2, square pixels, and of 2 - leverage.
    """
    squares, freedom = np.zeros((2, len(rig), len(edges) + 1))
    covariance = inverse(fit.information)
    for camera in range(len(rig)):
        leverage = _leverage(rig, camera, views, noise, fit, covariance)
        seen = fit.used[camera] & np.isfinite(leverage)
        group = np.searchsorted(edges, views.scores[camera, seen])
        residual = np.square(_distances(rig, camera, views, fit)[seen])
        squares[camera] = np.bincount(group, residual, len(edges) + 1)
        freedom[camera] = np.bincount(group, 2 - leverage[seen], len(edges) + 1)
    return squares, freedom


def _distances(rig: PackedRig, camera: int, views: Views, fit: Fit) -> np.ndarray:
    """(N) pixels between one camera's detections and the fitted points."""
    own, out = slice(camera, camera + 1), np.empty((1, len(views)))
    point_loops.distances(rig.lens[own], rig.numbers[own], fit.points, views.pixels[own], out)
    return out[0]


def _leverage(
    rig: PackedRig, camera: int, views: Views, noise: NoiseModel, fit: Fit, covariance: np.ndarray
) -> np.ndarray:
    """(N) how hard one camera's views pull at the fitted points: the trace of their information and the covariance."""
    own = slice(camera, camera + 1)
    equations, used = np.empty((len(views), 9)), np.empty((1, len(views)), np.bool_)
    point_loops.linearise(
        rig.lens[own], rig.numbers[own], views.pixels[own], views.scores[own], noise.tables[own], np.inf, np.inf,
        fit.points, equations, used,
    )  # fmt: skip
    return (equations[:, :6] * covariance * [1, 2, 2, 1, 2, 1]).sum(-1)
