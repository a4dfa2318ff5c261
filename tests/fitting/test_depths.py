"""Lifted depths pull at the order of joints along the line of sight, and at nothing else."""

import numpy as np
import pytest

from lift3d.fitting.depths import DepthTerm

AXIS, CENTRE = np.array([2.0, -1.0, 2.0]) / 3, np.array([0.3, -0.2, 0.5])


def case(scale: float = np.inf, seed: int = 0) -> tuple[DepthTerm, np.ndarray]:
    """Five poses of seven points, some without a lifted depth."""
    random = np.random.default_rng(seed)
    points = CENTRE + 4 * AXIS + random.normal(0, 0.5, (5, 7, 3))
    depths = (points - CENTRE) @ AXIS * np.exp(random.normal(0, 0.05, (5, 7)))
    weights = random.uniform(100, 900, (5, 7)) * (random.random((5, 7)) < 0.8)
    return DepthTerm(AXIS, CENTRE, depths, weights, scale), points


@pytest.mark.parametrize("scale", [np.inf, 2.0])
def test_the_pull_is_what_finite_differences_say(scale: float) -> None:
    term, points = case(scale)
    slope = np.empty_like(points)
    for point, axis in np.ndindex(7, 3):
        step = np.zeros((7, 3))
        step[point, axis] = 1e-6
        slope[:, point, axis] = (term(points + step).costs - term(points - step).costs) / 2e-6
    np.testing.assert_allclose(term(points).gradient, slope, rtol=1e-5, atol=1e-5)


def test_scaling_about_the_camera_costs_nothing() -> None:
    term, points = case()
    larger = CENTRE + 1.7 * (points - CENTRE)
    np.testing.assert_allclose(term(larger).costs, term(points).costs, rtol=1e-9)
    pull = term(points).gradient
    np.testing.assert_allclose(((points - CENTRE) * pull).sum((1, 2)), 0.0, atol=1e-8)
    np.testing.assert_allclose(pull, (pull @ AXIS)[..., None] * AXIS, atol=1e-9)  # along the line of sight alone


def test_depths_as_lifted_cost_nothing_and_the_wrong_way_round_much() -> None:
    term, points = case()
    right = DepthTerm(AXIS, CENTRE, 1.3 * ((points - CENTRE) @ AXIS), term.weights)
    np.testing.assert_allclose(right(points).costs, 0.0, atol=1e-9)
    wrong = DepthTerm(AXIS, CENTRE, 8 - (points - CENTRE) @ AXIS, term.weights)
    assert (wrong(points).costs > 1).all()


def test_the_information_is_positive_and_no_less_than_the_curvature() -> None:
    term, points = case()
    information = term(points).information
    along = information[..., [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(5, 7, 3, 3) @ AXIS @ AXIS
    assert (along[term.weights > 0] > 0).all()
    step = 1e-4 * np.random.default_rng(1).normal(size=points.shape) * AXIS
    bent = term(points + step).costs + term(points - step).costs - 2 * term(points).costs
    told = (along * np.square(step @ AXIS)).sum(1)
    assert (bent <= 1.05 * told + 1e-12).all()
