"""Film 3D motion with random cameras: endless views of a limited number of poses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from lift3d.skeletons import Skeleton

__all__ = ["ViewSettings", "film", "vary_bodies"]


@dataclass(frozen=True)
class ViewSettings:
    """Where virtual cameras stand and how bodies vary.

    Args:
        distance_m: nearest and farthest horizontal distance from the person.
        height_m: lowest and highest camera above the ground.
        aside_m: standard deviation of the point looked at around the person; how far off the middle people are.
        roll_deg: standard deviation of the camera's roll.
        body_scale: standard deviation of the factor on the whole body.
        bone_scale: standard deviation of the factor on each bone, the same left and right.
        tilt_deg: standard deviation of a tilt of the whole person.
        mirror: probability of mirroring the person.
    """

    distance_m: tuple[float, ...] = (2.5, 9.0)
    height_m: tuple[float, ...] = (0.5, 2.6)
    aside_m: float = 0.6
    roll_deg: float = 2.0
    body_scale: float = 0.04
    bone_scale: float = 0.04
    tilt_deg: float = 4.0
    mirror: float = 0.5


def vary_bodies(
    positions: Float[Tensor, "batch joints 3"], skeleton: Skeleton, settings: ViewSettings, generator: Generator
) -> Float[Tensor, "batch joints 3"]:
    """People of other sizes and proportions, mirrored and tilted, doing the same; the root joint stays in place."""
    factors = _bone_factors(len(positions), skeleton, settings, generator)
    mirrored = _random(len(positions), generator) < settings.mirror
    turned = _tilts(len(positions), settings.tilt_deg, generator)
    varied = torch.empty_like(positions)
    varied[:, skeleton.root] = 0
    for joint in skeleton.outward[1:]:
        parent = skeleton.parents[joint]
        bone = positions[:, joint] - positions[:, parent]
        varied[:, joint] = varied[:, parent] + bone * factors[:, joint, None]
    flipped = varied[:, list(skeleton.flip_order)] * varied.new_tensor([-1.0, 1.0, 1.0])
    varied = torch.where(mirrored[:, None, None], flipped, varied) @ turned.to(varied.dtype).mT
    return varied + positions[:, skeleton.root : skeleton.root + 1]


def film(
    positions: Float[Tensor, "batch joints 3"], settings: ViewSettings, generator: Generator, root: int = 0
) -> Float[Tensor, "batch joints 3"]:
    """Joints in the frames of cameras that stand around each person, metres (x right, y down, z forward).

    Args:
        positions: world, z up, the ground at z = 0, metres.
        settings: where the cameras stand.
        generator: random numbers.
        root: the joint looked at.
    """
    count = len(positions)
    target = positions[:, root]
    yaw = 2 * math.pi * _random(count, generator)
    distance = _between(settings.distance_m, count, generator)
    eye = torch.stack(
        [
            target[:, 0] + distance * torch.cos(yaw),
            target[:, 1] + distance * torch.sin(yaw),
            _between(settings.height_m, count, generator),
        ],
        dim=-1,
    )
    aim = target + settings.aside_m * torch.randn(count, 3, generator=generator) * torch.tensor([1.0, 1.0, 0.4])
    rotation = _looking(aim - eye, math.radians(settings.roll_deg) * torch.randn(count, generator=generator))
    return (positions - eye[:, None]) @ rotation.to(positions.dtype).mT


def _looking(direction: Tensor, roll: Tensor) -> Tensor:
    """World-to-camera rotations that look along directions, turned around them by the roll; the world is z up."""
    forward = direction / direction.norm(dim=-1, keepdim=True)
    up = forward.new_tensor([0.0, 0.0, 1.0]).expand_as(forward)
    right = torch.linalg.cross(forward, up)
    right = right / right.norm(dim=-1, keepdim=True)
    down = torch.linalg.cross(forward, right)
    cosine, sine = torch.cos(roll)[:, None], torch.sin(roll)[:, None]
    return torch.stack([cosine * right + sine * down, cosine * down - sine * right, forward], dim=-2)


def _bone_factors(count: int, skeleton: Skeleton, settings: ViewSettings, generator: Generator) -> Tensor:
    """Factor on the bone that ends in each joint: the body's, times the bone's own, the same on both sides."""
    body = 1 + settings.body_scale * torch.randn(count, 1, generator=generator)
    own = 1 + settings.bone_scale * torch.randn(count, len(skeleton), generator=generator)
    twins = [min(joint, twin) for joint, twin in enumerate(skeleton.flip_order)]
    return (body * own[:, twins]).clamp(0.7, 1.3)


def _tilts(count: int, degrees: float, generator: Generator) -> Tensor:
    """Small rotations about horizontal axes."""
    angles = math.radians(degrees) * torch.randn(count, 2, generator=generator)
    (cx, cy), (sx, sy) = torch.cos(angles).unbind(-1), torch.sin(angles).unbind(-1)
    zero, one = torch.zeros_like(cx), torch.ones_like(cx)
    about_x = torch.stack([one, zero, zero, zero, cx, -sx, zero, sx, cx], dim=-1).unflatten(-1, (3, 3))
    about_y = torch.stack([cy, zero, sy, zero, one, zero, -sy, zero, cy], dim=-1).unflatten(-1, (3, 3))
    return about_x @ about_y


def _random(count: int, generator: Generator) -> Tensor:
    return torch.rand(count, generator=generator)


def _between(bounds: tuple[float, ...], count: int, generator: Generator) -> Tensor:
    return bounds[0] + (bounds[1] - bounds[0]) * _random(count, generator)
