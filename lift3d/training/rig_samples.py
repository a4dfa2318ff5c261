"""Samples for triangulators: moments of motion, filmed by random rigs, seen by an imagined detector."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float
from torch import Generator, Tensor

from lift3d.skeletons import Skeleton
from lift3d.training.body_variation import BodySettings, vary_bodies
from lift3d.training.detector_noise import NoiseSettings, detect_like
from lift3d.training.virtual_rigs import RigSettings, film_with_rigs

__all__ = ["RigSamples", "seen_by_rigs"]

_NEAREST = 0.4  # metres in front of a camera: samples with anybody nearer to one are left out


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
    generator: Generator,
) -> RigSamples:
    """Vary people, film each with a rig of its own, and detect.

    Args:
        motion: world, z up, the ground at z = 0, metres.
        views: cameras of each rig.
        skeleton: what the joints are.
        rigs, bodies, noise: how rigs, bodies and detectors vary.
        generator: random numbers.
    """
    people = vary_bodies(motion, skeleton, bodies, generator).float()
    filmed = film_with_rigs(people, views, skeleton, rigs, generator)
    joints = filmed.joints[:, 0]
    near = joints[..., 2].amin(dim=(1, 2)) < _NEAREST
    joints, positions = joints[~near], filmed.positions[~near, 0]
    rotation, translation = filmed.rotation[~near], filmed.translation[~near]
    amid = -(rotation.mT @ translation[..., None])[..., 0].mean(1)
    exact = joints[..., :2] / joints[..., 2:]
    rays, scores = detect_like(exact.flatten(0, 1)[:, None], skeleton, noise, generator)
    return RigSamples(
        rays[:, 0].nan_to_num(0.0).unflatten(0, exact.shape[:2]),
        scores[:, 0].unflatten(0, exact.shape[:2]),
        rotation,
        translation + (rotation @ amid[:, None, :, None])[..., 0],
        positions - amid[:, None],
    )
