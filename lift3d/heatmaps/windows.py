"""The highest cell of a heatmap, and means over the cells around it.

Coordinates are in cells, (x, y) = (column, row), and the centre of the top-left cell is (0, 0), as with pixels. Where a
cell lies in the picture is told in ``lift3d.heatmaps.cells``.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.heatmaps.soft_argmax import mean_cell

__all__ = ["cell_grid", "heatmap_peak", "local_soft_argmax", "window", "window_mean"]


def heatmap_peak(
    heatmaps: Float[Tensor, "*batch_and_cells"], axes: int = 2
) -> tuple[Int[Tensor, "*batch axes"], Float[Tensor, "*batch"]]:
    """The highest cell, (column, row) or (column, row, depth), and its value.

    Among equals the first, row by row; NaN counts as highest.

    Args:
        heatmaps: (*batch, rows, columns), or (*batch, depth, rows, columns).
        axes: 2 or 3; how many of the last axes are cells.
    """
    values, places = heatmaps.flatten(-axes).max(-1)
    cells = torch.unravel_index(places, heatmaps.shape[-axes:])
    return torch.stack(cells[::-1], dim=-1), values


def local_soft_argmax(
    weights: Float[Tensor, "*batch_and_cells"],
    radius: int,
    peak: Int[Tensor, "*batch axes"] | None = None,
    *,
    axes: int = 2,
) -> Float[Tensor, "*batch axes"]:
    """Mean of the coordinates of the cells around the peak, weighted by the map's own values: (x, y) or (x, y, z).

    Differentiable in the weights; the choice of the window is not.

    Args:
        weights: not negative, such as probabilities; (*batch, rows, columns), or (*batch, depth, rows, columns).
        radius: the window is ``2 radius + 1`` cells wide, less what lies beyond the map's edge.
        peak: the window's middle; by default the highest cell.
        axes: 2 or 3; how many of the last axes are cells.

    Where all weights of the window are 0, the window's middle.
    """
    middle = heatmap_peak(weights, axes)[0] if peak is None else peak
    own = weights * window(middle, weights.shape[-axes:], radius)
    total = own.flatten(-axes).sum(-1)
    found = mean_cell(own / total.clamp_min(torch.finfo(own.dtype).tiny).reshape(*total.shape, *[1] * axes), axes)
    return torch.where((total > 0)[..., None], found, middle.to(found.dtype))


def window(middle: Int[Tensor, "*batch axes"], size: tuple[int, ...], radius: int) -> Tensor:
    """Whether each cell lies within a square or cube around the middle: boolean, (*batch, *size).

    Args:
        middle: (column, row) or (column, row, depth).
        size: of the map: (rows, columns) or (depth, rows, columns).
        radius: in cells; the middle's own cell is 0 away.
    """
    inside = torch.ones((), dtype=torch.bool, device=middle.device)
    for axis, cells in enumerate(reversed(size)):
        along = (torch.arange(cells, device=middle.device) - middle[..., axis, None]).abs() <= radius
        inside = inside & along[(..., *[None] * (len(size) - 1 - axis), slice(None), *[None] * axis)]
    return inside


def window_mean(
    values: Float[Tensor, "*batch rows columns n"],
    weights: Float[Tensor, "*batch rows columns"],
    middle: Int[Tensor, "*batch 2"],
    radius: int,
) -> Float[Tensor, "*batch n"]:
    """Weighted mean of the values of the cells within a square window; the middle's value where all weights are 0.

    Args:
        values: of each cell.
        weights: of each cell, not negative.
        middle: column and row of the window's middle.
        radius: the window is ``2 radius + 1`` cells wide, less what lies beyond the map's edge.
    """
    rows, columns = weights.shape[-2:]
    steps = torch.arange(-radius, radius + 1, device=weights.device)
    x = middle[..., 0, None, None] + steps  # (*batch, 1, window)
    y = middle[..., 1, None, None] + steps[:, None]  # (*batch, window, 1)
    inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
    places = (y.clamp(0, rows - 1) * columns + x.clamp(0, columns - 1)).flatten(-2)  # (*batch, window * window)
    own = weights.flatten(-2).gather(-1, places) * inside.flatten(-2)
    total = own.sum(-1, keepdim=True)
    own = torch.where(total > 0, own, (steps[:, None].abs() + steps.abs() == 0).flatten().to(own.dtype))
    share = own / own.sum(-1, keepdim=True)
    picked = values.flatten(-3, -2).gather(-2, places[..., None].expand(*places.shape, values.shape[-1]))
    return (share[..., None] * picked).sum(-2)


def cell_grid(maps: Float[Tensor, "*batch rows columns"]) -> Float[Tensor, "rows columns 2"]:
    """X and y of each cell of maps of this size, in their dtype and on their device."""
    rows, columns = (torch.arange(size, dtype=maps.dtype, device=maps.device) for size in maps.shape[-2:])
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([x, y], dim=-1)
