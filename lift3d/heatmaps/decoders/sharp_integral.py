"""The mean of all cells under a sharpened map: how learnable triangulation reads its heatmaps (Iskakov et al. 2019)."""

from __future__ import annotations

from dataclasses import dataclass

from lift3d.heatmaps.decoders._entry import Decoder
from lift3d.heatmaps.decoders.integral import DECODER as _INTEGRAL
from lift3d.heatmaps.decoders.integral import IntegralSettings

__all__ = ["DECODER", "SharpIntegralSettings"]


@dataclass(frozen=True)
class SharpIntegralSettings(IntegralSettings):
    """As those of ``"integral"``, but for the temperature: maps are multiplied by 100 before the softmax."""

    temperature: float = 0.01


DECODER = Decoder(
    "sharp_integral", "the mean of the cells under the softmax of 100 times the map", _INTEGRAL.decode,
    SharpIntegralSettings,
)  # fmt: skip
