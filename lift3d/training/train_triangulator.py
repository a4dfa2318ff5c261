"""Train a network that triangulates, on motion seen by random rigs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from lift3d.checkpoints import network_named
from lift3d.errors import SettingsError
from lift3d.geometry.ray_equations import project_rays
from lift3d.skeletons import Skeleton
from lift3d.training.body_variation import BodySettings
from lift3d.training.chosen_people import chosen_people
from lift3d.training.crowding import CrowdSettings
from lift3d.training.detector_noise import NoiseSettings
from lift3d.training.first_weights import take_weights
from lift3d.training.loop import train
from lift3d.training.motion_windows import MotionWindows
from lift3d.training.rig_samples import RigSamples, seen_by_rigs
from lift3d.training.triangulator_settings import TriangulationLossSettings, TriangulatorTraining

__all__ = ["TrainedTriangulator", "TriangulatorSamples", "train_triangulator", "triangulation_loss"]

_MEASURED, _AT_ONCE = 2048, 128  # moments
_MEASURED_VIEWS = (2, 4)  # nobody else in view
_CROWDED_VIEWS = 4  # always somebody else in view
_AS_THEY_ARE = BodySettings(body_scale=0, bone_scale=0, tilt_deg=0, mirror=0)
_DETECTED = NoiseSettings(exact=0, occluded=0, head_missing=0)


@dataclass(frozen=True, eq=False)
class TrainedTriangulator:
    """What a training ends with: the network, in evaluation mode, on the CPU; its joints; what it has learned from."""

    network: nn.Module
    skeleton: Skeleton
    trained_on: str


def train_triangulator(settings: TriangulatorTraining, folder: str | Path) -> TrainedTriangulator:
    """Train what the settings say; a run that was interrupted in the folder goes on.

    Raises:
        FileError: the motion cannot be read, or the folder holds the state of another run.
        SettingsError: there is nobody to train on, or the network knows another number of joints.
    """
    torch.manual_seed(settings.loop.seed)
    network = network_named(settings.network.name).build(settings.network.settings)
    if settings.start:
        take_weights(network, settings.start, ("", "judge."))
    samples = TriangulatorSamples(settings)
    trained = train(network, samples.loss, samples.measure, settings.loop, folder)
    return TrainedTriangulator(trained, samples.skeleton, samples.about)


class TriangulatorSamples:
    """The loss of random samples, and how far a network is off on the people held out.

    Args:
        settings: of the run.

    Attributes:
        skeleton: of the joints.
        about: what there is to learn from, for people.
    """

    def __init__(self, settings: TriangulatorTraining) -> None:
        people = chosen_people(settings.data)
        self.settings, self.skeleton, self.about = settings, people.clips.skeleton, people.about
        joints = getattr(settings.network.settings, "judge", settings.network.settings).joints
        if joints != len(self.skeleton):
            raise SettingsError(f"[network]: it knows {joints} joints; the motion has {len(self.skeleton)}.")
        self._drawn = MotionWindows(people.clips, 1, settings.data.balance, people.untrained)
        unheld = people.unheld
        self._held = MotionWindows(people.clips, 1, 0.0, unheld) if unheld is not None else None

    def loss(self, network: nn.Module, generator: Generator, count: int) -> Tensor:
        """The loss of so many moments, all seen by rigs of one number of cameras."""
        settings = self.settings
        fewest, most = settings.rigs.views
        views = int(torch.randint(fewest, most + 1, (), generator=generator))
        samples = seen_by_rigs(
            self._drawn.draw(count, generator), views, self.skeleton, settings.rigs, settings.bodies, settings.noise,
            settings.crowd, generator,
        )  # fmt: skip
        numbers = _some_unknown(len(samples.rays), len(self.skeleton), settings.loss.unknown, generator)
        return triangulation_loss(network, _on(samples, network), numbers, settings.loss)

    @torch.no_grad()
    def measure(self, network: nn.Module) -> dict[str, float]:
        """Mean error of people held out by number of views, alone and in company, millimetres; none without them."""
        if self._held is None:
            return {}
        figures = {f"views_{views}_mm": self._error(network, views, CrowdSettings()) for views in _MEASURED_VIEWS}
        crowd = replace(self.settings.crowd, crowded=1.0)
        return figures | {f"views_{_CROWDED_VIEWS}_crowded_mm": self._error(network, _CROWDED_VIEWS, crowd)}

    def _error(self, network: nn.Module, views: int, crowd: CrowdSettings) -> float:
        parts = [_errors(network, _on(samples, network)) for samples in self._seen(views, crowd)]
        return 1000 * torch.cat(parts).nanmean().item()

    def _seen(self, views: int, crowd: CrowdSettings) -> Iterator[RigSamples]:
        assert self._held is not None
        generator = Generator().manual_seed(1)
        for motion in self._held.draw(_MEASURED, generator).split(_AT_ONCE):
            yield seen_by_rigs(
                motion, views, self.skeleton, self.settings.rigs, _AS_THEY_ARE, _DETECTED, crowd, generator
            )  # fmt: skip


def triangulation_loss(
    network: nn.Module, samples: RigSamples, numbers: Tensor, settings: TriangulationLossSettings
) -> Float[Tensor, ""]:
    """How far points lie from the truth, and how unlikely the errors of the detections are.

    Args:
        network: answers with positions and, of each detection, the mended ray and its deviation.
        samples: on the network's device.
        numbers: (samples, joints) see ``ViewAttention``.
        settings: weights.
    """
    judged = network(
        samples.rays, samples.scores, samples.rotation, samples.translation, numbers.to(samples.rays.device)
    )
    fixed = judged.fixed.bool()
    squared = (judged.positions - samples.positions).square().sum(-1)
    distance = (squared + 1e-10).sqrt().clamp_max(settings.farthest_m)
    loss = settings.position * distance.masked_fill(~fixed, 0.0).sum() / fixed.sum().clamp_min(1)
    if not settings.likelihood:
        return loss
    seen = samples.scores > 0
    truth, _ = project_rays(samples.positions[:, None], samples.rotation, samples.translation)
    error = (judged.rays - truth).masked_fill(~seen[..., None], 0.0)
    deviation = judged.deviation.masked_fill(~seen, 1.0)
    unlikely = 2 * deviation.log() + error.square().sum(-1) / (2 * deviation.square())
    return loss + settings.likelihood * unlikely.masked_fill(~seen, 0.0).sum() / seen.sum().clamp_min(1)


def _errors(network: nn.Module, samples: RigSamples) -> Float[Tensor, "batch joints"]:
    """Metres; NaN where fewer than two views see a joint."""
    numbers = torch.arange(samples.positions.shape[1]).expand(len(samples.rays), -1)
    judged = network(
        samples.rays, samples.scores, samples.rotation, samples.translation, numbers.to(samples.rays.device)
    )
    return (judged.positions - samples.positions).norm(dim=-1).masked_fill(~judged.fixed.bool(), torch.nan)


def _some_unknown(count: int, joints: int, share: float, generator: Generator) -> Tensor:
    """Numbers of joints, some of them -1 in half of the samples."""
    told = torch.rand(count, 1, generator=generator) < 0.5
    known = (torch.rand(count, joints, generator=generator) >= share) | told
    return torch.where(known, torch.arange(joints), -1)


def _on(samples: RigSamples, network: nn.Module) -> RigSamples:
    device = next(network.parameters()).device
    return RigSamples(*(part.to(device) for part in samples))
