"""COCO's results of person detectors: a list of ``{image_id, category_id, bbox, score}``; frames are ``image_id``.

``bbox`` is left, top, width and height. Only people count (``category_id`` 1, or none). One camera's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lift3d.detection.box_files._checked import scored_box
from lift3d.detection.box_files._entry import BoxFile
from lift3d.detection.people_boxes import PeopleBoxes, ScoredBox
from lift3d.errors import FileError
from lift3d.formats._json import json_list, read_json

_PERSON = 1


def _read(path: Path) -> PeopleBoxes:
    frames: dict[int, list[ScoredBox]] = {}
    for place, entry in enumerate(json_list(path, "the file", read_json(path))):
        frame, own = _person(path, entry, f"entry {place}")
        if entry.get("category_id", _PERSON) == _PERSON:
            frames.setdefault(frame, []).append(own)
    return PeopleBoxes({None: {frame: tuple(boxes) for frame, boxes in frames.items()}})


def _person(path: Path, entry: Any, where: str) -> tuple[int, ScoredBox]:
    if not isinstance(entry, Mapping) or "bbox" not in entry or "image_id" not in entry:
        raise FileError(path, f'{where} has no "image_id" and "bbox"', "Expected COCO results of a person detector.")
    frame = entry["image_id"]
    if not isinstance(frame, int) or isinstance(frame, bool) or frame < 0:
        raise FileError(path, f"{where}: image_id is {frame!r}; expected the number of the frame, from 0")
    box = entry["bbox"]
    return frame, scored_box(path, where, box if isinstance(box, list) else [box], entry.get("score", 1.0))


BOXES = BoxFile("coco_json", ".json", "COCO results of a person detector, of one camera.", _read)
