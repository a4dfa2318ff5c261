"""Residual units of He et al.: basic and bottleneck (CVPR 2016), and the bottleneck with activation first (ECCV 2016).

Tensors are named as in torchvision, the names under which most published weights come.
"""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lift3d.networks._convolutions import conv_norm

__all__ = ["BasicBlock", "Bottleneck", "PreActivationBottleneck", "residual_layer"]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, added to the input; the first takes the stride."""

    expansion = 1

    def __init__(self, inputs: int, channels: int, stride: int = 1, style: str = "pytorch") -> None:  # noqa: ARG002
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = shortcut(inputs, channels, stride)

    def forward(self, features: Float[Tensor, "batch inputs _ _"]) -> Float[Tensor, "batch outputs _ _"]:
        changed = F.relu(self.bn1(self.conv1(features)))
        return F.relu(self.bn2(self.conv2(changed)) + self.downsample(features))


class Bottleneck(nn.Module):
    """Narrow 1x1, 3x3, widen 1x1 to four times the channels; added to the input.

    Args:
        inputs: channels in.
        channels: inside; ``4 * channels`` come out.
        stride: of the unit.
        style: which convolution takes the stride: the 3x3 (``"pytorch"``) or, as first published, the narrowing 1x1
            (``"caffe"``). Weights of both look alike.
    """

    expansion = 4

    def __init__(self, inputs: int, channels: int, stride: int = 1, style: str = "pytorch") -> None:
        super().__init__()
        first, second = (stride, 1) if style == "caffe" else (1, stride)
        self.conv1 = nn.Conv2d(inputs, channels, 1, first, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, second, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, self.expansion * channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(self.expansion * channels)
        self.downsample = shortcut(inputs, self.expansion * channels, stride)

    def forward(self, features: Float[Tensor, "batch inputs _ _"]) -> Float[Tensor, "batch outputs _ _"]:
        changed = F.relu(self.bn1(self.conv1(features)))
        changed = F.relu(self.bn2(self.conv2(changed)))
        return F.relu(self.bn3(self.conv3(changed)) + self.downsample(features))


class PreActivationBottleneck(nn.Module):
    """Batch norm and ReLU before each convolution: narrow 1x1 to half the outputs, 3x3, widen 1x1; with biases.

    The input is added as it is, or through a 1x1 convolution where the channels differ.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, half, 1)
        self.bn2, self.conv2 = nn.BatchNorm2d(half), nn.Conv2d(half, half, 3, padding=1)
        self.bn3, self.conv3 = nn.BatchNorm2d(half), nn.Conv2d(half, outputs, 1)
        self.skip = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(
        self, features: Float[Tensor, "batch inputs rows columns"]
    ) -> Float[Tensor, "batch outputs rows columns"]:
        changed = self.conv1(F.relu(self.bn1(features)))
        changed = self.conv2(F.relu(self.bn2(changed)))
        return self.conv3(F.relu(self.bn3(changed))) + self.skip(features)


def shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    """What the input goes through before it is added: nothing, or a 1x1 convolution where the shape changes."""
    return nn.Identity() if stride == 1 and inputs == outputs else conv_norm(inputs, outputs, 1, stride)


def residual_layer(
    block: type[BasicBlock] | type[Bottleneck],
    inputs: int,
    channels: int,
    count: int,
    stride: int = 1,
    style: str = "pytorch",
) -> nn.Sequential:
    """``count`` units, of which the first takes the stride; ``channels * block.expansion`` come out."""
    units = [block(inputs, channels, stride, style)]
    units += [block(channels * block.expansion, channels, 1, style) for _ in range(count - 1)]
    return nn.Sequential(*units)
