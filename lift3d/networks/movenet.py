"""MoveNet SinglePose (Google, 2021): one person's joints from a square picture, as heatmaps and offsets.

A MobileNetV2 (Sandler et al., CVPR 2018) whose batch norms are folded into the convolutions, a feature pyramid
(Lin et al., CVPR 2017) back up to a quarter of the picture's size, and four heads in the manner of CenterNet (Zhou
et al., 2019). "Thunder" is 1.75 times as wide as the standard MobileNetV2 and takes pictures of 256 x 256.

The published network was trained with TensorFlow, whose "SAME" padding puts the extra row and column of a stride of
2 at the right and the bottom only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lift3d.networks._entry import NetworkEntry, PublishedSize

__all__ = ["NETWORK", "MoveNet", "MoveNetOutput", "MoveNetSettings"]

# Rows of table 2 of the MobileNetV2 paper: expansion, channels before scaling, repeats, stride of the first.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
TAPPED_STAGES = (3, 2, 1)  # whose outputs the pyramid takes in: strides 16, 8 and 4


@dataclass(frozen=True)
class MoveNetSettings:
    """Size; the defaults are those of SinglePose Thunder.

    Args:
        joints: joints predicted.
        image_size: side of the square picture that the network was trained on, pixels; a multiple of 32.
        width: factor on the channels of MobileNetV2.
        last_channels: channels at the end of MobileNetV2.
        pyramid: channels of the pyramid at strides 16, 8 and 4.
        head_channels: channels inside each head.
    """

    joints: int = 17
    image_size: int = 256
    width: float = 1.75
    last_channels: int = 1280
    pyramid: tuple[int, ...] = (64, 32, 24)
    head_channels: int = 96


class MoveNetOutput(NamedTuple):
    """What the heads give on a grid of cells, each four pixels wide; the last axes are rows and columns.

    A cell (column c, row r) covers pixels 4c to 4c + 3 and 4r to 4r + 3.

    Args:
        heatmaps: logit that the joint lies in this cell.
        offsets: (x, y) from the cell's top-left corner to the joint, in cells; means something near the joint only.
        regressed: (x, y) from the person's centre, if this cell is it, to each of their joints, in cells.
        centre: logit that the centre of a person lies in this cell.
    """

    heatmaps: Float[Tensor, "batch joints rows columns"]
    offsets: Float[Tensor, "batch joints 2 rows columns"]
    regressed: Float[Tensor, "batch joints 2 rows columns"]
    centre: Float[Tensor, "batch rows columns"]


def scaled(channels: int, width: float) -> int:
    """Channels times the width, to the nearest multiple of 8 but never below nine tenths."""
    wanted = channels * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * wanted else rounded + 8


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution with a bias and TensorFlow's "SAME" padding, for pictures of even width and height."""
    if stride == 1:
        return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups))
    right_bottom = nn.ZeroPad2d((0, kernel - stride, 0, kernel - stride))
    return nn.Sequential(right_bottom, nn.Conv2d(inputs, outputs, kernel, stride, groups=groups))


class InvertedResidual(nn.Module):
    """Widen 1x1, depthwise 3x3, narrow 1x1; added to the input where both have the same shape."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = (
            nn.Sequential(convolution(inputs, wide, 1), nn.ReLU6(inplace=True)) if expansion > 1 else nn.Identity()
        )
        self.depthwise = nn.Sequential(convolution(wide, wide, 3, stride, groups=wide), nn.ReLU6(inplace=True))
        self.project = convolution(wide, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, features: Float[Tensor, "batch inputs _ _"]) -> Float[Tensor, "batch outputs _ _"]:
        changed = self.project(self.depthwise(self.expand(features)))
        return features + changed if self.residual else changed


class Separable(nn.Module):
    """Depthwise 3x3 without a bias, then 1x1 and ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)

    def forward(self, features: Float[Tensor, "batch inputs _ _"]) -> Float[Tensor, "batch outputs _ _"]:
        return F.relu(self.pointwise(self.depthwise(features)))


