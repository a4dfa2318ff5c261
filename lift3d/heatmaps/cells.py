"""Where the cells of a heatmap lie in the picture that the network was given.

Pixel centres are whole numbers: the centre of the top-left pixel is (0, 0). A map of stride s, cells counted alike:

- ``half_pixel=True``: cell c covers pixels s c to s c + s - 1, and its centre is at pixel ``s (c + 1/2) - 1/2``. This
  is where a cell is, and what everything trained here uses.
- ``half_pixel=False``: cell c stands for pixel ``s c``. So counts the published code of SimpleBaseline, HRNet and
  Integral, and their weights have learnt it; with the other rule they are off by (s - 1) / 2 pixels.

Depth is counted in the same scale as the picture's pixels, from the root joint: 0 at the middle of the map's depth,
positive away from the camera. As in x and y, its map reaches from edge to edge: cell k of n over a depth of d pixels is
at ``d (k + 1/2) / n - d / 2``, or, without the half, at ``d k / n - d / 2``.

Published integral regression labels a joint ``x / W - 1/2`` with x in pixels or cells from 0, W the width of the same:
that is ``half_pixel=False``, and why a flat map of n cells then gives -1 / (2 n) and not 0.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

__all__ = ["cells_to_pixels", "fractions_to_pixels", "pixels_to_cells", "pixels_to_fractions"]


def cells_to_pixels(
    cells: Float[Tensor, "*batch axes"],
    map_size: tuple[int, ...],
    image_size: tuple[int, int],
    *,
    half_pixel: bool = True,
    depth: float | None = None,
) -> Float[Tensor, "*batch axes"]:
    """From cells, (x, y) or (x, y, z), to pixels of the network's input and pixels of depth from the root.

    Args:
        cells: places in the map; NaN stays NaN.
        map_size: as the map's last axes: (rows, columns) or (depth, rows, columns).
        image_size: width and height of the network's input, pixels.
        half_pixel: which rule, see above.
        depth: how deep the map reaches, from edge to edge, pixels; by default as far as the picture is wide.
    """
    scale, shift = _scale_and_shift(cells, map_size, image_size, half_pixel, depth)
    return cells * scale + shift


def pixels_to_cells(
    pixels: Float[Tensor, "*batch axes"],
    map_size: tuple[int, ...],
    image_size: tuple[int, int],
    *,
    half_pixel: bool = True,
    depth: float | None = None,
) -> Float[Tensor, "*batch axes"]:
    """The inverse of :func:`cells_to_pixels`."""
    scale, shift = _scale_and_shift(pixels, map_size, image_size, half_pixel, depth)
    return (pixels - shift) / scale


def fractions_to_pixels(
    fractions: Float[Tensor, "*batch axes"], image_size: tuple[int, int], *, depth: float | None = None
) -> Float[Tensor, "*batch axes"]:
    """From places that run from 0 to 1 across the input, edge to edge, to pixels; depth likewise, 1/2 at the root.

    The left edge of the leftmost pixel is at -1/2.
    """
    axes = fractions.shape[-1]
    return cells_to_pixels(fractions - 0.5, (1,) * axes, image_size, depth=depth)


def pixels_to_fractions(
    pixels: Float[Tensor, "*batch axes"], image_size: tuple[int, int], *, depth: float | None = None
) -> Float[Tensor, "*batch axes"]:
    """The inverse of :func:`fractions_to_pixels`."""
    return pixels_to_cells(pixels, (1,) * pixels.shape[-1], image_size, depth=depth) + 0.5


def _scale_and_shift(
    like: Tensor, map_size: tuple[int, ...], image_size: tuple[int, int], half_pixel: bool, depth: float | None
) -> tuple[Tensor, Tensor]:
    """Pixels in a cell, and the pixel of cell 0, along x, y and z."""
    width, height = image_size
    reach = (width, height, width if depth is None else depth)[: len(map_size)]
    scale = like.new_tensor([pixels / cells for pixels, cells in zip(reach, reversed(map_size), strict=True)])
    middle = like.new_tensor([0.5, 0.5, reach[2] / 2 if len(reach) == 3 else 0.0][: len(map_size)])
    if half_pixel:
        return scale, scale / 2 - middle
    middle[:2] = 0.0
    return scale, -middle
