"""Joint angles of bodies as clinicians name them, from the rotations of SMPL's joints.

All are zero for a body that stands upright with straight legs and arms hanging. They follow the recommendations of the
International Society of Biomechanics (Wu et al. 2002 and 2005) as far as SMPL's 24 joints allow, with the body's own
axes (x to its left, y up, z forward) in place of axes from palpated landmarks:

- hip: flexion, adduction and internal rotation, in this order (Grood and Suntay 1983): R = Rx Rz Ry;
- knee flexion and ankle dorsiflexion: the first angle of the same; elbow flexion: the first of R = Ry Rz Rx;
- shoulder, of the upper arm against the upper trunk: elevation from hanging, the plane it is raised in (0 sideways,
  90 forward), and internal rotation: R = Ry(-plane) Rz(elevation) Ry(plane - rotation) on the left; where the arm
  hangs or points straight up, the plane is not defined and jumps;
- trunk (against the pelvis) and neck (head against trunk): flexion, bending and turning to the left: R = Rx Rz Ry;
- pelvis against the world: turning to the left (0 facing +z of a world whose y is up), left side up, and forward tilt:
  R = Ry Rz Rx.

Right limbs are mirrored, so that the same movement has the same sign on both sides. How far limbs turn about their own
length hardly shows in joints: rotations of shoulder and hip are as sure as the bend of elbow and knee, and no more.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.bodies.motion import BodyMotion
from lift3d.errors import InputError

__all__ = ["JointAngles", "joint_angles"]

_NEEDED = ("pelvis", "left_hip", "left_knee", "left_ankle", "spine3", "head", "left_shoulder", "left_elbow")
_TO_Y_UP = {  # rows: which axis of the world x, y and z of a world with y up are
    "+x": ((0, 0, 1), (1, 0, 0), (0, 1, 0)),
    "-x": ((0, 0, -1), (-1, 0, 0), (0, 1, 0)),
    "+y": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "-y": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "+z": ((0, 1, 0), (0, 0, 1), (1, 0, 0)),
    "-z": ((0, 1, 0), (0, 0, -1), (-1, 0, 0)),
}


@dataclass(frozen=True, eq=False)
class JointAngles:
    """Angles of people over time.

    Args:
        names: such as ``"left_knee_flexion"``.
        degrees: NaN where a person is missing.
        times: seconds.
    """

    names: tuple[str, ...]
    degrees: Float[Tensor, "frames people angles"]
    times: Float[Tensor, "frames"]


def joint_angles(motion: BodyMotion) -> JointAngles:
    """Joint angles of bodies with SMPL's joints; see the head of this module.

    Raises:
        InputError: the body lacks a joint.
    """
    skeleton = motion.model.skeleton
    missing = [name for name in _NEEDED if name not in skeleton.joints]
    if missing:
        raise InputError(f"joint angles need SMPL's joints; {skeleton.name!r} lacks {', '.join(missing)}.")
    turns = motion.bodies.posed.orientations.double()

    def against(joint: str, base: str) -> Tensor:
        return turns[..., skeleton.index(base), :, :].mT @ turns[..., skeleton.index(joint), :, :]

    world = torch.tensor(_TO_Y_UP[motion.up], dtype=torch.float64, device=turns.device)
    yaw, roll, pitch = _turning_first(world @ turns[..., skeleton.root, :, :])
    angles = {"pelvis_turn_left": yaw, "pelvis_left_up": roll, "pelvis_tilt": pitch}
    for name, joint, base in (("trunk", "spine3", "pelvis"), ("neck", "head", "spine3")):
        flexion, to_right, to_left = _flexion_first(against(joint, base))
        angles |= {f"{name}_flexion": flexion, f"{name}_bend_left": -to_right, f"{name}_turn_left": to_left}
    for side in ("left", "right"):
        parts = {
            "hip": against(f"{side}_hip", "pelvis"),
            "knee": against(f"{side}_knee", f"{side}_hip"),
            "ankle": against(f"{side}_ankle", f"{side}_knee"),
            "shoulder": against(f"{side}_shoulder", "spine3"),
            "elbow": against(f"{side}_elbow", f"{side}_shoulder"),
        }
        if side == "right":
            mirror = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64, device=turns.device)
            parts = {name: mirror[:, None] * turn * mirror for name, turn in parts.items()}
        angles |= {f"{side}_{name}": values for name, values in _of_left_limbs(parts).items()}
    return JointAngles(tuple(angles), torch.stack(list(angles.values()), dim=-1).rad2deg(), motion.times)


def _of_left_limbs(turns: dict[str, Tensor]) -> dict[str, Tensor]:
    """Angles of the left limbs, radians."""
    backward, outward, outside = _flexion_first(turns["hip"])
    plane, elevation, rotation = _elevation(turns["shoulder"])
    return {
        "hip_flexion": -backward,
        "hip_adduction": -outward,
        "hip_rotation": -outside,
        "knee_flexion": _flexion_first(turns["knee"])[0],
        "ankle_dorsiflexion": -_flexion_first(turns["ankle"])[0],
        "shoulder_elevation": elevation,
        "shoulder_plane": plane,
        "shoulder_rotation": rotation,
        "elbow_flexion": -_turning_first(turns["elbow"])[0],
    }


def _flexion_first(turn: Float[Tensor, "*batch 3 3"]) -> tuple[Tensor, Tensor, Tensor]:
    """Angles (x, z, y) of Rx Rz Ry."""
    first = torch.atan2(turn[..., 2, 1], turn[..., 1, 1])
    second = torch.asin(-turn[..., 0, 1].clamp(-1, 1))
    return first, second, torch.atan2(turn[..., 0, 2], turn[..., 0, 0])


def _turning_first(turn: Float[Tensor, "*batch 3 3"]) -> tuple[Tensor, Tensor, Tensor]:
    """Angles (y, z, x) of Ry Rz Rx."""
    first = torch.atan2(-turn[..., 2, 0], turn[..., 0, 0])
    second = torch.asin(turn[..., 1, 0].clamp(-1, 1))
    return first, second, torch.atan2(-turn[..., 1, 2], turn[..., 1, 1])


def _elevation(turn: Float[Tensor, "*batch 3 3"]) -> tuple[Tensor, Tensor, Tensor]:
    """Plane, elevation and internal rotation of a left upper arm, which at rest is held out along +x."""
    hanging = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]], dtype=turn.dtype, device=turn.device)
    own = turn @ hanging  # takes -y to where the arm points
    elevation = torch.acos(own[..., 1, 1].clamp(-1, 1))
    plane = torch.atan2(-own[..., 2, 1], -own[..., 0, 1])
    after = torch.atan2(own[..., 1, 2], own[..., 1, 0])  # of Ry(-plane) Rz(elevation) Ry(after)
    rotation = plane - after
    return plane, elevation, torch.atan2(torch.sin(rotation), torch.cos(rotation))
