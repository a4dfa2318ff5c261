"""Other looks at a labelled person: nearer, turned, mirrored, half of the body alone.

As the published training of SimpleBaseline (Xiao et al., ECCV 2018) and HRNet (Sun et al., CVPR 2019) does, with its
numbers as defaults.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from lift3d.datasets.labelled_pictures import LabelledPerson
from lift3d.detection.person_crop import PersonCrop, person_crop
from lift3d.skeletons import Skeleton

__all__ = ["AugmentationSettings", "Look", "look_at"]

_LEGS = ("hip", "knee", "ankle", "heel", "toe", "foot", "pelvis")  # of the lower half of a body
_HALF_GROWS = 1.2  # the box of half a body, from the extent of its joints; with a box scale of 1.25 1.5, as published
_FEWEST_OF_HALF = 3


@dataclass(frozen=True)
class AugmentationSettings:
    """How crops of a person vary.

    Args:
        scale: standard deviation of the factor on the crop, which stays within 1 - scale and 1 + scale.
        turned: probability of turning.
        turn_deg: standard deviation of the turn, which stays within twice as much.
        shift: standard deviation of moving the crop, in its widths and heights.
        mirror: probability of mirroring.
        half_body: probability of looking at the upper or the lower half alone, of people with more than
            ``half_body_joints`` labelled joints.
        half_body_joints: see there.
        light: standard deviation of the logarithm of factors on contrast, brightness and each colour.
    """

    scale: float = 0.35
    turned: float = 0.6
    turn_deg: float = 45.0
    shift: float = 0.0
    mirror: float = 0.5
    half_body: float = 0.3
    half_body_joints: int = 8
    light: float = 0.0


@dataclass(frozen=True, eq=False)
class Look:
    """One look at a person.

    Args:
        crop: what the network sees.
        mirrored: whether left and right are exchanged.
        gain: factor on each colour, 1 where the light is as it was.
    """

    crop: PersonCrop
    mirrored: bool
    gain: Float[Tensor, "3"]


def look_at(
    person: LabelledPerson,
    skeleton: Skeleton,
    image_size: tuple[int, int],
    box_scale: float,
    settings: AugmentationSettings | None,
    generator: Generator,
) -> Look:
    """A random look; without settings the plain one.

    Args:
        person: with a box.
        skeleton: of the joints.
        image_size: width and height of the network's input, pixels.
        box_scale: by which the box grows, see ``person_crop``.
        settings: how looks vary.
        generator: random numbers.
    """
    if settings is None:
        return Look(person_crop(person.box, image_size, box_scale), False, torch.ones(3))
    chance = torch.rand(4, generator=generator).tolist()
    normal = torch.randn(9, generator=generator).tolist()
    box = person.box
    if chance[0] < settings.half_body:
        box = _half_body(person, skeleton, settings, upper=chance[1] < 0.5) or box
    turn = max(-2.0, min(2.0, normal[1])) * settings.turn_deg if chance[2] < settings.turned else 0.0
    mirrored = chance[3] < settings.mirror
    crop = person_crop(
        box, image_size, box_scale * (1 + max(-1.0, min(1.0, normal[0])) * settings.scale),
        rotation_deg=turn, mirrored=mirrored, shift=(normal[2] * settings.shift, normal[3] * settings.shift),
    )  # fmt: skip
    gain = torch.tensor([normal[4] + normal[5 + colour] / 2 for colour in range(3)])
    return Look(crop, mirrored, (settings.light * gain).exp())


def _half_body(
    person: LabelledPerson, skeleton: Skeleton, settings: AugmentationSettings, upper: bool
) -> tuple[float, float, float, float] | None:
    """The box around one half, or the other where too little of it is labelled; None for too few joints."""
    labelled = person.visibility > 0
    if int(labelled.sum()) <= settings.half_body_joints:
        return None
    legs = _of_legs(skeleton)
    for half in (labelled & ~legs, labelled & legs) if upper else (labelled & legs, labelled & ~legs):
        if int(half.sum()) >= _FEWEST_OF_HALF:
            low, high = person.pixels[half].amin(0), person.pixels[half].amax(0)
            size = ((high - low) * _HALF_GROWS).clamp_min(1.0)
            corner = (low + high - size) / 2
            return (*corner.tolist(), *size.tolist())
    return None


def _of_legs(skeleton: Skeleton) -> Bool[Tensor, "joints"]:
    return torch.tensor([any(part in name for part in _LEGS) for name in skeleton.joints])
