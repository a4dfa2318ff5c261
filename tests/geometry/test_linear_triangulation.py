"""The weighted homogeneous system: it gives points back, its gradient is right, and the published numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from made_up_views import ring_projections
from torch import Tensor

from lift3d.geometry.linear_triangulation import triangulate_homogeneous

# Learnable triangulation's own functions on fixed inputs (unprojection, triangulation); numbers only.
ORACLES = {
    key: torch.from_numpy(value)
    for key, value in np.load(Path(__file__).parents[1] / "golden" / "learnable_triangulation_oracles.npz").items()
}
PROJECTIONS = ring_projections(4, 4.0, (1000, 1000), dtype=torch.float64)


def seen_by(projections: Tensor, points: Tensor) -> Tensor:
    """Pixels (views, points, 2)."""
    homogeneous = torch.cat([points, torch.ones_like(points[..., :1])], dim=-1) @ projections.mT
    return homogeneous[..., :2] / homogeneous[..., 2:]


def some_points(count: int = 5) -> Tensor:
    return torch.randn(count, 3, dtype=torch.float64)


def test_points_come_back_whatever_the_weights() -> None:
    points = some_points()
    weights = torch.rand(4, 5, dtype=torch.float64) + 0.1
    found = triangulate_homogeneous(seen_by(PROJECTIONS, points), weights, PROJECTIONS)
    torch.testing.assert_close(found, points, rtol=0, atol=1e-9)


def test_a_view_that_counts_more_is_fitted_better() -> None:
    points = some_points()
    pixels = seen_by(PROJECTIONS, points) + 5 * torch.randn(4, 5, 2, dtype=torch.float64)
    errors = []
    for weight in (1.0, 100.0):
        weights = torch.ones(4, 5, dtype=torch.float64)
        weights[2] = weight
        found = triangulate_homogeneous(pixels, weights, PROJECTIONS)
        errors.append((seen_by(PROJECTIONS, found) - pixels)[2].norm(dim=-1))
    assert (errors[1] < 0.1 * errors[0]).all()


def test_views_are_left_out_alike_by_weight_pixel_and_projection() -> None:
    pixels = seen_by(PROJECTIONS, some_points()) + torch.randn(4, 5, 2, dtype=torch.float64)
    ones = torch.ones(4, 5, dtype=torch.float64)
    expected = triangulate_homogeneous(pixels[:3], ones[:3], PROJECTIONS[:3])
    gone = torch.tensor([False, False, False, True])
    by_weight = triangulate_homogeneous(pixels, ones.masked_fill(gone[:, None], 0.0), PROJECTIONS)
    by_pixel = triangulate_homogeneous(pixels.masked_fill(gone[:, None, None], torch.nan), ones, PROJECTIONS)
    by_projection = triangulate_homogeneous(pixels, ones, PROJECTIONS.masked_fill(gone[:, None, None], torch.nan))
    for found in (by_weight, by_pixel, by_projection):
        torch.testing.assert_close(found, expected)


def test_what_is_not_fixed_is_missing_and_has_no_gradient() -> None:
    """One view; two views from the same place; next to a point that is fixed."""
    projections = PROJECTIONS[[0, 0, 1]].clone().requires_grad_()
    pixels = seen_by(PROJECTIONS[[0, 0, 1]], some_points(3))
    weights = torch.tensor([[1.0, 1, 1], [0, 1, 1], [0, 0, 1]], dtype=torch.float64)
    found = triangulate_homogeneous(pixels, weights, projections)
    assert found.isnan().any(-1).tolist() == [True, True, False]
    found[2].sum().backward()
    assert projections.grad is not None
    assert projections.grad.isfinite().all()


def test_the_gradient_of_every_argument_is_right() -> None:
    pixels = (seen_by(PROJECTIONS, some_points(2)) + torch.randn(4, 2, 2, dtype=torch.float64)).requires_grad_()
    weights = (torch.rand(4, 2, dtype=torch.float64) + 0.2).requires_grad_()
    scaled = (PROJECTIONS / 1000).clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda *given: triangulate_homogeneous(*given), (pixels / 1000, weights, scaled))


def test_published_numbers() -> None:
    """Millimetres; the published code is float64 without weights and float32 with them."""
    given = {name: ORACLES[f"triangulation/in/{name}"] for name in ("P", "points", "noisy", "conf")}
    exact = triangulate_homogeneous(ORACLES["triangulation/out/uv"], given["conf"], given["P"])
    torch.testing.assert_close(exact, given["points"], rtol=0, atol=1e-8)
    for weights, name, atol in (
        (torch.ones_like(given["conf"]), "dlt", 1e-8),
        (given["conf"], "dlt_confidences", 5e-4),
    ):
        found = triangulate_homogeneous(given["noisy"], weights, given["P"])
        torch.testing.assert_close(found, ORACLES[f"triangulation/out/{name}"].double(), rtol=0, atol=atol)
