"""What is drawn around people: walls and clutter behind them, things before them, and the camera's own faults."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor
from torch.nn.functional import interpolate

__all__ = ["backgrounds", "clutter_capsules", "lights", "random_boxes", "taken"]


def backgrounds(count: int, image_size: tuple[int, int], generator: Generator) -> Float[Tensor, "count 3 height width"]:
    """Smooth blotches of colour, coarse and fine, as strong as chance will have it."""
    width, height = image_size
    picture = torch.rand(count, 3, 1, 1, generator=generator).expand(count, 3, height, width)
    for cells in (3, 9):
        blotches = torch.randn(count, 3, cells, cells, generator=generator)
        strength = 0.25 * torch.rand(count, 1, 1, 1, generator=generator)
        picture = picture + strength * interpolate(blotches, (height, width), mode="bilinear", align_corners=True)
    return picture.clamp(0, 1)


def random_boxes(
    count: int, boxes: int, sides: tuple[float, float], share: float, image_size: tuple[int, int], generator: Generator
) -> tuple[Float[Tensor, "count boxes 4"], Float[Tensor, "count boxes 3"]]:
    """Upright rectangles anywhere: left, top, right and bottom in pixels, and colours.

    Args:
        count: pictures.
        boxes: in each, at most.
        sides: shortest and longest side, in parts of the picture's.
        share: probability that a box is there; without, it has no area.
        image_size: width and height, pixels.
        generator: random numbers.
    """
    size = torch.tensor(image_size).float()
    extent = sides[0] + (sides[1] - sides[0]) * torch.rand(count, boxes, 2, generator=generator)
    extent = extent * (torch.rand(count, boxes, 1, generator=generator) < share)
    middle = torch.rand(count, boxes, 2, generator=generator)
    corners = torch.cat([(middle - extent / 2) * size, (middle + extent / 2) * size], dim=-1)
    return corners, torch.rand(count, boxes, 3, generator=generator)


def clutter_capsules(
    count: int, capsules: int, image_size: tuple[int, int], generator: Generator
) -> tuple[Float[Tensor, "count capsules 2 4"], Float[Tensor, "count capsules 3"]]:
    """Things like limbs, far behind the people: ends with x, y, depth and radius in pixels, and colours."""
    width, height = image_size
    start = torch.rand(count, capsules, 1, 2, generator=generator)
    way = 0.25 * torch.randn(count, capsules, 1, 2, generator=generator)
    places = torch.cat([start, start + way], dim=2) * torch.tensor([width, height]).float()
    depth = (3 + torch.rand(count, capsules, 1, 1, generator=generator)).expand(-1, -1, 2, -1) * width
    radius = (0.01 + 0.04 * torch.rand(count, capsules, 2, 1, generator=generator)) * min(image_size)
    return torch.cat([places, depth, radius], dim=-1), torch.rand(count, capsules, 3, generator=generator)


def lights(count: int, generator: Generator) -> Float[Tensor, "count 4"]:
    """Where light comes from: more or less from above and from the camera's side; and the share that is everywhere."""
    way = torch.randn(count, 3, generator=generator) * torch.tensor([0.7, 0.5, 0.3]) + torch.tensor([0.0, -0.5, -0.8])
    everywhere = 0.3 + 0.4 * torch.rand(count, 1, generator=generator)
    return torch.cat([torch.nn.functional.normalize(way, dim=-1), everywhere], dim=-1)


def taken(
    pictures: Float[Tensor, "count height width 3"], blur: float, noise: float, generator: Generator
) -> UInt8[Tensor, "count 3 height width"]:
    """The pictures as a camera would take them: exposed, blurred, noisy, in whole numbers.

    Args:
        pictures: light, 0 to 1.
        blur: standard deviation of the strongest blur, pixels; up to 0.8.
        noise: standard deviation of the strongest noise, of 1.
        generator: random numbers.
    """
    count = len(pictures)
    exposure = 0.75 + 0.5 * torch.rand(count, 1, 1, 3, generator=generator)
    light = _blurred(_blurred(pictures * exposure, 1, blur, generator), 2, blur, generator)
    strength = noise * torch.rand(count, 1, 1, 1, generator=generator)
    light = light + strength * torch.randn(light.shape, generator=generator)
    return light.mul_(255).round_().clamp_(0, 255).to(torch.uint8).permute(0, 3, 1, 2).contiguous()


def _blurred(pictures: Tensor, axis: int, blur: float, generator: Generator) -> Tensor:
    """Along one axis with weights a, 1 - 2 a, a, whose variance is 2 a; the outermost lines stay as they are."""
    share = blur**2 / 2 * torch.rand(len(pictures), 1, 1, 1, generator=generator)
    size = pictures.shape[axis] - 2
    before, own, after = (pictures.narrow(axis, first, size) for first in (0, 1, 2))
    inner = own + share * (before + after - 2 * own)
    return torch.cat([pictures.narrow(axis, 0, 1), inner, pictures.narrow(axis, size + 1, 1)], dim=axis)
