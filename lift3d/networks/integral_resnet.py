"""The ResNet of integral regression (Sun et al., ECCV 2018): volumes or maps of heat, or coordinates at once.

"Integral Human Pose Regression", section 3: a ResNet, transposed convolutions, and a 1x1 convolution to one volume a
joint, whose expectation is the joint. The direct head is the paper's R1, section 4: the mean of the ResNet's features
and one linear layer to coordinates. How an answer is read and compared is not the network's affair: see
``lift3d.heatmaps``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor, nn

from lift3d.errors import InputError
from lift3d.networks._convolutions import initialise, initialise_outputs
from lift3d.networks._deconvolutions import DeconvolutionSettings, deconvolutions
from lift3d.networks._entry import NetworkEntry, PublishedSize
from lift3d.networks._resnet import ResNet, ResNetSettings

__all__ = ["NETWORK", "IntegralResNet", "IntegralResNetSettings"]

HEADS = ("heatmaps", "direct")


@dataclass(frozen=True)
class IntegralResNetSettings:
    """Size; the defaults are those of the published network, ResNet-50 to volumes of 64 x 64 x 64.

    Args:
        joints: predicted.
        head: ``"heatmaps"``, or ``"direct"`` for coordinates from the mean of the features.
        depth: cells along z; 0 for two dimensions. Of the direct head: 0 for (x, y), else (x, y, z).
        backbone: the ResNet.
        upsampling: the transposed convolutions after it; the direct head has none.

    Raises:
        InputError: there is no such head.
    """

    joints: int = 18
    head: str = "heatmaps"
    depth: int = 64
    backbone: ResNetSettings = field(default_factory=ResNetSettings)
    upsampling: DeconvolutionSettings = field(default_factory=DeconvolutionSettings)

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise InputError(f"head is {self.head!r}; expected one of {', '.join(map(repr, HEADS))}.")


class VolumeHead(nn.Module):
    """Transposed convolutions, then one volume or map a joint; channel ``joint * depth + z`` is cell z of a joint."""

    def __init__(self, inputs: int, settings: IntegralResNetSettings) -> None:
        super().__init__()
        self.depth = settings.depth
        self.upsampling, channels = deconvolutions(inputs, settings.upsampling)
        self.output = nn.Conv2d(channels, settings.joints * max(settings.depth, 1), 1)
        initialise(self)
        initialise_outputs(self.output)

    def forward(self, features: Float[Tensor, "batch inputs _ _"]) -> Float[Tensor, "batch joints *cells"]:
        heat = self.output(self.upsampling(features))
        return heat.unflatten(1, (-1, self.depth)) if self.depth else heat  # (batch, joints, depth, rows, columns)


class DirectHead(nn.Module):
    """The mean of the features over the picture, then a linear layer, which starts in the middle of the picture."""

    def __init__(self, inputs: int, settings: IntegralResNetSettings) -> None:
        super().__init__()
        self.axes = 3 if settings.depth else 2
        self.output = nn.Linear(inputs, settings.joints * self.axes)
        initialise_outputs(self.output, bias=0.5)

    def forward(self, features: Float[Tensor, "batch inputs _ _"]) -> Float[Tensor, "batch joints axes"]:
        return self.output(features.mean((-2, -1))).unflatten(-1, (-1, self.axes))


class IntegralResNet(nn.Module):
    """See the head of this module.

    Attributes:
        stride: pixels of the input to a cell of the heatmaps; 32 with the direct head.
    """

    def __init__(self, settings: IntegralResNetSettings) -> None:
        super().__init__()
        direct = settings.head == "direct"
        self.stride = 32 if direct else 32 // 2**settings.upsampling.count
        self.backbone = ResNet(settings.backbone)
        initialise(self.backbone)
        self.head = (DirectHead if direct else VolumeHead)(self.backbone.channels[-1], settings)

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch joints *cells"], ...]:
        """The answer of its one stage, of normalised pictures.

        Returns:
            ``(batch, joints, depth, rows, columns)``, without a depth ``(batch, joints, rows, columns)``; of the
            direct head ``(batch, joints, 3 or 2)``: x, y and z from 0 to 1 across the input, from edge to edge.

        Raises:
            ShapeError: height or width is no multiple of 32.
        """
        return (self.head(self.backbone(images)[-1]),)


NETWORK = NetworkEntry(
    name="integral_resnet",
    settings=IntegralResNetSettings,
    build=IntegralResNet,
    about="The ResNet of integral regression (Sun et al. 2018): volumes or maps of heat, or coordinates.",
    published=(PublishedSize("ResNet-50, 3D", IntegralResNetSettings(), (256, 256)),),
)
