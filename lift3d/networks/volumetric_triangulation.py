"""Volumetric triangulation of Iskakov, Burkov, Lempitsky and Malkov (ICCV 2019), "Learnable Triangulation", 3.2.

Features of each view, unprojected into a cuboid around the person, made one over the views, through a
volume-to-volume network, and the mean of each joint's volume. The pictures are of one person, seen at one moment by any
number of cameras without lens distortion.

Memory for an answer, measured on a CPU without gradients, for four pictures of 384 x 384 with ResNet-152: 215 MiB
with 32 cells along each axis, 355 MiB with 64, besides the weights' 310 MiB.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lift3d.errors import InputError
from lift3d.heatmaps.soft_argmax import cell_probabilities, mean_cell
from lift3d.networks._confidences import ConfidenceHead, shares_of_views
from lift3d.networks._convolutions import initialise
from lift3d.networks._deconvolutions import DeconvolutionSettings, deconvolutions
from lift3d.networks._entry import NetworkEntry
from lift3d.networks._resnet import ResNet, ResNetSettings
from lift3d.networks.v2v import V2V, V2VSettings
from lift3d.volumes import Cuboid, map_projections, unproject_maps
from lift3d.volumes.aggregation import check_aggregation

__all__ = ["NETWORK", "VolumetricAnswer", "VolumetricTriangulation", "VolumetricTriangulationSettings"]


@dataclass(frozen=True)
class VolumetricTriangulationSettings:
    """Size; the defaults are the paper's, in millimetres.

    Args:
        backbone: the ResNet.
        upsampling: the transposed convolutions after it, whose maps are unprojected.
        side: of the cuboid, in the unit of the projections.
        cells: of the cuboid along each axis; a multiple of what the halvings of ``volume_network`` need.
        axis: that cuboids are turned about, in the world.
        aggregation: of views: ``"sum"``, ``"mean"``, ``"max"``, ``"softmax"``, or ``"confidence"``: the mean under
            learned confidences of each view and channel.
        volume_network: its inputs are the channels that are unprojected, its outputs the joints.
        confidence_width: of the widest layers of the confidences' head.
        temperature: of the softmax over a volume.
        half_pixel: where cells of maps lie, see ``lift3d.volumes.map_projections``; False in the published networks.

    Raises:
        UnknownNameError: there is no such aggregation.
        InputError: the cells cannot be halved as often as the volume network does.
    """

    backbone: ResNetSettings = field(default_factory=lambda: ResNetSettings(152))
    upsampling: DeconvolutionSettings = field(default_factory=DeconvolutionSettings)
    side: float = 2500.0
    cells: int = 64
    axis: tuple[float, ...] = (0.0, 0.0, 1.0)
    aggregation: str = "softmax"
    volume_network: V2VSettings = field(default_factory=V2VSettings)
    confidence_width: int = 512
    temperature: float = 1.0
    half_pixel: bool = True

    def __post_init__(self) -> None:
        check_aggregation(self.aggregation)
        multiple = 2 ** (len(self.volume_network.channels) - 1)
        if self.cells % multiple:
            raise InputError(f"cells is {self.cells}; expected a multiple of {multiple}, as its volumes are halved.")


class VolumetricAnswer(NamedTuple):
    """What the network says of a moment.

    Args:
        points: in the world, in the projections' unit; NaN without any view.
        features: that were unprojected.
        volumes: probabilities, which sum to 1 over a volume; axes are the cuboid's x, y and z.
        confidences: what each view and channel counted, shares that sum to 1 over the views; None unless learned.
        cuboid: where the volumes are.
    """

    points: Float[Tensor, "batch joints 3"]
    features: Float[Tensor, "batch views channels rows columns"]
    volumes: Float[Tensor, "batch joints cells cells cells"]
    confidences: Float[Tensor, "batch views channels"] | None
    cuboid: Cuboid


class VolumetricTriangulation(nn.Module):
    """See the head of this module.

    Attributes:
        stride: pixels of the pictures to a cell of the maps.
    """

    def __init__(self, settings: VolumetricTriangulationSettings) -> None:
        super().__init__()
        self.settings = settings
        self.stride = 32 // 2**settings.upsampling.count
        self.backbone = ResNet(settings.backbone)
        self.upsampling, channels = deconvolutions(self.backbone.channels[-1], settings.upsampling)
        unprojected = settings.volume_network.inputs
        self.reduce = nn.Conv2d(channels, unprojected, 1)
        initialise(self)
        self.volume_network = V2V(settings.volume_network)
        if settings.aggregation == "confidence":
            self.confidences = ConfidenceHead(self.backbone.channels[-1], unprojected, settings.confidence_width)

    def forward(
        self,
        images: Float[Tensor, "batch views 3 height width"],
        projections: Float[Tensor, "batch views 3 4"],
        centres: Float[Tensor, "batch 3"],
        angles: Float[Tensor, "batch"] | None = None,
        seen: Bool[Tensor, "batch views"] | None = None,
    ) -> VolumetricAnswer:
        """Joints of one person.

        Args:
            images: normalised pictures of the person; whatever stands in those of missing views is not looked at.
            projections: from the world to pixels of these pictures; NaN for missing views.
            centres: about where the person's pelvis is, in the world.
            angles: by which the cuboids are turned about the axis, radians; by default not at all.
            seen: which views there are, besides those without a projection; by default all.

        Raises:
            ShapeError: height or width is no multiple of 32.
        """
        settings, views = self.settings, images.shape[:2]
        there = torch.isfinite(projections).all(-1).all(-1)
        there = there if seen is None else there & seen
        deepest = self.backbone(images.masked_fill(~there[..., None, None, None], 0.0).flatten(0, 1))[-1]
        features = self.reduce(self.upsampling(deepest)).unflatten(0, views)
        confidences = None
        if settings.aggregation == "confidence":
            confidences = shares_of_views(self.confidences(deepest).unflatten(0, views), there)
        cuboid = Cuboid.of(centres, settings.side, settings.cells, angles, settings.axis)
        image_size, map_size = (images.shape[-1], images.shape[-2]), (features.shape[-2], features.shape[-1])
        to_maps = map_projections(projections, image_size, map_size, half_pixel=settings.half_pixel)
        volumes = unproject_maps(
            features, to_maps, cuboid.positions(), settings.aggregation, seen=there, confidences=confidences
        )
        volumes = cell_probabilities(self.volume_network(volumes), 3, settings.temperature)
        places = mean_cell(volumes, 3).flip(-1)  # which has the last axis, the cuboid's z, first
        points = torch.where(there.any(1)[:, None, None], cuboid.to_world(places), torch.nan)
        return VolumetricAnswer(points, features, volumes, confidences, cuboid)


NETWORK = NetworkEntry(
    name="volumetric_triangulation",
    settings=VolumetricTriangulationSettings,
    build=VolumetricTriangulation,
    about="Volumetric learnable triangulation (Iskakov et al. 2019): pictures of several views to points.",
    example=lambda _: (torch.empty(1, 4, 3, 384, 384), torch.zeros(1, 4, 3, 4), torch.zeros(1, 3)),
)
