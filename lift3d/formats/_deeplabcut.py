"""What the CSV and HDF5 files of DeepLabCut have in common: a table with one column for each x, y and likelihood.

A column is named (scorer, bodypart, coordinate), or with several animals (scorer, individual, bodypart, coordinate).
Each individual keeps one slot. A joint is missing where x, y or likelihood is; a low likelihood stays for the caller to
judge. Without likelihood (labels by hand) what is there has score 1. Rows are frames by their number, never shifted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lift3d.errors import FileError
from lift3d.formats._detections import check_dense, last_number
from lift3d.formats._joint_names import joint_places, skeleton_of_names
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton

__all__ = ["frame_of", "keypoints_of_table"]

_COORDINATES = ("x", "y", "likelihood")


def keypoints_of_table(
    path: Path,
    columns: Sequence[tuple[str, ...]],
    frames: Sequence[int],
    values: np.ndarray,
    *,
    skeleton: Skeleton | None,
    fps: float | None,
) -> Keypoints2D:
    """The keypoints of one camera.

    Args:
        path: of the file, for the camera's name and errors.
        columns: what each column of the values is: three or four names.
        frames: number of each row's frame.
        values: (rows, columns); NaN where empty.
        skeleton: the one given.
        fps: frames a second; 30 if None.

    Raises:
        FileError: the columns are not those of DeepLabCut, or a frame occurs twice.
    """
    people, joints, places = _places(path, columns)
    chosen = skeleton_of_names(path, joints, skeleton)
    order = np.array(joint_places(path, joints, chosen))
    if len(set(frames)) < len(frames) or min(frames, default=0) < 0:
        raise FileError(path, "a frame occurs twice or has a negative number", "Keep one camera in one file.")
    count = max(frames, default=-1) + 1
    check_dense(path, count, len(people), len(chosen))
    table = np.full((count, len(people), len(chosen), 3), np.nan)
    table[..., 2] = 1.0
    rows = np.array(frames, dtype=np.int64)
    for column, (person, joint, coordinate) in enumerate(places):
        table[rows, person, order[joint], coordinate] = values[:, column]
    scores = np.nan_to_num(table[..., 2])
    return Keypoints2D.of(
        table[None, ..., :2],
        scores[None],
        skeleton=chosen,
        fps=fps or 30.0,
        camera_names=[_camera_name(path, columns[0][0])],
    )


def _places(path: Path, columns: Sequence[tuple[str, ...]]) -> tuple[list[str], list[str], list[tuple[int, int, int]]]:
    """Individuals, body parts, and which of them and which coordinate each column is."""
    if {len(one) for one in columns} not in ({3}, {4}) or any(one[-1] not in _COORDINATES for one in columns):
        raise FileError(
            path, "its columns are not (scorer, bodypart, x | y | likelihood), with or without individuals",
            "Expected a table that DeepLabCut wrote.",
        )  # fmt: skip
    people = list(dict.fromkeys(one[1] if len(one) == 4 else "" for one in columns))
    joints = list(dict.fromkeys(one[-2] for one in columns))
    place_of_person = {person: place for place, person in enumerate(people)}
    place_of_joint = {joint: place for place, joint in enumerate(joints)}
    places = [
        (place_of_person[one[1] if len(one) == 4 else ""], place_of_joint[one[-2]], _COORDINATES.index(one[-1]))
        for one in columns
    ]
    if len(set(places)) < len(places):
        scorers = ", ".join(dict.fromkeys(one[0] for one in columns))
        raise FileError(path, f"holds a body part twice (scorers: {scorers})", "Keep one scorer in one file.")
    return people, joints, places


def _camera_name(path: Path, scorer: str) -> str:
    """The video's name: what stands before the scorer in the file's; of labels by hand, the folder's."""
    stem = path.stem
    if stem.startswith("CollectedData_"):
        return path.resolve().parent.name or stem
    before = stem.partition(scorer)[0] if scorer and scorer in stem else stem.rpartition("DLC")[0]
    return before.rstrip("_- ") or stem


def frame_of(path: Path, index: str) -> int:
    """The frame that a row's index says: a number, or the last one in a picture's name.

    Raises:
        FileError: it holds no number.
    """
    text = index.strip()
    frame = int(text) if text.isdecimal() and len(text) < 19 else last_number(text.replace("\\", "/"))
    if frame is None:
        raise FileError(path, f"a row's index {index!r} holds no frame number", "Number the rows by frames.")
    return frame
