"""Points from the rays of several views, as sums of normal equations: differentiable, and each view's part apart.

A camera with rotation rows r1, r2, r3 and translation t sees a point X along the ray (x, y)::

    (r1 - x r3) . X = x t3 - t1
    (r2 - y r3) . X = y t3 - t2

Both sides are off by the point's depth times the error of the ray. So with weights ``1 / (deviation depth)^2`` the sum
of the views' equations is, to first order, the information about the point, and its inverse the covariance (Hartley
and Zisserman 2004, 12.2 and 5.2).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["project_rays", "ray_equations", "solve_near"]

_NEAREST_M = 0.1
_RIDGE = 1e-6  # of the mean of the information's eigenvalues
_LEAST = 1e-9  # 1 / m^2, where nothing is known


def project_rays(
    points: Float[Tensor, "batch #views points 3"],
    rotation: Float[Tensor, "batch views 3 3"],
    translation: Float[Tensor, "batch views 3"],
) -> tuple[Float[Tensor, "batch views points 2"], Float[Tensor, "batch views points"]]:
    """Where points, the same for all views or of each, are seen, and how deep, metres.

    Those behind a camera, or nearer than 0.1 m, are seen as if they were that far in front.
    """
    local = points @ rotation.mT + translation[:, :, None]
    depth = local[..., 2].clamp_min(_NEAREST_M)
    return local[..., :2] / depth[..., None], depth


def ray_equations(
    rays: Float[Tensor, "batch views points 2"],
    weights: Float[Tensor, "batch views points"],
    rotation: Float[Tensor, "batch views 3 3"],
    translation: Float[Tensor, "batch views 3"],
) -> tuple[Float[Tensor, "batch views points 3 3"], Float[Tensor, "batch views points 3"]]:
    """The normal equations ``A X = b`` that each view adds for each point.

    Args:
        rays: (x/z, y/z) in each camera's frame, without lens distortion; finite, also where the weight is 0.
        weights: of both rows; 0 where a view does not count.
        rotation, translation: world to camera.
    """
    third = rotation[:, :, None, 2:]
    rows = rotation[:, :, None, :2] - rays[..., None] * third  # (batch, views, points, 2, 3)
    right = rays * translation[:, :, None, 2:] - translation[:, :, None, :2]
    weighted = weights[..., None, None] * rows
    return weighted.mT @ rows, (weighted.mT @ right[..., None])[..., 0]


def solve_near(
    matrices: Float[Tensor, "*points 3 3"], vectors: Float[Tensor, "*points 3"], start: Float[Tensor, "*points 3"]
) -> Float[Tensor, "*points 3"]:
    """X with ``A X = b``; along directions of which A says next to nothing, the start.

    Symmetric systems, solved by the adjugate for all points at once.
    """
    scale = matrices.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None] + _LEAST
    matrices, residual = matrices / scale[..., None], (vectors - (matrices @ start[..., None])[..., 0]) / scale
    (a00, a01, a02), (_, a11, a12), (_, _, a22) = (row.unbind(-1) for row in matrices.unbind(-2))
    a00, a11, a22 = a00 + _RIDGE, a11 + _RIDGE, a22 + _RIDGE
    c00, c01, c02 = a11 * a22 - a12 * a12, a02 * a12 - a01 * a22, a01 * a12 - a02 * a11
    c11, c12, c22 = a00 * a22 - a02 * a02, a01 * a02 - a00 * a12, a00 * a11 - a01 * a01
    determinant = a00 * c00 + a01 * c01 + a02 * c02
    b0, b1, b2 = residual.unbind(-1)
    step = torch.stack([c00 * b0 + c01 * b1 + c02 * b2, c01 * b0 + c11 * b1 + c12 * b2, c02 * b0 + c12 * b1 + c22 * b2])
    return start + step.movedim(0, -1) / determinant.clamp_min(_RIDGE**3)[..., None]
