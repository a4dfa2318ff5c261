"""What a triangulation found, and what it was found from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.cameras import CameraRig
from lift3d.errors import InputError
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.triangulation.consensus import ConsensusSettings
from lift3d.triangulation.noise import NoiseModel
from lift3d.triangulation.reprojection import reprojection_error
from lift3d.triangulation.symmetric import full

__all__ = ["SmoothingSettings", "Triangulation", "TriangulationSettings", "poses_of"]


@dataclass(frozen=True)
class SmoothingSettings:
    """How tracks are smoothed over time.

    Args:
        max_gap: seconds; a joint that fewer than two cameras see for longer stays missing. Shorter gaps are filled.
        bones: hold the bones at the lengths they have over the clip.
        acceleration: how much the joints accelerate, standard deviation, metres per second squared; from the data if
            None.

    Raises:
        InputError: ``max_gap`` is negative, or ``acceleration`` not positive.
    """

    max_gap: float = 0.25
    bones: bool = True
    acceleration: float | None = None

    def __post_init__(self) -> None:
        if not self.max_gap >= 0:
            raise InputError(f"max_gap is {self.max_gap}; expected seconds, 0 or more.")
        if self.acceleration is not None and not self.acceleration > 0:
            raise InputError(f"acceleration is {self.acceleration}; expected more than 0 m/s^2, or None.")


@dataclass(frozen=True)
class TriangulationSettings:
    """How views become points.

    Args:
        min_score: views with a lower score are left out.
        swaps: put left and right back where a view has exchanged them.
        consensus: when views agree.
        smoothing: over time; for the method ``temporal``.
        seed: of the sample of points that the noise is measured on.
    """

    min_score: float = 0.0
    swaps: bool = True
    consensus: ConsensusSettings = field(default_factory=ConsensusSettings)
    smoothing: SmoothingSettings = field(default_factory=SmoothingSettings)
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Triangulation:
    """Poses, and for each of their points which views it was made from and how well they fit.

    Args:
        poses: a joint that was filled in has a position and score 0. With covariance, but for the linear method.
        keypoints: the detections, exchanged sides put right.
        rig: the cameras, in the keypoints' order.
        used: whether a view took part.
        swapped: whether a detection was exchanged with that of its left or right twin.
        noise: how far detections lie from the truth, by camera and score.
        bone_lengths: metres, one a bone of the skeleton, that held; NaN where they did not.
    """

    poses: Poses3D
    keypoints: Keypoints2D
    rig: CameraRig
    used: Bool[Tensor, "cameras frames people joints"]
    swapped: Bool[Tensor, "cameras frames people joints"]
    noise: NoiseModel
    bone_lengths: Float[Tensor, "people bones"]

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


def poses_of(
    points: np.ndarray, used: np.ndarray, covariance: np.ndarray | None, keypoints: Keypoints2D, rig: CameraRig
) -> Poses3D:
    """Poses of points (F, people, joints, 3) in the world, from the views used (C, F, people, joints).

    A point's score is the mean score of the views used, times the share of the rig's cameras that they are; a point
    that fewer than two views made is filled in, and has score 0.
    """
    taken = torch.from_numpy(used)
    scores = torch.where(taken, keypoints.scores, torch.zeros_like(keypoints.scores)).mean(0)
    placed = torch.from_numpy(points).to(keypoints.pixels.dtype)
    return Poses3D(
        positions=placed,
        scores=scores.masked_fill((taken.sum(0) < 2) | torch.isnan(placed[..., 0]), 0.0),
        times=keypoints.times,
        skeleton=keypoints.skeleton,
        up=rig.up,
        covariance=None if covariance is None else torch.from_numpy(full(covariance)),
    )
