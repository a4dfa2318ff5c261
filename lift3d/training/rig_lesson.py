"""What a detector is taught with labels from its own rig: MoveNet its heads, any other by a strategy of heatmaps."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lift3d.checkpoints import Checkpoint
from lift3d.detection.readings import Model, open_reading, reading_named
from lift3d.detection.readings.top_down import TopDownSettings, network_input
from lift3d.detection.running import torch_run
from lift3d.errors import SettingsError
from lift3d.heatmaps.strategies import STRATEGIES, StrategySettings, strategy_loss
from lift3d.networks.movenet import MoveNet
from lift3d.settings import from_mapping
from lift3d.training.movenet_loss import MoveNetLossSettings, holding_loss, movenet_loss
from lift3d.training.picture_samples import Samples
from lift3d.training.rig_settings import RigTraining

__all__ = ["Lesson", "lesson_of", "only_parts_learn"]

_TAUGHT = {"heatmaps", "offsets"}  # heads of MoveNet that labels speak about
_BY_DECODING = {"direct": "R1", "integral": "I*"}  # all others: H1


@dataclass(frozen=True)
class Lesson:
    """How a detector is shown people, and what it is told.

    Args:
        image_size: width and height of its input, pixels.
        joint_scale: a box around the joints, grown by this, is the person's box.
        box_scale: by which that grows before the network looks at it.
        loss: ``loss(network, samples)``.
    """

    image_size: tuple[int, int]
    joint_scale: float
    box_scale: float
    loss: Callable[[nn.Module, Samples], Tensor]


def lesson_of(start: Checkpoint, settings: RigTraining) -> Lesson:
    """The lesson of a detector.

    Args:
        start: the detector as it is before.
        settings: of the run.

    Raises:
        InputError: the checkpoint is no detector.
        SettingsError: it is one that cannot be taught so.
    """
    reading = open_reading(Model(start, torch_run(start.network, torch.device("cpu")), False))
    if isinstance(start.network, MoveNet):
        side = start.settings.image_size
        held = deepcopy(start.network) if set(settings.learned) - _TAUGHT or not settings.learned else None
        size, loss = (side, side), _movenet(settings.movenet, held)
    else:
        tables = dict(start.encoding)
        entry = reading_named(tables.pop("name"))
        own = from_mapping(entry.settings, tables, "the model's reading")
        if not isinstance(own, TopDownSettings):
            raise SettingsError(
                f"start: a {entry.name!r} detector cannot learn from a rig; expected MoveNet or 'top_down'."
            )
        size = (own.image_size[0], own.image_size[1])
        loss = _top_down(own, settings.strategy or _strategy(own))
    return Lesson(size, reading.joint_scale, reading.box_scale, loss)


def only_parts_learn(network: nn.Module, parts: tuple[str, ...]) -> None:
    """Hold all weights but those of some parts of the network; no parts are the whole.

    Raises:
        SettingsError: the network has no such part.
    """
    known = [name for name, _ in network.named_children()]
    if strangers := [part for part in parts if part not in known]:
        raise SettingsError(f"learned: the network has no part {', '.join(strangers)}; it has {', '.join(known)}.")
    for name, weight in network.named_parameters():
        weight.requires_grad_(not parts or name.split(".")[0] in parts)


def _movenet(settings: MoveNetLossSettings, first: MoveNet | None) -> Callable[[nn.Module, Samples], Tensor]:
    def loss(network: nn.Module, samples: Samples) -> Tensor:
        place = next(network.parameters()).device
        images = samples.crops.to(place).float() / 127.5 - 1
        output = network(images)
        total = movenet_loss(output, samples.places[..., :2].to(place), samples.weights.to(place), settings).total
        if first is None or not settings.holding_weight:
            return total
        with torch.no_grad():
            before = first.to(place)(images)
        return total + settings.holding_weight * holding_loss(output, before)

    return loss


def _top_down(reading: TopDownSettings, strategy: StrategySettings) -> Callable[[nn.Module, Samples], Tensor]:
    size = (reading.image_size[0], reading.image_size[1])

    def loss(network: nn.Module, samples: Samples) -> Tensor:
        for module in network.modules():
            if isinstance(module, _BatchNorm):  # one person's pictures say nothing about all people's
                module.eval()
        place = next(network.parameters()).device
        stages = network(network_input(samples.crops.to(place), reading))
        places, weights = samples.places.to(place), samples.weights.to(place)
        return strategy_loss(stages, places, strategy, size, weights=weights).total

    return loss


def _strategy(reading: TopDownSettings) -> StrategySettings:
    """What the detector was taught, as far as its decoding tells."""
    known = STRATEGIES[_BY_DECODING.get(reading.decoding, "H1")]
    return replace(known, decoding=reading.decoding, half_pixel=reading.half_pixel)
