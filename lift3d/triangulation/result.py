"""What a triangulation found, and what it was found from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.cameras import CameraRig
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton
from lift3d.triangulation.noise import NoiseModel
from lift3d.triangulation.reprojection import reprojection_error
from lift3d.triangulation.robust import Found
from lift3d.triangulation.swaps import exchanged
from lift3d.triangulation.symmetric import full

__all__ = ["Triangulation", "poses_of", "put_right_in"]


@dataclass(frozen=True, eq=False)
class Triangulation:
    """Poses, and for each of their points which views it was made from and how well they fit.

    Args:
        poses: a joint that was filled in has a position and score 0. With covariance, but for the linear method.
        detections: as they were given.
        rig: the cameras, in the detections' order.
        used: whether a view took part.
        swapped: whether a detection was exchanged with that of its left or right twin.
        noise: how far detections lie from the truth, by camera and score.
        bone_lengths: metres, one a bone of the skeleton, that held; NaN where they did not.
    """

    poses: Poses3D
    detections: Keypoints2D
    rig: CameraRig
    used: Bool[Tensor, "cameras frames people joints"]
    swapped: Bool[Tensor, "cameras frames people joints"]
    noise: NoiseModel
    bone_lengths: Float[Tensor, "people bones"]

    @cached_property
    def keypoints(self) -> Keypoints2D:
        """The detections with exchanged sides put right."""
        return put_right_in(self.detections, self.swapped.numpy())

    @cached_property
    def errors(self) -> Float[Tensor, "cameras frames people joints"]:
        """Pixels between each detection, used or not, and where its joint is seen; NaN where either is missing."""
        return reprojection_error(self.poses, self.keypoints, self.rig)

    @cached_property
    def noise_px(self) -> Float[Tensor, "cameras frames people joints"]:
        """Standard deviation, pixels, that detections of this camera and score have; NaN where missing."""
        scores = self.keypoints.scores
        camera = np.arange(len(scores)).reshape(-1, 1, 1, 1)
        variance = 1 / self.noise.information(camera, scores.cpu().double().numpy())
        return torch.from_numpy(np.sqrt(variance)).to(scores.dtype).masked_fill(scores == 0, torch.nan)

    @property
    def filled(self) -> Bool[Tensor, "frames people joints"]:
        """Joints that were filled in."""
        return torch.isfinite(self.poses.positions).all(-1) & (self.poses.scores == 0)


def poses_of(found: Found, origin: np.ndarray, keypoints: Keypoints2D, rig: CameraRig) -> Poses3D:
    """Poses in the world of what was found.

    A point's score is the mean score of the views used, times the share of the rig's cameras that they are; a point
    that fewer than two views made is filled in, and has score 0.
    """
    used, swapped = torch.from_numpy(found.used), torch.from_numpy(found.swapped)
    scores = _put_right(keypoints.scores, swapped, keypoints.skeleton) if bool(swapped.any()) else keypoints.scores
    scores = torch.where(used, scores, torch.zeros_like(scores)).mean(0)
    placed = torch.from_numpy(found.points + origin).to(keypoints.pixels.dtype)
    return Poses3D(
        positions=placed,
        scores=scores.masked_fill((used.sum(0) < 2) | torch.isnan(placed[..., 0]), 0.0),
        times=keypoints.times,
        skeleton=keypoints.skeleton,
        up=rig.up,
        covariance=None if found.covariance is None else torch.from_numpy(full(found.covariance)),
    )


def put_right_in(keypoints: Keypoints2D, swapped: Bool[np.ndarray, "cameras frames people joints"]) -> Keypoints2D:
    """The detections with exchanged sides put right."""
    if not swapped.any():
        return keypoints
    marked, skeleton = torch.from_numpy(swapped), keypoints.skeleton
    return replace(
        keypoints,
        pixels=_put_right(keypoints.pixels, marked, skeleton),
        scores=_put_right(keypoints.scores, marked, skeleton),
    )


def _put_right(values: Tensor, swapped: Tensor, skeleton: Skeleton) -> Tensor:
    return torch.from_numpy(exchanged(values.detach().cpu().numpy(), swapped.numpy(), skeleton))
