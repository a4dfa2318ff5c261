"""The errors of a 2D detector, added to exact joints: jitter, drift, heavy tails, swapped sides, missing limbs.

Sizes are relative to the person's extent in the picture, since detectors see crops of people. Scores fall with the
error, loosely, as a detector's do.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from lift3d.skeletons import Skeleton

__all__ = ["NoiseSettings", "detect_like"]

_SWAPS = (("knee", "ankle"), ("elbow", "wrist"), ("hip", "knee", "ankle"))
_LIMBS = (("knee", "ankle"), ("elbow", "wrist"), ("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))


@dataclass(frozen=True)
class NoiseSettings:
    """How far a detector errs.

    Args:
        exact: share of people without any error, every score 1.
        occluded: share of people with missing joints.
        jitter, drift: standard deviations of the fast and the slow error, relative to the person's extent.
        tail: probability that a joint's error is 3 to 10 times as large.
        swap: probability that a pair of limbs is exchanged between left and right.
        joint_missing, limb_missing: probabilities, of people with missing joints, that a joint or a limb is gone.
        head_missing: probability that the neck and head are gone, as for detectors that do not know them.
        score_scale: the error, relative to the extent, at which a score falls to 1/e.
    """

    exact: float = 0.35
    occluded: float = 0.3
    jitter: float = 0.006
    drift: float = 0.010
    tail: float = 0.05
    swap: float = 0.02
    joint_missing: float = 0.04
    limb_missing: float = 0.08
    head_missing: float = 0.05
    score_scale: float = 0.05


def detect_like(
    rays: Float[Tensor, "batch joints 2"], skeleton: Skeleton, settings: NoiseSettings, generator: Generator
) -> tuple[Float[Tensor, "batch joints 2"], Float[Tensor, "batch joints"]]:
    """Joints and scores as a detector would give them; a missing joint is NaN with score 0.

    Args:
        rays: exact joints, pixels or rays.
        skeleton: what the joints are; must have the limbs' usual names.
        settings: how far the detector errs.
        generator: random numbers.
    """
    count = len(rays)
    extent = (rays.amax(1) - rays.amin(1)).amax(-1)[:, None, None]
    noisy = rays + extent * _errors(rays.shape, settings, generator)
    noisy = _swapped(noisy, skeleton, settings.swap, generator)
    error = (noisy - rays).norm(dim=-1) / extent[..., 0]
    loose = 0.7 + 0.3 * torch.rand(error.shape, generator=generator)
    scores = (torch.exp(-error / settings.score_scale) * loose).clamp(0.05, 1.0)
    exact = torch.rand(count, 1, generator=generator) < settings.exact
    noisy = torch.where(exact[..., None], rays, noisy)
    scores = torch.where(exact, torch.ones_like(scores), scores)
    gone = _gone(count, skeleton, settings, generator)
    return noisy.masked_fill(gone[..., None], torch.nan), scores.masked_fill(gone, 0.0)


def _errors(shape: torch.Size, settings: NoiseSettings, generator: Generator) -> Tensor:
    """Fast errors, slow ones as they are at a random moment between two of their knots, and heavy tails."""
    fast, before, after = (torch.randn(shape, generator=generator) for _ in range(3))
    moment = torch.rand(shape[0], 1, 1, generator=generator)
    slow = (1 - moment) * before + moment * after
    larger = 3 + 7 * torch.rand(shape[:2], generator=generator)
    scale = torch.where(torch.rand(shape[:2], generator=generator) < settings.tail, larger, 1.0)
    return (settings.jitter * fast + settings.drift * slow) * scale[..., None]


def _swapped(pixels: Tensor, skeleton: Skeleton, probability: float, generator: Generator) -> Tensor:
    for limb in _SWAPS:
        left = skeleton.indices(*(f"left_{joint}" for joint in limb))
        right = skeleton.indices(*(f"right_{joint}" for joint in limb))
        exchanged = pixels.clone()
        exchanged[:, left + right] = pixels[:, right + left]
        hit = torch.rand(len(pixels), 1, 1, generator=generator) < probability
        pixels = torch.where(hit, exchanged, pixels)
    return pixels


def _gone(count: int, skeleton: Skeleton, settings: NoiseSettings, generator: Generator) -> Tensor:
    """Which joints are missing; at least six of every person stay."""
    gone = torch.rand(count, len(skeleton), generator=generator) < settings.joint_missing
    for side in ("left", "right"):
        for limb in _LIMBS:
            hit = torch.rand(count, generator=generator) < settings.limb_missing
            gone[:, skeleton.indices(*(f"{side}_{joint}" for joint in limb))] |= hit[:, None]
    gone &= torch.rand(count, 1, generator=generator) < settings.occluded
    head = [index for index, joint in enumerate(skeleton.joints) if joint in ("head", "neck_nose")]
    gone[:, head] |= torch.rand(count, 1, generator=generator) < settings.head_missing
    return gone & ((~gone).sum(-1, keepdim=True) >= 6)
