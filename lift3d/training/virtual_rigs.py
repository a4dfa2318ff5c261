"""Film 3D motion with random rigs of cameras, another one for every sample."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from lift3d.errors import SettingsError
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.skeletons import Skeleton
from lift3d.training.virtual_cameras import between, looking

__all__ = ["Filmed", "RigSettings", "film_with_rigs", "rays_in_view"]

_NEAREST = 0.4  # metres in front of a camera


@dataclass(frozen=True)
class RigSettings:
    """Where the cameras of virtual rigs stand, and how well they are calibrated.

    Args:
        views: fewest and most cameras of a rig.
        even: share of rigs whose cameras stand about evenly around the person; those of others stand anywhere.
        unevenness_deg: standard deviation of the direction of a camera of the former.
        distance_m: nearest and farthest horizontal distance from where the person is on average; to it comes up to as
            much as the person moves about.
        height_m: lowest and highest camera above the ground.
        aside_m: standard deviation of the point looked at around the person.
        roll_deg: standard deviation of a camera's roll.
        turned_deg, moved_m: standard deviation, about and along each axis, of the difference between where a camera
            is and where its calibration says it is.

    Raises:
        SettingsError: fewer than two cameras, or the most are fewer than the fewest.
    """

    views: tuple[int, ...] = (2, 8)
    even: float = 0.6
    unevenness_deg: float = 15.0
    distance_m: tuple[float, ...] = (2.0, 7.5)
    height_m: tuple[float, ...] = (0.4, 2.8)
    aside_m: float = 0.3
    roll_deg: float = 3.0
    turned_deg: float = 0.0
    moved_m: float = 0.0

    def __post_init__(self) -> None:
        if len(self.views) != 2 or not 2 <= self.views[0] <= self.views[1]:
            raise SettingsError(f"views is {list(self.views)}; expected the fewest and the most cameras, 2 or more.")


@dataclass(frozen=True, eq=False)
class Filmed:
    """What rigs see of people.

    Args:
        joints: in each camera's frame, metres (x right, y down, z forward).
        positions: in the rig's world, metres, z up; the origin lies on the ground below the person.
        rotation, translation: ``x_camera = R x_world + t`` as the calibration says.
    """

    joints: Float[Tensor, "batch frames views joints 3"]
    positions: Float[Tensor, "batch frames joints 3"]
    rotation: Float[Tensor, "batch views 3 3"]
    translation: Float[Tensor, "batch views 3"]


def film_with_rigs(
    positions: Float[Tensor, "batch frames joints 3"],
    views: int,
    skeleton: Skeleton,
    settings: RigSettings,
    generator: Generator,
) -> Filmed:
    """People in the frames of cameras that stand still around each of them.

    Args:
        positions: world, z up, the ground at z = 0, metres.
        views: cameras of each rig.
        skeleton: what the joints are; cameras look at the root.
        settings: where the cameras stand.
        generator: random numbers.
    """
    root = positions[:, :, skeleton.root]
    below = torch.nn.functional.pad(root.mean(1)[:, :2], (0, 1))
    positions, target = positions - below[:, None, None], root.mean(1) - below
    reach = (root[..., :2] - below[:, None, :2]).norm(dim=-1).amax(1)
    eye = _places(len(positions), views, reach, settings, generator)
    sideways = settings.aside_m * torch.randn(*eye.shape, generator=generator)
    roll = math.radians(settings.roll_deg) * torch.randn(eye.shape[:2], generator=generator)
    rotation = looking(target[:, None] + sideways - eye, roll).to(positions.dtype)
    joints = torch.einsum("bvxy,bfvjy->bfvjx", rotation, positions[:, :, None] - eye[:, None, :, None])
    turn = math.radians(settings.turned_deg) * torch.randn(*eye.shape, generator=generator)
    said = rotvec_to_matrix(turn).to(rotation) @ rotation
    stated = eye + settings.moved_m * torch.randn(*eye.shape, generator=generator)
    return Filmed(joints, positions, said, -(said @ stated[..., None])[..., 0])


def rays_in_view(joints: Float[Tensor, "*views joints 3"]) -> Float[Tensor, "*views joints 2"]:
    """Where people are seen, rays; all of NaN where somebody is nearer to the camera than 0.4 m, behind it or NaN.

    Args:
        joints: of one person in each camera's frame, metres.
    """
    in_view = joints[..., 2:].amin(dim=-2, keepdim=True) >= _NEAREST
    return (joints[..., :2] / joints[..., 2:]).masked_fill(~in_view, torch.nan)


def _places(
    count: int, views: int, reach: Tensor, settings: RigSettings, generator: Generator
) -> Float[Tensor, "batch views 3"]:
    """Where the cameras are, around a person at x = y = 0."""
    first = torch.rand(count, 1, generator=generator)
    uneven = settings.unevenness_deg / 360 * torch.randn(count, views, generator=generator)
    evenly = first + torch.arange(views) / views + uneven
    anywhere = torch.rand(count, views, generator=generator)
    even = torch.rand(count, 1, generator=generator) < settings.even
    yaw = 2 * math.pi * torch.where(even, evenly, anywhere)
    distance = between(settings.distance_m, count * views, generator).reshape(count, views)
    distance = distance + reach[:, None] * torch.rand(count, views, generator=generator)
    height = between(settings.height_m, count * views, generator).reshape(count, views)
    return torch.stack([distance * yaw.cos(), distance * yaw.sin(), height], dim=-1)
