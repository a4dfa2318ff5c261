"""The highest cell, moved a quarter of a cell towards its higher neighbour along each axis.

As SimpleBaseline and HRNet do, after the stacked hourglass (Newell, Yang, Deng, ECCV 2016): a peak in the first two or
the last cell of any axis stays where it is, and one between equal neighbours is not moved along that axis.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lift3d.heatmaps.decoders._entry import Decoder, NoSettings
from lift3d.heatmaps.windows import heatmap_peak

__all__ = ["DECODER", "quarter_shifted"]


def quarter_shifted(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Cells (batch, joints, axes), x first, and the highest values, of maps (batch, joints, *cells)."""
    size = maps.shape[2:]
    cells, values = heatmap_peak(maps, len(size))
    inside = ((cells > 1) & (cells < cells.new_tensor(size[::-1]) - 1)).all(-1, keepdim=True)
    strides = cells.new_tensor([math.prod(size[axis + 1 :]) for axis in range(len(size))][::-1])
    flat, index = maps.flatten(2), (cells * strides).sum(-1, keepdim=True)
    after, before = (flat.gather(2, (index + side * strides).clamp(0, flat.shape[2] - 1)) for side in (1, -1))
    return cells + torch.where(inside, 0.25 * (after - before).sign(), 0.0), values


def _decode(maps: Tensor, settings: NoSettings) -> tuple[Tensor, Tensor]:  # noqa: ARG001
    return quarter_shifted(maps)


DECODER = Decoder("quarter", "the highest cell, moved a quarter towards its higher neighbour", _decode)
