"""The residual network of He et al. (CVPR 2016, table 1) without its classifier: a backbone for pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lift3d.errors import InputError
from lift3d.networks._convolutions import check_sides
from lift3d.networks._residual_units import BasicBlock, Bottleneck, residual_layer

__all__ = ["UNITS", "ResNet", "ResNetSettings"]

# layers: kind of unit, and how many at strides 4, 8, 16 and 32
UNITS = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}
STYLES = ("pytorch", "caffe")


@dataclass(frozen=True)
class ResNetSettings:
    """Size of the backbone.

    Args:
        layers: 18, 34, 50, 101 or 152.
        width: channels of the first convolution; 64 as published, less for experiments.
        style: which convolution of a bottleneck takes the stride: ``"pytorch"`` the 3x3, ``"caffe"`` the first 1x1.

    Raises:
        InputError: there are no such layers, or no such style.
    """

    layers: int = 50
    width: int = 64
    style: str = "pytorch"

    def __post_init__(self) -> None:
        if self.layers not in UNITS:
            raise InputError(f"layers is {self.layers}; expected one of {', '.join(map(str, UNITS))}.")
        if self.style not in STYLES:
            raise InputError(f"style is {self.style!r}; expected one of {', '.join(map(repr, STYLES))}.")


class ResNet(nn.Module):
    """See the head of this module.

    Attributes:
        channels: of the features at strides 4, 8, 16 and 32.
    """

    def __init__(self, settings: ResNetSettings) -> None:
        super().__init__()
        block, counts = UNITS[settings.layers]
        width, style = settings.width, settings.style
        self.channels = tuple(block.expansion * width * factor for factor in (1, 2, 4, 8))
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = residual_layer(block, width, width, counts[0], 1, style)
        self.layer2 = residual_layer(block, self.channels[0], 2 * width, counts[1], 2, style)
        self.layer3 = residual_layer(block, self.channels[1], 4 * width, counts[2], 2, style)
        self.layer4 = residual_layer(block, self.channels[2], 8 * width, counts[3], 2, style)

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> tuple[Float[Tensor, "batch _ _ _"], ...]:
        """Features at strides 4, 8, 16 and 32.

        Raises:
            ShapeError: height or width is no multiple of 32.
        """
        check_sides(images, 32)
        features, found = F.max_pool2d(F.relu(self.bn1(self.conv1(images))), 3, stride=2, padding=1), []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            features = layer(features)
            found.append(features)
        return tuple(found)
