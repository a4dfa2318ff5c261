"""A table with a line for each box: columns ``frame,left,top,width,height``, and if you like ``score``, ``camera`` and
``person``, a number that says whose box it is.

Frames and people count from 0. The columns may come in any order; others are not looked at.
"""

from __future__ import annotations

from pathlib import Path

from lift3d.detection.box_files._checked import scored_box
from lift3d.detection.box_files._entry import BoxFile
from lift3d.detection.people_boxes import PeopleBoxes, ScoredBox
from lift3d.errors import FileError
from lift3d.formats._csv_rows import csv_rows

_NEEDED = ("frame", "left", "top", "width", "height")


def _read(path: Path) -> PeopleBoxes:
    cameras: dict[str | None, dict[int, tuple[ScoredBox, ...]]] = {}
    with csv_rows(path) as rows:
        names = [name.strip().lower() for name in next(rows, [])]
        if missing := [name for name in _NEEDED if name not in names]:
            advice = f"Expected a first line with {', '.join(_NEEDED)} and, if you like, score, camera and person."
            raise FileError(path, f"has no column {', '.join(missing)}", advice)
        for cells in rows:
            if cells:
                camera, frame, own = _line(path, names, cells, rows.line_num)
                frames = cameras.setdefault(camera, {})
                frames[frame] = (*frames.get(frame, ()), own)
    return PeopleBoxes(cameras or {None: {}})


def _line(path: Path, names: list[str], cells: list[str], line: int) -> tuple[str | None, int, ScoredBox]:
    if len(cells) != len(names):
        raise FileError(path, f"line {line} has {len(cells)} fields; expected {len(names)}", "Write it again.")
    own = dict(zip(names, (cell.strip() for cell in cells), strict=True))
    try:
        frame = int(own["frame"])
        box, score = [float(own[name]) for name in _NEEDED[1:]], float(own.get("score", 1.0))
        person = int(own["person"]) if "person" in own else None
    except ValueError as error:
        raise FileError(path, f"line {line}: {error}; expected numbers", "Write the file again.") from None
    for what, number in (("frame", frame), ("person", person)):
        if number is not None and number < 0:
            raise FileError(path, f"line {line}: {what} is {number}; expected the number of the {what}, from 0")
    return own.get("camera"), frame, scored_box(path, f"line {line}", box, score)._replace(person=person)


BOXES = BoxFile("csv", ".csv", "A table: frame, left, top, width, height, and score, camera and person.", _read)
