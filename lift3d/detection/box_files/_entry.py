"""What a file of this folder declares: one layout of files with people's boxes, under the name ``BOXES``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lift3d.detection.people_boxes import PeopleBoxes

__all__ = ["BoxFile"]


@dataclass(frozen=True)
class BoxFile:
    """A layout.

    Args:
        name: such as ``"coco_json"``.
        suffix: of its files.
        about: one line for people.
        read: the boxes in a file; raises a FileError that says what is wrong.
    """

    name: str
    suffix: str
    about: str
    read: Callable[[Path], PeopleBoxes]
