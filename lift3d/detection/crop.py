"""The square part of a picture that the network looks at, and the way back from it to the picture's pixels.

A crop's edges lie on the edges between pixels, so that cutting needs no resampling; shrinking or enlarging it to the
network's input then keeps its edges in place. With (x, y) counted from the crop's top-left edge in input pixels, a
place is ``left + x side / size - 1/2`` in the picture, whose top-left pixel has its centre at (0, 0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from lift3d.detection.box import Box

__all__ = ["Crop", "cut", "square_crop"]


@dataclass(frozen=True)
class Crop:
    """A square of pixels, which may reach beyond the picture.

    Args:
        left, top: column and row of its top-left pixel.
        side: its width and height in pixels.
    """

    left: int
    top: int
    side: int

    def to_picture(self, places: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 2"]:
        """Pixels in the picture of places in the crop, which run from 0 at its left or top edge to 1 at the other."""
        return places * self.side + places.new_tensor([self.left, self.top]) - 0.5

    def from_picture(self, pixels: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 2"]:
        """The inverse of :meth:`to_picture`."""
        return (pixels + 0.5 - pixels.new_tensor([self.left, self.top])) / self.side


def square_crop(box: Box, smallest: int = 32) -> Crop:
    """The smallest square of whole pixels, with the same middle to half a pixel, that is as large as the box.

    Args:
        box: in the picture.
        smallest: least side, in pixels.
    """
    side = max(smallest, math.ceil(max(box.width, box.height) - 1e-9))
    left, top = (round(middle + 0.5 - side / 2) for middle in box.middle)
    return Crop(left, top, side)


def cut(rgb: UInt8[Tensor, "height width 3"], crop: Crop, size: int) -> Float[Tensor, "3 size size"]:
    """The crop as a network's input: ``size`` pixels wide, from -1 to 1, black beyond the picture.

    Shrinking averages (a triangle filter as wide as needed), so that no detail turns into a false pattern.
    """
    height, width = rgb.shape[:2]
    left, top = max(crop.left, 0), max(crop.top, 0)
    right, bottom = min(crop.left + crop.side, width), min(crop.top + crop.side, height)
    square = torch.zeros(crop.side, crop.side, 3, dtype=torch.uint8)
    if left < right and top < bottom:
        square[top - crop.top : bottom - crop.top, left - crop.left : right - crop.left] = rgb[top:bottom, left:right]
    image = square.permute(2, 0, 1)[None]  # channels last
    resized = F.interpolate(image, (size, size), mode="bilinear", align_corners=False, antialias=True)
    return resized[0].float() / 127.5 - 1
