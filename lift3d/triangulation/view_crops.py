"""A person cut out of a picture for a network of several views, with the camera of what was cut out.

The part has the shape of the network's input and whole pixels; shrinking averages over areas (each pixel counts by how
much of it a new pixel covers), enlarging interpolates, both as OpenCV's ``INTER_AREA``. Beyond the picture it is black.
A lens is undone on the way: the part is one of the picture that a pinhole of the same intrinsics would have taken.

Networks differ in where they take the new pixels to be. ``half_pixel``: edges stay in place, as they do. Without, as in
learnable triangulation's published code (Iskakov et al. 2019), the centre of the top-left pixel does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from lift3d.cameras import Camera, Lens
from lift3d.errors import InputError

__all__ = ["ViewCrop"]

_SMALLEST = 2.0  # pixels: a box that is smaller shows nobody
_MOST_SAMPLES = 4  # along each axis, to a pixel of the input, where a lens is undone
_ALONG_EDGE = 9  # points of a box's edge that are undistorted


@dataclass(frozen=True, eq=False)
class ViewCrop:
    """Where a network's input lies in a picture. Make it with :meth:`around`.

    Args:
        camera: one, as calibrated, with its lens.
        left, top, width, height: of the part in the undistorted picture; whole pixels. It may reach beyond it.
        image_size: width and height of the input, pixels.
    """

    camera: Camera
    left: int
    top: int
    width: int
    height: int
    image_size: tuple[int, int]

    @classmethod
    def around(
        cls, box: Float[Tensor, "4"], camera: Camera, image_size: tuple[int, int], scale: float = 1.0
    ) -> ViewCrop | None:
        """The smallest part of the input's shape around a box that is grown by a factor; None without a box.

        Args:
            box: left, top, width, height of the person in the distorted picture, pixels; NaN where nobody is.
            camera: that took the picture.
            image_size: width and height of the input, pixels.
            scale: see above.
        """
        left, top, width, height = _undistorted_box(box, camera)
        if not all(map(math.isfinite, (left, top, width, height))) or min(width, height) < _SMALLEST:
            return None
        shape = image_size[0] / image_size[1]
        wide = max(width, height * shape) * scale
        wide, high = max(1, round(wide)), max(1, round(wide / shape))
        return cls(
            camera,
            math.floor(left + width / 2 - wide / 2 + 0.5),
            math.floor(top + height / 2 - high / 2 + 0.5),
            wide,
            high,
            image_size,
        )

    def intrinsics(self, half_pixel: bool = True) -> Float[Tensor, "3 3"]:
        """Of the camera that took the input; see the head of this module."""
        scale = self.image_size[0] / self.width, self.image_size[1] / self.height
        part = self.camera.cropped(self.left, self.top, self.width, self.height)
        if half_pixel:
            return part.resized(scale).intrinsics
        return part.intrinsics * part.intrinsics.new_tensor([*scale, 1.0])[:, None]

    def cut(self, rgb: UInt8[Tensor, "rows columns 3"]) -> UInt8[Tensor, "3 height width"] | None:
        """The input from the picture; None if all of it lies beyond the picture."""
        rows, columns = rgb.shape[:2]
        if _bends(self.camera):
            return self._unbent(rgb)
        left, right = max(self.left, 0), min(self.left + self.width, columns)
        top, bottom = max(self.top, 0), min(self.top + self.height, rows)
        if left >= right or top >= bottom:
            return None
        across = _shares(self.image_size[0], self.width, left - self.left, right - self.left)
        down = _shares(self.image_size[1], self.height, top - self.top, bottom - self.top)
        part = rgb[top:bottom, left:right].float()
        lines = (down @ part.flatten(1)).unflatten(1, part.shape[1:])  # (height, columns of the part, 3)
        return _bytes(torch.einsum("yxc,wx->cyw", lines, across))

    def _unbent(self, rgb: Tensor) -> Tensor | None:
        """The input from a picture that a lens has bent: several samples to a pixel, then their mean."""
        width, height = self.image_size
        samples = min(_MOST_SAMPLES, math.ceil(max(self.width / width, self.height / height)))
        x = (torch.arange(width * samples).double() + 0.5) * (self.width / (width * samples)) - 0.5 + self.left
        y = (torch.arange(height * samples).double() + 0.5) * (self.height / (height * samples)) - 0.5 + self.top
        straight = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).reshape(-1, 2)
        pinhole = self.camera.to(torch.float64).undistorted()
        plane = pinhole.normalise(straight)
        pixels = self.camera.to(torch.float64).project_camera(torch.cat([plane, torch.ones_like(plane[:, :1])], dim=-1))
        size = pixels.new_tensor([rgb.shape[1], rgb.shape[0]])
        places = (2 * pixels + 1) / size - 1  # -1 and 1 at the outer edges
        places = torch.where(places.isfinite(), places, 3.0).clamp(-3, 3)
        if not bool((places.abs() < 1).all(-1).any()):
            return None
        grid = places.reshape(1, height * samples, width * samples, 2).float()
        seen = F.grid_sample(rgb.permute(2, 0, 1)[None].float(), grid, align_corners=False)
        return _bytes(F.avg_pool2d(seen, samples)[0])


def _bytes(picture: Tensor) -> UInt8[Tensor, "3 height width"]:
    return picture.round().clamp(0, 255).byte()


def _shares(size: int, length: int, first: int, last: int) -> Float[Tensor, "size part"]:
    """Of each of ``size`` new pixels, how much of it each old one from ``first`` to ``last`` of ``length`` covers."""
    step = length / size
    start = torch.arange(size).double()[:, None] * step
    old = torch.arange(first, last).double()
    covered = torch.minimum(start + step, old + 1) - torch.maximum(start, old)
    return (covered.clamp_min(0) / step).float()


def _bends(camera: Camera) -> bool:
    """Whether the camera's lens is no pinhole."""
    return int(camera.lens) == Lens.FISHEYE or bool((camera.distortion != 0).any())


def _undistorted_box(box: Float[Tensor, "4"], camera: Camera) -> tuple[float, float, float, float]:
    """The box, which may be distorted, around what it shows in the undistorted picture; NaN where nothing is."""
    if box.shape != (4,):
        raise InputError(f"A box has shape {tuple(box.shape)}; expected (4,): left, top, width, height.")
    left, top, width, height = box.double().tolist()
    if not _bends(camera) or not bool(box.isfinite().all()):
        return left, top, width, height
    steps = torch.linspace(0, 1, _ALONG_EDGE, dtype=torch.float64)
    low, high = torch.zeros_like(steps), torch.ones_like(steps)
    edges = torch.cat([torch.stack(own, dim=-1) for own in ((steps, low), (steps, high), (low, steps), (high, steps))])
    bent = edges * edges.new_tensor([width, height]) + edges.new_tensor([left, top])
    straight = camera.to(torch.float64).undistort(bent)
    straight = straight[straight.isfinite().all(-1)]
    if not len(straight):
        return math.nan, math.nan, math.nan, math.nan
    (left, top), (right, bottom) = straight.amin(0).tolist(), straight.amax(0).tolist()
    return left, top, right - left, bottom - top
