"""Train a lifting network, of single frames or over time, on 3D motion seen through virtual cameras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn

from lift3d.checkpoints import load_network, network_named
from lift3d.datasets.motion_clips import MotionClips, read_motion_clips
from lift3d.errors import InputError, SettingsError
from lift3d.evaluation.metrics import mpjpe, pa_mpjpe
from lift3d.lifting.encodings import Answer, encoding_named
from lift3d.lifting.lifter import Lifter
from lift3d.lifting.observed import Observed
from lift3d.settings import from_mapping, to_mapping
from lift3d.skeletons import Skeleton
from lift3d.training.body_variation import BodySettings
from lift3d.training.detector_noise import NoiseSettings
from lift3d.training.filmed_motion import FilmSettings, filmed
from lift3d.training.loop import LoopSettings, train
from lift3d.training.losses import LossSettings, deviation_loss, pose_loss
from lift3d.training.motion_windows import MotionWindows
from lift3d.training.virtual_cameras import ViewSettings

__all__ = ["DataSettings", "LifterSamples", "LifterTraining", "Named", "train_lifter"]

_MEASURED = 4096  # samples at most that a measurement looks at
_KINDS = {
    "exact": NoiseSettings(exact=1, occluded=0, head_missing=0),
    "detected": NoiseSettings(exact=0, occluded=0, head_missing=0),
}


@dataclass(frozen=True)
class DataSettings:
    """The motion to learn from.

    Args:
        path: motion, in any form of ``lift3d.datasets.motion``.
        splits: names of the splits to train on.
        hold_out: subjects of these splits kept aside and measured while training; none trains on everything.
        balance: 0 draws every frame alike, 1 every subject alike; between them, by the power of the frames.
        frames: of one sample; 1 for a network of single frames.
        speed: standard deviation of the logarithm of a factor on the speed; with it, half the samples run backwards.
        licence: under what the weights are given, with the words that the data's owners ask for; kept with them.
    """

    path: str
    splits: tuple[str, ...] = ("train",)
    hold_out: tuple[str, ...] = ()
    balance: float = 0.5
    frames: int = 1
    speed: float = 0.0
    licence: str = ""


@dataclass(frozen=True)
class Named:
    """A network or an encoding: its name and the frozen dataclass of its settings."""

    name: str
    settings: Any

    def table(self) -> dict[str, Any]:
        """As a config file or a checkpoint holds it."""
        return {"name": self.name, **to_mapping(self.settings)}


@dataclass(frozen=True)
class LifterTraining:
    """All settings of one run; a config file holds exactly these tables.

    Args:
        kind: ``"lifter"``.
        start: a checkpoint to begin from: its weights are taken wherever name and shape fit, and a single-frame
            lifter's become the part of a network over time that answers each frame by itself. Empty for none.
        data: what is learned from.
        network, encoding: tables with a ``name`` and the settings of what it names.
        loop: how long and how fast.
        bodies, views, noise: how recordings become samples.
        loss: what is made small.
    """

    kind: str
    data: DataSettings
    network: Named
    encoding: Named
    loop: LoopSettings
    bodies: BodySettings = field(default_factory=BodySettings)
    views: ViewSettings = field(default_factory=ViewSettings)
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    start: str = ""

    @classmethod
    def of(cls, tables: Mapping[str, Any], where: str = "settings") -> LifterTraining:
        """From the tables of a config file.

        Raises:
            SettingsError: a setting is unknown, missing or of a wrong type.
            UnknownNameError: there is no such network or encoding.
        """
        named = {"network": network_named, "encoding": encoding_named}
        chosen = {name: _named(tables, name, find, where) for name, find in named.items()}
        return from_mapping(cls, {**tables, **chosen}, where)

    def tables(self) -> dict[str, Any]:
        """As a config file holds it, complete."""
        return {**to_mapping(self), "network": self.network.table(), "encoding": self.encoding.table()}

    def lifter(self, skeleton: Skeleton) -> Lifter:
        """With its first weights, which follow from the seed.

        Raises:
            SettingsError: the network's inputs or outputs do not fit the encoding, or nothing of ``start`` fits it.
        FileError: ``start`` cannot be read.
        """
        torch.manual_seed(self.loop.seed)
        network = network_named(self.network.name).build(self.network.settings)
        if self.start:
            _take_weights(network, self.start)
        try:
            return Lifter.assembled(network, self.network.settings, self.encoding.table(), skeleton, skeleton)
        except InputError as error:
            raise SettingsError(str(error)) from error


def _take_weights(network: nn.Module, start: str) -> None:
    """Begin from a checkpoint's weights wherever they fit."""
    own = network.state_dict()
    given = load_network(start).network.state_dict()
    named = {f"{part}{name}": tensor for part in ("", "own.") for name, tensor in given.items()}
    fitting = {name: tensor for name, tensor in named.items() if name in own and own[name].shape == tensor.shape}
    if not fitting:
        raise SettingsError(f"start: no weights of {start} fit the network; expected one of like names and sizes.")
    network.load_state_dict(fitting, strict=False)


