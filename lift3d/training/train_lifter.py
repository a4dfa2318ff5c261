"""Train a lifting network, of single frames or over time, on motion seen by virtual cameras or on pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Generator, Tensor, nn

from lift3d.checkpoints import network_named
from lift3d.errors import InputError, SettingsError
from lift3d.evaluation.metrics import mpjpe, pa_mpjpe
from lift3d.lifting.encodings import Answer
from lift3d.lifting.encodings.standardised import StandardisedSettings
from lift3d.lifting.lifter import Lifter
from lift3d.lifting.observed import Observed
from lift3d.skeletons import Skeleton
from lift3d.training.first_weights import take_weights
from lift3d.training.lifter_settings import LifterTraining, MotionData
from lift3d.training.loop import train
from lift3d.training.losses import LossSettings, deviation_loss, pose_loss
from lift3d.training.motion_samples import MotionSamples
from lift3d.training.named_settings import Named
from lift3d.training.pair_samples import PairSamples
from lift3d.training.standardisation import with_statistics

__all__ = ["LifterSamples", "TrainedLifter", "train_lifter"]

_MEASURED = 4096  # answers at most that a measurement looks at
_READ = 1 << 18  # and frames that they are made from


@dataclass(frozen=True, eq=False)
class TrainedLifter:
    """What a training ends with.

    Args:
        network: in evaluation mode, on the CPU.
        encoding: with the statistics of the training data, where it has any.
        input_skeleton, skeleton: of the joints that it is given and that it answers.
        trained_on: what it has learned from, for people.
    """

    network: nn.Module
    encoding: Named
    input_skeleton: Skeleton
    skeleton: Skeleton
    trained_on: str


def train_lifter(settings: LifterTraining, folder: str | Path) -> TrainedLifter:
    """Train what the settings say; a run that was interrupted in the folder goes on.

    Raises:
        FileError: the data cannot be read, or the folder holds the state of another run.
        SettingsError: the network does not fit the encoding, or either the data.
    """
    torch.manual_seed(settings.loop.seed)
    network = network_named(settings.network.name).build(settings.network.settings)
    if settings.start:
        take_weights(network, settings.start, ("", "own."))
    source = _source(settings, getattr(network, "context", (0, 0)))
    encoding = _fitted(settings.encoding, source)
    lifter = _lifter(network, settings, encoding, source)
    samples = LifterSamples(source, lifter, settings.data.frames, settings.loss)
    trained = train(network, samples.loss, samples.measure, settings.loop, folder)
    return TrainedLifter(trained, encoding, source.input_skeleton, source.skeleton, source.about)


class _Source(Protocol):
    """Where samples are from: :class:`MotionSamples` or :class:`PairSamples`."""

    input_skeleton: Skeleton
    skeleton: Skeleton
    about: str

    def draw(self, count: int, generator: Generator) -> tuple[Observed, Tensor]: ...

    def held(self, count: int) -> Iterator[tuple[str, Observed, Tensor]]: ...

    def everything(self) -> Iterator[tuple[Observed, Tensor]]: ...


def _source(settings: LifterTraining, context: tuple[int, int]) -> _Source:
    frames = settings.data.frames
    if frames <= sum(context):
        raise SettingsError(f"data.frames is {frames}; this network answers from {sum(context) + 1} frames on.")
    return MotionSamples(settings) if isinstance(settings.data, MotionData) else PairSamples(settings, context)


def _fitted(encoding: Named, source: _Source) -> Named:
    """The encoding, with statistics of the data where it needs some and holds none."""
    own = encoding.settings
    if not isinstance(own, StandardisedSettings) or own.mean_2d:
        return encoding
    statistics = with_statistics(own, source.everything(), source.input_skeleton, source.skeleton)
    return replace(encoding, settings=statistics)


def _lifter(network: nn.Module, settings: LifterTraining, encoding: Named, source: _Source) -> Lifter:
    try:
        return Lifter.assembled(
            network, settings.network.settings, encoding.table(), source.input_skeleton, source.skeleton
        )
    except InputError as error:
        raise SettingsError(str(error)) from error


class LifterSamples:
    """The loss of random samples, and how far a network is off on the people held out.

    Args:
        source: where samples are from.
        lifter: the network's encoding and skeletons.
        frames: of a sample.
        loss: what is made small.
    """

    def __init__(self, source: _Source, lifter: Lifter, frames: int, loss: LossSettings) -> None:
        self.source, self.lifter, self.frames, self.settings = source, lifter, frames, loss
        self.unit = _unit(lifter)

    def loss(self, network: nn.Module, generator: Generator, count: int) -> Tensor:
        """The loss of so many samples."""
        answer, truth = self._answered(network, *self.source.draw(count, generator))
        unit = self.unit.to(truth) if isinstance(self.unit, Tensor) else self.unit
        loss = pose_loss(answer.relative, truth, self.lifter.skeleton, self.settings, unit)
        if answer.covariance is None or not self.settings.deviation:
            return loss
        error = answer.relative - truth
        return loss + self.settings.deviation * deviation_loss(error, answer.covariance, self.lifter.skeleton)

    @torch.no_grad()
    def measure(self, network: nn.Module) -> dict[str, float]:
        """Errors on the people held out, millimetres, and how many lie within one deviation; none without them."""
        count = min(_MEASURED // (self.frames - sum(self.lifter.context)), _READ // self.frames)
        found: dict[str, list[Tensor]] = {}
        for kind, observed, truth in self.source.held(max(1, count)):
            for name, values in _figures(*self._answered(network, observed, truth), self.lifter.skeleton).items():
                found.setdefault(f"{kind}_{name}", []).append(values.flatten())
        return {name: torch.cat(parts).nanmean().item() for name, parts in found.items()}

    def _answered(self, network: nn.Module, observed: Observed, truth: Tensor) -> tuple[Answer, Tensor]:
        """What a network answers, in single precision, and the truth of the frames that it answers."""
        device = next(network.parameters()).device
        lifter = replace(self.lifter, network=network)
        answer = lifter.answer(lifter.filled(observed).to(device))
        before, after = lifter.context
        return answer, truth[:, before : truth.shape[1] - after].to(device)


def _figures(answer: Answer, truth: Tensor, skeleton: Skeleton) -> dict[str, Tensor]:
    """Of each pose, or of each coordinate; NaN where the truth is not known."""
    figures = {
        "mpjpe_mm": 1000 * mpjpe(answer.relative, truth),
        "pa_mpjpe_mm": 1000 * pa_mpjpe(answer.relative, truth),
    }
    if answer.covariance is not None:
        others = skeleton.others
        deviation = answer.covariance[..., others, :, :].diagonal(dim1=-2, dim2=-1).sqrt()
        error = (answer.relative - truth)[..., others, :].abs()
        figures["within_one_sigma"] = torch.where(error.isfinite(), (error <= deviation).float(), torch.nan)
    return figures


def _unit(lifter: Lifter) -> Tensor | float:
    """Metres that the network calls 1, of each coordinate that it answers."""
    own = lifter.settings
    return torch.tensor(own.std_3d).reshape(-1, 3) * own.metres if isinstance(own, StandardisedSettings) else 1.0
