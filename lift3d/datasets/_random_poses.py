"""Poses that nobody took, from joint angles drawn at random: for drawings, which want variety and need no motion.

Axes of a standing person: x forward, y left, z up, metres. A person who leans, lies or jumps is turned as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.skeletons import get_skeleton

__all__ = ["random_poses"]

SKELETON = get_skeleton("human36m17")

# Offset from the parent in a standing person of 1.7 m; right limbs are mirrored.
_STANDING = {
    "pelvis": (0.0, 0.0, 0.0), "spine": (0.0, 0.0, 0.23), "thorax": (0.0, 0.0, 0.25),
    "neck_nose": (0.05, 0.0, 0.11), "head": (-0.03, 0.0, 0.17),
    "left_shoulder": (0.0, 0.17, -0.02), "left_elbow": (0.0, 0.02, -0.28), "left_wrist": (0.0, 0.0, -0.25),
    "left_hip": (0.0, 0.11, -0.02), "left_knee": (0.0, 0.0, -0.42), "left_ankle": (0.0, 0.0, -0.42),
}  # fmt: skip
# Degrees that a joint can turn, as a rotation about x (a left limb away from the body, the trunk to its right), then y
# (what hangs down backward, the trunk forward), then z (a limb about itself, the trunk to its left).
_RANGES = {
    "spine": ((-20, 20), (-15, 40), (-25, 25)),
    "thorax": ((-12, 12), (-10, 25), (-20, 20)),
    "neck_nose": ((-15, 15), (-25, 30), (-40, 40)),
    "left_shoulder": ((-12, 125), (-165, 50), (-80, 80)),
    "left_elbow": ((0, 0), (-140, 0), (0, 0)),
    "left_hip": ((-10, 45), (-110, 25), (-35, 35)),
    "left_knee": ((0, 0), (0, 125), (0, 0)),
}


def random_poses(count: int, lying: float, generator: Generator) -> Float[Tensor, "poses joints 3"]:
    """People in poses of all kinds, on the joints of ``human36m17``; float32 metres, the pelvis at the origin, z up.

    Some hardly move, others reach as far as joints can; no two have the same bones.

    Args:
        count: how many.
        lying: share that is turned any way about, as if lying or in the air, 0 to 1.
        generator: random numbers.
    """
    angles = _between(_ranges(), torch.rand(count, len(SKELETON), 3, generator=generator))
    boldness = torch.rand(count, 1, 1, generator=generator).mul(0.85).add(0.15)
    rotations = _turns(angles * boldness)
    rotations[:, SKELETON.root] = _whole_body(count, lying, generator)
    sizes = _between(torch.tensor([0.85, 1.15]), torch.rand(count, 1, 1, generator=generator))
    bones = _between(torch.tensor([0.93, 1.07]), torch.rand(count, len(SKELETON), 1, generator=generator))
    bones = (bones + bones[:, list(SKELETON.flip_order)]) / 2
    return forward_kinematics(rotations, _offsets() * sizes * bones, SKELETON.parents).places


def _whole_body(count: int, lying: float, generator: Generator) -> Float[Tensor, "poses 3 3"]:
    """Turned to any side and leaning a little, or turned any way about."""
    lean = 0.2 * torch.randn(count, 3, generator=generator)
    axis = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1)
    fallen = axis * math.pi * torch.rand(count, 1, generator=generator)
    tilt = torch.where(torch.rand(count, 1, generator=generator) < lying, fallen, lean)
    tilt[:, 2] = 0.0
    heading = torch.zeros(count, 3)
    heading[:, 2] = 2 * math.pi * torch.rand(count, generator=generator)
    return rotvec_to_matrix(heading) @ rotvec_to_matrix(tilt)


def _turns(angles: Float[Tensor, "poses joints 3"]) -> Float[Tensor, "poses joints 3 3"]:
    about = torch.diag_embed(angles)  # one rotation vector for each axis
    x, y, z = rotvec_to_matrix(about).unbind(-3)
    return x @ y @ z


def _ranges() -> Float[Tensor, "joints 3 2"]:
    """Radians; mirrored to the right, where what turns about y stays and the rest changes its sign."""
    return torch.deg2rad(torch.stack([
        torch.tensor(_RANGES.get(_left(joint), ((0, 0),) * 3)).float() * _mirror(joint, (-1, 1, -1))[:, None]
        for joint in SKELETON.joints
    ]))  # fmt: skip


def _offsets() -> Float[Tensor, "joints 3"]:
    return torch.stack(
        [torch.tensor(_STANDING[_left(joint)]) * _mirror(joint, (1, -1, 1)) for joint in SKELETON.joints]
    )


def _left(joint: str) -> str:
    return joint.replace("right_", "left_")


def _mirror(joint: str, signs: Sequence[int]) -> Tensor:
    return torch.tensor(signs if joint.startswith("right_") else (1, 1, 1)).float()


def _between(limits: Float[Tensor, "*batch 2"], share: Tensor) -> Tensor:
    """From the lower limit, at 0, to the upper, at 1."""
    return limits[..., 0] + (limits[..., 1] - limits[..., 0]) * share
