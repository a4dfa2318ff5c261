"""The errors of a 2D detector, added to exact joints: jitter, drift, heavy tails, swapped sides, missing limbs.

Errors last: drift moves from one knot to the next, sides stay exchanged and limbs stay hidden for some frames. Sizes
are relative to the person's extent in the picture, since detectors see crops of people. Scores fall with the error,
loosely, as a detector's do.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from lift3d.skeletons import Skeleton

__all__ = ["NoiseSettings", "detect_like", "extent_of", "limbs_of"]

_SWAPS = (("knee", "ankle"), ("elbow", "wrist"), ("hip", "knee", "ankle"))
_LIMBS = (("knee", "ankle"), ("elbow", "wrist"), ("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
_FEWEST = 6  # joints that stay


@dataclass(frozen=True)
class NoiseSettings:
    """How far a detector errs.

    Args:
        exact: share of recordings without any error, every score 1.
        occluded: share of recordings with missing joints.
        jitter, drift: standard deviations of the fast and the slow error, relative to the person's extent.
        spread: standard deviation of the logarithm of a factor on both, drawn for each recording.
        drift_frames: frames from one knot of the slow error to the next.
        tail: probability that a joint's error is 3 to 10 times as large.
        swap: probability that a pair of limbs is exchanged between left and right.
        swap_frames: how long sides stay exchanged.
        joint_missing, limb_missing: probabilities, in recordings with missing joints, that a joint or a limb is gone.
        limb_frames: how long limbs stay gone.
        head_missing: probability that the neck and head are gone, as for detectors that do not know them.
        middle_missing: probability that all joints between left and right are gone, as for detectors of COCO's joints.
        score_scale: the error, relative to the extent, at which a score falls to 1/e.
    """

    exact: float = 0.35
    occluded: float = 0.3
    jitter: float = 0.006
    drift: float = 0.010
    spread: float = 0.0
    drift_frames: int = 8
    tail: float = 0.05
    swap: float = 0.02
    swap_frames: int = 6
    joint_missing: float = 0.04
    limb_missing: float = 0.08
    limb_frames: int = 15
    head_missing: float = 0.05
    middle_missing: float = 0.0
    score_scale: float = 0.05


def detect_like(
    rays: Float[Tensor, "batch frames joints 2"], skeleton: Skeleton, settings: NoiseSettings, generator: Generator
) -> tuple[Float[Tensor, "batch frames joints 2"], Float[Tensor, "batch frames joints"]]:
    """Joints and scores as a detector would give them; a missing joint is NaN with score 0.

    Args:
        rays: joints of one person over some frames each, pixels or rays; one that is NaN stays missing.
        skeleton: what the joints are; must have the limbs' usual names.
        settings: how far the detector errs.
        generator: random numbers.
    """
    count = len(rays)
    extent = extent_of(rays)[..., None, None]
    noisy = rays + extent * _errors(rays.shape, settings, generator)
    noisy = _swapped(noisy, skeleton, settings, generator)
    error = (noisy - rays).norm(dim=-1) / extent[..., 0]
    loose = 0.7 + 0.3 * torch.rand(error.shape, generator=generator)
    scores = (torch.exp(-error / settings.score_scale) * loose).clamp(0.05, 1.0)
    exact = torch.rand(count, 1, 1, generator=generator) < settings.exact
    noisy = torch.where(exact[..., None], rays, noisy)
    scores = torch.where(exact, torch.ones_like(scores), scores)
    gone = _gone(scores.shape, skeleton, settings, generator) | ~torch.isfinite(noisy).all(-1)
    return noisy.masked_fill(gone[..., None], torch.nan), scores.masked_fill(gone, 0.0)


def extent_of(rays: Float[Tensor, "batch pictures joints 2"]) -> Float[Tensor, "batch pictures"]:
    """The longer side of the box around the joints that are not NaN; 0 of nobody."""
    known = torch.isfinite(rays).all(-1, keepdim=True)
    largest = torch.where(known, rays, -torch.inf).amax(2)
    return (largest - torch.where(known, rays, torch.inf).amin(2)).amax(-1).clamp_min(0)


def limbs_of(skeleton: Skeleton) -> list[list[int]]:
    """Joints that hide together: of arms and legs, whole or their lower ends, left and right."""
    return [
        skeleton.indices(*(f"{side}_{joint}" for joint in limb)) for side in ("left", "right") for limb in _LIMBS
    ]  # fmt: skip


def _errors(shape: torch.Size, settings: NoiseSettings, generator: Generator) -> Tensor:
    """Fast errors, slow ones on lines between their knots, and heavy tails; relative to the extent."""
    fast = torch.randn(shape, generator=generator)
    slow = _drift(shape, settings.drift_frames, generator)
    strength = torch.exp(settings.spread * torch.randn(shape[0], 1, 1, generator=generator))
    larger = 3 + 7 * torch.rand(shape[:3], generator=generator)
    scale = torch.where(torch.rand(shape[:3], generator=generator) < settings.tail, larger, 1.0)
    return (settings.jitter * fast + settings.drift * slow) * (strength * scale)[..., None]


def _drift(shape: torch.Size, every: int, generator: Generator) -> Tensor:
    """Normal numbers at knots, and the lines between them, from a random moment on."""
    count, frames = shape[:2]
    knots = torch.randn(count, frames // every + 3, *shape[2:], generator=generator)
    moment = torch.arange(frames) / every + torch.rand(count, 1, generator=generator)
    before = moment.floor().long()
    share = (moment - before)[..., None, None]
    own = torch.arange(count)[:, None]
    return torch.lerp(knots[own, before], knots[own, before + 1], share)


def _lasting(
    count: int, frames: int, every: int, probability: float, generator: Generator
) -> Bool[Tensor, "batch frames"]:
    """Whether something is the case, that then lasts for some frames."""
    first = torch.randint(every, (count, 1), generator=generator)
    hit = torch.rand(count, frames // every + 2, generator=generator) < probability
    return hit.gather(1, (torch.arange(frames) + first) // every)


def _swapped(pixels: Tensor, skeleton: Skeleton, settings: NoiseSettings, generator: Generator) -> Tensor:
    for limb in _SWAPS:
        left = skeleton.indices(*(f"left_{joint}" for joint in limb))
        right = skeleton.indices(*(f"right_{joint}" for joint in limb))
        exchanged = pixels.clone()
        exchanged[:, :, left + right] = pixels[:, :, right + left]
        hit = _lasting(*pixels.shape[:2], settings.swap_frames, settings.swap, generator)
        pixels = torch.where(hit[..., None, None], exchanged, pixels)
    return pixels


def _gone(shape: torch.Size, skeleton: Skeleton, settings: NoiseSettings, generator: Generator) -> Tensor:
    """Which joints are missing; some of every person stay."""
    count, frames, _ = shape
    gone = torch.rand(shape, generator=generator) < settings.joint_missing
    for limb in limbs_of(skeleton):
        hit = _lasting(count, frames, settings.limb_frames, settings.limb_missing, generator)
        gone[:, :, limb] |= hit[..., None]
    gone &= torch.rand(count, 1, 1, generator=generator) < settings.occluded
    head = [index for index, joint in enumerate(skeleton.joints) if joint in ("head", "neck_nose")]
    gone[:, :, head] |= torch.rand(count, 1, 1, generator=generator) < settings.head_missing
    if settings.middle_missing:
        middle = [index for index in range(len(skeleton)) if skeleton.side(index) == "middle"]
        gone[:, :, middle] |= torch.rand(count, 1, 1, generator=generator) < settings.middle_missing
    return gone & ((~gone).sum(-1, keepdim=True) >= _FEWEST)
