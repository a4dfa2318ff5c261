"""How far apart people who label a joint put it: the sigmas of object keypoint similarity (OKS), by the joints' names.

COCO measured them on its 17 joints (cocodataset.org, "Keypoint Evaluation"): standard deviations in square roots of
the person's area. Joints that COCO has not borrow those of the nearest joint that it has; the neck that of the
shoulders, as Lightweight OpenPose does (Osokin 2018).
"""

from __future__ import annotations

from collections.abc import Mapping

from lift3d.errors import InputError, UnknownNameError
from lift3d.skeletons.skeleton import Skeleton

__all__ = ["borrowed_sigmas", "joint_sigmas"]

_COCO = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062, "hip": 0.107,
    "knee": 0.087, "ankle": 0.089,
}  # fmt: skip
_NEAREST = {
    "neck": "shoulder", "upper_neck": "shoulder", "thorax": "shoulder", "pelvis": "hip", "spine": "hip", "head": "ear",
    "head_top": "ear", "neck_nose": "nose", "heel": "ankle", "big_toe": "ankle", "small_toe": "ankle", "foot": "ankle",
    "foot_index": "ankle", "hand": "wrist", "pinky": "wrist", "index": "wrist", "thumb": "wrist", "mouth": "nose",
    "eye_inner": "eye", "eye_outer": "eye",
}  # fmt: skip
_OTHERS = "shoulder"  # of joints of other names


def joint_sigmas(skeleton: Skeleton, own: Mapping[str, float] | None = None) -> tuple[float, ...]:
    """The sigma of each joint, in square roots of the person's area.

    Args:
        skeleton: whose joints.
        own: sigmas by joint name, instead of these.

    Raises:
        UnknownNameError: ``own`` names another joint.
        InputError: a sigma of ``own`` is not positive.

    >>> from lift3d.skeletons import get_skeleton
    >>> joint_sigmas(get_skeleton("coco17"))[:3]
    (0.026, 0.025, 0.025)
    """
    chosen = dict(own or {})
    for joint, sigma in chosen.items():
        if joint not in skeleton.joints:
            raise UnknownNameError(f"joint of {skeleton.name}", joint, skeleton.joints)
        if not sigma > 0:
            raise InputError(f"The sigma of {joint!r} is {sigma}; expected a positive number, such as 0.05.")
    return tuple(chosen.get(joint, _COCO[_source(joint)]) for joint in skeleton.joints)


def borrowed_sigmas(skeleton: Skeleton) -> dict[str, str]:
    """The joints that COCO has not, each with the name of the one whose sigma stands for its."""
    return {joint: _source(joint) for joint in skeleton.joints if _bare(joint) not in _COCO}


def _bare(joint: str) -> str:
    return joint.removeprefix("left_").removeprefix("right_")


def _source(joint: str) -> str:
    name = _bare(joint)
    return name if name in _COCO else _NEAREST.get(name, _OTHERS)
