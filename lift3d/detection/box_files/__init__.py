"""Files with people's boxes, one layout a file. Boxes are left, top, width and height in pixels."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lift3d._discovery import entries_of
from lift3d.detection.box_files._entry import BoxFile
from lift3d.detection.people_boxes import PeopleBoxes
from lift3d.errors import FileError

__all__ = ["BoxFile", "all_box_files", "read_boxes"]


@cache
def all_box_files() -> dict[str, BoxFile]:
    """Every layout, by name."""
    return entries_of("lift3d.detection.box_files", "BOXES", BoxFile)


def read_boxes(path: str | Path) -> PeopleBoxes:
    """People's boxes from a file; its suffix says the layout.

    Raises:
        FileError: no layout has this suffix, or the file is not what it should be.
    """
    own = Path(path)
    for entry in all_box_files().values():
        if own.suffix.lower() == entry.suffix:
            return entry.read(own)
    known = ", ".join(f"{entry.suffix} ({entry.name})" for entry in all_box_files().values())
    raise FileError(own, "is no file of boxes by its suffix", f"Expected {known}.")
