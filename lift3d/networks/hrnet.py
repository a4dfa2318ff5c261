"""HRNet (Sun et al., CVPR 2019): features of several resolutions side by side, which exchange again and again.

"Deep High-Resolution Representation Learning for Human Pose Estimation", figure 1. The finest branch has stride 4 and
``width`` channels; each coarser one has half the resolution and twice the channels. A stage adds one branch. Its
modules let every branch run through residual units and then give each branch the sum of all, brought to its size.
The heatmaps are made from the finest branch. The picture is that of one person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lift3d.networks._convolutions import check_sides, conv_norm, conv_norm_relu, initialise, initialise_outputs
from lift3d.networks._entry import NetworkEntry, PublishedSize
from lift3d.networks._residual_units import BasicBlock, Bottleneck, residual_layer

__all__ = ["NETWORK", "HrNet", "HrNetSettings"]


@dataclass(frozen=True)
class HrNetSettings:
    """Size; the defaults are those of HRNet-W32.

    Args:
        joints: heatmaps.
        width: channels of the finest branch.
        modules: how many exchanges there are in the stages with 2, 3, ... branches.
        units: residual units of each branch between two exchanges.
        stem_channels: of the first two convolutions and inside the first four units.
    """

    joints: int = 17
    width: int = 32
    modules: tuple[int, ...] = (1, 4, 3)
    units: int = 4
    stem_channels: int = 64


class Transition(nn.Module):
    """To one branch more: the new one is made from the coarsest; those whose channels change are convolved."""

    def __init__(self, inputs: Sequence[int], outputs: Sequence[int]) -> None:
        super().__init__()
        kept = [nn.Identity() if a == b else conv_norm_relu(a, b, 3) for a, b in zip(inputs, outputs[:-1], strict=True)]
        new = nn.Sequential(conv_norm_relu(inputs[-1], outputs[-1], 3, stride=2))
        self.branches = nn.ModuleList([*kept, new])

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        sources = [*features, features[-1]]
        return [branch(source) for branch, source in zip(self.branches, sources, strict=True)]


class Exchange(nn.Module):
    """Residual units on every branch; then each branch becomes the sum of all, brought to its resolution.

    Args:
        channels: of the branches, from the finest.
        units: residual units on each.
        outputs: how many branches come out, from the finest.
    """

    def __init__(self, channels: Sequence[int], units: int, outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(residual_layer(BasicBlock, wide, wide, units) for wide in channels)
        count = len(channels)
        rows = [nn.ModuleList(path(channels, j, i) for j in range(count)) for i in range(outputs)]
        self.fusion = nn.ModuleList(rows)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        changed = [branch(one) for branch, one in zip(self.branches, features, strict=True)]
        fused = []
        for row in self.fusion:
            assert isinstance(row, nn.ModuleList)
            total = row[0](changed[0])
            for bring, one in zip(row[1:], changed[1:], strict=True):
                total = total + bring(one)
            fused.append(F.relu(total))
        return fused


def path(channels: Sequence[int], source: int, target: int) -> nn.Module:
    """What brings the features of a branch to the size of another: up by repetition, down by strided convolutions."""
    inputs, outputs = channels[source], channels[target]
    if source == target:
        return nn.Identity()
    if source > target:
        repeat = nn.Upsample(scale_factor=2 ** (source - target), mode="nearest")
        return conv_norm(inputs, outputs, 1).append(repeat)
    steps = [conv_norm_relu(inputs, inputs, 3, stride=2) for _ in range(target - source - 1)]
    return nn.Sequential(*steps, conv_norm(inputs, outputs, 3, stride=2))


class HrNet(nn.Module):
    """See the head of this module.

    Attributes:
        stride: pixels of the input to a cell of the heatmaps: 4.
    """

    stride = 4

    def __init__(self, settings: HrNetSettings) -> None:
        super().__init__()
        stem, stages = settings.stem_channels, len(settings.modules)
        self.stem = nn.Sequential(conv_norm_relu(3, stem, 3, stride=2), conv_norm_relu(stem, stem, 3, stride=2))
        self.layer1 = residual_layer(Bottleneck, stem, stem, 4)
        self.coarsest = self.stride * 2**stages
        self.transitions, self.stages = nn.ModuleList(), nn.ModuleList()
        channels = [Bottleneck.expansion * stem]
        for stage, modules in enumerate(settings.modules):
            wider = [settings.width * 2**branch for branch in range(stage + 2)]
            self.transitions.append(Transition(channels, wider))
            channels, last = wider, stage == stages - 1
            outputs = [1 if last and module == modules - 1 else len(wider) for module in range(modules)]
            self.stages.append(nn.Sequential(*(Exchange(channels, settings.units, count) for count in outputs)))
        self.heatmaps = nn.Conv2d(settings.width, settings.joints, 1)
        initialise(self)
        initialise_outputs(self.heatmaps)

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch joints rows columns"], ...]:
        """Heatmaps of its one stage of supervision, of normalised pictures.

        Raises:
            ShapeError: height or width is no multiple of the coarsest branch's stride, 32 as published.
        """
        check_sides(images, self.coarsest)
        features = [self.layer1(self.stem(images))]  # (batch, 256, height / 4, width / 4)
        for transition, stage in zip(self.transitions, self.stages, strict=True):
            features = stage(transition(features))
        return (self.heatmaps(features[0]),)


NETWORK = NetworkEntry(
    name="hrnet",
    settings=HrNetSettings,
    build=HrNet,
    about="HRNet (Sun et al. 2019): several resolutions side by side, to heatmaps of one person.",
    published=(
        PublishedSize("W32", HrNetSettings(width=32), (192, 256), "28.5 M, 7.10 G"),
        PublishedSize("W48", HrNetSettings(width=48), (192, 256), "63.6 M, 14.6 G"),
        PublishedSize("W48", HrNetSettings(width=48), (288, 384), "63.6 M, 32.9 G"),
    ),
)