def _named(tables: Mapping[str, Any], table: str, find: Callable[[str], Any], where: str) -> Named:
    own = tables.get(table)
    if not isinstance(own, Mapping) or "name" not in own:
        raise SettingsError(f"{where}: the table [{table}] must have a 'name'.")
    entry = find(own["name"])
    rest = {name: value for name, value in own.items() if name != "name"}
    return Named(entry.name, from_mapping(entry.settings, rest, f"{where} [{table}]"))


def train_lifter(settings: LifterTraining, folder: str | Path) -> tuple[nn.Module, MotionClips]:
    """Train; returns the network and the motion that it was trained on.

    Raises:
        FileError: the motion cannot be read, or the folder holds the state of another run.
        SettingsError: the network does not fit the encoding, or the encoding the motion's skeleton.
    """
    clips = read_motion_clips(settings.data.path, settings.data.splits)
    lifter = settings.lifter(clips.skeleton)
    samples = LifterSamples(clips, lifter, settings)
    return train(lifter.network, samples.loss, samples.measure, settings.loop, folder), clips


class LifterSamples:
    """Draws people filmed by virtual cameras, and says how far a network is off."""

    def __init__(self, clips: MotionClips, lifter: Lifter, settings: LifterTraining) -> None:
        data = settings.data
        self.settings, self.lifter, self.skeleton = settings, lifter, clips.skeleton
        self.film = FilmSettings(settings.bodies, settings.views, settings.noise)
        self.drawn = MotionWindows(clips, data.frames, data.balance, without=data.hold_out, speed=data.speed)
        others = set(clips.subjects) - set(data.hold_out)
        self.held = MotionWindows(clips, data.frames, 0.0, without=others) if data.hold_out else None

    def loss(self, network: nn.Module, generator: Generator, count: int) -> Tensor:
        """The loss of so many samples."""
        motion = self.drawn.draw(count, generator)
        answer, truth = self._answered(network, *filmed(motion, self.skeleton, self.film, generator))
        loss = pose_loss(answer.relative, truth, self.skeleton, self.settings.loss)
        if answer.covariance is None or not self.settings.loss.deviation:
            return loss
        error = answer.relative - truth
        return loss + self.settings.loss.deviation * deviation_loss(error, answer.covariance, self.skeleton)

    @torch.no_grad()
    def measure(self, network: nn.Module) -> dict[str, float]:
        """Errors on the people held out, millimetres, and how many lie within one deviation; none without them."""
        if self.held is None:
            return {}
        motion = self.held.draw(max(1, _MEASURED // self.settings.data.frames), Generator().manual_seed(1))
        as_they_are = BodySettings(body_scale=0, bone_scale=0, tilt_deg=0, mirror=0)
        figures: dict[str, float] = {}
        for kind, noise in _KINDS.items():
            film = FilmSettings(as_they_are, self.settings.views, noise)
            answer, truth = self._answered(network, *filmed(motion, self.skeleton, film, Generator().manual_seed(2)))
            figures[f"{kind}_mpjpe_mm"] = 1000 * mpjpe(answer.relative, truth).mean().item()
            figures[f"{kind}_pa_mpjpe_mm"] = 1000 * pa_mpjpe(answer.relative, truth).mean().item()
            if answer.covariance is not None:
                figures[f"{kind}_within_one_sigma"] = _within(answer, truth, self.skeleton)
        return figures

    def _answered(self, network: nn.Module, observed: Observed, truth: Tensor) -> tuple[Answer, Tensor]:
        """What a network answers, in single precision, and the truth of the frames that it answers."""
        device = next(network.parameters()).device
        lifter = replace(self.lifter, network=network)
        answer = lifter.answer(lifter.filled(observed).to(device))
        before, after = lifter.context
        return answer, truth[:, before : truth.shape[1] - after].to(device)


def _within(answer: Answer, truth: Tensor, skeleton: Skeleton) -> float:
    """Share of the errors along the axes that are no larger than the deviation."""
    assert answer.covariance is not None
    others = [joint for joint in range(len(skeleton)) if joint != skeleton.root]
    deviation = answer.covariance[..., others, :, :].diagonal(dim1=-2, dim2=-1).sqrt()
    return ((answer.relative - truth)[..., others, :].abs() <= deviation).float().mean().item()
