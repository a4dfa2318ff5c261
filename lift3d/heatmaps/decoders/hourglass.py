"""As the stacked hourglass is read: the quarter shift, and half a cell added (Newell, Yang, Deng, ECCV 2016).

Its targets are drawn at a joint's cell rounded down, so that on the whole a joint lies half a cell further on. A cell c
of stride s then stands for pixel s (c + 1/2): decode with ``half_pixel=False``.
"""

from __future__ import annotations

from torch import Tensor

from lift3d.heatmaps.decoders._entry import Decoder, NoSettings
from lift3d.heatmaps.decoders.quarter import quarter_shifted

__all__ = ["DECODER"]


def _decode(maps: Tensor, settings: NoSettings) -> tuple[Tensor, Tensor]:  # noqa: ARG001
    cells, values = quarter_shifted(maps)
    return cells + 0.5, values


DECODER = Decoder("hourglass", "the quarter shift, and half a cell added", _decode)
