"""Train a network of heatmaps on labelled pictures or on drawn people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Generator, Tensor, nn

from lift3d.checkpoints import network_named
from lift3d.datasets.labelled_pictures import LabelledPictures, read_labelled_pictures
from lift3d.detection.readings.top_down import TopDownSettings, network_input
from lift3d.errors import SettingsError
from lift3d.formats import read_poses
from lift3d.heatmaps.strategies import StrategySettings, strategy_loss, strategy_places
from lift3d.skeletons import Skeleton, get_skeleton
from lift3d.training.detector_settings import DetectorTraining, DrawnData, LabelledData, LabelledSet
from lift3d.training.drawn_samples import DrawnSamples
from lift3d.training.first_weights import take_weights
from lift3d.training.loop import train
from lift3d.training.picture_samples import PictureSamples, PictureSet, Samples

__all__ = ["DetectorSamples", "TrainedDetector", "train_detector"]

_CLOSE = 0.05  # of the input's width: what counts as found while training


@dataclass(frozen=True, eq=False)
class TrainedDetector:
    """What a training ends with.

    Args:
        network: in evaluation mode, on the CPU.
        skeleton: of the joints that it predicts.
        trained_on: what it has learned from, for people.
    """

    network: nn.Module
    skeleton: Skeleton
    trained_on: str


def train_detector(settings: DetectorTraining, folder: str | Path) -> TrainedDetector:
    """Train what the settings say; a run that was interrupted in the folder goes on.

    Raises:
        FileError: the data cannot be read, or the folder holds the state of another run.
        SettingsError: the network does not fit the joints or the strategy.
    """
    torch.manual_seed(settings.loop.seed)
    network = network_named(settings.network.name).build(settings.network.settings)
    if settings.start:
        take_weights(network, settings.start)
    source = _source(settings)
    joints = getattr(settings.network.settings, "joints", None)
    if joints != len(source.skeleton):
        raise SettingsError(
            f"[network]: it predicts {joints} joints; the data has the {len(source.skeleton)} of "
            f"{source.skeleton.name}. Set network.joints to that."
        )
    samples = DetectorSamples(source, settings.reading.settings, settings.strategy, settings.data.measured)
    trained = train(network, samples.loss, samples.measure, settings.loop, folder)
    return TrainedDetector(trained, source.skeleton, source.about)


class _Source(Protocol):
    """Where samples are from: :class:`PictureSamples` or :class:`DrawnSamples`."""

    skeleton: Skeleton

    @property
    def about(self) -> str: ...

    def draw(self, count: int, generator: Generator) -> Samples: ...

    def held(self, count: int) -> Iterator[Samples]: ...


def _source(settings: DetectorTraining) -> _Source:
    data, reading = settings.data, settings.reading.settings
    if isinstance(data, DrawnData):
        return DrawnSamples(data.drawing, reading.image_size)
    assert settings.augmentation is not None
    sets = _sets(data)
    held = [_read(one) for one in data.held]
    if len(held) > 1:
        raise SettingsError("[data]: held has several sets; expected one at most.")
    skeleton = get_skeleton(data.skeleton) if data.skeleton else sets[0].pictures.skeleton
    return PictureSamples(
        sets, held[0] if held else None, skeleton, reading.image_size, reading.box_scale, settings.augmentation,
        data.workers,
    )  # fmt: skip


def _sets(data: LabelledData) -> list[PictureSet]:
    if not data.sets:
        raise SettingsError("[data]: there are no sets to learn from; expected a table [[data.sets]] at least.")
    sets = [PictureSet(_read(one), one.share) for one in data.sets]
    for one, own in zip(data.sets, sets, strict=True):
        if not len(own.pictures.people):
            raise SettingsError(f"[data]: nobody is left to train on in {one.path}.")
    return sets


def _read(one: LabelledSet) -> LabelledPictures:
    pictures = read_labelled_pictures(
        one.path, one.images or None, one.format or None, skeleton=one.skeleton or None, cameras=one.cameras or None,
        poses=read_poses(one.poses) if one.poses else None,
    )  # fmt: skip
    if one.only:
        pictures = pictures.matching(*one.only)
    return pictures.unlike(*one.without) if one.without else pictures


class DetectorSamples:
    """The loss of random samples, and how far off a network is on those held out.

    Args:
        source: where samples are from.
        reading: how pictures go in.
        strategy: what is taught and how it is read.
        measured: samples that a measurement looks at.
    """

    def __init__(self, source: _Source, reading: TopDownSettings, strategy: StrategySettings, measured: int) -> None:
        self.source, self.reading, self.strategy, self.measured = source, reading, strategy, measured
        self._size = (reading.image_size[0], reading.image_size[1])

    def loss(self, network: nn.Module, generator: Generator, count: int) -> Tensor:
        """The loss of so many samples."""
        samples = self.source.draw(count, generator)
        stages = self._stages(network, samples)
        device = stages[-1].device
        return strategy_loss(
            stages, samples.places.to(device), self.strategy, self._size,
            weights=samples.weights.to(device),
        ).total  # fmt: skip

    @torch.no_grad()
    def measure(self, network: nn.Module) -> dict[str, float]:
        """Errors of held-out people, pixels of the input; none without them.

        Args:
            network: in evaluation mode.

        Returns:
            The mean distance of labelled joints in the picture, the share of them closer than a twentieth of the
            input's width, and, of a network for 3D, the mean error along the line of sight where it is known.
        """
        found: dict[str, list[Tensor]] = {}
        for samples in self.source.held(self.measured):
            for name, values in self._figures(network, samples).items():
                found.setdefault(name, []).append(values)
        return {name: torch.cat(parts).mean().item() for name, parts in found.items()}

    def _figures(self, network: nn.Module, samples: Samples) -> dict[str, Tensor]:
        answer = self._stages(network, samples)[-1]
        places = strategy_places(answer, self.strategy, self._size).places.cpu()
        counted = samples.weights > 0
        away = (places[..., :2] - samples.places[..., :2]).norm(dim=-1)[counted]
        close = (away < _CLOSE * self._size[0]).float()
        figures = {"error_px": away, "within_5_percent": close}
        if places.shape[-1] == 3:
            deep = (places[..., 2] - samples.places[..., 2]).abs()[counted]
            figures["depth_error_px"] = deep[torch.isfinite(deep)]
        return figures

    def _stages(self, network: nn.Module, samples: Samples) -> tuple[Any, ...]:
        device = next(network.parameters()).device
        return network(network_input(samples.crops.to(device), self.reading))
