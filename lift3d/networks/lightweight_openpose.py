"""Lightweight OpenPose (Osokin 2018): joints of all people in a picture, and fields that say which belong together.

"Real-time 2D Multi-Person Pose Estimation on CPU: Lightweight OpenPose". A MobileNet (Howard et al. 2017) whose last
stride is replaced by a dilation, so that features stay at stride 8; one initial stage and any number of refinement
stages, each of which gives heatmaps and part affinity fields (Cao et al., CVPR 2017) and is given those before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lift3d.networks._convolutions import check_sides, conv_norm_relu, initialise, initialise_outputs
from lift3d.networks._entry import NetworkEntry, PublishedSize
from lift3d.networks._part_fields import PartFields

__all__ = ["NETWORK", "LightweightOpenPose", "LightweightOpenPoseSettings"]

# depthwise separable layers of MobileNet: factor on the first layer's channels, stride, dilation
BACKBONE = (
    (2, 1, 1), (4, 2, 1), (4, 1, 1), (8, 2, 1), (8, 1, 1), (16, 1, 1), (16, 1, 2), (16, 1, 1), (16, 1, 1), (16, 1, 1),
    (16, 1, 1),
)  # fmt: skip


@dataclass(frozen=True)
class LightweightOpenPoseSettings:
    """Size; the defaults are those of the published network with one refinement stage.

    Args:
        joints: whose heatmaps are given, and one more for the background.
        limbs: whose fields are given, two channels each.
        refinements: stages after the initial one.
        width: channels of the first convolution.
        channels: of the features that the stages work on.
        initial_channels: inside the outputs of the initial stage.
    """

    joints: int = 18
    limbs: int = 19
    refinements: int = 1
    width: int = 32
    channels: int = 128
    initial_channels: int = 512


def separable(inputs: int, outputs: int, stride: int, dilation: int) -> nn.Sequential:
    """Depthwise 3x3 and 1x1, each with batch norm and ReLU."""
    depthwise = conv_norm_relu(inputs, inputs, 3, stride, dilation=dilation, groups=inputs)
    return nn.Sequential(depthwise, conv_norm_relu(inputs, outputs, 1))


def conv_relu(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """A convolution with a bias, and ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.ReLU(inplace=True))


def separable_elu(channels: int) -> nn.Sequential:
    """Depthwise 3x3 and 1x1 without biases, each with ELU."""
    depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
    return nn.Sequential(depthwise, nn.ELU(), nn.Conv2d(channels, channels, 1, bias=False), nn.ELU())


class Neck(nn.Module):
    """From the backbone's channels to those of the stages."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.align = conv_relu(inputs, channels, 1)
        self.trunk = nn.Sequential(*(separable_elu(channels) for _ in range(3)))
        self.smooth = conv_relu(channels, channels, 3)

    def forward(
        self, features: Float[Tensor, "batch inputs rows columns"]
    ) -> Float[Tensor, "batch channels rows columns"]:
        aligned = self.align(features)
        return self.smooth(aligned + self.trunk(aligned))


class RefinementUnit(nn.Module):
    """1x1, then two 3x3 of which the second is dilated, added to the 1x1's outcome."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.enter = conv_relu(inputs, channels, 1)
        wide = conv_norm_relu(channels, channels, 3, dilation=2, bias=True)
        self.trunk = nn.Sequential(conv_norm_relu(channels, channels, 3, bias=True), wide)

    def forward(
        self, features: Float[Tensor, "batch inputs rows columns"]
    ) -> Float[Tensor, "batch channels rows columns"]:
        entered = self.enter(features)
        return entered + self.trunk(entered)


class Stage(nn.Module):
    """A trunk, and two small branches after it: heatmaps and fields."""

    def __init__(self, trunk: nn.Module, hidden: int, settings: LightweightOpenPoseSettings) -> None:
        super().__init__()
        self.trunk = trunk
        self.heatmaps = branch(settings.channels, hidden, settings.joints + 1)
        self.fields = branch(settings.channels, hidden, 2 * settings.limbs)

    def forward(self, features: Float[Tensor, "batch inputs rows columns"]) -> PartFields:
        trunk = self.trunk(features)
        return PartFields(self.heatmaps(trunk), self.fields(trunk))


def branch(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """1x1, ReLU, 1x1."""
    return nn.Sequential(nn.Conv2d(inputs, hidden, 1), nn.ReLU(inplace=True), nn.Conv2d(hidden, outputs, 1))


class LightweightOpenPose(nn.Module):
    """See the head of this module.

    Attributes:
        stride: pixels of the input to a cell of heatmaps and fields: 8.
    """

    stride = 8

    def __init__(self, settings: LightweightOpenPoseSettings) -> None:
        super().__init__()
        channels, inputs = settings.channels, settings.width
        layers = [conv_norm_relu(3, inputs, 3, stride=2)]
        for factor, stride, dilation in BACKBONE:
            layers.append(separable(inputs, factor * settings.width, stride, dilation))
            inputs = factor * settings.width
        self.backbone = nn.Sequential(*layers)
        self.neck = Neck(inputs, channels)
        plain = nn.Sequential(*(conv_relu(channels, channels, 3) for _ in range(3)))
        self.stages = nn.ModuleList([Stage(plain, settings.initial_channels, settings)])
        given = channels + settings.joints + 1 + 2 * settings.limbs
        for _ in range(settings.refinements):
            units = [RefinementUnit(given if i == 0 else channels, channels) for i in range(5)]
            self.stages.append(Stage(nn.Sequential(*units), channels, settings))
        initialise(self)
        for stage in self.stages:
            assert isinstance(stage, Stage)
            for last in (stage.heatmaps[-1], stage.fields[-1]):
                assert isinstance(last, nn.Conv2d)
                initialise_outputs(last)

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> tuple[PartFields, ...]:
        """Heatmaps and fields of every stage, of normalised pictures; the last are the answer.

        Raises:
            ShapeError: height or width is no multiple of 8.
        """
        check_sides(images, self.stride)
        features = self.neck(self.backbone(images))  # (batch, 128, height / 8, width / 8)
        found = [self.stages[0](features)]
        for stage in self.stages[1:]:
            found.append(stage(torch.cat([features, *found[-1]], dim=1)))
        return tuple(found)


NETWORK = NetworkEntry(
    name="lightweight_openpose",
    settings=LightweightOpenPoseSettings,
    build=LightweightOpenPose,
    about="Lightweight OpenPose (Osokin 2018): heatmaps and part affinity fields of all people in a picture.",
    published=(
        PublishedSize("1 refinement", LightweightOpenPoseSettings(), (368, 368), "4.1 M, 9 G"),
        PublishedSize("3 refinements", LightweightOpenPoseSettings(refinements=3), (368, 368)),
    ),
)
