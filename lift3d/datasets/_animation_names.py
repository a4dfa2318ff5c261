"""Joints of animation skeletons by the names of lift3d's: MotionBuilder and Mixamo, 3ds Max, Poser and DAZ, others.

An animation joint is where its bone begins: ``LeftUpLeg`` is the left hip, ``Neck`` the base of the neck, ``Head`` the
base of the skull; the top of the head is the End Site of ``Head``. The root, a point of its own, is not the middle of
the hips, so it gives no ``pelvis``.
"""

from __future__ import annotations

import re

from lift3d.skeletons import Skeleton

__all__ = ["with_our_names"]

# per joint, names in order of preference, lower case, without spaces and prefixes; those of the left hold for the right
_LEFT: dict[str, tuple[str, ...]] = {
    "hip": ("leftupleg", "lefthip", "leftthigh", "lthigh", "lfemur"),
    "knee": ("leftleg", "leftknee", "leftshin", "lshin", "lcalf", "ltibia"),
    "ankle": ("leftfoot", "leftankle", "lfoot"),
    "foot": ("lefttoebase", "lefttoe", "ltoe", "ltoe0"),
    "shoulder": ("leftarm", "leftuparm", "leftupperarm", "leftshoulder", "lshldr", "lupperarm", "lhumerus"),
    "elbow": ("leftforearm", "leftelbow", "leftlowarm", "lforearm", "lradius"),
    "wrist": ("lefthand", "leftwrist", "lhand"),
    "eye": ("lefteye", "leye"),
}
_MIDDLE: dict[str, tuple[str, ...]] = {
    "spine": ("spine", "chest"),
    "thorax": ("neck",),
    "neck_nose": ("head",),
    "head": ("headend", "headtopend", "headtop", "headnub"),
}


def with_our_names(skeleton: Skeleton) -> Skeleton:
    """The skeleton with those joints renamed that are known by another name; the others keep theirs.

    >>> own = Skeleton("dance", ("Hips", "LeftUpLeg", "LeftLeg"), (-1, 0, 1))
    >>> with_our_names(own).joints
    ('Hips', 'left_hip', 'left_knee')
    """
    names = [_plain(joint) for joint in skeleton.joints]
    middle = {**_MIDDLE, "spine": ("spine1", *_MIDDLE["spine"])} if "spine2" in names else _MIDDLE
    wanted = {f"left_{joint}": others for joint, others in _LEFT.items()}
    wanted |= {f"right_{joint}": tuple(map(_other_side, others)) for joint, others in _LEFT.items()}
    joints = list(skeleton.joints)
    for joint, others in (wanted | middle).items():
        known = next((names.index(other) for other in others if other in names), None)
        if known is not None and joint not in joints:
            joints[known] = joint
    return Skeleton(skeleton.name, tuple(joints), skeleton.parents, skeleton.links)


def _plain(name: str) -> str:
    return re.sub(r"[\s_.-]", "", re.sub(r"^(?:.*:|mixamorig\d*|bip\d+)", "", name.lower()))


def _other_side(name: str) -> str:
    return "right" + name[4:] if name.startswith("left") else "r" + name[1:]
