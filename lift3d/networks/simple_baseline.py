"""SimpleBaseline (Xiao, Wu and Wei, ECCV 2018): a ResNet, three transposed convolutions, one heatmap a joint.

"Simple Baselines for Human Pose Estimation and Tracking", figure 1(c). The picture is that of one person.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor, nn

from lift3d.networks._convolutions import initialise, initialise_outputs
from lift3d.networks._deconvolutions import DeconvolutionSettings, deconvolutions
from lift3d.networks._entry import NetworkEntry, PublishedSize
from lift3d.networks._resnet import ResNet, ResNetSettings

__all__ = ["NETWORK", "SimpleBaseline", "SimpleBaselineSettings"]


@dataclass(frozen=True)
class SimpleBaselineSettings:
    """Size; the defaults are the paper's with ResNet-50.

    Args:
        joints: heatmaps.
        backbone: the ResNet.
        upsampling: the transposed convolutions after it.
    """

    joints: int = 17
    backbone: ResNetSettings = field(default_factory=ResNetSettings)
    upsampling: DeconvolutionSettings = field(default_factory=DeconvolutionSettings)


class SimpleBaseline(nn.Module):
    """See the head of this module.

    Attributes:
        stride: pixels of the input to a cell of the heatmaps.
    """

    def __init__(self, settings: SimpleBaselineSettings) -> None:
        super().__init__()
        self.stride = 32 // 2**settings.upsampling.count
        self.backbone = ResNet(settings.backbone)
        self.upsampling, channels = deconvolutions(self.backbone.channels[-1], settings.upsampling)
        self.heatmaps = nn.Conv2d(channels, settings.joints, 1)
        initialise(self)
        initialise_outputs(self.heatmaps)

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch joints rows columns"], ...]:
        """Heatmaps of its one stage, of normalised pictures.

        Raises:
            ShapeError: height or width is no multiple of 32.
        """
        return (self.heatmaps(self.upsampling(self.backbone(images)[-1])),)


def _published(layers: int, image_size: tuple[int, int], published: str) -> PublishedSize:
    settings = SimpleBaselineSettings(backbone=ResNetSettings(layers))
    return PublishedSize(f"ResNet-{layers}", settings, image_size, published)


NETWORK = NetworkEntry(
    name="simple_baseline",
    settings=SimpleBaselineSettings,
    build=SimpleBaseline,
    about="SimpleBaseline (Xiao et al. 2018): ResNet and transposed convolutions to heatmaps of one person.",
    published=(
        _published(50, (192, 256), "34.0 M, 8.9 G"),
        _published(101, (192, 256), "53.0 M, 12.4 G"),
        _published(152, (288, 384), "68.6 M, 35.6 G"),
    ),
)
