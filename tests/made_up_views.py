"""Cameras on a ring as projection matrices, for tests of tensors that know no camera."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def ring_projections(
    views: int, radius: float, image_size: tuple[int, int], focal: float = 1.2, dtype: torch.dtype = torch.float32
) -> Tensor:
    """(views, 3, 4): cameras that look at the origin from all around, a fifth of the radius above it; z is up.

    Args:
        views: cameras.
        radius: of the ring, in the world's unit.
        image_size: width and height, pixels.
        focal: in widths of the picture.
        dtype: of the answer.
    """
    width, height = image_size
    intrinsics = torch.tensor([[focal * width, 0, (width - 1) / 2], [0, focal * width, (height - 1) / 2], [0, 0, 1]])
    projections = []
    for view in range(views):
        angle = 2 * math.pi * view / views + 0.3
        place = torch.tensor([radius * math.cos(angle), radius * math.sin(angle), radius / 5]).double()
        forward = -place / place.norm()
        right = torch.linalg.cross(forward, torch.tensor([0.0, 0.0, 1.0]).double())
        right = right / right.norm()
        rotation = torch.stack([right, torch.linalg.cross(forward, right), forward])  # x right, y down, z forward
        projections.append(intrinsics.double() @ torch.cat([rotation, -(rotation @ place)[:, None]], dim=1))
    return torch.stack(projections).to(dtype)
