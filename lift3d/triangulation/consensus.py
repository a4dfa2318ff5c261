"""Robust triangulation of single points: views that agree are found, the others left out.

All pairs of views (MSAC; Torr and Zisserman 2000) propose a point where the views do not agree at once; the views
within the gate of the best one are fitted by Newton's method on the reprojection error, lens included, with a Cauchy
kernel. Two views agree now and then by chance, the more so the more there are: of n views, more than a third must
agree, and at least two. The inverse covariance of a point is that of its views: the sum of J^T J / variance. The loops
are in ``lift3d.compiled.point_loops``.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from lift3d.compiled import point_loops
from lift3d.triangulation.views import PackedRig, Views

if TYPE_CHECKING:
    from lift3d.triangulation.noise import NoiseModel

__all__ = ["ConsensusSettings", "Fit", "fit_points"]


@dataclass(frozen=True)
class ConsensusSettings:
    """When views agree.

    Args:
        gate: a view further than so many standard deviations from the point does not belong to it.
        pair_gate: the same for the two residuals together of a point that two views alone agree on.
        kernel: standard deviations at which a view counts half.
        most_pairs: so many pairs of views are tried at most (28: all pairs of 8 cameras); above, a sample.
        most_steps: of Newton's method.
    """

    gate: float = 4.0
    pair_gate: float = 3.3
    kernel: float = 5.0
    most_pairs: int = 28
    most_steps: int = 10

    def packed(self) -> np.ndarray:
        """As ``lift3d.compiled.point_loops.robust`` takes them."""
        return np.array([self.gate, self.kernel, self.pair_gate, self.most_pairs, self.most_steps], np.float64)


@dataclass(frozen=True, eq=False)
class Fit:
    """Fitted points.

    Args:
        points: (N, 3) relative to the rig's origin; NaN where fewer than two views agree.
        information: (N, 6) upper triangle of the inverse covariance, 1 / m^2; 0 where there is no point.
        used: (C, N) the views that agree.
    """

    points: np.ndarray
    information: np.ndarray
    used: np.ndarray

    @classmethod
    def empty(cls, cameras: int, points: int) -> Fit:
        """Arrays to write into."""
        return cls(np.empty((points, 3)), np.empty((points, 6)), np.empty((cameras, points), np.bool_))


def fit_points(rig: PackedRig, views: Views, noise: NoiseModel, settings: ConsensusSettings) -> Fit:
    """The points that the views agree on."""
    fit = Fit.empty(len(rig), len(views))
    point_loops.robust(
        rig.lens, rig.numbers, views.pixels, views.scores, noise.tables, pairs_of(len(rig)), settings.packed(),
        fit.points, fit.information, fit.used,
    )  # fmt: skip
    return fit


@cache
def pairs_of(cameras: int) -> np.ndarray:
    """All pairs of cameras, shuffled, so that the first ones are a fair sample; not to be written into."""
    pairs = np.array(list(itertools.combinations(range(cameras), 2)), np.int64).reshape(-1, 2)
    return np.random.default_rng(0).permutation(pairs)