class Backbone(nn.Module):
    """MobileNetV2 without its classifier: features of the tapped stages and of the end."""

    def __init__(self, settings: MoveNetSettings) -> None:
        super().__init__()
        channels = scaled(32, settings.width)
        self.stem = nn.Sequential(convolution(3, channels, 3, stride=2), nn.ReLU6(inplace=True))
        self.stages = nn.ModuleList()
        self.channels = []
        for expansion, standard, repeats, stride in STAGES:
            outputs = scaled(standard, settings.width)
            blocks = [InvertedResidual(channels, outputs, expansion, stride)]
            blocks += [InvertedResidual(outputs, outputs, expansion, 1) for _ in range(repeats - 1)]
            self.stages.append(nn.Sequential(*blocks))
            self.channels.append(outputs)
            channels = outputs
        self.last = nn.Sequential(convolution(channels, settings.last_channels, 1), nn.ReLU6(inplace=True))

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> list[Tensor]:
        """Features at strides 32, 16, 8 and 4."""
        features, of_stage = self.stem(images), []  # (batch, 56, 128, 128)
        for stage in self.stages:
            features = stage(features)
            of_stage.append(features)
        return [self.last(features), *(of_stage[i] for i in TAPPED_STAGES)]


class Pyramid(nn.Module):
    """From the coarsest features up: double, add the finer ones, smooth."""

    def __init__(self, inputs: list[int], settings: MoveNetSettings) -> None:
        super().__init__()
        channels = (settings.pyramid[0], *settings.pyramid)
        self.laterals = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in zip(inputs, channels, strict=True))
        outputs = (*settings.pyramid[1:], settings.pyramid[-1])
        self.smooth = nn.ModuleList(Separable(a, b) for a, b in zip(settings.pyramid, outputs, strict=True))

    def forward(self, features: list[Tensor]) -> Float[Tensor, "batch channels rows columns"]:
        top = self.laterals[0](features[0])
        for lateral, smooth, finer in zip(self.laterals[1:], self.smooth, features[1:], strict=True):
            doubled = F.interpolate(top, scale_factor=2, mode="bilinear", align_corners=False)
            top = smooth(doubled + lateral(finer))
        return top


class Head(nn.Module):
    """A separable convolution, then 1x1 to the outputs."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.hidden = Separable(inputs, hidden)
        self.output = nn.Conv2d(hidden, outputs, 1)

    def forward(
        self, features: Float[Tensor, "batch inputs rows columns"]
    ) -> Float[Tensor, "batch outputs rows columns"]:
        return self.output(self.hidden(features))


class MoveNet(nn.Module):
    """See the head of this module."""

    def __init__(self, settings: MoveNetSettings) -> None:
        super().__init__()
        self.backbone = Backbone(settings)
        tapped = [self.backbone.channels[i] for i in TAPPED_STAGES]
        self.pyramid = Pyramid([settings.last_channels, *tapped], settings)
        inputs, hidden = settings.pyramid[-1], settings.head_channels
        self.heatmaps = Head(inputs, hidden, settings.joints)
        self.offsets = Head(inputs, hidden, 2 * settings.joints)
        self.regressed = Head(inputs, hidden, 2 * settings.joints)
        self.centre = Head(inputs, hidden, 1)

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> MoveNetOutput:
        """Heads' outputs of RGB pictures with values from -1 to 1; width and height are multiples of 32."""
        features = self.pyramid(self.backbone(images))  # (batch, 24, height / 4, width / 4)
        return MoveNetOutput(
            heatmaps=self.heatmaps(features),
            offsets=self.offsets(features).unflatten(1, (-1, 2)),  # (batch, joints, xy, rows, columns)
            regressed=self.regressed(features).unflatten(1, (-1, 2)),
            centre=self.centre(features)[:, 0],
        )


NETWORK = NetworkEntry(
    name="movenet",
    settings=MoveNetSettings,
    build=MoveNet,
    about="MoveNet SinglePose (Google 2021): heatmaps and offsets of one person's joints in a square picture.",
    published=(PublishedSize("Thunder", MoveNetSettings(), (256, 256)),),
)
