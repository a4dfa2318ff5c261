"""Where a root-relative pose stands in front of the camera, in closed form.

A joint at root-relative position (X, Y, Z), seen along the ray (x, y), stands at ``root + (X, Y, Z)``, so that
``x (root_z + Z) = root_x + X`` and likewise for y. These equations are linear in the root; all seen joints together
give it by weighted least squares (a 3 x 3 system).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["root_position"]


def root_position(
    relative: Float[Tensor, "*batch joints 3"],
    rays: Float[Tensor, "*batch joints 2"],
    weights: Float[Tensor, "*batch joints"],
) -> Float[Tensor, "*batch 3"]:
    """The root in the camera frame, metres; NaN with fewer than two seen joints or when it would be behind.

    Args:
        relative: joints relative to the root in the camera's axes, metres.
        rays: (x/z, y/z) of each joint; NaN where missing.
        weights: how much each joint counts; 0 where missing.
    """
    seen = torch.isfinite(rays).all(-1) & torch.isfinite(relative).all(-1) & (weights > 0)
    w = weights.masked_fill(~seen, 0.0)
    x, y = rays.masked_fill(~seen[..., None], 0.0).unbind(-1)
    relative = relative.masked_fill(~seen[..., None], 0.0)
    # rows: root_x - x root_z = x Z - X;  root_y - y root_z = y Z - Y
    right_x, right_y = x * relative[..., 2] - relative[..., 0], y * relative[..., 2] - relative[..., 1]
    total, sum_x, sum_y = w.sum(-1), (w * x).sum(-1), (w * y).sum(-1)
    squares = (w * (x * x + y * y)).sum(-1)
    bx, by = (w * right_x).sum(-1), (w * right_y).sum(-1)
    bz = -(w * (x * right_x + y * right_y)).sum(-1)
    # root_x and root_y eliminated: one equation for the depth
    pivot = squares - (sum_x * sum_x + sum_y * sum_y) / total.clamp_min(1e-12)
    known = (seen.sum(-1) >= 2) & (pivot > 1e-12)
    depth = (bz + (sum_x * bx + sum_y * by) / total.clamp_min(1e-12)) / pivot.clamp_min(1e-12)
    root = torch.stack(
        [(bx + sum_x * depth) / total.clamp_min(1e-12), (by + sum_y * depth) / total.clamp_min(1e-12), depth], dim=-1
    )
    return root.masked_fill(~(known & (depth > 0))[..., None], torch.nan)
