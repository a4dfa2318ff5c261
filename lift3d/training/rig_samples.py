"""Samples for triangulators: moments of motion, filmed by random rigs, seen by an imagined detector."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from lift3d.skeletons import Skeleton
from lift3d.training.body_variation import BodySettings, vary_bodies
from lift3d.training.crowding import CrowdSettings, led_astray, somebody_beside
from lift3d.training.detector_noise import NoiseSettings, detect_like
from lift3d.training.virtual_rigs import RigSettings, film_with_rigs, rays_in_view

__all__ = ["RigSamples", "seen_by_rigs"]


class RigSamples(NamedTuple):
    """What detectors saw in the views of each rig, and the truth. The origin is amid the cameras, z up, metres.

    Args:
        rays: of the detections; 0 where missing.
        scores: 0 where missing.
        rotation, translation: world to camera, as the calibration says.
        positions: of the joints.
    """

    rays: Float[Tensor, "batch views joints 2"]
    scores: Float[Tensor, "batch views joints"]
    rotation: Float[Tensor, "batch views 3 3"]
    translation: Float[Tensor, "batch views 3"]
    positions: Float[Tensor, "batch joints 3"]


def seen_by_rigs(
    motion: Float[Tensor, "batch 1 joints 3"],
    views: int,
    skeleton: Skeleton,
    rigs: RigSettings,
    bodies: BodySettings,
    noise: NoiseSettings,
    crowd: CrowdSettings,
    generator: Generator,
) -> RigSamples:
    """Vary people, film each with a rig of its own, some with somebody beside them, and detect.

    People who are too near to one of their cameras are left out.

    Args:
        motion: world, z up, the ground at z = 0, metres.
        views: cameras of each rig.
        skeleton: what the joints are.
        rigs, bodies, noise, crowd: how rigs, bodies, detectors and other people vary.
        generator: random numbers.
    """
    people = vary_bodies(motion, skeleton, bodies, generator).float()
    both = torch.cat([people, somebody_beside(people, skeleton, crowd, generator)], dim=2)
    filmed = film_with_rigs(both, views, skeleton, rigs, generator)
    person, other = filmed.joints[:, 0].split(len(skeleton), dim=2)
    crowded = torch.rand(len(person), 1, 1, generator=generator) < crowd.crowded
    others = rays_in_view(other.masked_fill(~crowded[..., None], torch.nan))
    exact = rays_in_view(person)
    kept = exact.isfinite().all(dim=(1, 2, 3))
    exact, others = exact[kept], others[kept]
    rotation, translation = filmed.rotation[kept], filmed.translation[kept]
    amid = -(rotation.mT @ translation[..., None])[..., 0].mean(1)
    rays, scores = led_astray(
        *_detected(exact, skeleton, noise, generator), *_detected(others, skeleton, noise, generator),
        exact, skeleton, crowd, generator,
    )  # fmt: skip
    return RigSamples(
        rays.nan_to_num(0.0),
        scores,
        rotation,
        translation + (rotation @ amid[:, None, :, None])[..., 0],
        filmed.positions[kept, 0, : len(skeleton)] - amid[:, None],
    )


def _detected(
    exact: Float[Tensor, "batch views joints 2"], skeleton: Skeleton, noise: NoiseSettings, generator: Generator
) -> tuple[Float[Tensor, "batch views joints 2"], Float[Tensor, "batch views joints"]]:
    """Each view by itself."""
    rays, scores = detect_like(exact.flatten(0, 1)[:, None], skeleton, noise, generator)
    return rays[:, 0].unflatten(0, exact.shape[:2]), scores[:, 0].unflatten(0, exact.shape[:2])
