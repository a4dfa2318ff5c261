"""The volume-to-volume network of Moon, Chang and Lee (CVPR 2018), as learnable triangulation has it.

"V2V-PoseNet", figure 4, with two changes by Iskakov et al. (ICCV 2019): three residual units more of depth, and two
convolutions before the output. Convolutions keep their biases before batch norm.

Memory for an answer, measured in float32 on a CPU without gradients: 75 MiB for 32^3 and 225 MiB for 64^3 cells with
the default size; 35 MiB for 32^3 with 17 channels in and ``front_kernel=3, front_units=1, channels=(16, 32, 64)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lift3d.errors import InputError, ShapeError
from lift3d.networks._entry import NetworkEntry

__all__ = ["NETWORK", "V2V", "V2VSettings"]


@dataclass(frozen=True)
class V2VSettings:
    """Size; the defaults are those of learnable triangulation.

    Args:
        inputs: channels of the volumes given.
        outputs: channels of the volumes that come out, such as one a joint.
        front_kernel: cells along each side of the first convolution, odd.
        front_channels: that it gives.
        front_units: residual units after it.
        channels: at full size and after each halving. The sides of the volumes must be multiples of
            ``2^(len(channels) - 1)``.
        back_units: residual units at full size after the way down and up.
        back_layers: convolutions of 1x1x1 after those.

    Raises:
        InputError: an even kernel, no unit in front or no channels.
    """

    inputs: int = 32
    outputs: int = 17
    front_kernel: int = 7
    front_channels: int = 16
    front_units: int = 3
    channels: tuple[int, ...] = (32, 64, 128, 128, 128, 128)
    back_units: int = 1
    back_layers: int = 2

    def __post_init__(self) -> None:
        if self.front_kernel % 2 == 0 or self.front_units < 1 or not self.channels:
            raise InputError(
                f"front_kernel={self.front_kernel}, front_units={self.front_units}, channels={self.channels}; expected "
                "an odd kernel, at least one unit and at least one number of channels."
            )


class Convolution3D(nn.Conv3d):
    """PyTorch's, but that a single small volume on a CPU goes to oneDNN, too.

    PyTorch would take a plain loop for it, which needs up to ten times as long.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  the name of nn.Conv3d
        if not (asks_on_cpu(input) and len(input) == 1 and torch.backends.mkldnn.is_available()):
            return super().forward(input)
        assert not isinstance(self.padding, str)
        return torch.mkldnn_convolution(
            input, self.weight, self.bias, self.padding, self.stride, self.dilation, self.groups
        )


class ResidualUnit3D(nn.Module):
    """Two convolutions of 3x3x3, added to the input, which goes through a 1x1x1 one where the channels differ."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(*convolution(inputs, outputs, 3), nn.ReLU(), *convolution(outputs, outputs, 3))
        same = inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Sequential(*convolution(inputs, outputs, 1))

    def forward(self, volumes: Float[Tensor, "batch inputs _ _ _"]) -> Float[Tensor, "batch outputs _ _ _"]:
        return F.relu(self.branch(volumes) + self.shortcut(volumes))


class V2V(nn.Module):
    """See the head of this module."""

    def __init__(self, settings: V2VSettings) -> None:
        super().__init__()
        channels, width = settings.channels, settings.channels[0]
        deeper = list(pairwise(channels))
        first = nn.Sequential(*convolution(settings.inputs, settings.front_channels, settings.front_kernel), nn.ReLU())
        units = [ResidualUnit3D(width, width) for _ in range(settings.front_units - 1)]
        self.front = nn.Sequential(first, ResidualUnit3D(settings.front_channels, width), *units)
        self.skips = nn.ModuleList(ResidualUnit3D(above, above) for above, _ in deeper)
        self.down = nn.ModuleList(ResidualUnit3D(above, below) for above, below in deeper)
        self.middle = ResidualUnit3D(channels[-1], channels[-1])
        self.before_up = nn.ModuleList(ResidualUnit3D(below, below) for _, below in deeper)
        self.up = nn.ModuleList(upsampling(below, above) for above, below in deeper)
        units = [ResidualUnit3D(width, width) for _ in range(settings.back_units)]
        layers = [nn.Sequential(*convolution(width, width, 1), nn.ReLU()) for _ in range(settings.back_layers)]
        self.back = nn.Sequential(*units, *layers)
        self.output = Convolution3D(width, settings.outputs, 1)
        self._initialise()

    def forward(
        self, volumes: Float[Tensor, "batch inputs depth rows columns"]
    ) -> Float[Tensor, "batch outputs depth rows columns"]:
        """Volumes of the same size.

        Raises:
            ShapeError: a side is no multiple of what the halvings need.
        """
        multiple = 2 ** len(self.down)
        if any(side % multiple for side in volumes.shape[2:]):
            raise ShapeError("volumes", volumes.shape, f"(batch, channels, three multiples of {multiple})")
        if asks_on_cpu(volumes):  # a tenth to a quarter faster
            volumes = volumes.contiguous(memory_format=torch.channels_last_3d)
        features, kept = self.front(volumes), []
        for skip, down in zip(self.skips, self.down, strict=True):
            kept.append(skip(features))
            features = down(F.max_pool3d(features, 2))
        features = self.middle(features)
        for before, up in zip(reversed(self.before_up), reversed(self.up), strict=True):
            features = up(before(features)) + kept.pop()
        return self.output(self.back(features))

    def _initialise(self) -> None:
        """Normal weights of Glorot and Bengio (2010), biases 0, as published."""
        for module in self.modules():
            if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
                nn.init.xavier_normal_(module.weight)
                assert module.bias is not None
                nn.init.zeros_(module.bias)


def asks_on_cpu(volumes: Tensor) -> bool:
    """Whether an answer is wanted on the CPU, in float32, with no gradient, and not to write the network as a graph."""
    plain = volumes.device.type == "cpu" and volumes.dtype == torch.float32
    graph = torch.jit.is_tracing() or torch.compiler.is_compiling()  # pyright: ignore[reportPrivateImportUsage]
    return plain and not torch.is_grad_enabled() and not graph


def convolution(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    """A convolution that keeps the size, and batch norm."""
    return [Convolution3D(inputs, outputs, kernel, padding=kernel // 2), nn.BatchNorm3d(outputs)]


def upsampling(inputs: int, outputs: int) -> nn.Sequential:
    """Doubles the size: cell c becomes the cells 2c and 2c + 1."""
    return nn.Sequential(nn.ConvTranspose3d(inputs, outputs, 2, stride=2), nn.BatchNorm3d(outputs), nn.ReLU())


NETWORK = NetworkEntry(
    name="v2v",
    settings=V2VSettings,
    build=V2V,
    about="V2V (Moon et al. 2018), as in learnable triangulation: volumes to volumes; of any size.",
    example=lambda settings: (torch.empty(1, settings.inputs, 32, 32, 32),),
)
