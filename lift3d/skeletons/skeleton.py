"""The Skeleton noun and its definitions, one TOML file each.

A definition lists ``child = "parent"`` in the order of the joints; left and right twins are found by the
prefixes ``left_`` and ``right_``; ``links`` are lines worth drawing that are not bones of the tree::

    name = "legs5"
    links = [["left_hip", "right_hip"]]

    [joints]
    pelvis = ""
    left_hip = "pelvis"
    right_hip = "pelvis"
    left_knee = "left_hip"
    right_knee = "right_hip"
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from lift3d.errors import FileError, InputError, UnknownNameError
from lift3d.settings import read_toml

__all__ = ["Skeleton", "get_skeleton", "read_skeleton", "skeleton_names"]

_DEFINITIONS = Path(__file__).parent / "definitions"


@dataclass(frozen=True)
class Skeleton:
    """Named joints in a fixed order, connected as a tree.

    Args:
        name: how the skeleton is called, such as ``"coco17"``.
        joints: names of the joints, in the order of every array's joints axis.
        parents: index of each joint's parent; -1 for the root. Exactly one root; no cycles.
        links: pairs of joint indices worth drawing besides the bones.

    Raises:
        InputError: names repeat, or the parents are no tree.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    links: tuple[tuple[int, int], ...] = field(default=())

    def __post_init__(self) -> None:
        if len(set(self.joints)) != len(self.joints):
            raise InputError(f"Skeleton {self.name!r}: joint names repeat: {', '.join(self.joints)}.")
        if len(self.parents) != len(self.joints):
            raise InputError(
                f"Skeleton {self.name!r}: {len(self.parents)} parents for {len(self.joints)} joints; expected one each."
            )
        if sum(parent < 0 for parent in self.parents) != 1:
            raise InputError(f"Skeleton {self.name!r}: expected exactly one joint without a parent.")
        self.outward  # noqa: B018  raises on a cycle

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Position of a joint on the joints axis.

        Raises:
            UnknownNameError: there is no such joint.
        """
        try:
            return self.joints.index(joint)
        except ValueError:
            raise UnknownNameError(f"joint of {self.name}", joint, self.joints) from None

    def indices(self, *joints: str) -> list[int]:
        """Positions of several joints."""
        return [self.index(joint) for joint in joints]

    @property
    def root(self) -> int:
        """Index of the joint without a parent."""
        return self.parents.index(-1)

    @property
    def others(self) -> list[int]:
        """Indices of all joints but the root, in order."""
        return [joint for joint, parent in enumerate(self.parents) if parent >= 0]

    @cached_property
    def outward(self) -> tuple[int, ...]:
        """Joint indices ordered so that every parent comes before its children."""
        order = [self.root]
        for joint in order:
            order.extend(child for child, parent in enumerate(self.parents) if parent == joint)
        if len(order) != len(self.joints):
            raise InputError(f"Skeleton {self.name!r}: the parents hold a cycle or a number out of range.")
        return tuple(order)

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) of each bone, ordered by child."""
        return tuple((parent, child) for child, parent in enumerate(self.parents) if parent >= 0)

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Lines to draw: the bones and the extra links."""
        return self.bones + self.links

    @cached_property
    def flip_order(self) -> tuple[int, ...]:
        """For each joint, the index of its mirror twin (itself on the midline). Its own inverse."""
        twins = {"left": "right", "right": "left"}
        order = []
        for own, joint in enumerate(self.joints):
            side, _, rest = joint.partition("_")
            twin = f"{twins[side]}_{rest}" if side in twins else joint
            order.append(self.joints.index(twin) if twin in self.joints else own)
        return tuple(order)

    def side(self, joint: int) -> str:
        """``"left"``, ``"right"`` or ``"middle"``."""
        prefix = self.joints[joint].partition("_")[0]
        return prefix if prefix in ("left", "right") else "middle"

    def bone(self, upper: str, lower: str) -> tuple[int, int]:
        """Indices of two joints, as a pair."""
        return self.index(upper), self.index(lower)

    def only(self, joints: Iterable[str]) -> Skeleton:
        """The skeleton of the named joints; a joint whose parent is left out hangs on the nearest kept ancestor.

        Raises:
            UnknownNameError: a joint is not of this skeleton.
            InputError: the joints that are kept no longer hang together.
        """
        kept = self.indices(*joints)
        place = {old: new for new, old in enumerate(kept)}
        parents = []
        for joint in kept:
            ancestor = self.parents[joint]
            while ancestor >= 0 and ancestor not in place:
                ancestor = self.parents[ancestor]
            parents.append(place.get(ancestor, -1))
        links = tuple((place[a], place[b]) for a, b in self.links if a in place and b in place)
        return Skeleton(f"{self.name}[{len(kept)}]", tuple(self.joints[i] for i in kept), tuple(parents), links)


def skeleton_names() -> list[str]:
    """Names of the skeletons that come with lift3d."""
    return sorted(path.stem for path in _DEFINITIONS.glob("*.toml"))


def get_skeleton(name: str | Skeleton) -> Skeleton:
    """A skeleton by name, by the path of a definition of one's own, or passed through.

    Raises:
        UnknownNameError: there is no such skeleton; the text lists those there are.
        FileError: the definition cannot be read.
    """
    if isinstance(name, Skeleton):
        return name
    if name.endswith(".toml"):
        return read_skeleton(name)
    if name not in skeleton_names():
        raise UnknownNameError("skeleton", name, skeleton_names())
    return _shipped(name)


@cache
def _shipped(name: str) -> Skeleton:
    return read_skeleton(_DEFINITIONS / f"{name}.toml")


def read_skeleton(path: str | Path) -> Skeleton:
    """A skeleton from a TOML definition (see the head of this module).

    Raises:
        FileError: the file is missing, is not TOML, or names a parent that is no joint.
    """
    tables = read_toml(path)
    joints = tables.get("joints")
    if not isinstance(joints, Mapping) or not joints:
        raise FileError(path, "has no table [joints]", 'List every joint as child = "parent".')
    names = tuple(joints)
    try:
        return Skeleton(
            name=str(tables.get("name", Path(path).stem)),
            joints=names,
            parents=tuple(-1 if parent == "" else names.index(parent) for parent in joints.values()),
            links=_links(tables.get("links", []), names),
        )
    except ValueError as error:
        raise FileError(path, str(error)) from error


def _links(pairs: Sequence[Any], names: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    return tuple((names.index(first), names.index(second)) for first, second in pairs)
