"""Triangulation from projection matrices with learned weights (homogeneous direct linear transform), differentiable.

A point with homogeneous coordinates x that a camera with the rows p1, p2, p3 of its projection sees at (u, v) gives two
rows of a matrix A, each times the view's weight::

    (u p3 - p1) . x = 0,    (v p3 - p2) . x = 0

x is the unit vector for which ``|A x|`` is least: the eigenvector of ``A^T A`` with the smallest eigenvalue (Hartley
and Zisserman 2004, 12.2; with weights, Iskakov et al., ICCV 2019, equation 3). Its derivative, with e the eigenvalue,
is ``dx = -(A^T A - e I)^+ d(A^T A) x`` (Magnus, Econometric Theory 1985): it stays finite where other eigenvalues meet
and that of a whole decomposition does not.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["triangulate_homogeneous"]


def triangulate_homogeneous(
    pixels: Float[Tensor, "*batch views points 2"],
    weights: Float[Tensor, "*batch views points"],
    projections: Float[Tensor, "*batch views 3 4"],
) -> Float[Tensor, "*batch points 3"]:
    """Points that fit what several views see best, in the weighted homogeneous algebraic sense.

    Computed in float64. Gradients (first derivatives) flow to all arguments.

    Args:
        pixels: without lens distortion; NaN where missing.
        weights: how much each view counts, before squaring; 0 leaves it out.
        projections: from the world to pixels; NaN leaves a view out.

    Returns:
        Points in the world, in the projections' unit, of the pixels' dtype; NaN, with a gradient of 0, with fewer than
        two views or where the rays fix no point.
    """
    known = torch.isfinite(projections).all(-1).all(-1)[..., None]
    seen = known & torch.isfinite(pixels).all(-1) & (weights > 0)
    matrices = _normal_matrices(
        pixels.masked_fill(~seen[..., None], 0.0).double(),
        weights.masked_fill(~seen, 0.0).double(),
        projections.masked_fill(~known[..., None], 0.0).double(),
    )
    solution, sound = _least_eigenvector(matrices)
    sound = sound & (solution[..., 3] != 0)
    last = torch.where(sound, solution[..., 3], 1.0)[..., None]
    points = torch.where(sound[..., None], solution[..., :3] / last, torch.nan)
    return points.to(pixels.dtype)


def _normal_matrices(
    pixels: Float[Tensor, "*batch views points 2"],
    weights: Float[Tensor, "*batch views points"],
    projections: Float[Tensor, "*batch views 3 4"],
) -> Float[Tensor, "*batch points 4 4"]:
    """``A^T A`` of every point."""
    first_two, third = projections[..., None, :2, :], projections[..., None, 2:, :]
    rows = (pixels[..., None] * third - first_two) * weights[..., None, None]  # (*batch, views, points, 2, 4)
    return torch.einsum("...vpik,...vpil->...pkl", rows, rows)


def _least_eigenvector(
    matrices: Float[Tensor, "*batch 4 4"],
) -> tuple[Float[Tensor, "*batch 4"], Bool[Tensor, "*batch"]]:
    """The eigenvector of the smallest eigenvalue, with its derivative, and whether it is the only one."""
    with torch.no_grad():
        values, vectors = torch.linalg.eigh(matrices)
        least, vector = values[..., :1], vectors[..., :1]
        sound = values[..., 1] > 100 * torch.finfo(values.dtype).eps * values[..., 3]
        inverse = 1 / torch.where(sound[..., None], values[..., 1:] - least, torch.inf)
        others = vectors[..., 1:]
        pseudo_inverse = (others * inverse[..., None, :]) @ others.mT
    residual = matrices @ vector - least[..., None] * vector  # 0, but for its derivative
    return (vector - pseudo_inverse @ residual)[..., 0], sound
