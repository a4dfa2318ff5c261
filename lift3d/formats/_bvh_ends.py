"""BVH with the ends of its outermost bones: the top of the head is often nothing but an End Site."""

from __future__ import annotations

from pathlib import Path

from lift3d.formats._bvh_text import BvhJoint, BvhMotion, read_bvh
from lift3d.formats.bvh import poses_of_motion
from lift3d.poses import Poses3D

__all__ = ["read_bvh_with_ends"]


def read_bvh_with_ends(path: Path, unit: str | None = None) -> Poses3D:
    """As ``read_poses``, with a joint ``Head_end`` for the End Site of ``Head``, and so on; the skeleton is its own.

    Raises:
        FileError: the file cannot be read or is no BVH.
    """
    motion = read_bvh(path)
    joints: list[BvhJoint] = []
    place = {-1: -1}
    for number, joint in enumerate(motion.joints):
        place[number] = len(joints)
        joints.append(BvhJoint(joint.name, place[joint.parent], joint.offset, joint.channels))
        if joint.end is not None and any(joint.end):
            joints.append(BvhJoint(f"{joint.name}_end", place[number], joint.end))
    return poses_of_motion(path, BvhMotion(joints, motion.values, motion.frame_time), unit=unit)
