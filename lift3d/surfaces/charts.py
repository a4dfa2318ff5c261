"""Charts of a body's surface: 24 parts, numbered as in DensePose, each with two coordinates from 0 to 1.

The numbers are those of Guler, Neverova and Kokkinos (2018, "DensePose: dense human pose estimation in the wild"). The
charts are our own, made from a body's skinning weights and its form at rest, since DensePose's atlas belongs to SMPL's
surface and its licence: a model trained on one does not know the coordinates of the other.

A triangle belongs to the limb whose joints it follows most. Limbs and trunk are cut into a front and a back half by
the angle about their axis (front is +z at rest; of arms held out sideways that is the inside), the head into right and
left by the middle. U runs around the axis and V along it: of limbs from the trunk outward, of trunk and head upward.
Hands and feet are one chart each, cut open at the little finger and along the sole. Fingers lie over each other in the
hand's chart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.bodies import BodyModel
from lift3d.errors import InputError

__all__ = ["PARTS", "Charts", "body_charts"]

PARTS = (
    "background", "torso_back", "torso_front", "right_hand", "left_hand", "left_foot", "right_foot",
    "right_upper_leg_back", "left_upper_leg_back", "right_upper_leg_front", "left_upper_leg_front",
    "right_lower_leg_back", "left_lower_leg_back", "right_lower_leg_front", "left_lower_leg_front",
    "left_upper_arm_front", "right_upper_arm_front", "left_upper_arm_back", "right_upper_arm_back",
    "left_lower_arm_front", "right_lower_arm_front", "left_lower_arm_back", "right_lower_arm_back",
    "right_head", "left_head",
)  # fmt: skip
_LIMBS = {  # limb: the joint it hangs on, and the next
    "upper_leg": ("hip", "knee"),
    "lower_leg": ("knee", "ankle"),
    "foot": ("ankle", "foot"),
    "upper_arm": ("shoulder", "elbow"),
    "lower_arm": ("elbow", "wrist"),
    "hand": ("wrist", "hand"),
}
_SPINE = ("pelvis", "spine1", "spine2", "spine3", "neck")


@dataclass(frozen=True, eq=False)
class Charts:
    """Where on the body each triangle lies.

    Args:
        parts: of each triangle, 1 to 24: the index in ``PARTS``.
        uv: of each triangle's corners, 0 to 1.
    """

    parts: Int[Tensor, "faces"]
    uv: Float[Tensor, "faces 3 2"]


def body_charts(model: BodyModel) -> Charts:
    """Charts of a body with SMPL's joints, of its mean shape; shape and pose do not change them.

    Raises:
        InputError: the body lacks one of SMPL's joints, or has no surface.
    """
    names = [f"{side}_{joint}" for side in ("left", "right") for joints in _LIMBS.values() for joint in joints[:1]]
    missing = [name for name in (*names, *_SPINE, "head") if name not in model.skeleton.joints]
    if missing:
        raise InputError(f"charts need SMPL's joints; {model.skeleton.name!r} lacks {', '.join(missing)}.")
    if not len(model.faces):
        raise InputError(f"charts need a surface; {model.name!r} has no triangles.")
    corners = model.template.detach().cpu().double().numpy()[model.faces.cpu().numpy()]
    joints = dict(zip(model.skeleton.joints, model.joint_template.detach().cpu().double().numpy(), strict=True))
    limbs, limb_of_face = _limb_of_faces(model)
    parts = np.zeros(len(corners), np.int64)
    uv = np.zeros((len(corners), 3, 2))
    for number, limb in enumerate(limbs):
        own = np.flatnonzero(limb_of_face == number)
        for part, within, coordinates in _cut(limb, corners[own], joints):
            parts[own[within]] = PARTS.index(part)
            uv[own[within]] = _from_0_to_1(coordinates)
    return Charts(torch.from_numpy(parts), torch.from_numpy(uv).float())


def _limb_of_faces(model: BodyModel) -> tuple[list[str], np.ndarray]:
    """Limbs, and the one that each triangle follows most; fingers, toes and face go with what carries them."""
    starts = {f"{side}_{joints[0]}": f"{side}_{limb}" for side in ("left", "right") for limb, joints in _LIMBS.items()}
    starts |= {"pelvis": "torso", "neck": "head"}
    limbs = sorted(set(starts.values()))
    limb_of_joint: list[int] = []
    for joint, name in enumerate(model.skeleton.joints):
        limb_of_joint.append(limbs.index(starts[name]) if name in starts else limb_of_joint[model.parents[joint]])
    weights = model.weights.detach().cpu().double().numpy()
    shares = np.stack([weights[:, np.array(limb_of_joint) == limb].sum(1) for limb in range(len(limbs))], axis=1)
    return limbs, shares[model.faces.cpu().numpy()].sum(1).argmax(1)


_Piece = tuple[str, np.ndarray, np.ndarray]  # part, which of the triangles, coordinates of their corners


def _cut(limb: str, corners: np.ndarray, joints: dict[str, np.ndarray]) -> list[_Piece]:
    """The parts of a limb's triangles (faces, 3, 3)."""
    side, _, kind = limb.partition("_")
    if limb == "torso":
        spine = np.stack([joints[name] for name in _SPINE])
        centred = corners - _at_height(spine, corners[..., 1])
        return _halves(limb, _around(centred, forward=2, sideways=0), corners[..., 1])
    if limb == "head":
        centred = corners - corners.mean((0, 1)) * [0, 0, 1]
        angle = np.abs(np.arctan2(centred[..., 0], centred[..., 2]))
        left = corners[..., 0].mean(1) > 0
        return [("left_head", left, np.stack([angle, corners[..., 1]], -1)[left]),
                ("right_head", ~left, np.stack([angle, corners[..., 1]], -1)[~left])]  # fmt: skip
    mirrored = corners * ([1, 1, 1] if side == "left" else [-1, 1, 1])  # as a left limb
    first, second = _LIMBS[kind]
    start = joints[f"left_{first}"]
    if kind == "foot":  # around the line from heel to toe, open along the sole
        middle = mirrored.mean((0, 1)) * [1, 1, 0]
        angle = _unwrapped(_around(mirrored - middle, forward=1, sideways=0))
        return [(limb, np.ones(len(corners), bool), np.stack([angle, mirrored[..., 2]], -1))]
    bone = joints[f"left_{second}"] - start if f"left_{second}" in joints else np.array([1.0, 0, 0])
    along = bone / np.linalg.norm(bone)
    distance = (mirrored - start) @ along
    centred = mirrored - start - distance[..., None] * along
    angles = _around(centred, forward=2, sideways=1 if "arm" in kind or kind == "hand" else 0)
    if kind == "hand":
        return [(limb, np.ones(len(corners), bool), np.stack([_unwrapped(angles), distance], -1))]
    return _halves(limb, angles, distance)


