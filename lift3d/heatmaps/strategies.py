"""What a head is taught and how it is read: the strategies that Integral Human Pose Regression compares.

Sun, Xiao, Wei, Liang, Wei: "Integral Human Pose Regression", ECCV 2018, compare on one network

    ====  ==============================================  =======================
    R1    the places themselves, L1                       the places
    H1    Gaussian maps, mean square                      highest cell
    H2    one cell of each map, cross entropy             highest cell
    I*    nothing but the mean of the map, L1             the mean of the map
    I1    as H1, and the mean of the map, L1              the mean of the map
    I2    as H2, and the mean of the map, L1              the mean of the map
    ====  ==============================================  =======================

The paper's text leaves room; this is how it is read here, and each is only a choice of settings.

    settings = strategy("I2")
    loss = strategy_loss(network(images), places, settings, (256, 256)).total
    joints, scores = strategy_places(network(images)[-1], settings, (256, 256))

A head answers with maps, with volumes, with maps of x and y beside lines of z (:class:`SplitMaps`), or with places. Any
of them can be taught with joints of which only x and y are known, mixed with others: z is then NaN, and x and y are
read off what the volume holds in front and behind. So pictures with 2D labels help a network for 3D.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.heatmaps.cells import cells_to_pixels, pixels_to_cells, pixels_to_fractions
from lift3d.heatmaps.decoders.integral import IntegralSettings
from lift3d.heatmaps.decoding import DIRECT, Decoded, check_decoding, decode_heatmaps
from lift3d.heatmaps.losses import NORMS, cell_cross_entropy, heatmap_mse, place_loss
from lift3d.heatmaps.soft_argmax import soft_argmax
from lift3d.heatmaps.targets import gaussian_targets, nearest_cell

__all__ = [
    "HEATMAP_LOSSES", "STRATEGIES", "SplitMaps", "StrategyLoss", "StrategySettings", "strategy", "strategy_loss",
    "strategy_places",
]  # fmt: skip

HEATMAP_LOSSES = ("none", "gaussian", "one_hot")


class SplitMaps(NamedTuple):
    """Where a joint is in the picture, and apart from it how deep."""

    plane: Float[Tensor, "batch joints rows columns"]
    line: Float[Tensor, "batch joints depth"]


Answer = Tensor | SplitMaps


class StrategyLoss(NamedTuple):
    """The sum that is minimised, and its two terms, each with its weight; 0 where a strategy has no such term."""

    total: Float[Tensor, ""]
    heatmap: Float[Tensor, ""]
    coordinate: Float[Tensor, ""]


@dataclass(frozen=True)
class StrategySettings:
    """What is taught and how it is read.

    Args:
        heatmap_loss: ``"none"``, ``"gaussian"`` (mean square) or ``"one_hot"`` (cross entropy of the softmax).
        coordinate_loss: ``"none"``, ``"l1"`` or ``"l2"`` of the places, in parts of the input's width and height, edge
            to edge, and of the depth; of maps, their mean's place.
        decoding: how the answer is read: ``"direct"`` from a head that gives places, or a decoder's name.
        sigma: of the Gaussians, cells.
        rounded: whether the Gaussians are drawn around the nearest cell, as published, or around the joint itself.
        split: teach volumes x and y apart from z: their maps are those of the volume seen from the front and along z.
        half_pixel: where cells lie, see ``lift3d.heatmaps.cells``.
        temperature, normalisation, correction: of the mean, see ``soft_argmax``; the temperature also that of the
            cross entropy.
        heatmap_weight, coordinate_weight: of the two terms.
    """

    heatmap_loss: str = "none"
    coordinate_loss: str = "l1"
    decoding: str = "integral"
    sigma: float = 2.0
    rounded: bool = True
    split: bool = False
    half_pixel: bool = True
    temperature: float = 1.0
    normalisation: str = "softmax"
    correction: str = "none"
    heatmap_weight: float = 1.0
    coordinate_weight: float = 1.0

    def __post_init__(self) -> None:
        for kind, name, known in (
            ("loss of heatmaps", self.heatmap_loss, HEATMAP_LOSSES),
            ("loss of coordinates", self.coordinate_loss, ("none", *NORMS)),
        ):
            if name not in known:
                raise UnknownNameError(kind, name, known)
        check_decoding(self.decoding)
        IntegralSettings(self.temperature, self.normalisation, self.correction)
        if self.heatmap_loss == self.coordinate_loss == "none":
            raise InputError("strategy: neither a heatmap_loss nor a coordinate_loss; expected at least one.")
        if self.decoding == DIRECT and self.heatmap_loss != "none":
            raise InputError(f"strategy: heatmap_loss={self.heatmap_loss!r} with decoding 'direct', which has no maps.")
        if not self.sigma > 0:
            raise InputError(f"strategy: sigma={self.sigma}; expected a number of cells above 0.")


STRATEGIES = {
    "R1": StrategySettings("none", "l1", DIRECT),
    "H1": StrategySettings("gaussian", "none", "argmax"),
    "H2": StrategySettings("one_hot", "none", "argmax"),
    "I*": StrategySettings("none", "l1", "integral"),
    "I1": StrategySettings("gaussian", "l1", "integral", normalisation="sum"),
    "I2": StrategySettings("one_hot", "l1", "integral", heatmap_weight=0.01),  # nats beside parts of the width
}


def strategy(name: str) -> StrategySettings:
    """The settings of one of the paper's strategies; change them with ``dataclasses.replace``.

    The mean of I1, whose maps are taught to be Gaussians and not logits, is that of the maps' positive part.

    Raises:
        UnknownNameError: there is no such strategy.
    """
    if name not in STRATEGIES:
        raise UnknownNameError("strategy", name, STRATEGIES)
    return STRATEGIES[name]


def strategy_loss(
    stages: tuple[Answer, ...],
    places: Float[Tensor, "batch joints axes"],
    settings: StrategySettings,
    image_size: tuple[int, int],
    *,
    weights: Float[Tensor, "batch joints"] | None = None,
    depth: float | None = None,
) -> StrategyLoss:
    """The loss of a network's answer, summed over its stages.

    Args:
        stages: what the network answers, one entry for each supervised stage: maps (batch, joints, rows, columns),
            volumes (batch, joints, depth, rows, columns), split maps, or places (batch, joints, 2 or 3) from 0 to 1.
        places: where the joints are: x and y in pixels of the input and, where it is known, z in pixels of depth from
            the root; NaN where not. Two coordinates, or three.
        settings: of the strategy.
        image_size: width and height of the input, pixels.
        weights: of the joints; 1 by default.
        depth: pixels that volumes reach over; by default the input's width.

    Raises:
        ShapeError: the answer is not one that the strategy reads.
    """
    counted = torch.ones_like(places[..., 0]) if weights is None else weights
    heatmap = coordinate = counted.new_zeros(())
    for answer in stages:
        _check_answer(answer, settings)
        truth = _Truth(_with_axes(places, _axes(answer)), counted, image_size, depth)
        if settings.heatmap_loss != "none":
            heatmap = heatmap + settings.heatmap_weight * _heatmap_loss(answer, truth, settings)
        if settings.coordinate_loss != "none":
            coordinate = coordinate + settings.coordinate_weight * _coordinate_loss(answer, truth, settings)
    return StrategyLoss(heatmap + coordinate, heatmap, coordinate)


def strategy_places(
    answer: Answer, settings: StrategySettings, image_size: tuple[int, int], *, depth: float | None = None
) -> Decoded:
    """Joints of the last stage's answer, as the strategy reads them; see ``decode_heatmaps``.

    A line of depth is read by its mean where the maps are, and otherwise at its highest cell.
    """

    def read(maps: Tensor, decoding: str) -> Decoded:
        own = None
        if decoding == "integral":
            own = IntegralSettings(settings.temperature, settings.normalisation, settings.correction)
        return decode_heatmaps(maps, decoding, image_size, half_pixel=settings.half_pixel, depth=depth, settings=own)

    if isinstance(answer, Tensor):
        return read(answer, settings.decoding)
    plane = read(answer.plane, settings.decoding)
    volume = answer.line[..., None, None]  # of one row and one column
    z = read(volume, "integral" if settings.decoding == "integral" else "argmax").places[..., 2:]
    return Decoded(torch.cat([plane.places, z], dim=-1), plane.scores)


class _Truth(NamedTuple):
    """Where the joints are, NaN where not known, as many coordinates as the answer has; and the scale."""

    places: Tensor
    weights: Tensor
    image_size: tuple[int, int]
    depth: float | None


def _axes(answer: Answer) -> int:
    if isinstance(answer, SplitMaps):
        return 3
    return answer.shape[-1] if answer.ndim == 3 else answer.ndim - 2


def _check_answer(answer: Answer, settings: StrategySettings) -> None:
    if isinstance(answer, Tensor) and (answer.ndim == 3) != (settings.decoding == DIRECT):
        raise ShapeError("The answer", answer.shape, f"maps, or places with decoding 'direct'; not {settings.decoding}")


def _with_axes(places: Tensor, axes: int) -> Tensor:
    """The first coordinates, and NaN for those that are not given."""
    missing = axes - places.shape[-1]
    return torch.nn.functional.pad(places, (0, max(missing, 0)), value=torch.nan)[..., :axes]


def _coordinate_loss(answer: Answer, truth: _Truth, settings: StrategySettings) -> Tensor:
    if isinstance(answer, Tensor) and answer.ndim == 3:
        found = answer
    else:
        pixels = cells_to_pixels(_mean_cells(answer, settings), _map_size(answer), truth.image_size,
                                 half_pixel=settings.half_pixel, depth=truth.depth)  # fmt: skip
        found = pixels_to_fractions(pixels, truth.image_size, depth=truth.depth)
    targets = pixels_to_fractions(truth.places, truth.image_size, depth=truth.depth)
    counted = torch.where(torch.isfinite(targets), truth.weights[..., None], 0.0)
    return place_loss(found, targets, counted, settings.coordinate_loss)


def _mean_cells(answer: Answer, settings: StrategySettings) -> Tensor:
    def mean(maps: Tensor, axes: int) -> Tensor:
        return soft_argmax(
            maps, settings.temperature, axes=axes, normalisation=settings.normalisation, correction=settings.correction
        )

    if isinstance(answer, SplitMaps):
        return torch.cat([mean(answer.plane, 2), mean(answer.line, 1)], dim=-1)
    return mean(answer, answer.ndim - 2)


def _map_size(answer: Answer) -> tuple[int, ...]:
    if isinstance(answer, SplitMaps):
        return answer.line.shape[-1], *answer.plane.shape[-2:]
    return tuple(answer.shape[2:])


def _heatmap_loss(answer: Answer, truth: _Truth, settings: StrategySettings) -> Tensor:
    size, weights = _map_size(answer), truth.weights
    cells = pixels_to_cells(truth.places, size, truth.image_size, half_pixel=settings.half_pixel, depth=truth.depth)
    if isinstance(answer, Tensor) and len(size) == 2:
        return _map_loss(answer, cells, weights, settings)
    plane, line = answer if isinstance(answer, SplitMaps) else _seen(answer, settings)
    if settings.split or isinstance(answer, SplitMaps):
        return _map_loss(plane, cells[..., :2], weights, settings) + _map_loss(line, cells[..., 2:], weights, settings)
    flat_only = torch.where(torch.isfinite(cells[..., 2]), 0.0, weights)
    return _map_loss(answer, cells, weights, settings) + _map_loss(plane, cells[..., :2], flat_only, settings)


def _seen(volume: Tensor, settings: StrategySettings) -> tuple[Tensor, Tensor]:
    """A volume from the front, and along z: of probabilities their sums, of Gaussians their highest cells.

    Both are what the same target looks like with an axis less.
    """
    if settings.heatmap_loss == "one_hot":
        logits = volume / settings.temperature
        return settings.temperature * logits.logsumexp(2), settings.temperature * logits.logsumexp((3, 4))
    return volume.amax(2), volume.amax((3, 4))


def _map_loss(maps: Tensor, cells: Tensor, weights: Tensor, settings: StrategySettings) -> Tensor:
    """Of maps with as many axes as the cells have coordinates; joints with a NaN do not count."""
    size = tuple(maps.shape[2:])
    if settings.heatmap_loss == "gaussian":
        targets, kept = gaussian_targets(cells, weights, size, settings.sigma, rounded=settings.rounded)
        return heatmap_mse(maps, targets, kept)
    nearest, inside = nearest_cell(cells, size)
    return cell_cross_entropy(maps / settings.temperature, nearest, torch.where(inside, weights, 0.0))
