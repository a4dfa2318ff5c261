"""Poses that nobody took: limbs turned about their upper joints, as far as a body can turn them.

How far that is says ``lift3d.skeletons.joint_limits``. An arm, a leg or the head is turned in all frames of a window or
in none, and in all alike as seen from the trunk, so that nothing jumps.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from lift3d.skeletons import Skeleton
from lift3d.skeletons.joint_limits import LIMBS, limbs_within_limits

__all__ = ["bend"]

# Joint that it hangs on, its middle and its end; and what the limits call its upper and its lower part.
_CHAINS = (
    ("left_hip", "left_knee", "left_ankle", "left_thigh", "left_shin"),
    ("right_hip", "right_knee", "right_ankle", "right_thigh", "right_shin"),
    ("left_shoulder", "left_elbow", "left_wrist", "left_upper_arm", "left_forearm"),
    ("right_shoulder", "right_elbow", "right_wrist", "right_upper_arm", "right_forearm"),
    ("thorax", "neck_nose", "head", "neck", "head"),
)


def bend(
    positions: Float[Tensor, "batch frames joints 3"],
    trunk: Float[Tensor, "batch frames 3 3"],
    skeleton: Skeleton,
    deviation_deg: float,
    generator: Generator,
) -> Float[Tensor, "batch frames joints 3"]:
    """The same people with limbs turned; a limb that a body could not turn so far, in some frame, stays as it was.

    Args:
        positions: one person over some frames each, any unit.
        trunk: its axes as columns.
        skeleton: what the joints are; must have arms, legs, thorax, neck_nose and head.
        deviation_deg: standard deviation of the turn about each axis: of the whole limb, and then of its lower part.
        generator: random numbers.
    """
    joints = skeleton.indices(*(chain[place] for place in range(3) for chain in _CHAINS))
    hung, middle, end = positions[:, :, joints].chunk(3, dim=2)
    turns = math.radians(deviation_deg) * torch.randn(len(positions), 1, 2 * len(_CHAINS), 3, generator=generator)
    whole, lower = turns.to(positions.dtype).chunk(2, dim=2)
    parts = torch.cat([(middle - hung) @ trunk, _turned((end - middle) @ trunk, lower)], dim=2)
    upper_part, lower_part = (_turned(parts, torch.cat([whole, whole], dim=2)) @ trunk.mT).chunk(2, dim=2)
    new_middle = hung + upper_part
    bent, moved = positions.clone(), joints[len(_CHAINS) :]
    turned = torch.cat([new_middle, new_middle + lower_part], dim=2)
    bent[:, :, moved] = turned
    kept = _possible(bent, skeleton).repeat(1, 2)[:, None, :, None]
    bent[:, :, moved] = torch.where(kept, turned, torch.cat([middle, end], dim=2))
    return bent


def _turned(vectors: Float[Tensor, "*batch 3"], turns: Float[Tensor, "*#batch 3"]) -> Float[Tensor, "*batch 3"]:
    """Vectors turned by rotation vectors, through quaternions: cheaper than matrices of so many small turns."""
    angle = turns.norm(dim=-1, keepdim=True)
    axis = turns * (0.5 * torch.sinc(angle / (2 * math.pi)))  # sin(angle / 2) along the axis
    across = 2 * torch.linalg.cross(axis.expand_as(vectors), vectors)
    return vectors + (0.5 * angle).cos() * across + torch.linalg.cross(axis.expand_as(vectors), across)


def _possible(positions: Tensor, skeleton: Skeleton) -> Bool[Tensor, "batch chains"]:
    """Whether both parts of a limb point where they can in all frames."""
    names = [limb.name for limb in LIMBS]
    within = limbs_within_limits(positions, skeleton).all(1)
    upper, lower = ([names.index(chain[part]) for chain in _CHAINS] for part in (3, 4))
    return within[:, upper] & within[:, lower]
