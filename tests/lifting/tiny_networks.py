"""Small networks of every kind with random weights, as checkpoints, for the tests of lifting."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lift3d.checkpoints import Checkpoint
from lift3d.lifting.encodings import encoding_named
from lift3d.networks.temporal_attention import TemporalAttention, TemporalAttentionSettings
from lift3d.settings import from_mapping
from lift3d.skeletons import Skeleton, get_skeleton
from lift3d.synthetic import walk

HUMAN = get_skeleton("human36m17")
STATISTICS = {
    "name": "standardised",
    "mean_2d": [500.0] * 32,
    "std_2d": [120.0] * 32,
    "mean_3d": [0.0] * 48,
    "std_3d": [300.0] * 48,
}
SIXTEEN = HUMAN.only(joint for joint in HUMAN.joints if joint != "neck_nose")


@dataclass(frozen=True)
class Sizes:
    inputs: int
    outputs: int


class OneFrame(nn.Module):
    """A linear layer, a bend, a linear layer: (batch, inputs) -> (batch, outputs)."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(sizes.inputs, 24), nn.Tanh(), nn.Linear(24, sizes.outputs))

    def forward(self, features: Tensor) -> Tensor:
        return 0.3 * self.layers(features)


class Convolution(nn.Module):
    """Two convolutions over time: (batch, frames, inputs) -> (batch, frames - before - after, outputs)."""

    def __init__(self, sizes: Sizes, before: int = 4, after: int = 2) -> None:
        super().__init__()
        self.first = nn.Conv1d(sizes.inputs, 24, before + 1)
        self.second = nn.Conv1d(24, sizes.outputs, after + 1)
        self.context, self.longest = (before, after), None

    def forward(self, features: Tensor) -> Tensor:
        return 0.3 * self.second(torch.tanh(self.first(features.transpose(1, 2)))).transpose(1, 2)


class Attention(nn.Module):
    """Frames that look at each other, at most ``longest``: (batch, frames, inputs) -> (batch, frames, outputs)."""

    def __init__(self, sizes: Sizes, longest: int = 12) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(sizes.inputs, 16), nn.Linear(16, sizes.outputs)
        self.context, self.longest = (0, 0), longest

    def forward(self, features: Tensor) -> Tensor:
        assert features.shape[1] <= self.longest
        hidden = torch.tanh(self.enter(features))
        return 0.3 * self.leave(hidden + torch.softmax(hidden @ hidden.transpose(1, 2), dim=-1) @ hidden)


def carried_on(sizes: Sizes, longest: int = 60) -> TemporalAttention:
    """Attention that goes on with what it has computed, three layers that look at two frames on either side."""
    sizes_of_layers = {"hidden": 24, "blocks": 1, "width": 16, "layers": 3, "heads": 2, "reach": 2}
    own = sizes.inputs - 2
    settings = TemporalAttentionSettings(sizes.inputs, sizes.outputs, own, **sizes_of_layers, longest=longest)
    network = TemporalAttention(settings)
    nn.init.normal_(network.leave.weight, std=0.1)
    nn.init.normal_(network.own.leave.weight, std=0.1)
    return network


def lifter(
    kind: Callable[..., nn.Module] = OneFrame,
    encoding: dict | None = None,
    skeleton: Skeleton = HUMAN,
    input_skeleton: Skeleton | None = None,
    **sizes: int,
) -> Checkpoint:
    """A checkpoint of a network of random weights."""
    tables = encoding if encoding is not None else {"name": "turned_rays"}
    entry = encoding_named(tables["name"])
    settings = from_mapping(entry.settings, {key: value for key, value in tables.items() if key != "name"})
    given = input_skeleton or skeleton
    own = Sizes(entry.features(len(given), settings), entry.outputs(len(skeleton), settings))
    torch.manual_seed(1)
    network = kind(own, **sizes).eval()
    if entry.name != "turned_rays":
        _stand(network, skeleton, own.outputs)
    return Checkpoint(network, own, kind.__name__, skeleton, given, tables)


def _stand(network: nn.Module, skeleton: Skeleton, outputs: int) -> None:
    """Make the answers those of a standing person, more or less: where the rays do not say it, the network must."""
    upright = walk(frames=1, skeleton=skeleton).positions[0, 0].float()
    upright = (upright - upright[skeleton.root]) @ torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    said = upright if outputs == 3 * len(skeleton) else upright[1:] * 1000 / 300
    last = [module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv1d)][-1]
    with torch.no_grad():
        assert last.bias is not None
        last.bias.copy_(said.flatten() / 0.3)
