"""What other people in view and second peaks do to the detections of a person.

A detector looks for one person's joints where several people are. A joint, a limb or the whole person is found on
somebody else who stands near in the picture, as sure as if it were right: scores do not tell. Or a heatmap has two
peaks, one of them on the joint's twin or on somebody else, and its mean (integral regression; Sun et al., ECCV 2018)
lies anywhere between them, with the score of the higher one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.skeletons import Skeleton
from lift3d.training.detector_noise import extent_of, limbs_of
from lift3d.training.virtual_cameras import between

__all__ = ["CrowdSettings", "led_astray", "somebody_beside"]


@dataclass(frozen=True)
class CrowdSettings:
    """Who else is there, and how often a detector takes them for the person.

    Args:
        crowded: share of moments with somebody else in view.
        apart_m: how near and how far the other one stands.
        near: distance in the picture, relative to the person's extent, up to which a joint can be taken for the other
            one's.
        jump, limb_jump: probabilities that a joint or a limb, near enough, is found on the other one; a joint that is
            missing is found there as often.
        person_jump: probability that all of the person is found on the other one, wherever they are.
        double: probability that a heatmap has two peaks: this joint's, and the other one's or, where that is not near,
            the twin's on the other side.
    """

    crowded: float = 0.0
    apart_m: tuple[float, ...] = (0.3, 2.5)
    near: float = 0.4
    jump: float = 0.0
    limb_jump: float = 0.0
    person_jump: float = 0.0
    double: float = 0.0


def somebody_beside(
    people: Float[Tensor, "batch frames joints 3"], skeleton: Skeleton, settings: CrowdSettings, generator: Generator
) -> Float[Tensor, "batch frames joints 3"]:
    """The person of the batch's next sample, turned about the vertical, standing beside each person.

    Args:
        people: world, z up, metres.
        skeleton: what the joints are.
        settings: how far apart.
        generator: random numbers.
    """
    count = len(people)
    other = people.roll(1, 0)
    start = other[:, :1, skeleton.root : skeleton.root + 1]
    yaw, direction = 2 * math.pi * torch.rand(2, count, generator=generator).to(people)
    turn = rotvec_to_matrix(torch.nn.functional.pad(yaw[:, None], (2, 0)))
    apart = between(settings.apart_m, count, generator).to(people)
    aside = torch.stack([apart * direction.cos(), apart * direction.sin(), torch.zeros_like(apart)], dim=-1)
    place = people[:, :1, skeleton.root : skeleton.root + 1].clone()
    place[..., 2] = start[..., 2]  # stays as high above the ground
    return (other - start) @ turn.mT[:, None] + place + aside[:, None, None]


def led_astray(
    rays: Float[Tensor, "batch views joints 2"],
    scores: Float[Tensor, "batch views joints"],
    other_rays: Float[Tensor, "batch views joints 2"],
    other_scores: Float[Tensor, "batch views joints"],
    exact: Float[Tensor, "batch views joints 2"],
    skeleton: Skeleton,
    settings: CrowdSettings,
    generator: Generator,
) -> tuple[Float[Tensor, "batch views joints 2"], Float[Tensor, "batch views joints"]]:
    """Detections and scores of a detector that other people and second peaks confuse, each view by itself.

    Args:
        rays, scores: detections of the person; NaN with score 0 where missing.
        other_rays, other_scores: of somebody else; likewise, all missing where nobody else is.
        exact: where the person's joints are.
        skeleton: what the joints are.
        settings: how often.
        generator: random numbers.
    """
    there = other_scores > 0
    near = there & ((other_rays - exact).norm(dim=-1) < settings.near * extent_of(exact)[..., None])
    rays, scores = _doubled(rays, scores, other_rays, other_scores, near, skeleton, settings.double, generator)
    taken = torch.rand(scores.shape, generator=generator) < settings.jump
    for limb in limbs_of(skeleton):
        taken[..., limb] |= torch.rand(*scores.shape[:2], 1, generator=generator) < settings.limb_jump
    all_of_them = torch.rand(*scores.shape[:2], 1, generator=generator) < settings.person_jump
    taken = (taken & near) | (all_of_them & there)
    return torch.where(taken[..., None], other_rays, rays), torch.where(taken, other_scores, scores)


def _doubled(
    rays: Tensor,
    scores: Tensor,
    other_rays: Tensor,
    other_scores: Tensor,
    near: Bool[Tensor, "batch views joints"],
    skeleton: Skeleton,
    probability: float,
    generator: Generator,
) -> tuple[Tensor, Tensor]:
    """Somewhere between two peaks, with the score of the higher one."""
    twin = list(skeleton.flip_order)
    second = torch.where(near[..., None], other_rays, rays[..., twin, :])
    sure = torch.where(near, other_scores, scores[..., twin])
    hit = (torch.rand(scores.shape, generator=generator) < probability) & (scores > 0) & (sure > 0)
    share = torch.rand(scores.shape, generator=generator)
    mean = torch.lerp(rays, second, share[..., None])
    higher = torch.maximum((1 - share) * scores, share * sure)
    return torch.where(hit[..., None], mean, rays), torch.where(hit, higher, scores)
