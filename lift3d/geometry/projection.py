"""World to camera to pixel, and back to rays.

Camera frame: x right, y down, z forward. The centre of the top-left pixel is (0, 0). Extrinsics map the world to
the camera: ``x_camera = R x_world + t``.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.geometry.distortion import distort, planar, undistort

__all__ = ["camera_to_pixels", "pixels_to_plane", "world_to_camera"]


def world_to_camera(
    points_world: Float[Tensor, "*batch points 3"],
    rotation: Float[Tensor, "*#batch 3 3"],
    translation: Float[Tensor, "*#batch 3"],
) -> Float[Tensor, "*batch points 3"]:
    """Points of the world in the camera frame, in the unit of the translation."""
    return points_world @ rotation.mT + translation[..., None, :]


def camera_to_pixels(
    points_camera: Float[Tensor, "*batch points 3"],
    intrinsics: Float[Tensor, "*#batch 3 3"],
    distortion: Float[Tensor, "*#batch 8"],
    lens: Int[Tensor, "*#batch"],
) -> Float[Tensor, "*batch points 2"]:
    """Distorted pixels of points in the camera frame; NaN for points that are not in front of the camera."""
    depth = points_camera[..., 2:]
    depth = torch.where(depth > 0, depth, torch.full_like(depth, torch.nan))
    bent = distort(points_camera[..., :2] / depth, distortion[..., None, :], lens[..., None])
    return bent @ intrinsics[..., :2, :2].mT + intrinsics[..., None, :2, 2]


def pixels_to_plane(
    pixels: Float[Tensor, "*batch points 2"],
    intrinsics: Float[Tensor, "*#batch 3 3"],
    distortion: Float[Tensor, "*#batch 8"],
    lens: Int[Tensor, "*#batch"],
) -> Float[Tensor, "*batch points 2"]:
    """Points (x/z, y/z) of the normalised image plane that distorted pixels see; NaN where there is no such point."""
    focal_x, skew = intrinsics[..., 0, 0, None], intrinsics[..., 0, 1, None]
    y = (pixels[..., 1] - intrinsics[..., 1, 2, None]) / intrinsics[..., 1, 1, None]
    x = (pixels[..., 0] - intrinsics[..., 0, 2, None] - skew * y) / focal_x
    return undistort(planar(x, y), distortion[..., None, :], lens[..., None])
