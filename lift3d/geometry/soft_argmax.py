"""Where a heatmap is highest, to a fraction of a cell.

Coordinates are in cells, (x, y) = (column, row), and the centre of the top-left cell is (0, 0), as with pixels. A map
whose cells are ``stride`` pixels wide has the centre of cell c at pixel ``stride (c + 1/2) - 1/2``, not at
``stride c``.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["cell_grid", "heatmap_peak", "local_soft_argmax", "soft_argmax", "window_mean"]


def heatmap_peak(
    heatmaps: Float[Tensor, "*batch rows columns"],
) -> tuple[Int[Tensor, "*batch 2"], Float[Tensor, "*batch"]]:
    """Column and row of the highest cell, and its value. Among equals the first, row by row; NaN counts as highest."""
    values, places = heatmaps.flatten(-2).max(-1)
    columns = heatmaps.shape[-1]
    return torch.stack([places % columns, places // columns], dim=-1), values


def soft_argmax(logits: Float[Tensor, "*batch rows columns"], temperature: float = 1.0) -> Float[Tensor, "*batch 2"]:
    """Mean of all cells' coordinates under ``softmax(logits / temperature)``.

    Exact for one peak far from the edges; drawn towards the middle of the map by whatever else is in it. A cell of
    minus infinity takes no part.
    """
    weights = (logits.flatten(-2) / temperature).softmax(-1).unflatten(-1, logits.shape[-2:])
    return _weighted_cells(weights)


def local_soft_argmax(
    weights: Float[Tensor, "*batch rows columns"], radius: int, peak: Int[Tensor, "*batch 2"] | None = None
) -> Float[Tensor, "*batch 2"]:
    """Mean of the coordinates of the cells around the peak, weighted by the map's own values.

    Differentiable in the weights; the choice of the window is not.

    Args:
        weights: not negative, such as probabilities.
        radius: the window is ``2 radius + 1`` cells wide, less what lies beyond the map's edge.
        peak: column and row of the window's middle; by default the highest cell.

    Where all weights of the window are 0, the window's middle.
    """
    middle = heatmap_peak(weights)[0] if peak is None else peak
    grid = cell_grid(weights).expand(*weights.shape, 2)
    return window_mean(grid, weights, middle, radius)


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


def _weighted_cells(weights: Tensor) -> Tensor:
    """Mean of the cells' coordinates under weights that sum to 1."""
    columns = torch.arange(weights.shape[-1], dtype=weights.dtype, device=weights.device)
    rows = torch.arange(weights.shape[-2], dtype=weights.dtype, device=weights.device)
    return torch.stack([(weights.sum(-2) * columns).sum(-1), (weights.sum(-1) * rows).sum(-1)], dim=-1)


def cell_grid(maps: Float[Tensor, "*batch rows columns"]) -> Float[Tensor, "rows columns 2"]:
    """X and y of each cell of maps of this size, in their dtype and on their device."""
    rows, columns = (torch.arange(size, dtype=maps.dtype, device=maps.device) for size in maps.shape[-2:])
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([x, y], dim=-1)
