"""Directions of limbs in frames that the body itself gives, and cells of the sphere to look them up in.

A body frame has the axes forward, left and up of a part of the body, right-handed. Joints alone do not show how a bone
is twisted about itself, so the frame of what hangs on a bone is that of the body, carried along by the smallest
rotation that brings a direction of rest onto the bone.

The cells of a sphere are ``rows`` bands of equal height, from +z down to -z, of ``2 rows`` equal parts each, from the
azimuth -pi: all of the same area.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.geometry.rotations import least_rotation

__all__ = ["body_frame", "carried_back", "cell_centres", "cell_of", "in_frame"]


def body_frame(left: Float[Tensor, "*batch 3"], up: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Rows: forward, left and up of a part of the body as unit vectors.

    Args:
        left: from the right to the left, such as from hip to hip; made square to ``up``. Not along it.
        up: along the trunk.
    """
    z = torch.nn.functional.normalize(up, dim=-1)
    y = torch.nn.functional.normalize(left - (left * z).sum(-1, keepdim=True) * z, dim=-1)
    return torch.stack([torch.linalg.cross(y, z), y, z], dim=-2)


def in_frame(frame: Float[Tensor, "*batch 3 3"], vector: Float[Tensor, "*#batch 3"]) -> Float[Tensor, "*batch 3"]:
    """Direction of a vector in a frame, of length 1; NaN where the vector is zero or NaN."""
    turned = (frame @ vector[..., None])[..., 0]
    length = turned.norm(dim=-1, keepdim=True)
    return torch.where(length > 0, turned / length, torch.nan)


def carried_back(
    direction: Float[Tensor, "*batch 3"], bone: Float[Tensor, "*batch 3"], rest: Float[Tensor, "3"]
) -> Float[Tensor, "*batch 3"]:
    """A direction as it would be with the bone at rest: turned by the smallest rotation from ``bone`` to ``rest``.

    A limb that is stretched points along ``rest``; the angle to it is the bend, and the way around it says to which
    side the limb is bent. A bone opposite to its rest has no smallest rotation: choose a rest opposite to where no
    bone can point.
    """
    turn = least_rotation(bone, rest.expand_as(bone))
    return (turn @ direction[..., None])[..., 0]


def cell_of(direction: Float[Tensor, "*batch 3"], rows: int) -> Int[Tensor, "*batch"]:
    """Number of the cell, from 0, in which a direction of length 1 lies."""
    x, y, z = direction.unbind(-1)
    band = ((1 - z) * (rows / 2)).long().clamp(0, rows - 1)
    part = ((torch.atan2(y, x) / math.pi + 1) * rows).long().clamp(0, 2 * rows - 1)
    return band * (2 * rows) + part


def cell_centres(rows: int) -> Float[Tensor, "cells 3"]:
    """Directions of the cells' centres, in the order of their numbers; float64."""
    z = 1 - (torch.arange(rows, dtype=torch.float64) + 0.5) * (2 / rows)
    azimuth = ((torch.arange(2 * rows, dtype=torch.float64) + 0.5) / rows - 1) * math.pi
    radius = (1 - z * z).sqrt()[:, None]
    return torch.stack([radius * azimuth.cos(), radius * azimuth.sin(), z[:, None].expand(-1, 2 * rows)], -1).flatten(
        0, 1
    )
