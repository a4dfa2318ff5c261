"""The pull of pictures on points: slope and Gauss-Newton curvature of the robust reprojection error."""

import numpy as np
import pytest
import torch
from lens_rigs import LENSES, rig_of

from lift3d import CameraRig
from lift3d.compiled.view_terms import reprojection_terms
from lift3d.triangulation.views import PackedRig

EVERY = [*LENSES, "mixed"]
SIGMA, SCALE = 3.0, 4.0


def case(lens: str, count: int = 7, seed: int = 0) -> tuple[CameraRig, torch.Tensor, np.ndarray, np.ndarray]:
    """A rig, points, and detections near them: pixels (C, N, 2) and weights, some 0."""
    rig, random = rig_of(lens), np.random.default_rng(seed)
    points = torch.from_numpy(random.uniform(-1, 1, (count, 3)) + np.array([0, 0, 1]))
    pixels = rig.project(points).numpy() + random.normal(0, SIGMA, (len(rig), count, 2))
    pixels[1, 2] += 25.0  # an outlier
    weights = random.uniform(0.5, 2, (len(rig), count)) / SIGMA**2
    weights[0, ::3] = 0.0
    return rig, points, pixels, weights


def terms(rig: CameraRig, points: np.ndarray, pixels: np.ndarray, weights: np.ndarray, scale: float = SCALE):
    packed = PackedRig.of(rig)
    costs, information, pull = (np.full((len(points), *tail), np.nan) for tail in ((), (6,), (3,)))
    reprojection_terms(
        packed.lens, packed.numbers, pixels, weights, scale**-2, points - packed.origin, costs, information, pull
    )
    return costs, information, pull


def plain_costs(rig: CameraRig, points: torch.Tensor, pixels: np.ndarray, weights: np.ndarray, scale: float):
    squares = torch.from_numpy(weights) * (rig.project(points) - torch.from_numpy(pixels)).square().sum(-1)
    return (squares / (1 + squares / scale**2)).sum(0) / 2


@pytest.mark.parametrize("lens", EVERY)
@pytest.mark.parametrize("scale", [SCALE, np.inf])
def test_the_pull_is_the_slope_of_the_cost(lens: str, scale: float) -> None:
    rig, points, pixels, weights = case(lens)
    costs, _, pull = terms(rig, points.numpy(), pixels, weights, scale)
    np.testing.assert_allclose(costs, plain_costs(rig, points, pixels, weights, scale).numpy(), rtol=1e-9)
    slope = torch.autograd.functional.jacobian(lambda at: plain_costs(rig, at, pixels, weights, scale).sum(), points)
    np.testing.assert_allclose(pull, slope.numpy(), rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("lens", EVERY)
def test_the_pull_is_what_finite_differences_say(lens: str) -> None:
    rig, points, pixels, weights = case(lens)
    _, _, pull = terms(rig, points.numpy(), pixels, weights)
    for axis in range(3):
        step = 1e-6 * np.eye(3)[axis]
        more, less = (terms(rig, points.numpy() + sign * step, pixels, weights)[0] for sign in (1, -1))
        np.testing.assert_allclose(pull[:, axis], (more - less) / 2e-6, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("lens", EVERY)
def test_the_information_is_that_of_the_slopes_of_the_projection(lens: str) -> None:
    rig, points, pixels, weights = case(lens)
    _, information, _ = terms(rig, points.numpy(), pixels, weights, np.inf)
    for p, at in enumerate(points):
        slopes = torch.autograd.functional.jacobian(rig.project, at)
        full = torch.einsum("c,cij,cik->jk", torch.from_numpy(weights[:, p]), slopes, slopes).numpy()
        np.testing.assert_allclose(information[p], full[[0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]], rtol=1e-9)


def test_a_view_from_behind_costs_much_and_pulls_at_nothing() -> None:
    rig, points, pixels, weights = case("brown", 3)
    behind = points.clone()
    behind[0] = rig["cam0"].centre - 2 * (points[0] - rig["cam0"].centre)
    weights[1:], weights[0] = 0.0, 1.0
    costs, information, pull = terms(rig, behind.numpy(), pixels, weights)
    assert costs[0] == pytest.approx(SCALE**2 / 2, rel=1e-3)
    assert not information[0].any()
    assert not pull[0].any()
    assert terms(rig, behind.numpy(), pixels, weights, np.inf)[0][0] > 1e5


def test_points_do_not_depend_on_the_block_they_are_in() -> None:
    rig, points, pixels, weights = case("mixed", 300)
    whole = terms(rig, points.numpy(), pixels, weights)
    for p in (0, 255, 256, 299):
        own = slice(p, p + 1)
        alone = terms(rig, points.numpy()[own], pixels[:, own].copy(), weights[:, own].copy())
        for one, other in zip(alone, whole, strict=True):
            np.testing.assert_allclose(one[0], other[p], rtol=1e-9, atol=1e-9)
