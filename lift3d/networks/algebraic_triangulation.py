"""Algebraic triangulation of Iskakov, Burkov, Lempitsky and Malkov (ICCV 2019), "Learnable Triangulation", 3.1.

Heatmaps of each view, the mean of each, learned confidences, and the weighted linear system, all of which gradients go
through. The pictures are of one person, seen at one moment by several cameras without lens distortion.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lift3d.geometry.linear_triangulation import triangulate_homogeneous
from lift3d.heatmaps.cells import cells_to_pixels
from lift3d.heatmaps.soft_argmax import cell_probabilities, mean_cell
from lift3d.networks._confidences import ConfidenceHead, shares_of_views
from lift3d.networks._convolutions import initialise, initialise_outputs
from lift3d.networks._deconvolutions import DeconvolutionSettings, deconvolutions
from lift3d.networks._entry import NetworkEntry
from lift3d.networks._resnet import ResNet, ResNetSettings

__all__ = ["NETWORK", "AlgebraicAnswer", "AlgebraicTriangulation", "AlgebraicTriangulationSettings"]

_LEAST = 1e-5  # that a view counts at least, as published


@dataclass(frozen=True)
class AlgebraicTriangulationSettings:
    """Size; the defaults are the paper's.

    Args:
        joints: heatmaps.
        backbone: the ResNet.
        upsampling: the transposed convolutions after it.
        confidences: whether they are learned; if not, views count alike.
        confidence_width: of the widest layers of their head.
        temperature: of the softmax over a heatmap; the published multiplier is its inverse.
        half_pixel: where cells lie, see ``lift3d.heatmaps.cells``; False in the published networks.
    """

    joints: int = 17
    backbone: ResNetSettings = field(default_factory=lambda: ResNetSettings(152))
    upsampling: DeconvolutionSettings = field(default_factory=DeconvolutionSettings)
    confidences: bool = True
    confidence_width: int = 512
    temperature: float = 0.01
    half_pixel: bool = True


class AlgebraicAnswer(NamedTuple):
    """What the network says of a moment.

    Args:
        points: in the world, in the projections' unit; NaN where fewer than two views are.
        pixels: of each joint in each picture; NaN in missing views.
        heatmaps: probabilities, which sum to 1 over a map.
        confidences: what each view counted: shares that sum to 1 over the views, each with 1e-5 more; 0 of missing
            views.
    """

    points: Float[Tensor, "batch joints 3"]
    pixels: Float[Tensor, "batch views joints 2"]
    heatmaps: Float[Tensor, "batch views joints rows columns"]
    confidences: Float[Tensor, "batch views joints"]


class AlgebraicTriangulation(nn.Module):
    """See the head of this module.

    Attributes:
        stride: pixels of the pictures to a cell of the heatmaps.
    """

    def __init__(self, settings: AlgebraicTriangulationSettings) -> None:
        super().__init__()
        self.settings = settings
        self.stride = 32 // 2**settings.upsampling.count
        self.backbone = ResNet(settings.backbone)
        self.upsampling, channels = deconvolutions(self.backbone.channels[-1], settings.upsampling)
        self.heatmaps = nn.Conv2d(channels, settings.joints, 1)
        initialise(self)
        initialise_outputs(self.heatmaps)
        if settings.confidences:
            self.confidences = ConfidenceHead(self.backbone.channels[-1], settings.joints, settings.confidence_width)

    def forward(
        self,
        images: Float[Tensor, "batch views 3 height width"],
        projections: Float[Tensor, "batch views 3 4"],
        seen: Bool[Tensor, "batch views"] | None = None,
    ) -> AlgebraicAnswer:
        """Joints of one person.

        Args:
            images: normalised pictures of the person; whatever stands in those of missing views is not looked at.
            projections: from the world to pixels of these pictures; NaN for missing views.
            seen: which views there are, besides those without a projection; by default all.

        Raises:
            ShapeError: height or width is no multiple of 32.
        """
        there = torch.isfinite(projections).all(-1).all(-1)
        there = there if seen is None else there & seen
        views = images.shape[:2]
        features = self.backbone(images.masked_fill(~there[..., None, None, None], 0.0).flatten(0, 1))[-1]
        heatmaps = self.heatmaps(self.upsampling(features)).unflatten(0, views)
        if self.settings.confidences:
            confidences = self.confidences(features).unflatten(0, views)
        else:
            confidences = heatmaps.new_ones(heatmaps.shape[:3])
        return self._triangulated(heatmaps, confidences, projections, there, (images.shape[-1], images.shape[-2]))

    def _triangulated(
        self, heatmaps: Tensor, confidences: Tensor, projections: Tensor, there: Tensor, image_size: tuple[int, int]
    ) -> AlgebraicAnswer:
        settings, map_size = self.settings, (heatmaps.shape[-2], heatmaps.shape[-1])
        probabilities = cell_probabilities(heatmaps, temperature=settings.temperature)
        cells = mean_cell(probabilities)
        pixels = cells_to_pixels(cells, map_size, image_size, half_pixel=settings.half_pixel)
        pixels = torch.where(there[..., None, None], pixels, torch.nan)
        counted = (shares_of_views(confidences, there) + _LEAST).masked_fill(~there[..., None], 0.0)
        points = triangulate_homogeneous(pixels, counted, projections)
        return AlgebraicAnswer(points, pixels, probabilities, counted)


NETWORK = NetworkEntry(
    name="algebraic_triangulation",
    settings=AlgebraicTriangulationSettings,
    build=AlgebraicTriangulation,
    about="Algebraic learnable triangulation (Iskakov et al. 2019): pictures of several views to points.",
    example=lambda _: (torch.empty(1, 4, 3, 384, 384), torch.zeros(1, 4, 3, 4)),
)
