"""The part of a picture around one person's box, as the input of a network, and the way back to the picture's pixels.

The box grows on its shorter side to the input's shape (width over height), then on all sides by a factor; it may be
turned, mirrored and moved, as training needs. One 2 x 3 matrix says it all. As in the published code of
SimpleBaseline (Xiao et al., ECCV 2018) and HRNet (Sun et al., CVPR 2019), the box's middle comes to lie at
(width / 2, height / 2) of the input, counted in pixels whose centres are whole numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from lift3d.errors import InputError

__all__ = ["PersonCrop", "person_crop"]


@dataclass(frozen=True, eq=False)
class PersonCrop:
    """Where a network's input lies in a picture.

    Args:
        matrix: from the picture's pixels to the input's; float64. The centre of a top-left pixel is (0, 0) in both.
        image_size: width and height of the input, pixels.
    """

    matrix: Float[Tensor, "2 3"]
    image_size: tuple[int, int]

    def to_input(self, pixels: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 2"]:
        """Pixels of the input from pixels of the picture; NaN stays NaN."""
        return _moved(self.matrix, pixels)

    def to_picture(self, pixels: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 2"]:
        """Pixels of the picture from pixels of the input; NaN stays NaN."""
        return _moved(_inverse(self.matrix), pixels)

    def cut(self, rgb: UInt8[Tensor, "rows columns 3"]) -> UInt8[Tensor, "height width 3"]:
        """The input: bilinear, black beyond the picture."""
        width, height = self.image_size
        back = _inverse(self.matrix)
        y, x = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
        places = _moved(back, torch.stack([x, y], dim=-1))  # (height, width, 2), pixels of the picture
        part, left, top = _part_around(rgb, places)
        if not part.numel():
            return torch.zeros(height, width, 3, dtype=torch.uint8)
        rows, columns = part.shape[:2]
        size = places.new_tensor([columns, rows])
        grid = (2 * (places - places.new_tensor([left, top])) + 1) / size - 1  # -1 and 1 at the outer edges
        image = part.permute(2, 0, 1)[None].float()
        seen = F.grid_sample(image, grid[None].float(), "bilinear", "zeros", align_corners=False)[0]
        return seen.round().clamp(0, 255).byte().permute(1, 2, 0).contiguous()


def person_crop(
    box: tuple[float, float, float, float],
    image_size: tuple[int, int],
    scale: float = 1.25,
    *,
    rotation_deg: float = 0.0,
    mirrored: bool = False,
    shift: tuple[float, float] = (0.0, 0.0),
) -> PersonCrop:
    """The input around a person's box.

    Args:
        box: left, top, width and height in the picture, pixels; its middle is (left + width / 2, top + height / 2).
        image_size: width and height of the input, pixels.
        scale: by which the box grows after it has been given the input's shape.
        rotation_deg: by which the person is turned counter-clockwise, as seen.
        mirrored: left and right of the person are exchanged, before the turn.
        shift: moves the crop over the picture, in widths and heights of the grown box.

    Raises:
        InputError: the box or the input has no area, or a number is not finite.
    """
    left, top, width, height = box
    if not all(map(math.isfinite, (*box, scale, rotation_deg, *shift))) or min(width, height, scale, *image_size) <= 0:
        raise InputError(
            f"person_crop: the box is {tuple(box)}, grown by {scale} for an input of {tuple(image_size)}; expected "
            "finite numbers, and widths and heights above 0."
        )
    wanted = image_size[0] / image_size[1]
    wide = max(width, height * wanted) * scale
    middle = torch.tensor(
        [left + width / 2 + shift[0] * wide, top + height / 2 + shift[1] * wide / wanted], dtype=torch.float64
    )
    turn = math.radians(rotation_deg)
    turned = torch.tensor(
        [[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]], dtype=torch.float64
    ) * (image_size[0] / wide)
    if mirrored:
        turned[:, 0] *= -1
    offset = torch.tensor(image_size, dtype=torch.float64) / 2 - turned @ middle
    return PersonCrop(torch.cat([turned, offset[:, None]], dim=1), (int(image_size[0]), int(image_size[1])))


def _moved(matrix: Tensor, pixels: Tensor) -> Tensor:
    own = matrix.to(pixels)
    return pixels @ own[:, :2].T + own[:, 2]


def _inverse(matrix: Tensor) -> Tensor:
    back = torch.linalg.inv(matrix[:, :2])
    return torch.cat([back, -back @ matrix[:, 2:]], dim=1)


def _part_around(rgb: Tensor, places: Tensor) -> tuple[Tensor, int, int]:
    """The smallest part of the picture that holds all neighbours of the places; its left column and top row."""
    low = places.amin((0, 1)).floor().int().tolist()
    high = (places.amax((0, 1)).floor().int() + 2).tolist()
    left, top = max(low[0], 0), max(low[1], 0)
    return rgb[top : max(high[1], top), left : max(high[0], left)], left, top
