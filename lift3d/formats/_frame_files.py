"""Folders that hold one JSON a frame: the frame is the last number in the file's name, and never shifted."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from lift3d.errors import FileError
from lift3d.formats._detections import last_number
from lift3d.formats._json import beginning

__all__ = ["files_by_frame", "frames_begin_with"]

_LOOKED_AT = 5  # files of a folder that are opened to recognise it


def frames_begin_with(folder: Path, word: str) -> bool:
    """Whether one of a few files of a folder has a word in its first 2 kB. Never raises."""
    try:
        looked_at = itertools.islice(_frame_names(folder), _LOOKED_AT)
        return any(word in beginning(folder / name, 2048) for name in looked_at)
    except OSError:
        return False


def files_by_frame(folder: Path) -> dict[int, Path]:
    """The JSON files with a number in their name, by frame, ascending; others are passed over.

    Raises:
        FileError: it is no folder, holds none, or two of one frame.
    """
    if not folder.is_dir():
        raise FileError(folder, "is no folder", "Pass the folder that holds one JSON file a frame.")
    files: dict[int, Path] = {}
    for name in sorted(_frame_names(folder)):
        frame = last_number(name)
        assert frame is not None
        if frame in files:
            raise FileError(
                folder, f"holds two files of frame {frame}: {files[frame].name} and {name}",
                "Keep the files of one camera in one folder.",
            )  # fmt: skip
        files[frame] = folder / name
    if not files:
        raise FileError(folder, "holds no JSON file with a frame number in its name", "Check the folder.")
    return dict(sorted(files.items()))


def _frame_names(folder: Path) -> Iterator[str]:
    """Names of the JSON files with a number, in the order in which the system lists them."""
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.lower().endswith(".json") and not name.startswith(".") and last_number(name) is not None:
                yield name
