"""Knees and elbows bend about one axis and one way: which, follows from the body at rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lift3d.bodies import BodyModel
from lift3d.skeletons import Skeleton

__all__ = ["Hinge", "bends", "hinges_of", "upper_joints"]

# hinge, the joint below it, and which way that goes when the hinge bends: +1 forward, -1 backward
_HINGES = (
    ("left_knee", "left_ankle", -1.0),
    ("right_knee", "right_ankle", -1.0),
    ("left_elbow", "left_wrist", 1.0),
    ("right_elbow", "right_wrist", 1.0),
)
_LIMITS = (0.0, 2.8)  # radians


@dataclass(frozen=True, eq=False)
class Hinge:
    """A joint that bends about one axis.

    Args:
        joint: index on the body's joints axis.
        axis: (3) about which it bends at rest, of length 1; a bend is positive.
        limits: least and largest bend, radians.
    """

    joint: int
    axis: np.ndarray
    limits: tuple[float, float] = _LIMITS


def hinges_of(model: BodyModel) -> tuple[Hinge, ...]:
    """The knees and elbows of a body.

    An axis is square to the bone below the joint and to the way in which that bone goes when it bends: a shin goes
    backward, and a forearm forward where the arms are held out as at rest. Forward is square to the line of the
    hips and to that from the pelvis to the neck.
    """
    joints, skeleton = model.joint_template.detach().cpu().double().numpy(), model.skeleton
    if not {"pelvis", "left_hip", "right_hip", "neck"} <= set(skeleton.joints):
        return ()
    place = dict(zip(skeleton.joints, joints, strict=True))
    forward = np.cross(place["left_hip"] - place["right_hip"], place["neck"] - place["pelvis"])
    found = []
    for name, below, way in _HINGES:
        if name in place and below in place:
            axis = np.cross(place[below] - place[name], way * forward)
            found.append(Hinge(skeleton.index(name), axis / np.linalg.norm(axis)))
    return tuple(found)


def bends(vectors: np.ndarray, hinges: tuple[Hinge, ...]) -> np.ndarray:
    """Bend of each hinge, radians, positive the right way: (..., H) of rotation vectors (..., J, 3)."""
    return np.stack([vectors[..., hinge.joint, :] @ hinge.axis for hinge in hinges], axis=-1)


def upper_joints(hinges: tuple[Hinge, ...], skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """(J) the hinge below each joint, -1 for none, and (J, 3) the axes of the hinges."""
    below, axes = np.full(len(skeleton), -1, np.int64), np.zeros((len(skeleton), 3))
    for hinge in hinges:
        below[skeleton.parents[hinge.joint]] = hinge.joint
        axes[hinge.joint] = hinge.axis
    return below, axes
