"""The text of BVH files: a hierarchy of joints with named channels, and the channels' values by frame.

A file is ``HIERARCHY`` with one ``ROOT`` or more, each a tree of ``JOINT { OFFSET CHANNELS ... }`` that ends in
``End Site`` blocks, then ``MOTION`` with ``Frames:``, ``Frame Time:`` and one line a frame (Meredith and Maddock 2001,
"Motion capture file formats explained"). Here numbers stay as in the file: its own unit, degrees.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lift3d._progress import progress
from lift3d.errors import FileError
from lift3d.formats._text import read_text

__all__ = ["BvhJoint", "BvhMotion", "read_bvh", "write_bvh"]

_CHANNELS = re.compile(r"([XYZ])(position|rotation)", re.IGNORECASE)
_MOTION = re.compile(r"^\s*MOTION\b", re.IGNORECASE | re.MULTILINE)
_FRAMES = re.compile(r"\s*Frames\s*:\s*(\S+)\s+Frame\s*Time\s*:\s*(\S+)", re.IGNORECASE)


@dataclass
class BvhJoint:
    """One joint.

    Args:
        name: of the joint.
        parent: index of its parent among the joints; -1 for a root.
        offset: from its parent, in the file's unit.
        channels: such as ``("Zrotation", "Xrotation", "Yrotation")``, in the order of the values.
        end: offset of the End Site below it; None if it has none.
    """

    name: str
    parent: int
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    channels: tuple[str, ...] = ()
    end: tuple[float, float, float] | None = None


@dataclass
class BvhMotion:
    """A whole file: joints from the root outward, and (frames, channels) in the order of the joints' channels."""

    joints: list[BvhJoint]
    values: np.ndarray
    frame_time: float


@dataclass
class _Words:
    """The words of a hierarchy, taken one by one."""

    path: Path
    words: list[str]
    place: int = 0
    joints: list[BvhJoint] = field(default_factory=list)
    open: list[int] = field(default_factory=list)  # joints whose braces are open; -1 for an End Site

    def take(self, what: str) -> str:
        if self.place >= len(self.words):
            raise FileError(self.path, f"is cut short: the hierarchy ends before {what}", "Write or copy it again.")
        self.place += 1
        return self.words[self.place - 1]

    def numbers(self, what: str) -> tuple[float, float, float]:
        x, y, z = (_number(self.path, self.take(what), what) for _ in range(3))
        return x, y, z


def read_bvh(path: Path) -> BvhMotion:
    """The joints and values of a BVH file.

    Raises:
        FileError: the file cannot be read, is cut short, or is not BVH.
    """
    text = read_text(path)
    found = _MOTION.search(text)
    if not text.lstrip().upper().startswith("HIERARCHY"):
        raise FileError(path, "is no BVH: it does not begin with HIERARCHY", "Check the file.")
    joints = _hierarchy(path, text[: found.start()] if found else text)
    if found is None:
        raise FileError(path, "is cut short: there is no MOTION after the hierarchy", "Write or copy it again.")
    values, frame_time = _motion(path, text[found.end() :], sum(len(joint.channels) for joint in joints))
    return BvhMotion(joints, values, frame_time)


def _hierarchy(path: Path, text: str) -> list[BvhJoint]:
    words = _Words(path, re.findall(r"[{}]|[^\s{}]+", text)[1:])
    while words.place < len(words.words):
        _take_one(words, words.take("a joint"))
    if words.open:
        raise FileError(path, "is cut short: a brace of the hierarchy stays open", "Write or copy it again.")
    if not words.joints:
        raise FileError(path, "has no ROOT", "Check the file.")
    return words.joints


def _take_one(words: _Words, word: str) -> None:
    keyword = word.upper()
    inside = words.open[-1] if words.open else None
    if keyword == "ROOT" and inside is None:
        _open_joint(words, -1)
    elif keyword == "JOINT" and inside is not None and inside >= 0:
        _open_joint(words, inside)
    elif keyword == "END" and inside is not None and inside >= 0:
        while words.take("the brace of an End Site") != "{":
            pass
        words.open.append(-1)
    elif keyword == "}" and inside is not None:
        words.open.pop()
    elif keyword == "OFFSET" and inside is not None:
        _take_offset(words, inside)
    elif keyword == "CHANNELS" and inside is not None and inside >= 0:
        words.joints[inside].channels = _channels(words)
    else:
        where = f"in joint {words.joints[inside].name}" if inside is not None and inside >= 0 else "in the hierarchy"
        raise FileError(words.path, f"{word!r} is not expected {where}", "Check the file.")


