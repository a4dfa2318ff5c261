"""Film 3D motion with random cameras: endless views of a limited number of recordings."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from lift3d.skeletons import Skeleton

__all__ = ["ViewSettings", "between", "film", "looking"]


@dataclass(frozen=True)
class ViewSettings:
    """Where virtual cameras stand and what they see.

    Args:
        distance_m: nearest and farthest horizontal distance from where the person is on average; to it comes up to
            as much as the person moves about.
        height_m: lowest and highest camera above the ground.
        aside_m: standard deviation of the point looked at around the person; how far off the middle people are.
        roll_deg: standard deviation of the camera's roll.
        focal: shortest and longest focal length, in widths of the picture; matters only to networks that are given
            pixels rather than rays. The picture is square.
    """

    distance_m: tuple[float, ...] = (2.5, 9.0)
    height_m: tuple[float, ...] = (0.5, 2.6)
    aside_m: float = 0.6
    roll_deg: float = 2.0
    focal: tuple[float, ...] = (1.05, 1.35)


def film(
    positions: Float[Tensor, "batch frames joints 3"], skeleton: Skeleton, settings: ViewSettings, generator: Generator
) -> Float[Tensor, "batch frames joints 3"]:
    """Joints in the frames of cameras that stand still around each person, metres (x right, y down, z forward).

    Args:
        positions: world, z up, the ground at z = 0, metres.
        skeleton: what the joints are; cameras look at the root.
        settings: where the cameras stand.
        generator: random numbers.
    """
    count, root = len(positions), positions[:, :, skeleton.root]
    target = root.mean(1)
    reach = (root[..., :2] - target[:, None, :2]).norm(dim=-1).amax(1)
    yaw = 2 * math.pi * _random(count, generator)
    distance = between(settings.distance_m, count, generator) + reach * _random(count, generator)
    eye = torch.stack(
        [
            target[:, 0] + distance * torch.cos(yaw),
            target[:, 1] + distance * torch.sin(yaw),
            between(settings.height_m, count, generator),
        ],
        dim=-1,
    )
    aim = target + settings.aside_m * torch.randn(count, 3, generator=generator) * torch.tensor([1.0, 1.0, 0.4])
    rotation = looking(aim - eye, math.radians(settings.roll_deg) * torch.randn(count, generator=generator))
    return (positions - eye[:, None, None]) @ rotation.to(positions.dtype).mT[:, None]


def looking(direction: Float[Tensor, "*batch 3"], roll: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch 3 3"]:
    """World-to-camera rotations that look along directions, turned around them by the roll, radians; z is up."""
    forward = direction / direction.norm(dim=-1, keepdim=True)
    up = forward.new_tensor([0.0, 0.0, 1.0]).expand_as(forward)
    right = torch.linalg.cross(forward, up)
    right = right / right.norm(dim=-1, keepdim=True)
    down = torch.linalg.cross(forward, right)
    cosine, sine = torch.cos(roll)[..., None], torch.sin(roll)[..., None]
    return torch.stack([cosine * right + sine * down, cosine * down - sine * right, forward], dim=-2)


def _random(count: int, generator: Generator) -> Tensor:
    return torch.rand(count, generator=generator)


def between(bounds: tuple[float, ...], count: int, generator: Generator) -> Float[Tensor, "count"]:
    """Random numbers, evenly between two bounds."""
    return bounds[0] + (bounds[1] - bounds[0]) * _random(count, generator)
