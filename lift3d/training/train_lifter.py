"""Train a lifting network on 3D motion seen through virtual cameras."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from lift3d.datasets.motion_clips import MotionClips, read_motion_clips
from lift3d.errors import SettingsError
from lift3d.lifting.encodings.turned_rays import decode, encode, features_of, outputs_of
from lift3d.networks.residual_mlp import ResidualMlp, ResidualMlpSettings
from lift3d.training.detector_noise import NoiseSettings, detect_like
from lift3d.training.loop import LoopSettings, train
from lift3d.training.virtual_cameras import ViewSettings, film, vary_bodies

__all__ = ["DataSettings", "LifterTraining", "train_lifter"]


@dataclass(frozen=True)
class DataSettings:
    """The motion to learn from.

    Args:
        path: a file of motion clips (see ``lift3d.datasets.motion_clips``).
        splits: names of the splits to train on.
        hold_out: subjects of these splits kept aside and measured while training; none trains on everything.
        balance: 0 draws every frame alike, 1 every subject alike; between them, by the power of the frames.
        batch: samples of one step.
        licence: under what the weights are given, with the words that the data's owners ask for; kept with them.
    """

    path: str
    splits: tuple[str, ...] = ("train",)
    hold_out: tuple[str, ...] = ()
    balance: float = 0.5
    batch: int = 1024
    licence: str = ""


@dataclass(frozen=True)
class LifterTraining:
    """All settings of one run; a config file holds exactly these tables."""

    kind: str
    data: DataSettings
    network: ResidualMlpSettings
    loop: LoopSettings
    views: ViewSettings = field(default_factory=ViewSettings)
    noise: NoiseSettings = field(default_factory=NoiseSettings)


def train_lifter(settings: LifterTraining, folder: str | Path) -> tuple[nn.Module, MotionClips]:
    """Train; returns the network and the motion that it was trained on.

    Raises:
        FileError: the motion cannot be read, or the folder holds the state of another run.
        SettingsError: the network's inputs or outputs do not fit the skeleton.
    """
    clips = read_motion_clips(settings.data.path, settings.data.splits)
    joints = len(clips.skeleton)
    if (settings.network.inputs, settings.network.outputs) != (features_of(joints), outputs_of(joints)):
        raise SettingsError(
            f"network.inputs and network.outputs must be {features_of(joints)} and {outputs_of(joints)} "
            f"for the {joints} joints of {clips.skeleton.name}."
        )
    torch.manual_seed(settings.loop.seed)
    source = LifterBatches(clips, settings)
    return train(ResidualMlp(settings.network), source.loss, source.measure, settings.loop, folder), clips


class LifterBatches:
    """Draws batches of people filmed by virtual cameras, and the loss of a network on them."""

    def __init__(self, clips: MotionClips, settings: LifterTraining) -> None:
        self.settings, self.skeleton = settings, clips.skeleton
        held = torch.tensor([subject in settings.data.hold_out for subject in clips.subjects])[clips.clip]
        self.weights = _frame_weights(clips, settings.data.balance) * ~held
        self.positions, self.held = clips.positions, clips.positions[held]

    def loss(self, network: nn.Module, generator: Generator) -> Tensor:
        """Mean distance between predicted and true joints, metres (MPJPE without the root)."""
        chosen = torch.multinomial(self.weights, self.settings.data.batch, replacement=True, generator=generator)
        people = vary_bodies(self.positions[chosen], self.skeleton, self.settings.views, generator)
        truth = film(people, self.settings.views, generator, self.skeleton.root)
        return self._distances(network, truth, self.settings.noise, generator).mean()

    @torch.no_grad()
    def measure(self, network: nn.Module) -> dict[str, float]:
        """Error on the people held out, mean over all joints, mm: from exact joints and from a detector's."""
        if not len(self.held):
            return {}
        quiet = ViewSettings(body_scale=0, bone_scale=0, tilt_deg=0, mirror=0)
        truth = film(self.held, quiet, Generator().manual_seed(1), self.skeleton.root)
        figures = {}
        for name, noise in {"exact": NoiseSettings(exact=1, occluded=0, head_missing=0),
                            "detected": NoiseSettings(exact=0, occluded=0, head_missing=0)}.items():  # fmt: skip
            distances = self._distances(network, truth, noise, Generator().manual_seed(2))
            share = (len(self.skeleton) - 1) / len(self.skeleton)  # the root's own error is zero
            figures[f"held_out_{name}_mpjpe_mm"] = 1000 * share * distances.mean().item()
        return figures

    def _distances(self, network: nn.Module, truth: Tensor, noise: NoiseSettings, generator: Generator) -> Tensor:
        visible = truth[..., 2:].amin(dim=(1, 2)) > 0.3
        truth = truth[visible]
        rays, scores = detect_like(truth[..., :2] / truth[..., 2:], self.skeleton, noise, generator)
        device = next(network.parameters()).device
        encoding = encode(rays, scores).to(device)
        root = self.skeleton.root
        predicted = decode(network(encoding.features).float(), encoding, root).relative
        others = [joint for joint in range(len(self.skeleton)) if joint != root]
        relative = (truth - truth[:, root : root + 1]).to(device)
        return (predicted - relative)[:, others].norm(dim=-1)


def _frame_weights(clips: MotionClips, balance: float) -> Tensor:
    """How often each frame is drawn."""
    people = sorted(set(clips.subjects))
    person = torch.tensor([people.index(subject) for subject in clips.subjects])[clips.clip]
    frames = torch.bincount(person).double()
    return frames[person] ** -balance
