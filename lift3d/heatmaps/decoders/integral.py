"""The mean of all cells under the map's probabilities, or of those around the most likely one: integral regression."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from lift3d.errors import InputError, UnknownNameError
from lift3d.heatmaps.decoders._entry import Decoder
from lift3d.heatmaps.soft_argmax import CORRECTIONS, NORMALISATIONS, cell_probabilities, soft_argmax
from lift3d.heatmaps.windows import heatmap_peak, local_soft_argmax, window

__all__ = ["DECODER", "IntegralSettings"]

_NEAR = 2  # cells around the most likely one whose probability is the score


@dataclass(frozen=True)
class IntegralSettings:
    """What the mean is taken of.

    Args:
        temperature: of the softmax.
        normalisation: ``"softmax"``, or ``"sum"`` for maps taught to be Gaussians.
        correction: of the background's pull: ``"none"``, ``"zero"`` or ``"lowest"``; see ``soft_argmax``. Only where
            the mean is of the whole map.
        radius: cells around the most likely one that count; 0 for the whole map.
    """

    temperature: float = 1.0
    normalisation: str = "softmax"
    correction: str = "none"
    radius: int = 0

    def __post_init__(self) -> None:
        if not self.temperature > 0 or self.radius < 0:
            raise InputError(
                f"integral: temperature={self.temperature}, radius={self.radius}; expected a temperature above 0 and a "
                "radius of 0 (the whole map) or more."
            )
        for kind, name, known in (
            ("normalisation", self.normalisation, NORMALISATIONS),
            ("correction", self.correction, CORRECTIONS),
        ):
            if name not in known:
                raise UnknownNameError(kind, name, known)


def _decode(maps: Tensor, settings: IntegralSettings) -> tuple[Tensor, Tensor]:
    """The score is the probability that lies within two cells of the most likely one, 0 to 1."""
    axes = maps.ndim - 2
    probabilities = cell_probabilities(maps, axes, settings.temperature, settings.normalisation)
    peak, _ = heatmap_peak(probabilities.detach(), axes)
    scores = (probabilities.detach() * window(peak, maps.shape[2:], _NEAR)).flatten(2).sum(-1)
    if settings.radius:
        return local_soft_argmax(probabilities, settings.radius, peak, axes=axes), scores
    cells = soft_argmax(
        maps, settings.temperature, axes=axes, normalisation=settings.normalisation, correction=settings.correction
    )
    return cells, scores


DECODER = Decoder("integral", "the mean of the cells under the map's probabilities", _decode, IntegralSettings)