def _open_joint(words: _Words, parent: int) -> None:
    name = []
    while (word := words.take("the brace of a joint")) != "{":
        name.append(word)
    if not name or "}" in name:
        raise FileError(words.path, "a joint has no name", "Check the file.")
    words.open.append(len(words.joints))
    words.joints.append(BvhJoint("_".join(name), parent))


def _take_offset(words: _Words, inside: int) -> None:
    numbers = words.numbers("an offset")
    if inside >= 0:
        words.joints[inside].offset = numbers
    else:  # of an End Site: its joint is the one around it
        words.joints[words.open[-2]].end = numbers


def _channels(words: _Words) -> tuple[str, ...]:
    count = words.take("the number of channels")
    if count not in {str(one) for one in range(7)}:
        raise FileError(words.path, f"a joint has {count!r} channels; expected 0 to 6", "Check the file.")
    found = [_CHANNELS.fullmatch(words.take("a channel")) for _ in range(int(count))]
    names = [f"{one[1].upper()}{one[2].lower()}" for one in found if one is not None]
    if len(names) < len(found) or len(set(names)) < len(names):
        near = words.joints[words.open[-1]].name
        raise FileError(
            words.path, f"joint {near}: its channels repeat or are none of Xposition, ..., Zrotation", "Check the file."
        )
    return tuple(names)


def _motion(path: Path, text: str, channels: int) -> tuple[np.ndarray, float]:
    """(frames, channels) and seconds a frame."""
    head = _FRAMES.match(text)
    if head is None:
        raise FileError(path, "lacks 'Frames:' and 'Frame Time:' after MOTION", "Write or copy it again.")
    frame_time = _number(path, head[2], "Frame Time")
    if not head[1].isdecimal() or len(head[1]) > 9 or int(head[1]) < 1:
        raise FileError(path, f"Frames is {head[1]!r}; expected a number from 1", "Check the file.")
    if frame_time <= 0:
        raise FileError(path, f"Frame Time is {head[2]}; expected seconds above 0", "Check the file.")
    words = text[head.end() :].split()
    frames = int(head[1])
    if len(words) < frames * channels:
        whole = len(words) // channels if channels else 0
        raise FileError(path, f"is cut short: {whole} frames of {frames}", "Write or copy it again.")
    if len(words) > frames * channels:
        raise FileError(
            path, f"has {len(words)} values; expected {frames * channels}, {frames} frames of {channels} channels"
        )
    try:
        values = np.array(words, dtype=np.float64).reshape(frames, channels)
    except ValueError as error:
        raise FileError(path, f"a value of the motion is no number: {error}") from None
    if not np.isfinite(values).all():
        frame = int(np.argmin(np.isfinite(values).all(axis=1)))
        raise FileError(path, f"frame {frame} of the motion has a value that is not finite", "Check the file.")
    return values, frame_time


def _number(path: Path, word: str, what: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FileError(path, f"{what} has {word!r}; expected a number", "Check the file.")
    return value


def write_bvh(motion: BvhMotion, path: Path) -> None:
    """Write joints and values; millionths of the file's unit and of degrees.

    Args:
        motion: joints in the order of a walk through the tree that finishes each branch before the next.
        path: where to.
    """
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in _hierarchy_lines(motion.joints))
        file.write(f"MOTION\nFrames: {len(motion.values)}\nFrame Time: {motion.frame_time:.12g}\n")
        pattern = " ".join(["%.6f"] * motion.values.shape[1]) + "\n"
        for row in progress(motion.values.tolist(), "writing BVH", "frame"):
            file.write(pattern % tuple(row))


def _hierarchy_lines(joints: list[BvhJoint]) -> Iterator[str]:
    yield "HIERARCHY"
    depths: list[int] = []
    for place, joint in enumerate(joints):
        depth = 0 if joint.parent < 0 else depths[joint.parent] + 1
        depths.append(depth)
        indent = "\t" * depth
        yield f"{indent}{'JOINT' if depth else 'ROOT'} {joint.name}"
        yield f"{indent}{{"
        yield f"{indent}\tOFFSET {_three(joint.offset)}"
        yield f"{indent}\tCHANNELS {len(joint.channels)} {' '.join(joint.channels)}"
        if joint.end is not None:
            yield from (f"{indent}\t{line}" for line in ("End Site", "{", f"\tOFFSET {_three(joint.end)}", "}"))
        following = joints[place + 1] if place + 1 < len(joints) else None
        stay = 0 if following is None or following.parent < 0 else depths[following.parent] + 1
        yield from ("\t" * level + "}" for level in range(depth, stay - 1, -1))


def _three(offset: tuple[float, float, float]) -> str:
    return " ".join(f"{one:.6f}" for one in offset)
