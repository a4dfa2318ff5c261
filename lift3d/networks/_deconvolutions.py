"""Transposed convolutions that double the size of a map again and again, as Xiao et al. (ECCV 2018) put on a ResNet."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

__all__ = ["DeconvolutionSettings", "deconvolutions"]


@dataclass(frozen=True)
class DeconvolutionSettings:
    """How features of stride 32 are brought up.

    Args:
        count: how often the size is doubled; 3 as published, to stride 4; 0 leaves the features as they are.
        channels: of each.
    """

    count: int = 3
    channels: int = 256


def deconvolutions(inputs: int, settings: DeconvolutionSettings) -> tuple[nn.Sequential, int]:
    """The layers, and how many channels come out.

    Each is a transposed convolution of 4x4 with stride 2 and without a bias, batch norm and ReLU. It doubles the size
    exactly, and the middle of the map stays its middle: cell c becomes the cells 2c and 2c + 1.
    """
    layers: list[nn.Module] = []
    for _ in range(settings.count):
        layers.append(nn.ConvTranspose2d(inputs, settings.channels, 4, stride=2, padding=1, bias=False))
        layers += [nn.BatchNorm2d(settings.channels), nn.ReLU(inplace=True)]
        inputs = settings.channels
    return nn.Sequential(*layers), inputs
