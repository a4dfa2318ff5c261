"""Everybody in a picture at once, from heatmaps and part affinity fields: Lightweight OpenPose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lift3d.detection.joints import Joints
from lift3d.detection.part_grouping import BODY18_LIMBS, Limb, group_parts
from lift3d.detection.readings._entry import Model, Reading, ReadingEntry
from lift3d.errors import InputError
from lift3d.networks._colours import check_colours, normalised
from lift3d.skeletons import Skeleton

__all__ = ["READING", "BottomUpSettings"]


@dataclass(frozen=True)
class BottomUpSettings:
    """How pictures go in; joints come out as in ``lift3d.detection.part_grouping``.

    Args:
        image_height: to which pictures are resized, pixels; their shape is kept.
        colour: order of the input's channels, ``"rgb"`` or ``"bgr"``.
        mean, std: of its channels, in that order, of values from 0 to 1.
        stride: pixels of the input to a cell; the input's width and height are made multiples of it.
    """

    image_height: int = 256
    colour: str = "bgr"
    mean: tuple[float, ...] = (128 / 255, 128 / 255, 128 / 255)
    std: tuple[float, ...] = (256 / 255, 256 / 255, 256 / 255)
    stride: int = 8

    def __post_init__(self) -> None:
        if self.stride <= 0 or self.image_height < self.stride:
            raise InputError(f"image_height is {self.image_height}, stride {self.stride}; expected a cell at least.")
        check_colours(self.colour, self.mean, self.std)


def _open(model: Model, settings: BottomUpSettings) -> Reading:
    skeleton = model.checkpoint.skeleton

    def one(rgb: Tensor) -> list[Joints]:
        image, scale = _resized(rgb, settings)
        heatmaps, fields = model.run(torch.cat([image, image.flip(-1)]) if model.mirror else image)
        if model.mirror:
            heatmaps, fields = _flip_averaged(heatmaps, fields, skeleton, BODY18_LIMBS)
        people = group_parts(heatmaps[0], fields[0], skeleton, BODY18_LIMBS)
        places = (settings.stride * (people.places + 0.5)) / scale - 0.5
        order = people.person_scores.argsort(descending=True, stable=True)
        return [Joints(places[person], people.scores[person].clamp(0, 1)) for person in order]

    return Reading(None, lambda pictures: [one(rgb) for rgb in pictures])


def _resized(rgb: Tensor, settings: BottomUpSettings) -> tuple[Float[Tensor, "1 3 height width"], Tensor]:
    """The network's input, and its pixels to one of the picture along x and y; grey at the right and below."""
    height, width = rgb.shape[:2]
    rows, columns = settings.image_height, max(settings.stride, round(width * settings.image_height / height))
    image = rgb.permute(2, 0, 1)[None].contiguous(memory_format=torch.channels_last)
    small = F.interpolate(image, (rows, columns), mode="bilinear", align_corners=False, antialias=True)
    filled = (-columns % settings.stride, -rows % settings.stride)
    own = normalised(small, settings.colour, settings.mean, settings.std)
    scale = torch.tensor([columns / width, rows / height], dtype=torch.float64)
    return F.pad(own, (0, filled[0], 0, filled[1])), scale


def _flip_averaged(
    heatmaps: Tensor, fields: Tensor, skeleton: Skeleton, limbs: Sequence[Limb]
) -> tuple[Tensor, Tensor]:
    """Mean of the answers for a picture and the same mirrored, which come second: a field's x points the other way."""
    order = [*skeleton.flip_order, *range(len(skeleton), heatmaps.shape[1])]
    names = [skeleton.joints[twin] for twin in skeleton.flip_order]
    channels, signs = list(range(fields.shape[1])), fields.new_ones(fields.shape[1])
    of_limb = {(limb.start, limb.end): limb.channel for limb in limbs}
    for limb in limbs:
        start, end = (names[joint] for joint in skeleton.indices(limb.start, limb.end))
        channels[limb.channel : limb.channel + 2] = [of_limb[start, end], of_limb[start, end] + 1]
        signs[limb.channel] = -1
    turned = heatmaps[1:, order].flip(-1), fields[1:, channels].flip(-1) * signs[:, None, None]
    return (heatmaps[:1] + turned[0]) / 2, (fields[:1] + turned[1]) / 2


READING = ReadingEntry(
    name="bottom_up",
    settings=BottomUpSettings,
    about="Everybody in a picture at once, from heatmaps and part affinity fields; needs no boxes.",
    open=_open,
)
