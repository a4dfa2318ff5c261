"""Stacked hourglasses (Newell, Yang and Deng, ECCV 2016): down to a few cells and up again, several times over.

"Stacked Hourglass Networks for Human Pose Estimation", figures 3 and 4. Every hourglass gives heatmaps, which are
supervised and go, with its features, into the next. The picture is that of one person.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lift3d.networks._convolutions import check_sides, conv_norm_relu, initialise, initialise_outputs
from lift3d.networks._entry import NetworkEntry, PublishedSize
from lift3d.networks._residual_units import PreActivationBottleneck

__all__ = ["NETWORK", "StackedHourglass", "StackedHourglassSettings"]


@dataclass(frozen=True)
class StackedHourglassSettings:
    """Size; the defaults are those of the published network of two stacks.

    Args:
        joints: heatmaps of each hourglass.
        stacks: hourglasses, each with heatmaps of its own.
        channels: of the features at all resolutions; a multiple of 4.
        depth: how often an hourglass halves its input.
    """

    joints: int = 16
    stacks: int = 2
    channels: int = 256
    depth: int = 4


class Hourglass(nn.Module):
    """Half the size, residual units and a smaller hourglass, twice the size again; added to a branch that stays."""

    def __init__(self, depth: int, channels: int) -> None:
        super().__init__()
        self.beside = PreActivationBottleneck(channels, channels)
        self.before = PreActivationBottleneck(channels, channels)
        inner = Hourglass(depth - 1, channels) if depth > 1 else PreActivationBottleneck(channels, channels)
        self.inner = inner
        self.after = PreActivationBottleneck(channels, channels)

    def forward(
        self, features: Float[Tensor, "batch channels rows columns"]
    ) -> Float[Tensor, "batch channels rows columns"]:
        smaller = self.after(self.inner(self.before(F.max_pool2d(features, 2))))
        return self.beside(features) + F.interpolate(smaller, scale_factor=2, mode="nearest")


class Stack(nn.Module):
    """An hourglass, its features, its heatmaps, and unless it is the last, the way of both into the next."""

    def __init__(self, settings: StackedHourglassSettings, last: bool) -> None:
        super().__init__()
        channels = settings.channels
        self.hourglass = Hourglass(settings.depth, channels)
        residual = PreActivationBottleneck(channels, channels)
        self.features = nn.Sequential(residual, conv_norm_relu(channels, channels, 1, bias=True))
        self.heatmaps = nn.Conv2d(channels, settings.joints, 1)
        self.last = last
        if not last:
            self.merge_features = nn.Conv2d(channels, channels, 1)
            self.merge_heatmaps = nn.Conv2d(settings.joints, channels, 1)

    def forward(
        self, given: Float[Tensor, "batch channels rows columns"]
    ) -> tuple[Float[Tensor, "batch joints rows columns"], Float[Tensor, "batch channels rows columns"]]:
        """Heatmaps, and what the next hourglass is given."""
        features = self.features(self.hourglass(given))
        heatmaps = self.heatmaps(features)
        if self.last:
            return heatmaps, given
        return heatmaps, given + self.merge_heatmaps(heatmaps) + self.merge_features(features)


class StackedHourglass(nn.Module):
    """See the head of this module.

    Attributes:
        stride: pixels of the input to a cell of the heatmaps: 4.
    """

    stride = 4

    def __init__(self, settings: StackedHourglassSettings) -> None:
        super().__init__()
        wide = settings.channels
        self.stem = nn.Sequential(
            conv_norm_relu(3, wide // 4, 7, stride=2, bias=True),
            PreActivationBottleneck(wide // 4, wide // 2),
            nn.MaxPool2d(2),
            PreActivationBottleneck(wide // 2, wide // 2),
            PreActivationBottleneck(wide // 2, wide),
        )
        self.stacks = nn.ModuleList(Stack(settings, i == settings.stacks - 1) for i in range(settings.stacks))
        self.coarsest = self.stride * 2**settings.depth
        initialise(self)
        for stack in self.stacks:
            assert isinstance(stack, Stack)
            initialise_outputs(stack.heatmaps)

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch joints rows columns"], ...]:
        """Heatmaps of every hourglass, of normalised pictures; the last are the answer.

        Raises:
            ShapeError: height or width is no multiple of the coarsest stride, 64 as published.
        """
        check_sides(images, self.coarsest)
        features, found = self.stem(images), []  # (batch, 256, height / 4, width / 4)
        for stack in self.stacks:
            heatmaps, features = stack(features)
            found.append(heatmaps)
        return tuple(found)


NETWORK = NetworkEntry(
    name="stacked_hourglass",
    settings=StackedHourglassSettings,
    build=StackedHourglass,
    about="Stacked hourglasses (Newell et al. 2016): down and up several times, to heatmaps of one person.",
    published=(
        PublishedSize("2 stacks", StackedHourglassSettings(stacks=2), (256, 256), "8.4 M, of which 1.9 M idle"),
        PublishedSize("8 stacks", StackedHourglassSettings(stacks=8), (256, 256), "32.8 M, of which 7.4 M idle"),
    ),
)
