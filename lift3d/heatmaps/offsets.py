"""Places to a fraction of a cell from a head that gives, for each cell, the way from there to the joint."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

from lift3d.heatmaps.windows import cell_grid, window_mean

__all__ = ["offset_votes"]


def offset_votes(
    probabilities: Float[Tensor, "*batch rows columns"],
    offsets: Float[Tensor, "*batch 2 rows columns"],
    cells: Int[Tensor, "*batch 2"],
    radius: int = 0,
) -> Float[Tensor, "*batch 2"]:
    """Where the cells around a chosen one say that the joint is, weighted by their probabilities; in cells.

    Args:
        probabilities: that the joint is in a cell, not negative.
        offsets: (x, y) from each cell to the joint, in cells; of networks that count from a cell's corner, such as
            MoveNet, the votes count from there too.
        cells: column and row of the cell in the middle, such as the most likely one.
        radius: how far around it cells vote; 0 for that cell alone.
    """
    votes = cell_grid(probabilities) + offsets.movedim(-3, -1)
    return window_mean(votes, probabilities, cells, radius)
