"""Wide CSV of poses: one row a frame, ``frame,time,<joint>_x,<joint>_y,<joint>_z,<joint>_score,...``.

Written: metres and seconds, all digits; a missing joint has empty x, y, z and score 0; of several people the columns
are ``person1_<joint>_x``. Poses that are not of a world with +z up have two more columns, ``space`` and ``up``, as in
the long CSV. A file ``.csv`` is written long; ask for this one by its name.

Read: every joint that has columns _x, _y and _z; other columns are passed over. The frame is ``frame``, ``sync_index``
(caliscope) or ``fnum`` (Anipose), and counts up; the time ``time`` or ``frame_time``, else frames are 1/30 s apart;
without ``_score`` joints that are there have 1. Where there is a ``time`` beside ``frame``, or with ``sync_index``,
lengths are metres; of others, such as Anipose's, whose unit is that of its calibration board, it is told from the
numbers with a warning, or by ``unit=``. The skeleton is the known one with exactly these joints, else the smallest that
has them all, else one of their own, without bones.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lift3d._progress import progress
from lift3d.errors import FileError
from lift3d.formats._csv_rows import csv_rows, row_of_numbers
from lift3d.formats._detections import check_dense
from lift3d.formats._entry import FileFormat
from lift3d.formats._json import beginning
from lift3d.formats._markers import people_of_markers
from lift3d.formats._tracks import person_prefixes
from lift3d.formats._units import metres_of_points
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton

_FRAME = ("frame", "sync_index", "fnum")
_TIME = ("time", "frame_time")
_PARTS = ("x", "y", "z", "score")
_USUAL = ("world", "+z")


@dataclass(frozen=True)
class _Header:
    """Places of the columns: by name, and of each joint x, y, z and its score (None where it has none)."""

    columns: dict[str, int]
    joints: dict[str, tuple[int, int, int, int | None]]

    def place(self, names: Sequence[str]) -> int | None:
        """Of the first of the names that there is; None if there is none."""
        return next((self.columns[name] for name in names if name in self.columns), None)


def _header(cells: Sequence[str]) -> _Header:
    columns = {name.strip(): place for place, name in enumerate(cells)}
    joints = {}
    for name in columns:
        joint = name.removesuffix("_x")
        x, y, z, score = (columns.get(f"{joint}_{part}") for part in _PARTS)
        if joint not in ("", name) and x is not None and y is not None and z is not None:
            joints[joint] = (x, y, z, score)
    return _Header(columns, joints)


def _recognises(path: Path) -> bool:
    first = beginning(path, 65536).split("\n", 1)[0]
    header = _header([name.strip().strip('"') for name in first.split(",")])
    return bool(header.joints) and header.place(_FRAME) is not None


def _read(path: Path, skeleton: Skeleton | None = None, unit: str | None = None) -> Poses3D:
    header, frames, values, space = _table(path)
    names, joints = list(header.joints), np.array([places[:3] for places in header.joints.values()])
    check_dense(path, len(frames), 1, len(names))
    chosen, positions = people_of_markers(path, names, values[:, joints], skeleton)
    own = [np.ones(len(frames)) if score is None else values[:, score] for *_, score in header.joints.values()]
    _, scores = people_of_markers(path, names, np.stack(own, axis=1)[..., None], chosen)
    clock = header.place(_TIME)
    times = np.array(frames) / 30 if clock is None else values[:, clock]
    if not np.isfinite(times).all():
        raise FileError(path, "a frame has no time", "Write the file again.")
    stated = "m" if "sync_index" in header.columns or {"frame", "time"} <= set(header.columns) else None
    return Poses3D.of(
        positions * metres_of_points(path, positions, unit, stated),
        np.nan_to_num(scores[..., 0]),
        skeleton=chosen,
        times=times,
        frame=space[0],
        up=space[1],
    )


def _table(path: Path) -> tuple[_Header, list[int], np.ndarray, tuple[str, str]]:
    """The header, frame numbers, all cells as numbers (NaN where none), and the space with its up axis."""
    with csv_rows(path) as rows:
        header = _header(next(rows, []))
        first = header.place(_FRAME)
        if first is None or not header.joints:
            raise FileError(path, "its first line has no frame, or no joint with _x, _y and _z", "Check the file.")
        text = {header.columns[name] for name in ("space", "up") if name in header.columns}
        frames, values, spaces = [], [], set()
        for row in progress(rows, f"reading {path.name}", "frame"):
            if row:
                values.append(row_of_numbers(path, row, len(header.columns), rows.line_num, text))
                frames.append(_frame(path, values[-1][first], frames[-1:], rows.line_num))
                spaces.add(tuple(row[place].strip() for place in sorted(text)))
    if not frames or len(spaces) > 1:
        problem = "holds no rows" if not frames else "its space or up axis changes from row to row"
        raise FileError(path, problem, "Write the file again.")
    space = spaces.pop() if len(text) == 2 else _USUAL
    return header, frames, np.array(values), (space[0], space[1])


def _frame(path: Path, number: float, before: list[int], line: int) -> int:
    if not (abs(number) < 2**53 and number.is_integer()) or (before and number <= before[0]):
        raise FileError(path, f"line {line}: frame {number:g}; expected whole numbers that count up")
    return int(number)


def _write(poses: Poses3D, path: Path) -> None:
    prefixes = person_prefixes(poses.positions.shape[1])
    joints = [prefix + joint for prefix in prefixes for joint in poses.skeleton.joints]
    space = () if (poses.frame, poses.up) == _USUAL else (poses.frame, poses.up)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        columns = [f"{joint}_{part}" for joint in joints for part in _PARTS]
        writer.writerow(["frame", "time", *columns, *(("space", "up") if space else ())])
        writer.writerows((*row, *space) for row in _rows(poses))


def _rows(poses: Poses3D) -> Iterator[list[Any]]:
    for frame, time in enumerate(progress(poses.times.tolist(), "writing CSV", "frame")):
        positions, scores = poses.positions[frame].flatten(0, 1).tolist(), poses.scores[frame].flatten().tolist()
        row: list[Any] = [frame, repr(time)]
        for xyz, score in zip(positions, scores, strict=True):
            row += ["" if math.isnan(value) else repr(value) for value in xyz]
            row.append(repr(score))
        yield row


FORMAT = FileFormat(
    name="csv_wide",
    holds=Poses3D,
    suffixes=(".csv",),
    about="Wide CSV, one row a frame: <joint>_x, _y, _z, _score, metres; also caliscope's and Anipose's.",
    recognises=_recognises,
    read=_read,
    write=_write,
    by_suffix=False,
)
