"""DeepLabCut's CSV: three lines of header (scorer, bodyparts, coords), four with several animals (and individuals).

The first column is the frame, counted from 0 and never shifted; files labelled by hand have a picture's path there, in
one or three columns, and the last number in it is the frame. Distorted pixels. A joint without a number or with
likelihood 0 is missing; a low likelihood stays for the caller to judge. The camera is what stands before the scorer
(``DLC_resnet50_...``) in the file's name. Body parts of no known skeleton make one of their own, without bones.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lift3d._progress import progress
from lift3d.errors import FileError
from lift3d.formats._csv_rows import csv_rows, row_of_numbers
from lift3d.formats._deeplabcut import frame_of, keypoints_of_table
from lift3d.formats._entry import FileFormat
from lift3d.formats._json import beginning
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton

_LEVELS = (["scorer", "bodyparts", "coords"], ["scorer", "individuals", "bodyparts", "coords"])


def _recognises(path: Path) -> bool:
    text = beginning(path, 64)
    return text.startswith("scorer,")


def _read(path: Path, skeleton: Skeleton | None = None, fps: float | None = None) -> Keypoints2D:
    with csv_rows(path) as rows:
        columns, left = _columns(path, rows)
        indices, values = [], []
        for row in progress(rows, f"reading {path.name}", "frame"):
            if row:
                values.append(row_of_numbers(path, row[left:], len(columns), rows.line_num))
                indices.append(frame_of(path, row[left - 1]))
    table = np.array(values).reshape(len(values), len(columns))
    return keypoints_of_table(path, columns, indices, table, skeleton=skeleton, fps=fps)


def _columns(path: Path, rows: Iterator[list[str]]) -> tuple[list[tuple[str, ...]], int]:
    """What each column is, and how many stand before them."""
    header: list[list[str]] = []
    for row in rows:
        header.append([cell.strip() for cell in row])
        if header[-1][:1] == ["coords"] or len(header) == 4:
            break
    if [row[0] if row else "" for row in header] not in _LEVELS or len({len(row) for row in header}) > 1:
        raise FileError(
            path, "does not begin with the lines scorer, bodyparts and coords", "Expected a CSV that DeepLabCut wrote."
        )
    left = next((place for place, scorer in enumerate(header[0]) if place and scorer), None)
    if left is None:
        raise FileError(path, "names no scorer and has no columns", "Expected a CSV that DeepLabCut wrote.")
    return list(zip(*(row[left:] for row in header), strict=True)), left


FORMAT = FileFormat(
    name="deeplabcut_csv",
    holds=Keypoints2D,
    suffixes=(".csv",),
    about="DeepLabCut's CSV of one camera, one or several animals, distorted pixels.",
    recognises=_recognises,
    read=_read,
)
