"""Points found frame by frame by networks that were taught how detectors err: ``view_attention``, ``view_volumes``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d._progress import progress
from lift3d.cameras import CameraRig
from lift3d.checkpoints import load_network
from lift3d.errors import InputError
from lift3d.formats._up_axis import right_angles, turned_up
from lift3d.keypoints import Keypoints2D
from lift3d.networks.view_attention import ViewAttention
from lift3d.networks.view_volumes import ViewVolumes
from lift3d.skeletons import Skeleton
from lift3d.triangulation.noise import NoiseModel

__all__ = ["FrameNetwork", "PointsOfFrames", "excess_noise"]

_AT_ONCE = {ViewAttention: 64, ViewVolumes: 8}  # people; more volumes than fit into a processor's cache take longer
_USUAL_RATIO = 2.3  # median of measured over stated variances, held-out CMU subjects and the detector of the training


@dataclass(frozen=True, eq=False)
class PointsOfFrames:
    """Points of single frames.

    Args:
        points: relative to the middle of the cameras, in the rig's axes, metres; anything finite where not known.
        information: inverse of the covariance, 1/m^2; 0 where fewer than two views see a joint.
        deviation: standard deviation of the detections, once mended, along each axis, rays; infinite where missing.
    """

    points: Float[Tensor, "frames people joints 3"]
    information: Float[Tensor, "frames people joints 3 3"]
    deviation: Float[Tensor, "cameras frames people joints"]


@dataclass(frozen=True, eq=False)
class FrameNetwork:
    """A network that triangulates single frames, ready for use. Make it with :meth:`of`.

    Args:
        network: answers rays, scores, cameras and numbers of joints with positions and information.
        skeleton: of the joints that it knows.
    """

    network: ViewAttention | ViewVolumes
    skeleton: Skeleton

    @classmethod
    def of(cls, weights: str) -> FrameNetwork:
        """From a checkpoint's name or file.

        Raises:
            FileError: it cannot be read.
            InputError: it holds a network of another kind.
        """
        checkpoint = load_network(weights)
        if not isinstance(checkpoint.network, ViewAttention | ViewVolumes):
            raise InputError(
                f"{weights}: holds a network {checkpoint.name!r}; expected 'view_attention' or 'view_volumes', which "
                "triangulate detections."
            )
        return cls(checkpoint.network, checkpoint.skeleton)

    @torch.no_grad()
    def points(self, keypoints: Keypoints2D, rig: CameraRig, min_score: float = 0.0) -> PointsOfFrames:
        """All people of all frames.

        Args:
            keypoints: distorted pixels; exchanged sides best put right.
            rig: their cameras, in their order.
            min_score: detections with a lower score are left out.
        """
        up = turned_up(rig, "+z").cameras.to(torch.device("cpu"), torch.float64)
        middle = up.centre.mean(0)
        rotation, translation = up.rotation.float(), (up.translation + up.rotation @ middle).float()
        rays, scores = _rays(keypoints, rig, min_score)
        numbers, count = self._numbers(keypoints.skeleton), _AT_ONCE[type(self.network)]
        parts = [
            self.network(
                own, sure, rotation.expand(len(own), -1, -1, -1), translation.expand(len(own), -1, -1),
                numbers.expand(len(own), -1),
            )
            for own, sure in progress(
                zip(rays.split(count), scores.split(count), strict=True), "looking at views", "part",
                -(-len(rays) // count),
            )
        ]  # fmt: skip
        turn = right_angles("+z", rig.up)
        people = keypoints.scores.shape[1:3]
        points = torch.cat([part.positions for part in parts]).double() @ turn.mT
        fixed = torch.cat([part.fixed for part in parts])[..., None, None]
        information = turn @ torch.cat([part.information for part in parts]).double() @ turn.mT
        deviation = torch.cat([part.deviation for part in parts]).unflatten(0, people).movedim(2, 0)
        return PointsOfFrames(
            points.unflatten(0, people), information.masked_fill(~fixed, 0.0).unflatten(0, people), deviation
        )  # fmt: skip

    def _numbers(self, skeleton: Skeleton) -> Int[Tensor, "joints"]:
        """Which of the network's joints each is; -1 for those that it does not know."""
        known = {name: number for number, name in enumerate(self.skeleton.joints)}
        return torch.tensor([known.get(name, -1) for name in skeleton.joints])


def excess_noise(seen: PointsOfFrames, keypoints: Keypoints2D, rig: CameraRig, noise: NoiseModel) -> float:
    """How many times larger variances are than the network says; 1 on detections like those that it was taught with.

    It knows neither this detector nor how well this rig is calibrated. The noise that is measured on the detections
    includes both; of those it was taught with it is some twice what the network leaves of them.
    """
    focal = rig.cameras.intrinsics.detach().cpu().double()[:, 0, 0].reshape(-1, 1, 1, 1)
    stated = (seen.deviation.double() * focal).square().numpy()
    scores = keypoints.scores.detach().cpu().double().numpy()
    measured = 1 / noise.information(np.arange(len(scores)).reshape(-1, 1, 1, 1), scores)
    known = np.isfinite(stated) & (scores > 0)
    return max(1.0, float(np.median(measured[known] / stated[known])) / _USUAL_RATIO) if known.any() else 1.0


def _rays(
    keypoints: Keypoints2D, rig: CameraRig, min_score: float
) -> tuple[Float[Tensor, "people cameras joints 2"], Float[Tensor, "people cameras joints"]]:
    """Detections without lens distortion, 0 where missing, and their scores, one row a person and frame."""
    cameras = rig.cameras.to(torch.device("cpu"), torch.float64)
    pixels, scores = keypoints.pixels.detach().cpu(), keypoints.scores.detach().cpu()
    rays = cameras.normalise(pixels.double().flatten(1, 3)).reshape(pixels.shape)
    seen = torch.isfinite(rays).all(-1) & (scores > 0) & (scores >= min_score)
    rays, scores = rays.masked_fill(~seen[..., None], 0.0).float(), scores.masked_fill(~seen, 0.0).float()
    return rays.flatten(1, 2).transpose(0, 1), scores.flatten(1, 2).transpose(0, 1)
