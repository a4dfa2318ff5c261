"""Skeletons of SMPL and of the models that added hands and a face to it."""

from __future__ import annotations

from functools import cache

from lift3d.errors import UnknownNameError
from lift3d.skeletons import Skeleton, get_skeleton

__all__ = ["smpl_skeleton"]

_FINGERS = ("index", "middle", "pinky", "ring", "thumb")
_FACE = {"jaw": "head", "left_eye_smplhf": "head", "right_eye_smplhf": "head"}  # not the eyes that detectors see


@cache
def smpl_skeleton(family: str) -> Skeleton:
    """Skeleton of a family of body models.

    ``"smpl"`` is ``smpl24`` (Loper et al. 2015). ``"smplh"`` (Romero et al. 2017) has, in place of its two hands,
    three joints for each finger: 52 joints; ``"smplx"`` (Pavlakos et al. 2019) has jaw and eyes before them: 55.
    Joints are named as the package smplx names them.

    Raises:
        UnknownNameError: there is no such family.
    """
    smpl = get_skeleton("smpl24")
    if family == "smpl":
        return smpl
    if family not in ("smplh", "smplx"):
        raise UnknownNameError("family of body models", family, ("smpl", "smplh", "smplx"))
    body = smpl.only(joint for joint in smpl.joints if joint not in ("left_hand", "right_hand"))
    tree = dict(zip(body.joints, [body.joints[parent] for parent in body.parents], strict=True))
    tree |= (_FACE if family == "smplx" else {}) | _hand("left") | _hand("right")
    names = tuple(tree)
    parents = (-1, *(names.index(parent) for parent in list(tree.values())[1:]))
    return Skeleton(f"{family}{len(names)}", names, parents)


def _hand(side: str) -> dict[str, str]:
    """Parent of each joint of the fingers, from the wrist outward."""
    return {
        f"{side}_{finger}{place}": f"{side}_{finger}{place - 1}" if place > 1 else f"{side}_wrist"
        for finger in _FINGERS
        for place in (1, 2, 3)
    }
