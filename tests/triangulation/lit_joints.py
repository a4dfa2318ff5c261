"""Pictures in which each joint is a spot of light of its own colour, and networks that see nothing but colours.

What such a network answers is known: where the spots are. Joints are red, green and blue; its pictures are in BGR
order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lift3d.cameras import CameraRig
from lift3d.checkpoints import Checkpoint
from lift3d.networks._deconvolutions import DeconvolutionSettings
from lift3d.networks._resnet import ResNetSettings
from lift3d.networks.algebraic_triangulation import AlgebraicTriangulation, AlgebraicTriangulationSettings
from lift3d.networks.v2v import V2VSettings
from lift3d.networks.volumetric_triangulation import VolumetricTriangulation, VolumetricTriangulationSettings
from lift3d.skeletons import Skeleton
from lift3d.video import Frame

BODY = Skeleton("lit", ("pelvis", "head", "left_wrist"), (-1, 0, 0))
BODY_BOX = 160.0  # pixels
STANDING = torch.tensor([[0.0, 0.1, 1.0], [0.05, 0.1, 1.45], [0.3, -0.1, 1.2]], dtype=torch.float64)  # metres, z up
ENCODING: dict[str, Any] = {
    "name": "pictures_of_views", "image_size": [128, 128], "colour": "bgr", "mean": [0.0, 0.0, 0.0],
    "std": [1.0, 1.0, 1.0], "box_scale": 1.0, "unit": "mm",
}  # fmt: skip
_SPOT = 14.0  # standard deviation, pixels
_SMALL = {"backbone": ResNetSettings(18, width=8), "upsampling": DeconvolutionSettings(3, channels=8)}


def lit_picture(rig: CameraRig, camera: int, people: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """(height, width, 3) uint8: spots where the camera sees the joints (joints, 3) of people."""
    y, x = torch.meshgrid(torch.arange(size[1]).double(), torch.arange(size[0]).double(), indexing="ij")
    picture = torch.zeros(size[1], size[0], 3, dtype=torch.float64)
    for joints in people:
        for channel, (u, v) in enumerate(rig.cameras[camera].project(joints)):
            spot = torch.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * _SPOT**2))
            picture[..., channel] = torch.maximum(picture[..., channel], spot)
    return (255 * picture).round().byte()


def moment(rig: CameraRig, *people: Tensor, time: float = 0.0) -> list[Frame | None]:
    """What all cameras see."""
    sizes = [(int(width), int(height)) for width, height in rig.cameras.image_size.tolist()]
    return [Frame(lit_picture(rig, camera, people, sizes[camera]), time, 0) for camera in range(len(rig))]


def boxes_around(rig: CameraRig, *people: Tensor) -> Tensor:
    """(cameras, 1, people, 4) of :data:`BODY_BOX`, not quite in the middle."""
    middles = torch.stack([rig.project(joints).mean(1) for joints in people], dim=1)[:, None]
    corner = middles - BODY_BOX / 2 + torch.tensor([3.3, -2.6])
    return torch.cat([corner, torch.full_like(corner, BODY_BOX)], dim=-1)


class _Deepest(nn.Module):
    """The pictures themselves as the deepest features."""

    def forward(self, images: Tensor) -> list[Tensor]:
        return [images]


class _Colours(nn.Module):
    """Joints are red, green and blue of what comes as blue, green and red."""

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength

    def forward(self, features: Tensor) -> Tensor:
        return self.strength * features.flip(-3)


def algebraic(half_pixel: bool = True, **encoding: Any) -> Checkpoint:
    """Heatmaps are the colours, four pixels to a cell."""
    settings = AlgebraicTriangulationSettings(3, **_SMALL, confidences=False, temperature=0.05, half_pixel=half_pixel)
    network = AlgebraicTriangulation(settings)
    network.backbone, network.upsampling, network.heatmaps = _Deepest(), nn.AvgPool2d(4), _Colours(1.0)
    return Checkpoint(network.eval(), settings, "algebraic_triangulation", BODY, BODY, {**ENCODING, **encoding})


def volumetric(half_pixel: bool = True, axis: tuple[float, ...] = (0.0, 0.0, 1.0), **encoding: Any) -> Checkpoint:
    """Volumes are what the views show of the colours together; 1.6 m with 32 cells."""
    v2v = V2VSettings(3, 3, front_kernel=3, front_channels=4, front_units=1, channels=(4, 8))
    settings = VolumetricTriangulationSettings(
        **_SMALL, side=1600.0, cells=32, axis=axis, aggregation="mean", volume_network=v2v, half_pixel=half_pixel
    )
    network = VolumetricTriangulation(settings)
    network.backbone, network.upsampling, network.reduce = _Deepest(), nn.AvgPool2d(4), _Colours(1.0)
    network.volume_network = _Strong()
    return Checkpoint(network.eval(), settings, "volumetric_triangulation", BODY, BODY, {**ENCODING, **encoding})


class _Strong(nn.Module):
    def forward(self, volumes: Tensor) -> Tensor:
        return 20 * volumes
