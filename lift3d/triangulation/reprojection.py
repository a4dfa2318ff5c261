"""How far each detection lies from where its triangulated joint is seen."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.cameras import CameraRig
from lift3d.errors import ShapeError
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.triangulation.algebraic import matching_cameras

__all__ = ["reprojection_error"]


def reprojection_error(
    poses: Poses3D, keypoints: Keypoints2D, rig: CameraRig
) -> Float[Tensor, "cameras frames people joints"]:
    """Distance in pixels, lens distortion included, per camera and point; NaN where either is missing.

    Args:
        poses: in the rig's world, on the keypoints' skeleton, frames and people.
        keypoints: the detections; their cameras are matched to the rig's by name.
        rig: the cameras.

    Raises:
        ShapeError: poses and keypoints differ in frames, people or joints.
        InputError: a camera of the keypoints is not in the rig.
    """
    if poses.scores.shape != keypoints.scores.shape[1:]:
        raise ShapeError("poses", tuple(poses.scores.shape), f"{tuple(keypoints.scores.shape[1:])}, of the keypoints")
    cameras = matching_cameras(keypoints, rig).to(torch.float64)
    frames = [
        (cameras.project(positions.to(torch.float64)) - pixels).norm(dim=-1).to(pixels.dtype)
        for positions, pixels in zip(poses.positions.split(1024), keypoints.pixels.split(1024, dim=1), strict=True)
    ]
    return torch.cat(frames, dim=1) if frames else keypoints.scores.clone()
