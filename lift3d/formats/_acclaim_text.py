"""The text of Acclaim files: a skeleton (ASF) and the values of its bones by frame (AMC).

Numbers stay as in the files: their own unit of length, and degrees or radians as ``angle`` says. A bone begins where
its parent ends; the root is a point. See Lander 1998, "Working with motion capture file formats", Game Developer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lift3d.errors import FileError

__all__ = ["ROOT", "AcclaimBone", "AcclaimSkeleton", "read_amc", "read_asf"]

ROOT = "root"


@dataclass
class AcclaimBone:
    """One bone; of the root, only ``axis``, ``axis_order`` and ``channels`` count.

    Args:
        direction: unit vector from the bone's begin to its end, in the axes of the file.
        length: in the file's unit.
        axis: three angles that turn the axes of the file to those the bone turns about.
        axis_order: such as ``"XYZ"``: which axis each of them is about, the innermost first.
        channels: such as ``("rx", "ry", "rz")``, in the order of the values.
    """

    direction: tuple[float, ...] = (0.0, 0.0, 0.0)
    length: float = 0.0
    axis: tuple[float, ...] = (0.0, 0.0, 0.0)
    axis_order: str = "XYZ"
    channels: tuple[str, ...] = ()


@dataclass
class AcclaimSkeleton:
    """Bones by name, the root first and parents before their children, and the units of all numbers."""

    bones: dict[str, AcclaimBone]
    parents: dict[str, str]
    unit: float = 1.0
    degrees: bool = True


@dataclass
class _Asf:
    """What has been read of a skeleton file."""

    bones: dict[str, AcclaimBone] = field(default_factory=lambda: {ROOT: AcclaimBone()})
    children: list[tuple[str, list[str]]] = field(default_factory=list)
    unit: float = 1.0
    degrees: bool = True


def read_asf(path: Path) -> AcclaimSkeleton:
    """The skeleton of an ASF file.

    Raises:
        FileError: it cannot be read, or is no skeleton.
    """
    found, section = _Asf(), ""
    bone: dict[str, list[str]] = {}
    try:
        for words in _lines(path):
            if words[0].startswith(":"):
                section, words = words[0][1:].lower(), words[1:]
            if not words:
                continue
            if section == "units":
                _take_unit(found, words)
            elif section == "root":
                _take_root(found.bones[ROOT], words)
            elif section == "bonedata":
                bone = _take_bone_line(found, bone, words)
            elif section == "hierarchy" and words[0] not in ("begin", "end"):
                found.children.append((words[0], words[1:]))
    except (ValueError, KeyError, IndexError) as error:
        raise FileError(path, f"section :{section} is damaged ({error})", "Write or copy it again.") from error
    return _skeleton(path, found)


def read_amc(path: Path, skeleton: AcclaimSkeleton) -> dict[str, np.ndarray]:
    """Values of each bone that has channels, (frames, channels); a bone left out of all frames does not move.

    Raises:
        FileError: it cannot be read, is no motion, or does not fit the skeleton.
    """
    columns: dict[str, list[list[float]]] = {name: [] for name, bone in skeleton.bones.items() if bone.channels}
    frames = 0
    for words in _lines(path):
        if words[0].startswith(":"):
            continue
        if len(words) == 1 and words[0].isdecimal():
            frames += 1
            continue
        _take_values(path, columns, skeleton, words, frames)
    if not frames:
        raise FileError(path, "holds no frames", "Give the AMC file of a recording.")
    for name, values in columns.items():
        if len(values) not in (0, frames):
            raise FileError(path, f"bone {name!r} has {len(values)} values for {frames} frames", "Copy it again.")
    width = {name: len(skeleton.bones[name].channels) for name in columns}
    return {name: np.array(own or np.zeros((frames, width[name])), dtype=np.float64) for name, own in columns.items()}


def _lines(path: Path) -> Iterator[list[str]]:
    """The words of each line, without comments; any single-byte text will do, since names of files are in comments."""
    try:
        with path.open(encoding="latin-1") as file:
            for line in file:
                words = line.partition("#")[0].split()
                if words:
                    yield words
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the path.") from error


def _take_unit(found: _Asf, words: list[str]) -> None:
    if words[0].lower() == "length":
        found.unit = float(words[1])
    if words[0].lower() == "angle":
        found.degrees = words[1].lower().startswith("deg")


def _take_root(root: AcclaimBone, words: list[str]) -> None:
    key = words[0].lower()
    if key == "order":
        root.channels = tuple(word.lower() for word in words[1:])
    elif key == "axis":
        root.axis_order = words[1].upper()
    elif key == "orientation":
        root.axis = _numbers(words[1:4], 3)


def _take_bone_line(found: _Asf, bone: dict[str, list[str]], words: list[str]) -> dict[str, list[str]]:
    """One line of a bone; at its end the bone is kept, and an empty one returned."""
    if words[0] == "begin":
        return {}
    if words[0] != "end":
        bone[words[0].lower()] = words[1:]
        return bone
    axis = bone.get("axis", ["0", "0", "0", "XYZ"])
    found.bones[bone["name"][0]] = AcclaimBone(
        direction=_numbers(bone["direction"], 3),
        length=_numbers(bone["length"], 1)[0],
        axis=_numbers(axis[:3], 3),
        axis_order=axis[3].upper(),
        channels=tuple(word.lower() for word in bone.get("dof", [])),
    )
    return {}


def _numbers(words: list[str], count: int) -> tuple[float, ...]:
    values = tuple(float(word) for word in words)
    if len(values) != count or not np.isfinite(values).all():
        raise ValueError(f"{' '.join(words)!r} instead of {count} numbers")
    return values


def _skeleton(path: Path, found: _Asf) -> AcclaimSkeleton:
    """The bones in the order of the hierarchy."""
    parents, order = {ROOT: ""}, [ROOT]
    listed = dict(found.children)
    for parent in order:
        for child in listed.get(parent, []):
            if child not in found.bones or child in parents:
                raise FileError(path, f"bone {child!r} has no data, or two parents", "Write or copy it again.")
            parents[child] = parent
            order.append(child)
    if len(order) < 2 or not found.unit > 0:
        raise FileError(path, "is no Acclaim skeleton: it has no bones that hang on 'root'", "Give an ASF file.")
    return AcclaimSkeleton({name: found.bones[name] for name in order}, parents, found.unit, found.degrees)


def _take_values(
    path: Path, columns: dict[str, list[list[float]]], skeleton: AcclaimSkeleton, words: list[str], frame: int
) -> None:
    own = columns.get(words[0])
    wanted = len(skeleton.bones[words[0]].channels) if own is not None else 0
    try:
        values = [float(word) for word in words[1:]]
    except ValueError:
        values = []
    if own is None or not frame or len(values) != wanted or len(own) != frame - 1:
        raise FileError(
            path, f"frame {frame}: {' '.join(words)[:60]!r} does not fit the skeleton's bones",
            "Put the ASF file of this person beside it.",
        )  # fmt: skip
    own.append(values)
