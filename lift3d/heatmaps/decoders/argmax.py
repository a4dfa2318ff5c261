"""The highest cell."""

from __future__ import annotations

from torch import Tensor

from lift3d.heatmaps.decoders._entry import Decoder, NoSettings
from lift3d.heatmaps.windows import heatmap_peak

__all__ = ["DECODER"]


def _decode(maps: Tensor, settings: NoSettings) -> tuple[Tensor, Tensor]:  # noqa: ARG001
    cells, values = heatmap_peak(maps, maps.ndim - 2)
    return cells.to(maps.dtype), values


DECODER = Decoder("argmax", "the highest cell, no finer", _decode)
