"""caliscope's table of 2D points, ``xy_*.csv``: all cameras in one file, one row a point, one person.

Columns: ``sync_index`` (the frame, common to all cameras), ``cam_id`` (in older files ``port``), ``keypoint_id`` (in
older files ``point_id``), ``img_loc_x``, ``img_loc_y`` in distorted pixels, and ``frame_time`` in seconds; others are
passed over. A point without a row is missing; one that is there has score 1. The camera of id 3 is called ``cam_3``, as
in caliscope's calibrations.

A frame's time is the mean over its cameras, frame 0 at 0; ``fps=`` goes before it. The points are numbered, not named:
exactly 0 to 16, 25 or 32 are read as COCO, Halpe and BlazePose; others as joints ``point0``, ``point7``, ... of a
skeleton without bones. With ``skeleton=``, point i is its joint i, and points beyond it are left out. After caliscope's
sources; not checked against a file of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lift3d._natural_order import natural_order
from lift3d._progress import progress
from lift3d.errors import FileError
from lift3d.formats._csv_rows import csv_rows
from lift3d.formats._detections import check_dense, whole_number
from lift3d.formats._entry import FileFormat
from lift3d.formats._joint_names import skeleton_of_names
from lift3d.formats._json import beginning
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton, get_skeleton

_COLUMNS = {  # spellings by what the column is
    "frame": ("sync_index",),
    "camera": ("cam_id", "port"),
    "point": ("keypoint_id", "point_id"),
    "x": ("img_loc_x",),
    "y": ("img_loc_y",),
}
_KNOWN = {17: "coco17", 26: "halpe26", 33: "blazepose33"}


def _recognises(path: Path) -> bool:
    return len(_columns(beginning(path, 4096).split("\n", 1)[0].split(","))) == len(_COLUMNS)


def _columns(header: list[str]) -> dict[str, int]:
    """Places of the columns needed, as far as they are there."""
    names = [name.strip().strip('"') for name in header]
    return {
        what: names.index(spelling) for what, known in _COLUMNS.items() for spelling in known if spelling in names
    }  # fmt: skip


def _read(path: Path, skeleton: Skeleton | None = None, fps: float | None = None) -> Keypoints2D:
    table = _table(path)
    names = sorted({name for name, *_ in table}, key=natural_order)
    camera_of = {name: place for place, name in enumerate(names)}
    points = sorted({point for _, _, point, *_ in table})
    chosen, joint_of = _skeleton(path, points, skeleton)
    count = max(frame for _, frame, *_ in table) + 1
    check_dense(path, len(names) * count, 1, len(chosen))
    pixels = np.full((len(names), count, 1, len(chosen), 2), np.nan)
    times: dict[int, list[float]] = {}
    taken = set()
    for name, frame, point, x, y, time in table:
        if (name, frame, point) in taken:
            raise FileError(path, f"frame {frame}, camera {name}, point {point} occurs twice", "Keep one row of each.")
        taken.add((name, frame, point))
        times.setdefault(frame, []).append(time)
        if point in joint_of:
            pixels[camera_of[name], frame, 0, joint_of[point]] = x, y
    return Keypoints2D.of(
        pixels,
        skeleton=chosen,
        times=None if fps else _times(times, count),
        fps=fps or 30.0,
        camera_names=[f"cam_{name}" for name in names],
    )


def _table(path: Path) -> list[tuple[str, int, int, float, float, float]]:
    """Camera, frame, point, x, y, time (NaN where not given) of each row."""
    with csv_rows(path) as rows:
        table = list(_rows(path, rows))
    if not table:
        raise FileError(path, "holds no rows", "Write the file again.")
    return table


def _rows(path: Path, rows: Iterator[list[str]]) -> Iterator[tuple[str, int, int, float, float, float]]:
    header = next(rows, [])
    columns = _columns(header)
    missing = [" or ".join(_COLUMNS[what]) for what in _COLUMNS if what not in columns]
    if missing:
        raise FileError(path, f"its first line lacks the columns {', '.join(missing)}", "Expected caliscope's table.")
    clock = [name.strip().strip('"') for name in header].index("frame_time") if "frame_time" in header else None
    for line, row in enumerate(progress(rows, f"reading {path.name}", "row"), start=2):
        if not row:
            continue
        if len(row) != len(header):
            raise FileError(path, f"line {line} has {len(row)} fields; expected {len(header)}", "Write it again.")
        try:
            cells = {what: row[place] for what, place in columns.items()}
            frame, point = (whole_number(path, float(cells[one]), f"line {line}: {one}") for one in ("frame", "point"))
            x, y = (float(cells[axis] or "nan") for axis in ("x", "y"))
            time = float(row[clock] or "nan") if clock is not None else np.nan
        except ValueError as error:
            if isinstance(error, FileError):
                raise
            raise FileError(path, f"line {line}: {error}; expected numbers", "Write the file again.") from None
        yield cells["camera"].strip(), frame, point, x, y, time


def _skeleton(path: Path, points: list[int], given: Skeleton | None) -> tuple[Skeleton, dict[int, int]]:
    """The skeleton, and the joint of each point that is one."""
    if given is None and points == list(range(len(points))) and len(points) in _KNOWN:
        given = get_skeleton(_KNOWN[len(points)])
    if given is None:
        own = skeleton_of_names(path, [f"point{point}" for point in points])
        return own, {point: joint for joint, point in enumerate(points)}
    if not set(points) & set(range(len(given))):
        raise FileError(path, f"none of its points is a joint of {given.name!r}", "Pass the skeleton of the points.")
    return given, {joint: joint for joint in range(len(given))}


def _times(times: dict[int, list[float]], count: int) -> np.ndarray | None:
    """Seconds of each frame from the first that has any, between them evenly; None where the file has none."""
    means = {frame: float(np.mean(own)) for frame, own in times.items() if np.isfinite(own).all()}
    frames = sorted(means)
    seconds = np.array([means[frame] for frame in frames])
    if len(frames) < 2 or len(frames) < len(times) or not (np.diff(seconds) > 0).all():
        return None
    step = (seconds[-1] - seconds[0]) / (frames[-1] - frames[0])
    before = (np.arange(frames[0]) - frames[0]) * step + seconds[0]
    inside = np.interp(np.arange(frames[0], count), frames, seconds)
    return np.concatenate([before, inside]) - (seconds[0] - frames[0] * step)


FORMAT = FileFormat(
    name="caliscope_csv",
    holds=Keypoints2D,
    suffixes=(".csv",),
    about="caliscope's table of 2D points of all cameras, distorted pixels.",
    recognises=_recognises,
    read=_read,
)
