"""MoveNet: the person in the middle of a square, or everybody by the map of people's centres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lift3d.detection.box import Box
from lift3d.detection.crop import Crop, cut, square_crop
from lift3d.detection.decoding import averaged, decode, decode_near, mirrored, people_seen
from lift3d.detection.joints import Joints
from lift3d.detection.readings._entry import Model, Reading, ReadingEntry
from lift3d.errors import InputError
from lift3d.networks.movenet import MoveNet, MoveNetOutput

__all__ = ["READING", "SinglePersonSettings"]


_OTHER = 0.1  # of the crop's side: if a fifth of the joints is so far from those expected, somebody else is seen
_FIFTH = 0.8  # quantile


@dataclass(frozen=True)
class SinglePersonSettings:
    """There is nothing to set: MoveNet's input is known."""


def _open(model: Model, settings: SinglePersonSettings) -> Reading:  # noqa: ARG001
    checkpoint = model.checkpoint
    if not isinstance(checkpoint.network, MoveNet):
        raise InputError(f"The model is a {checkpoint.name}, which is no detector; pass one such as 'movenet_thunder'.")
    size, order = checkpoint.settings.image_size, checkpoint.skeleton.flip_order

    def answer(pictures: Sequence[Tensor], crops: Sequence[Crop]) -> MoveNetOutput:
        images = torch.stack([cut(rgb, crop, size) for rgb, crop in zip(pictures, crops, strict=True)])
        output = MoveNetOutput(*model.run(torch.cat([images, images.flip(-1)]) if model.mirror else images))
        if not model.mirror:
            return output
        halves = zip(*(part.split(len(images)) for part in output), strict=True)
        plain, other = (MoveNetOutput(*parts) for parts in halves)
        return averaged(plain, mirrored(other, order))

    def look(pictures: Sequence[Tensor], boxes: Sequence[Box], near: Sequence[Tensor | None]) -> list[Joints]:
        crops = [square_crop(box) for box in boxes]
        output = answer(pictures, crops)
        found = [_joints(*parts) for parts in zip(crops, *decode(output), strict=True)]
        others = [
            (which, expected)
            for which, expected in enumerate(near)
            if expected is not None and _is_other(found[which], expected, crops[which])
        ]
        if others:
            places = torch.stack([crops[which].from_picture(expected) for which, expected in others])
            theirs = MoveNetOutput(*(own[[which for which, _ in others]] for own in output))
            for (which, _), place, score in zip(others, *decode_near(theirs, places), strict=True):
                found[which] = _joints(crops[which], place, score)
        return found

    def search(pictures: Sequence[Tensor]) -> list[list[Joints]]:
        crops = [square_crop(Box.whole(rgb)) for rgb in pictures]
        places, scores, whose = people_seen(answer(pictures, crops))
        found: list[list[Joints]] = [[] for _ in pictures]
        for place, score, picture in zip(places, scores, whose.tolist(), strict=True):
            found[picture].append(_joints(crops[picture], place, score))
        return found

    return Reading(look, search)


def _is_other(seen: Joints, expected: Tensor, crop: Crop) -> bool:
    """Whether joints of somebody else are among those seen."""
    return float((seen.pixels - expected).norm(dim=-1).nanquantile(_FIFTH)) > _OTHER * crop.side


def _joints(crop: Crop, places: Tensor, scores: Tensor) -> Joints:
    return Joints(crop.to_picture(places.double()), scores.double())


READING = ReadingEntry(
    name="single_person",
    settings=SinglePersonSettings,
    about="MoveNet: the person in the middle of a square, or everybody by the map of people's centres.",
    open=_open,
)
