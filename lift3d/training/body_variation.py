"""People of other sizes and habits: a limited number of recordings made into many.

Every change keeps a recording a possible motion: bones keep their length over time, and nothing jumps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.skeletons import Skeleton
from lift3d.training.limb_bending import bend

__all__ = ["BodySettings", "vary_bodies"]

_TRUNK = {  # joints by the axis that their frame turns with
    "hip": ("left_hip", "right_hip", "spine"),
    "shoulder": ("thorax", "neck", "neck_nose", "nose", "head", "left_shoulder", "right_shoulder"),
}
_SHARE = 0.5  # of the limbs of a recombined person that are someone else's


@dataclass(frozen=True)
class BodySettings:
    """How bodies vary.

    Args:
        body_scale: standard deviation of the factor on the whole body.
        bone_scale: standard deviation of the factor on each bone, the same left and right.
        placement_m: standard deviation, metres along each axis, of where the trunk's joints (hips, spine, thorax, neck,
            head and shoulders) sit in the trunk; laboratories place them differently.
        varied: share of people whose proportions are varied by these three; the others keep theirs.
        borrowed: probability of taking the lengths of the bones from someone else.
        recombined: probability of taking forearms and shanks from someone else: each with probability one half, as
            they lie in the frame of the trunk.
        bent: standard deviation, in degrees about each axis, of turns of arms, legs and head that a body can take
            (see ``lift3d.training.limb_bending``).
        mirror: probability of mirroring the person.
        tilt_deg: standard deviation of a tilt of the whole person.
        lying: probability of a tilt by any angle, as of people who lie, fall or hang.
    """

    body_scale: float = 0.02
    bone_scale: float = 0.02
    placement_m: float = 0.0
    varied: float = 1.0
    borrowed: float = 0.0
    recombined: float = 0.0
    bent: float = 0.0
    mirror: float = 0.5
    tilt_deg: float = 4.0
    lying: float = 0.0


def vary_bodies(
    positions: Float[Tensor, "batch frames joints 3"],
    skeleton: Skeleton,
    settings: BodySettings,
    generator: Generator,
) -> Float[Tensor, "batch frames joints 3"]:
    """Other people doing something like it; the root joint stays in place, or is mirrored with the person.

    Args:
        positions: world, z up, metres; one person over some frames each. Whoever is taken from is of the same batch.
        skeleton: what the joints are; must have hips, knees, ankles, shoulders, elbows and wrists.
        settings: how bodies vary.
        generator: random numbers.
    """
    root = positions[:, :, skeleton.root : skeleton.root + 1]
    bones = _bones(positions, skeleton)
    bones = _recombined(positions, bones, skeleton, settings.recombined, generator)
    if settings.bent:
        trunk = _trunk_frame(positions, skeleton, "hip")
        bones = _bones(bend(_joints(bones, skeleton), trunk, skeleton, settings.bent, generator), skeleton)
    varied = (torch.rand(len(bones), 1, generator=generator) < settings.varied).to(bones)
    bones = bones * _bone_factors(bones, skeleton, varied, settings, generator)[:, None, :, None]
    if settings.placement_m:
        placed = _placements(positions, skeleton, settings.placement_m, generator)
        bones = bones + varied[:, :, None, None] * placed
    people = _joints(bones, skeleton)
    mirrored = torch.rand(len(people), 1, 1, 1, generator=generator) < settings.mirror
    flip = people.new_tensor([-1.0, 1.0, 1.0])
    people = torch.where(mirrored, people[:, :, list(skeleton.flip_order)] * flip, people)
    people = people @ _tilts(len(people), settings, generator).to(people.dtype).mT[:, None]
    return people + torch.where(mirrored, root * flip, root)


def _bones(positions: Tensor, skeleton: Skeleton) -> Tensor:
    """The vector to each joint from its parent; 0 of the root."""
    parents = [joint if parent < 0 else parent for joint, parent in enumerate(skeleton.parents)]
    return positions - positions[..., parents, :]


def _joints(bones: Tensor, skeleton: Skeleton) -> Tensor:
    """Joints relative to the root, from the vectors to them from their parents."""
    joints = list(torch.zeros_like(bones).unbind(-2))
    for joint in skeleton.outward[1:]:
        joints[joint] = joints[skeleton.parents[joint]] + bones[..., joint, :]
    return torch.stack(joints, dim=-2)


def _recombined(
    positions: Tensor, bones: Tensor, skeleton: Skeleton, probability: float, generator: Generator
) -> Tensor:
    chosen = torch.rand(len(bones), generator=generator) < probability
    result = bones.clone()
    for across, limb in (("hip", ("knee", "ankle")), ("shoulder", ("elbow", "wrist"))):
        frame = _trunk_frame(positions, skeleton, across)
        for side in ("left", "right"):
            joints = skeleton.indices(*(f"{side}_{joint}" for joint in limb))
            other = torch.randperm(len(bones), generator=generator)
            theirs = bones[other][..., joints, :] @ frame[other] @ frame.mT
            hit = chosen & (torch.rand(len(bones), generator=generator) < _SHARE)
            result[..., joints, :] = torch.where(hit[:, None, None, None], theirs, bones[..., joints, :])
    return result


def _trunk_frame(positions: Tensor, skeleton: Skeleton, across: str) -> Tensor:
    """Axes of the trunk as columns: from the right to the left hip or shoulder, forwards, and up."""
    middle = {
        joint: positions[..., skeleton.indices(f"left_{joint}", f"right_{joint}"), :].mean(-2)
        for joint in ("hip", "shoulder")
    }
    left, right = skeleton.indices(f"left_{across}", f"right_{across}")
    x = _unit(positions[..., left, :] - positions[..., right, :])
    y = _unit(torch.linalg.cross(middle["shoulder"] - middle["hip"], x))
    return torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1)


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp_min(1e-6)


def _bone_factors(
    bones: Tensor, skeleton: Skeleton, varied: Tensor, settings: BodySettings, generator: Generator
) -> Tensor:
    """Factor on the bone that ends in each joint (batch, joints); of lengths borrowed alone where ``varied`` is 0."""
    count, joints = bones.shape[0], len(skeleton)
    body = 1 + varied * settings.body_scale * torch.randn(count, 1, generator=generator)
    own = 1 + varied * settings.bone_scale * torch.randn(count, joints, generator=generator)
    factors = (body * own[:, _twins(skeleton)]).clamp(0.6, 1.5)
    lengths = bones[:, 0].norm(dim=-1)
    theirs = lengths[torch.randperm(count, generator=generator)] / lengths.clamp_min(1e-3)
    theirs[:, skeleton.root] = 1.0
    hit = torch.rand(count, 1, generator=generator) < settings.borrowed
    return factors * torch.where(hit, theirs, torch.ones_like(theirs))


def _placements(positions: Tensor, skeleton: Skeleton, deviation: float, generator: Generator) -> Tensor:
    """What is added to the bones of the trunk, mirrored between the sides (batch, frames, joints, 3)."""
    offsets = deviation * torch.randn(len(positions), 1, len(skeleton), 3, generator=generator)
    offsets = offsets[:, :, _twins(skeleton)]
    offsets[..., 0] *= torch.tensor(skeleton.flip_order).sub(torch.arange(len(skeleton))).sign()
    added = torch.zeros_like(positions)
    for across, names in _TRUNK.items():
        joints = [skeleton.joints.index(name) for name in names if name in skeleton.joints]
        added[:, :, joints] = offsets[:, :, joints] @ _trunk_frame(positions, skeleton, across).mT
    return added


def _twins(skeleton: Skeleton) -> list[int]:
    """One joint for both of a pair."""
    return [min(joint, twin) for joint, twin in enumerate(skeleton.flip_order)]


def _tilts(count: int, settings: BodySettings, generator: Generator) -> Tensor:
    """Rotations about random horizontal axes (batch, 3, 3)."""
    yaw = 2 * math.pi * torch.rand(count, generator=generator)
    angle = math.radians(settings.tilt_deg) * torch.randn(count, generator=generator)
    any_angle = math.pi * torch.rand(count, generator=generator)
    angle = torch.where(torch.rand(count, generator=generator) < settings.lying, any_angle, angle)
    axis = torch.stack([torch.cos(yaw), torch.sin(yaw), torch.zeros_like(yaw)], dim=-1)
    return rotvec_to_matrix(axis * angle[:, None])
