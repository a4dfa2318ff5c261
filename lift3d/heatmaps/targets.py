"""Maps to teach a network: a Gaussian at each joint, or the one cell it lies in.

Joints are given in cells of the map, (x, y) or (x, y, z); ``lift3d.heatmaps.cells`` brings pixels there. The Gaussians
are as high as 1 and are products of one Gaussian along each axis, so that volumes cost no more than being filled.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

__all__ = ["gaussian_along", "gaussian_targets", "hourglass_targets", "nearest_cell", "product_of_axes"]


def gaussian_targets(
    cells: Float[Tensor, "*batch joints axes"],
    weights: Float[Tensor, "*batch joints"],
    map_size: tuple[int, ...],
    sigma: float,
    *,
    rounded: bool = True,
) -> tuple[Float[Tensor, "*batch joints *cells"], Float[Tensor, "*batch joints"]]:
    """Gaussian maps, and the joints' weights: 0 where a joint is NaN or too far outside for its Gaussian to be seen.

    Args:
        cells: where the joints are, NaN where not known.
        weights: of the joints; the map of a joint of weight 0 is empty.
        map_size: (rows, columns) or (depth, rows, columns), one axis for each of the joints' coordinates; (depth,)
            for places along one axis.
        sigma: standard deviation, cells.
        rounded: as SimpleBaseline and HRNet draw them (Xiao, Wu, Wei, ECCV 2018): around the nearest cell, and nothing
            beyond three sigma. The map then says nothing about where in its cell the joint is. False draws the
            Gaussian around the joint itself, over the whole map, which loses nothing (DARK, Zhang et al., CVPR 2020).
    """
    known = torch.isfinite(cells).all(-1)
    middle = torch.where(known[..., None], cells, 0.0)
    middle = torch.trunc(middle + 0.5) if rounded else middle
    sizes = middle.new_tensor(map_size[::-1])
    # As published, a joint whose Gaussian ends just before the first cell still counts, with an empty map.
    near = ((middle + 3 * sigma + 1 >= 0) & (middle - 3 * sigma < sizes)).all(-1)
    kept = torch.where(known & near, weights, 0.0)
    reach = 3 * sigma if rounded else torch.inf
    axes = [gaussian_along(middle[..., axis], size, sigma, reach=reach) for axis, size in enumerate(reversed(map_size))]
    axes[0] = axes[0] * (kept > 0)[..., None]
    return product_of_axes(axes), kept


def hourglass_targets(
    cells: Float[Tensor, "*batch people joints 2"], map_size: tuple[int, int], sigma: float = 1.0
) -> Float[Tensor, "*batch joints rows columns"]:
    """Gaussian maps as the stacked hourglass is taught (Newell, Yang, Deng, ECCV 2016).

    Around the cell that the joint lies in, its coordinates rounded down, out to ``3 sigma + 1`` cells; where people's
    Gaussians meet, the higher one counts. A joint outside the map is not drawn.

    Args:
        cells: of everybody in the picture; a joint that is NaN, or has x <= 0 as in the published files, is not there.
        map_size: rows and columns.
        sigma: standard deviation, cells; 1 for a map of 64 cells, 2 for 128.
    """
    known = torch.isfinite(cells).all(-1) & (cells[..., 0] > 0)
    middle = torch.where(known[..., None], cells, -1.0).trunc()
    inside = known & _inside(middle, map_size)
    x, y = (gaussian_along(middle[..., axis], map_size[1 - axis], sigma, 3 * sigma + 1) for axis in (0, 1))
    return product_of_axes([x * inside[..., None], y]).amax(-4)


def nearest_cell(
    cells: Float[Tensor, "*batch axes"], map_size: tuple[int, ...]
) -> tuple[Int[Tensor, "*batch"], Bool[Tensor, "*batch"]]:
    """The cell that a joint lies in, as a place in the flattened map, and whether it is in the map at all.

    The target of a cross entropy: a map that is 1 there and 0 elsewhere. Outside, or NaN: place 0 and false.
    """
    nearest = (torch.where(torch.isfinite(cells), cells, -1.0) + 0.5).floor()
    inside = _inside(nearest, map_size)
    place = torch.zeros_like(nearest[..., 0])
    for axis in reversed(range(len(map_size))):
        place = place * map_size[-1 - axis] + nearest[..., axis]
    return torch.where(inside, place, 0.0).long(), inside


def gaussian_along(
    middle: Float[Tensor, "*batch"], size: int, sigma: float, reach: float = torch.inf
) -> Float[Tensor, "*batch size"]:
    """``exp(-(i - middle)^2 / (2 sigma^2))`` of cells i from 0 to ``size - 1``; 0 farther away than ``reach``."""
    away = torch.arange(size, dtype=middle.dtype, device=middle.device) - middle[..., None]
    return torch.exp(-(away**2) / (2 * sigma**2)) * (away.abs() <= reach)


def product_of_axes(axes: list[Tensor]) -> Tensor:
    """Maps (*batch, ..., rows, columns) that are products of one line (*batch, cells) for each axis, x first."""
    product = axes[0]
    for number, line in enumerate(axes[1:], start=1):
        product = line[(..., *[None] * number)] * product.unsqueeze(-1 - number)
    return product


def _inside(cells: Tensor, map_size: tuple[int, ...]) -> Tensor:
    return ((cells >= 0) & (cells < cells.new_tensor(map_size[::-1]))).all(-1)
