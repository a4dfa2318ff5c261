"""Bodies in motion as BVH (Biovision), with the body's own rotations.

Written: centimetres, y up (the world turned as for TRC), degrees, channels Zrotation Xrotation Yrotation. The hierarchy
is the body's skeleton at rest in each person's shape, which is its T-pose; nothing is fitted again, so that joints are
exactly the body's. Several people are several ROOTs (``person1_pelvis``, ...). Missing poses are filled in over time.
Poses without a body are written by the format ``bvh``, which also reads both.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lift3d.bodies import BodyMotion
from lift3d.formats._bvh_text import BvhJoint, BvhMotion, write_bvh
from lift3d.formats._entry import FileFormat
from lift3d.formats._euler_angles import curves_of_rotations
from lift3d.formats._ready_motions import ready_motion
from lift3d.formats._tracks import person_prefixes
from lift3d.geometry.rotations import rotvec_to_matrix

_POSITIONS = ("Xposition", "Yposition", "Zposition")
_ROTATIONS = ("Zrotation", "Xrotation", "Yrotation")
_LAST = 0.5  # length of the last bone of a limb, times that of the bone before it


def _write(motion: BodyMotion, path: Path) -> None:
    own = ready_motion(motion, "+y", "BVH")
    order = _depth_first(own.model.parents)
    joints: list[BvhJoint] = []
    columns: list[np.ndarray] = []
    for person, prefix in enumerate(person_prefixes(own.people)):
        joints += _joints(own, person, order, prefix, len(joints))
        places = 100 * (own.translation[:, person] + own.shaped.offsets[person, 0]).detach().cpu().double().numpy()
        turns = rotvec_to_matrix(own.rotations[:, person, order].double()).detach().cpu().numpy()
        columns += [places, curves_of_rotations("ZXY", turns).reshape(len(places), -1)]
    write_bvh(BvhMotion(joints, np.concatenate(columns, axis=1), 1 / own.frames_per_second), path)


def _depth_first(parents: tuple[int, ...]) -> list[int]:
    """The joints in the order of a walk that finishes each branch before the next."""
    order: list[int] = []
    waiting = [0]
    while waiting:
        joint = waiting.pop()
        order.append(joint)
        waiting += [child for child in range(len(parents) - 1, joint, -1) if parents[child] == joint]
    return order


def _joints(motion: BodyMotion, person: int, order: list[int], prefix: str, first: int) -> list[BvhJoint]:
    """One person's joints, centimetres; the root's offset is zero, as its channels hold its place."""
    parents, names = motion.model.parents, motion.model.skeleton.joints
    offsets = 100 * motion.shaped.offsets[person].detach().cpu().double().numpy()
    place = {joint: first + number for number, joint in enumerate(order)}
    return [
        BvhJoint(
            prefix + names[joint],
            place[parents[joint]] if joint else -1,
            _three(offsets[joint]) if joint else (0.0, 0.0, 0.0),
            _ROTATIONS if joint else _POSITIONS + _ROTATIONS,
            None if joint in parents else _three(_LAST * offsets[joint]),
        )
        for joint in order
    ]


def _three(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return x, y, z


FORMAT = FileFormat(
    name="body_bvh",
    holds=BodyMotion,
    suffixes=(".bvh",),
    about="BVH with the body's own rotations and bones, rotations ZXY; centimetres, Y up.",
    write=_write,
)
