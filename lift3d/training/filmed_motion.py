"""Samples from 3D motion alone: varied people, filmed by virtual cameras, seen by an imagined detector."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from lift3d.lifting.observed import Observed
from lift3d.skeletons import Skeleton
from lift3d.training.body_variation import BodySettings, vary_bodies
from lift3d.training.detector_noise import NoiseSettings, detect_like
from lift3d.training.virtual_cameras import ViewSettings, film

__all__ = ["FilmSettings", "filmed"]

_WIDTH = 1000.0  # of the picture, pixels
_NEAREST = 0.3  # metres in front of the camera: whoever comes nearer is left out


@dataclass(frozen=True)
class FilmSettings:
    """How motion becomes samples."""

    bodies: BodySettings = field(default_factory=BodySettings)
    views: ViewSettings = field(default_factory=ViewSettings)
    noise: NoiseSettings = field(default_factory=NoiseSettings)


def filmed(
    motion: Float[Tensor, "batch frames joints 3"], skeleton: Skeleton, settings: FilmSettings, generator: Generator
) -> tuple[Observed, Float[Tensor, "samples frames joints 3"]]:
    """What a detector saw of people, and their joints relative to the root in the camera's axes, metres.

    Args:
        motion: world, z up, the ground at z = 0, metres.
        skeleton: what the joints are.
        settings: how bodies, cameras and detectors vary.
        generator: random numbers.
    """
    people = vary_bodies(motion, skeleton, settings.bodies, generator)
    joints = film(people, skeleton, settings.views, generator)
    joints = joints[joints[..., 2].amin(dim=(1, 2)) > _NEAREST]
    rays, scores = detect_like(joints[..., :2] / joints[..., 2:], skeleton, settings.noise, generator)
    shortest, longest = settings.views.focal
    focal = _WIDTH * (shortest + (longest - shortest) * torch.rand(len(rays), 1, 1, 1, generator=generator))
    middle = 0.5 * _WIDTH
    typical = 0.5 * _WIDTH * (shortest + longest)
    observed = Observed(
        pixels=focal * rays + middle,
        rays=rays,
        scores=scores,
        intrinsics=torch.tensor([[typical, 0.0, middle], [0.0, typical, middle], [0.0, 0.0, 1.0]]),
        image_size=torch.tensor([_WIDTH, _WIDTH]),
    )
    return observed, joints - joints[:, :, skeleton.root : skeleton.root + 1]
