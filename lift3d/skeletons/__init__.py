"""Skeletons: which joints there are, how they are connected, and how one skeleton maps to another."""

from lift3d.skeletons.joint_limits import plausible
from lift3d.skeletons.mapping import JointMapping, mapping_between
from lift3d.skeletons.skeleton import Skeleton, get_skeleton, read_skeleton, skeleton_names

__all__ = [
    "JointMapping",
    "Skeleton",
    "get_skeleton",
    "mapping_between",
    "plausible",
    "read_skeleton",
    "skeleton_names",
]
