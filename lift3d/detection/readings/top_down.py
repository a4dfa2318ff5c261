"""One person in a box, from heatmaps, volumes or places: HRNet, SimpleBaseline, hourglass, integral networks, ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from lift3d.detection.box import Box
from lift3d.detection.joints import Joints
from lift3d.detection.person_crop import person_crop
from lift3d.detection.readings._entry import Model, Reading, ReadingEntry
from lift3d.errors import InputError
from lift3d.heatmaps.decoding import check_decoding, decode_heatmaps
from lift3d.heatmaps.flips import flip_averaged
from lift3d.networks._colours import check_colours, normalised

__all__ = ["READING", "TopDownSettings", "network_input"]

_BEYOND_JOINTS = 1.1  # a person's box is about so many times as large as the box around the joints


@dataclass(frozen=True)
class TopDownSettings:
    """How pictures go in and joints come out; the defaults are HRNet's but for the cells, which lie where they are.

    Args:
        image_size: width and height of the network's input, pixels.
        colour: order of its channels, ``"rgb"`` or ``"bgr"``.
        mean, std: of its channels, in that order, of values from 0 to 1.
        box_scale: by which a person's box is grown.
        decoding: how joints are read from the answer; see ``lift3d.heatmaps.decoding``.
        half_pixel: where cells lie; see ``lift3d.heatmaps.cells``.
        flip_shift: heatmaps of mirrored pictures are moved by a cell; see ``lift3d.heatmaps.flips``.
    """

    image_size: tuple[int, ...] = (192, 256)
    colour: str = "rgb"
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    box_scale: float = 1.25
    decoding: str = "quarter"
    half_pixel: bool = True
    flip_shift: bool = False

    def __post_init__(self) -> None:
        if len(self.image_size) != 2 or min(self.image_size) <= 0:
            raise InputError(f"image_size is {self.image_size}; expected width and height, pixels.")
        if not self.box_scale > 0:
            raise InputError(f"box_scale is {self.box_scale}; expected more than 0.")
        check_colours(self.colour, self.mean, self.std)
        check_decoding(self.decoding)


def network_input(
    crops: UInt8[Tensor, "batch 3 height width"], settings: TopDownSettings
) -> Float[Tensor, "batch 3 height width"]:
    """What the network is given of RGB crops of its input's size."""
    return normalised(crops, settings.colour, settings.mean, settings.std)


def _open(model: Model, settings: TopDownSettings) -> Reading:
    order, size = model.checkpoint.skeleton.flip_order, (settings.image_size[0], settings.image_size[1])

    def look(pictures: Sequence[Tensor], boxes: Sequence[Box], near: Sequence[Tensor | None]) -> list[Joints]:  # noqa: ARG001
        crops = [person_crop((box.left, box.top, box.width, box.height), size, 1.0) for box in boxes]
        cut = torch.stack([crop.cut(rgb) for crop, rgb in zip(crops, pictures, strict=True)])
        images = network_input(cut.permute(0, 3, 1, 2), settings)
        (answer,) = model.run(torch.cat([images, images.flip(-1)]) if model.mirror else images)
        if model.mirror:
            plain, mirrored = answer.split(len(images))
            answer = flip_averaged(plain, mirrored, order, shift=settings.flip_shift)
        places, scores = decode_heatmaps(answer, settings.decoding, size, half_pixel=settings.half_pixel)
        return [
            Joints(crop.to_picture(own[:, :2].double()), score.double().clamp(0, 1))
            for crop, own, score in zip(crops, places, scores, strict=True)
        ]

    return Reading(look, None, settings.box_scale, _BEYOND_JOINTS)


READING = ReadingEntry(
    name="top_down",
    settings=TopDownSettings,
    about="One person in a box, from heatmaps or places; needs boxes.",
    open=_open,
)
