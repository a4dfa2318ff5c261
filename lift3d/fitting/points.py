"""Where a body has the joints of a skeleton: each hangs on one joint of the body, at an offset of its own.

A detector's joints are not the body's. A joint of the same name, or of a name that stands for it, is the body's joint
moved by an offset in the frame of the bone that ends there; points of the head, hands and feet hang on the joint before
them. Offsets are not known beforehand but for a first guess and how far they may lie from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.bodies import BodyModel
from lift3d.errors import InputError
from lift3d.skeletons import Skeleton, mapping_between

__all__ = ["BodyPoints", "body_points"]

_CLOSE = 0.015  # metres, standard deviation of an offset from the joint of the same name
_SPREAD = 0.03  # of points of the head, hands and feet from where they are on an adult
_LOOSE = 0.06  # of points that only stand for a joint

# Points that bodies have no joint for: the joint that carries them and where they are from it at rest (x to the
# left, y up, z forward; metres), on an adult. "left_" rows are mirrored for the right.
_ON_THE_BODY: dict[str, tuple[str, tuple[float, float, float]]] = {
    "head_top": ("head", (0.0, 0.17, 0.01)),
    "nose": ("head", (0.0, 0.04, 0.11)),
    "left_eye": ("head", (0.032, 0.07, 0.09)),
    "left_eye_inner": ("head", (0.018, 0.07, 0.09)),
    "left_eye_outer": ("head", (0.045, 0.07, 0.08)),
    "left_ear": ("head", (0.075, 0.05, 0.01)),
    "left_mouth": ("head", (0.025, -0.01, 0.09)),
    "left_thumb": ("left_wrist", (0.04, -0.01, 0.05)),
    "left_index": ("left_wrist", (0.09, 0.0, 0.025)),
    "left_pinky": ("left_wrist", (0.08, 0.0, -0.03)),
    "left_heel": ("left_ankle", (0.0, -0.06, -0.05)),
    "left_big_toe": ("left_ankle", (0.0, -0.06, 0.17)),
    "left_foot_index": ("left_ankle", (0.01, -0.06, 0.17)),
    "left_small_toe": ("left_ankle", (0.06, -0.06, 0.13)),
}
# Detectors' joints that are half-way between two of the body's, and so lower than its joint of that name.
_HALF_WAY = {
    "pelvis": ("left_hip", "right_hip"),
    "thorax": ("left_shoulder", "right_shoulder"),
    "neck": ("left_shoulder", "right_shoulder"),
}
_OF_BODIES = ("left_collar", "spine3")  # joints that only the skeletons of body models have


@dataclass(frozen=True, eq=False)
class BodyPoints:
    """The joints of a skeleton that a body has.

    Args:
        skeleton: whose joints they are.
        joints: index of each point on the skeleton's joints axis.
        on: the body's joint that each point is, or -1 where it is none.
        carriers: the body's joint that each hangs on, and turns with.
        offsets: first guess of where each is from its joint ``on``, else from its carrier, in the carrier's frame;
            metres.
        spread: standard deviation of the offsets from that guess, metres.
        exact: whether the skeleton is the body's own, so that there are no offsets.
    """

    skeleton: Skeleton
    joints: tuple[int, ...]
    on: tuple[int, ...]
    carriers: tuple[int, ...]
    offsets: Float[Tensor, "points 3"]
    spread: Float[Tensor, "points"]
    exact: bool

    def __len__(self) -> int:
        return len(self.joints)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the joints."""
        return tuple(self.skeleton.joints[joint] for joint in self.joints)


def body_points(skeleton: Skeleton, model: BodyModel) -> BodyPoints:
    """Where a body has the joints of a skeleton; those that it does not have are left out.

    A joint that could only be made of several of the body's is left out too.

    Raises:
        InputError: fewer than four joints are left.
    """
    body = model.skeleton
    exact = any(name in skeleton.joints for name in _OF_BODIES)
    sources = mapping_between(body, skeleton).sources
    rows = []
    for joint, name in enumerate(skeleton.joints):
        known = "head_top" if name == "head" and not exact else name  # elsewhere "head" is the top of the head
        carrier, offset = _hanging(known)
        if carrier in body.joints and not (exact and name in body.joints):
            rows.append((joint, -1, body.index(carrier), offset, _SPREAD))
        elif len(sources[joint]) == 1:
            on = sources[joint][0][0]
            spread = _CLOSE if body.joints[on] == name else _LOOSE
            guess = (0.0, 0.0, 0.0) if exact else _half_way(name, on, model)
            rows.append((joint, on, max(model.parents[on], 0), guess, spread))
        elif name in ("neck_nose", "upper_neck") and "head" in body.joints:  # the head's joint is at the skull's base
            on = body.index("head")
            rows.append((joint, on, model.parents[on], (0.0, 0.0, 0.0), _LOOSE))
    if len(rows) < 4:
        raise InputError(
            f"{body.name!r} has {len(rows)} of the joints of {skeleton.name!r}; expected at least 4. "
            "Choose a skeleton of the whole body."
        )
    joints, on, carriers, offsets, spread = zip(*rows, strict=True)
    as_tensor = torch.float64
    return BodyPoints(
        skeleton, joints, on, carriers, torch.tensor(offsets, dtype=as_tensor), torch.tensor(spread, dtype=as_tensor),
        exact and all(skeleton.joints[joint] in body.joints for joint in joints),
    )  # fmt: skip


def _half_way(name: str, on: int, model: BodyModel) -> tuple[float, ...]:
    """Where a detector's joint is from the body's joint that it stands for; 0 but for those in the table above."""
    joints, skeleton = model.joint_template.double(), model.skeleton
    ends = _HALF_WAY.get(name, ())
    if not ends or not set(ends) <= set(skeleton.joints):
        return (0.0, 0.0, 0.0)
    return tuple((joints[skeleton.indices(*ends)].mean(0) - joints[on]).tolist())


def _hanging(name: str) -> tuple[str, tuple[float, float, float]]:
    """Carrier and offset of a point in the table above; an empty name where it is not in it."""
    if name.startswith("right_"):
        carrier, (x, y, z) = _hanging("left_" + name.removeprefix("right_"))
        return carrier.replace("left_", "right_"), (-x, y, z)
    return _ON_THE_BODY.get(name, ("", (0.0, 0.0, 0.0)))
