"""Linear triangulation, weighted by confidence (direct linear transform; Hartley and Zisserman 2004, section 12.2).

A camera with rotation rows r1, r2, r3 and translation t sees a point X along the ray (x, y)::

    (x r3 - r1) . X = t1 - x t3
    (y r3 - r2) . X = t2 - y t3

Two or more views give an overdetermined linear system. Its weighted least-squares solution needs one symmetric
3 x 3 system a point, solved in closed form for all points at once. The rays are free of lens distortion.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["triangulate_rays"]


def triangulate_rays(
    rays: Float[Tensor, "cameras *points 2"],
    weights: Float[Tensor, "cameras *points"],
    rotation: Float[Tensor, "cameras 3 3"],
    translation: Float[Tensor, "cameras 3"],
) -> Float[Tensor, "*points 3"]:
    """Points that lie nearest, in the weighted algebraic sense, to the rays of several cameras.

    Args:
        rays: (x/z, y/z) in each camera's frame, without lens distortion; NaN where missing.
        weights: how much each view counts; 0 leaves it out.
        rotation, translation: world to camera.

    Returns:
        Points in the world, in the translation's unit; NaN with fewer than two views, or where the rays are so
        nearly parallel that they fix no point.
    """
    x, y = rays.unbind(-1)
    seen = torch.isfinite(x) & torch.isfinite(y) & (weights > 0)
    x, y, weights = (values.masked_fill(~seen, 0.0) for values in (x, y, weights))
    # numbers stay small, and the solution accurate, with the origin amid the cameras
    origin = -(rotation.mT @ translation[..., None])[..., 0].mean(0)
    design = _normal_equations(rotation, translation + rotation @ origin)
    x_weighted, y_weighted = weights * x, weights * y
    terms = torch.stack([weights, x_weighted, y_weighted, x_weighted * x + y_weighted * y], dim=1)
    system = (design @ terms.flatten(0, 1).flatten(1)).unflatten(-1, weights.shape[1:])
    few = seen.sum(0) < 2
    return torch.stack([axis.masked_fill(few, torch.nan) for axis in _solve_symmetric(system)], dim=-1) + origin


def _normal_equations(
    rotation: Float[Tensor, "cameras 3 3"], translation: Float[Tensor, "cameras 3"]
) -> Float[Tensor, "9 terms"]:
    """The linear map from what is seen to the normal equations of the system in the head of this module.

    Written out, a camera adds ``A^T A`` and ``A^T b`` that are linear in the four numbers w, w x, w y and
    w (x^2 + y^2). With those of all cameras stacked, one matrix product gives the equations of all points: rows 0 to 5
    the upper triangle of ``A^T A``, rows 6 to 8 ``A^T b``.
    """
    with_offset = torch.cat([rotation, -translation[..., None]], dim=-1)  # (cameras, 3, 4)
    r1, r2, r3 = with_offset.unbind(-2)

    def outer(a: Tensor, b: Tensor) -> Tensor:
        return a[:, :, None] * b[:, None, :]

    by_term = torch.stack(
        [
            outer(r1, r1) + outer(r2, r2),
            -outer(r1, r3) - outer(r3, r1),
            -outer(r2, r3) - outer(r3, r2),
            outer(r3, r3),
        ]
    )  # (4 terms, cameras, 4, 4)
    rows, columns = [0, 0, 0, 1, 1, 2, 0, 1, 2], [0, 1, 2, 1, 2, 2, 3, 3, 3]
    return by_term[..., rows, columns].permute(2, 1, 0).flatten(1)


def _solve_symmetric(system: Float[Tensor, "9 *points"]) -> tuple[Tensor, Tensor, Tensor]:
    """x, y and z that solve symmetric 3 x 3 systems, by the adjugate; NaN where one is singular."""
    a00, a01, a02, a11, a12, a22, b0, b1, b2 = system.unbind(0)
    c00, c01, c02 = a11 * a22 - a12 * a12, a02 * a12 - a01 * a22, a01 * a12 - a02 * a11
    c11, c12, c22 = a00 * a22 - a02 * a02, a01 * a02 - a00 * a12, a00 * a11 - a01 * a01
    determinant = a00 * c00 + a01 * c01 + a02 * c02
    trace = a00 + a11 + a22
    singular = determinant <= 100 * torch.finfo(trace.dtype).eps * trace * trace * trace
    inverse = 1 / determinant.masked_fill(singular, torch.nan)
    return (
        (c00 * b0 + c01 * b1 + c02 * b2) * inverse,
        (c01 * b0 + c11 * b1 + c12 * b2) * inverse,
        (c02 * b0 + c12 * b1 + c22 * b2) * inverse,
    )
