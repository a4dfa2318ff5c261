"""Which skeleton a file means by the names of its joints.

Names are compared without capitals, spaces and underscores, and with ``left`` and ``right`` cut to one letter:
``LBigToe`` is ``left_big_toe``. Some joints go by several names; those are listed below.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

from lift3d.errors import FileError
from lift3d.skeletons import Skeleton, get_skeleton, skeleton_names

__all__ = ["joint_places", "marker_names", "skeleton_in_order", "skeleton_of_names", "skeleton_with"]

_OTHER_NAMES: dict[str, tuple[str, ...]] = {
    "pelvis": ("hip", "chip", "midhip", "hips", "root", "bodycenter"),
    "neck_nose": ("neck", "neckbase", "necknose"),
    "thorax": ("neck",),
    "head": ("headtop",),
    "head_top": ("head",),
    "left_ankle": ("lfoot",),
    "right_ankle": ("rfoot",),
}


def skeleton_with(path: Path, names: Sequence[str], skeleton: Skeleton | None = None) -> Skeleton:
    """The skeleton given, or the smallest known one that has all the joints named, in any order.

    Raises:
        FileError: no skeleton has them all, or the one given has not.
    """
    if skeleton is not None:
        joint_places(path, names, skeleton)
        return skeleton
    exact = [one for one in _known() if one.joints == tuple(names)]
    fitting = exact or sorted((one for one in _known() if _places(names, one) is not None), key=len)
    if not fitting:
        some = ", ".join(names[:4])
        raise FileError(
            path, f"no known skeleton has its {len(names)} joints ({some}, ...)", "Pass skeleton='own.toml'."
        )
    return fitting[0]


def skeleton_of_names(
    path: Path, names: Sequence[str], skeleton: Skeleton | None = None, bones: Sequence[tuple[int, int]] = ()
) -> Skeleton:
    """As ``skeleton_with``; joints that no known skeleton has, such as those of an animal, make one of their own.

    Args:
        path: of the file, for errors.
        names: of the joints, in the order of the file.
        skeleton: the one given, which must have them all.
        bones: pairs of places in ``names`` that the file says are connected.

    A skeleton is a tree, so what no bone connects hangs on the first joint; a warning says so.

    Raises:
        FileError: the skeleton given has not all the joints.
    """
    known = skeleton is not None or any(_places(names, one) is not None for one in _known())
    if known or len(set(names)) < len(names) or not names:
        return skeleton_with(path, names, skeleton)
    parents, loose = _tree(len(names), bones)
    if loose:
        some = ", ".join(names[:3])
        warnings.warn(
            f"{len(names)} joints ({some}, ...) are of no known skeleton, and the file does not connect them: they "
            f"hang on {names[0]!r}, so lines and bone lengths from it mean nothing. Pass skeleton='own.toml' to say "
            "how they connect.",
            stacklevel=2,
        )
    tree = {frozenset((child, parent)) for child, parent in enumerate(parents)}
    links = dict.fromkeys((min(pair), max(pair)) for pair in bones if pair[0] != pair[1])
    return Skeleton(
        f"own{len(names)}", tuple(names), parents, tuple(one for one in links if frozenset(one) not in tree)
    )


def _tree(count: int, bones: Sequence[tuple[int, int]]) -> tuple[tuple[int, ...], int]:
    """The parents of a tree over the bones, its root joint 0, and how many parts no bone connects with the first."""
    neighbours: list[set[int]] = [set() for _ in range(count)]
    for first, second in bones:
        neighbours[first].add(second)
        neighbours[second].add(first)
    parents = [-1] * count
    reached: set[int] = set()
    parts = 0
    for start in range(count):
        if start in reached:
            continue
        parents[start], parts = (0 if start else -1), parts + 1
        reached.add(start)
        order = [start]
        for joint in order:
            for end in sorted(neighbours[joint] - reached):
                parents[end] = joint
                reached.add(end)
                order.append(end)
    return tuple(parents), parts - 1


def skeleton_in_order(names: Sequence[str]) -> Skeleton | None:
    """The known skeleton with exactly these joints in this order; None if there is none."""
    for one in _known():
        if _places(names, one) == list(range(len(one))):
            return one
    return None


def joint_places(path: Path, names: Sequence[str], skeleton: Skeleton) -> list[int]:
    """Index in the skeleton of each joint named.

    Raises:
        FileError: the skeleton does not have them all.
    """
    places = _places(names, skeleton)
    if places is None:
        strange = [name for name in names if _places([name], skeleton) is None] or list(names)
        raise FileError(
            path, f"its joints {', '.join(strange[:4])} are not all of skeleton {skeleton.name!r}",
            "Pass the skeleton whose joints the file names.",
        )  # fmt: skip
    return places


def marker_names(skeleton: Skeleton) -> list[str]:
    """Names as OpenSim's marker sets have them: ``LBigToe`` for ``left_big_toe``. Own names where two would be one."""
    names = [_camel_case(joint) for joint in skeleton.joints]
    different = len({_plain(name) for name in names}) == len(names)
    return names if different and _places(names, skeleton) == list(range(len(names))) else list(skeleton.joints)


def _known() -> list[Skeleton]:
    return [get_skeleton(name) for name in skeleton_names()]


def _places(names: Sequence[str], skeleton: Skeleton) -> list[int] | None:
    own = {_plain(joint): place for place, joint in enumerate(skeleton.joints)}
    others = {
        other: place for place, joint in enumerate(skeleton.joints) for other in _OTHER_NAMES.get(joint, ())
    }  # fmt: skip
    places = [own.get(_plain(name), others.get(_plain(name), -1)) for name in names]
    return places if -1 not in places and len(set(places)) == len(places) else None


def _plain(name: str) -> str:
    plain = re.sub(r"[\s_.-]", "", name).lower()
    return re.sub(r"^(l|r)(?:eft|ight)", r"\1", plain)


def _camel_case(joint: str) -> str:
    first, *rest = joint.split("_")
    head = first[:1].upper() if first in ("left", "right") and rest else first[:1].upper() + first[1:]
    return head + "".join(word[:1].upper() + word[1:] for word in rest)