def _halves(limb: str, angles: Callable[[float], np.ndarray], along: np.ndarray) -> list[_Piece]:
    """Front and back of a limb, each with the angle from its own middle."""
    pieces = []
    front = np.abs(_middle(angles(0.0))) <= np.pi / 2
    for name, own, turn in (("front", front, 0.0), ("back", ~front, np.pi)):
        angle = _unwrapped(angles, turn)
        pieces.append((f"{limb}_{name}", own, np.stack([angle, along], -1)[own]))
    return pieces


def _around(centred: np.ndarray, forward: int, sideways: int) -> Callable[[float], np.ndarray]:
    """Angles (faces, 3) about an axis, from a direction that is turned by so much from an axis called forward."""

    def angles(turn: float) -> np.ndarray:
        plain = np.arctan2(centred[..., sideways], centred[..., forward]) - turn
        return np.arctan2(np.sin(plain), np.cos(plain))

    return angles


def _middle(angles: np.ndarray) -> np.ndarray:
    """Mean direction of the corners of each triangle."""
    return np.arctan2(np.sin(angles).mean(1), np.cos(angles).mean(1))


def _unwrapped(angles: Callable[[float], np.ndarray], turn: float = 0.0) -> np.ndarray:
    """Angles whose corners are within half a turn of the triangle's middle, so that none spans the whole chart."""
    plain = angles(turn)
    middle = _middle(plain)[:, None]
    away = plain - middle
    return middle + np.arctan2(np.sin(away), np.cos(away))


def _at_height(spine: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """(faces, 3, 3) points of the spine at given heights, without the height."""
    forward = np.interp(heights, spine[:, 1], spine[:, 2])
    return np.stack([np.zeros_like(forward), np.zeros_like(forward), forward], axis=-1)


def _from_0_to_1(coordinates: np.ndarray) -> np.ndarray:
    """Each coordinate of a part's corners stretched to reach from 0 to 1."""
    if not len(coordinates):
        return coordinates
    low, high = coordinates.min((0, 1)), coordinates.max((0, 1))
    return (coordinates - low) / np.maximum(high - low, 1e-12)
