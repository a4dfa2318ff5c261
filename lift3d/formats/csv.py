"""Tidy CSV of poses: one row a joint, ``frame,time,person,joint,x,y,z,score``.

Metres and seconds; frames and people count from 0; a missing joint has empty x, y, z and score 0. Numbers are written
with all their digits, so nothing is lost in a round trip. Poses that are not of a world with +z up have two more
columns, ``space`` ("world", "camera" or "root") and ``up`` (such as "-y").

Read back, rows may come in any order and other columns are passed over; a joint without a row is missing; frames are
the numbers that occur, in ascending order; without a column ``time`` frames are 1/30 s apart by their numbers, without
``score`` joints that are there have 1. The skeleton is the known one with exactly these joints, else the smallest that
has them all; joints of no known skeleton need ``skeleton=``. Precision is always float64.
"""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lift3d._progress import progress
from lift3d.errors import FileError
from lift3d.formats._detections import check_dense
from lift3d.formats._entry import FileFormat
from lift3d.formats._joint_names import joint_places, skeleton_with
from lift3d.formats._json import beginning
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton

_COLUMNS = ("frame", "time", "person", "joint", "x", "y", "z", "score")
_NEEDED = ("frame", "person", "joint", "x", "y", "z")
_SPACE = ("space", "up")
_USUAL = ("world", "+z")


def _recognises(path: Path) -> bool:
    first = beginning(path, 4096).split("\n", 1)[0]
    return set(_NEEDED) <= {name.strip().strip('"').lower() for name in first.split(",")}


@dataclass
class _Table:
    """The columns of the file as they are read, one entry a row."""

    frame: array = field(default_factory=lambda: array("q"))
    time: array = field(default_factory=lambda: array("d"))
    person: array = field(default_factory=lambda: array("q"))
    joint: array = field(default_factory=lambda: array("q"))
    position: array = field(default_factory=lambda: array("d"))
    score: array = field(default_factory=lambda: array("d"))
    joints: dict[str, int] = field(default_factory=dict)
    space: tuple[str, str] | None = None


def _read(path: Path, skeleton: Skeleton | None = None) -> Poses3D:
    table = _table(path)
    names = list(table.joints)
    chosen = skeleton_with(path, names, skeleton)
    frames, rows = np.unique(np.array(table.frame), return_inverse=True)
    people = np.array(table.person)
    check_dense(path, len(frames), int(people.max()) + 1, len(chosen))
    positions = np.full((len(frames), people.max() + 1, len(chosen), 3), np.nan)
    scores = np.zeros(positions.shape[:3])
    place = rows, people, np.array(joint_places(path, names, chosen))[np.array(table.joint)]
    taken = np.zeros(scores.shape, dtype=np.int64)
    np.add.at(taken, place, 1)
    if taken.max() > 1:
        frame, person, joint = np.argwhere(taken > 1)[0]
        raise FileError(
            path,
            f"frame {frames[frame]}, person {person}, {chosen.joints[joint]} occurs twice",
            "Keep one row of each.",
        )
    positions[place] = np.array(table.position).reshape(-1, 3)
    scores[place] = np.array(table.score)
    times = np.zeros(len(frames))
    times[rows] = np.array(table.time)
    space, up = table.space or _USUAL
    return Poses3D.of(positions, scores, skeleton=chosen, times=times, frame=space, up=up)


def _table(path: Path) -> _Table:
    table = _Table()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            columns = _columns(path, next(rows, []))
            for row in progress(rows, f"reading {path.name}", "row"):
                if row:
                    _add(path, table, row, columns, rows.line_num)
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(path, f"is no CSV: {error}", "Write the file again.") from error
    if not table.frame:
        raise FileError(path, "holds no rows", "Write the file again.")
    return table


def _columns(path: Path, header: Sequence[str]) -> dict[str, int]:
    columns = {name.strip().lower(): place for place, name in enumerate(header)}
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise FileError(
            path, f"its first line lacks the columns {', '.join(missing)}", f"Expected {','.join(_COLUMNS)}."
        )
    return columns


def _add(path: Path, table: _Table, row: Sequence[str], columns: dict[str, int], line: int) -> None:
    if len(row) <= max(columns.values()):
        raise FileError(path, f"line {line} has {len(row)} fields; expected {max(columns.values()) + 1}")

    def number(name: str, kind: Callable[[str], Any], empty: Any = None) -> Any:
        text = row[columns[name]].strip() if name in columns else ""
        if not text and empty is not None:
            return empty
        try:
            return kind(text)
        except ValueError:
            raise FileError(path, f"line {line}: {name} is {text!r}; expected a number") from None

    frame, person = number("frame", int), number("person", int)
    if not 0 <= person < 2**31 or abs(frame) >= 2**62:
        raise FileError(path, f"line {line}: person {person} of frame {frame}; expected numbers from 0")
    table.frame.append(frame)
    table.person.append(person)
    table.time.append(number("time", float, frame / 30))
    table.joint.append(table.joints.setdefault(row[columns["joint"]].strip(), len(table.joints)))
    table.position.extend(number(axis, float, float("nan")) for axis in "xyz")
    table.score.append(number("score", float, 1.0))
    _set_space(path, table, row, columns, line)


def _set_space(path: Path, table: _Table, row: Sequence[str], columns: dict[str, int], line: int) -> None:
    space = row[columns["space"]].strip() if "space" in columns else "world"
    up = row[columns["up"]].strip() if "up" in columns else ("+z" if space == "world" else "-y")
    if table.space not in (None, (space, up)):
        raise FileError(path, f"line {line}: space and up differ from the lines before", "Keep one space in a file.")
    table.space = space, up


def _write(poses: Poses3D, path: Path) -> None:
    usual = (poses.frame, poses.up) == _USUAL
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS if usual else (*_COLUMNS, *_SPACE))
        tail = () if usual else (poses.frame, poses.up)
        writer.writerows((*row, *tail) for row in _rows(poses))


def _rows(poses: Poses3D) -> Iterator[tuple[Any, ...]]:
    for frame, time in enumerate(progress(poses.times.tolist(), "writing CSV", "frame")):
        positions, scores = poses.positions[frame].tolist(), poses.scores[frame].tolist()
        for person, (people, own) in enumerate(zip(positions, scores, strict=True)):
            for joint, xyz, score in zip(poses.skeleton.joints, people, own, strict=True):
                cells = ["" if math.isnan(value) else repr(value) for value in xyz]
                yield (frame, repr(time), person, joint, *cells, repr(score))


FORMAT = FileFormat(
    name="csv",
    holds=Poses3D,
    suffixes=(".csv",),
    about="Tidy CSV, one row a joint: frame,time,person,joint,x,y,z,score; metres.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
