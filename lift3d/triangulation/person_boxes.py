"""Where people are in each camera's pictures, from where they are in the world."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.cameras import CameraRig
from lift3d.poses import Poses3D

__all__ = ["boxes_of_poses"]

_NEAR = 0.5  # of the picture's size beyond its edges: joints further away make no box larger
_SAME = 1e-3  # of the focal length


def boxes_of_poses(
    poses: Poses3D, rig: CameraRig, grown: float = 1.2, seen: float = 1 / 3
) -> Float[Tensor, "cameras frames people 4"]:
    """Boxes around the joints of people as the cameras see them, also where a detector missed them.

    Args:
        poses: in the rig's world.
        rig: the cameras.
        grown: times as wide and high as the box around the joints, which lie within the body.
        seen: share of a person's joints that must lie within a picture, where its size is known; else there is no box.

    Returns:
        Left, top, width and height in distorted pixels; NaN where there is no box.
    """
    pixels = _projected(poses.positions.double(), rig.to(torch.float64))
    near = _within(pixels, rig, _NEAR)
    low = torch.where(near[..., None], pixels, torch.inf).amin(-2)
    high = torch.where(near[..., None], pixels, -torch.inf).amax(-2)
    size, middle = grown * (high - low), (high + low) / 2
    enough = _within(pixels, rig, 0.0).sum(-1) >= max(1, round(seen * len(poses.skeleton)))
    return torch.where(enough[..., None], torch.cat([middle - size / 2, size], dim=-1), torch.nan)


def _projected(positions: Float[Tensor, "*points 3"], rig: CameraRig) -> Float[Tensor, "cameras *points 2"]:
    """Distorted pixels; NaN also where a lens' formula, far beyond what it was made for, has turned back on itself."""
    flat = positions.reshape(1, -1, 3).expand(len(rig), -1, 3)
    local, pixels = rig.cameras.world_to_camera(flat), rig.cameras.project(flat)
    apart = (rig.cameras.normalise(pixels) - local[..., :2] / local[..., 2:]).norm(dim=-1)
    sound = apart < _SAME * (1 + local[..., :2].norm(dim=-1) / local[..., 2])
    return pixels.masked_fill(~sound[..., None], torch.nan).unflatten(1, positions.shape[:-1])


def _within(
    pixels: Float[Tensor, "cameras *points 2"], rig: CameraRig, margin: float
) -> Bool[Tensor, "cameras *points"]:
    """Whether pixels lie in the pictures, or no more than a share of their size beyond; where it is known."""
    sizes = rig.cameras.image_size.to(pixels)[(slice(None), *(None,) * (pixels.ndim - 2))]
    low = torch.where(sizes.isfinite(), -0.5 - margin * sizes, -torch.inf)
    high = torch.where(sizes.isfinite(), (1 + margin) * sizes - 0.5, torch.inf)
    return ((pixels >= low) & (pixels <= high)).all(-1)
