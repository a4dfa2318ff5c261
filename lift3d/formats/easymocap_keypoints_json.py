"""EasyMocap's 2D annotations: ``annots/<camera>/000000.json``, one file a frame; one folder is one camera.

Pass ``annots`` for all cameras, or the folder of one. A file is ``{"filename", "height", "width", "annots":
[{"personID", "keypoints": [[x, y, score], ...]}]}``; ``keypoints2d`` and ``id`` are the same under their other names.
The number in the file's name is the frame, counted from 0 and never shifted. Distorted pixels; a joint with score 0 is
missing. 25 joints are BODY_25, others go by their number; hands and face are passed over. A person keeps one slot by
``personID`` where all have one. After EasyMocap's sources (``mytools/file_utils.py``); not checked against a file of
its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lift3d._progress import progress
from lift3d.errors import FileError
from lift3d.formats._detections import Detection, keypoints_of, shared_size, triplets
from lift3d.formats._entry import FileFormat
from lift3d.formats._frame_files import files_by_frame, frames_begin_with
from lift3d.formats._json import read_json
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton

_EXPECTED = "Expected the JSON of EasyMocap's annots."


def _recognises(path: Path) -> bool:
    return frames_begin_with(path, '"annots"')


def _read(path: Path, skeleton: Skeleton | None = None, fps: float | None = None) -> Keypoints2D:
    files = files_by_frame(path)
    detections: list[Detection] = []
    sizes: list[tuple[Any, Any]] = []
    for frame, file in progress(files.items(), f"reading {path.name}", "frame", len(files)):
        people, size = _frame(file)
        sizes.append(size)
        detections += [_person(file, person, frame, place) for place, person in enumerate(people)]
    return keypoints_of(
        path,
        detections,
        frames=max(files) + 1,
        skeleton=skeleton,
        camera_name=path.resolve().name,
        fps=fps,
        image_size=shared_size(sizes),
    )


def _frame(file: Path) -> tuple[list[Any], tuple[Any, Any]]:
    """The people of a frame, and the width and height that the file gives."""
    content = read_json(file)
    people = content.get("annots") if isinstance(content, Mapping) else None
    if not isinstance(people, list):
        raise FileError(file, 'has no list "annots"', _EXPECTED)
    return people, (content.get("width"), content.get("height"))


def _person(file: Path, person: Any, frame: int, place: int) -> Detection:
    where = f"person {place}"
    values = person.get("keypoints", person.get("keypoints2d")) if isinstance(person, Mapping) else None
    if not isinstance(values, list):
        raise FileError(file, f'{where} has no list "keypoints"', _EXPECTED)
    rows = [value for joint in values for value in joint] if all(isinstance(one, list) for one in values) else values
    if rows is not values and any(len(joint) != 3 for joint in values):
        raise FileError(file, f"{where}: a joint is not [x, y, score]", _EXPECTED)
    joints = triplets(file, rows, where)
    joints[~np.isfinite(joints).all(-1)] = 0.0
    identity = person.get("personID", person.get("id"))
    track = identity if isinstance(identity, int) and identity >= 0 else None
    return Detection(frame, joints, track)


FORMAT = FileFormat(
    name="easymocap_keypoints_json",
    holds=Keypoints2D,
    suffixes=("",),
    about="EasyMocap's annots: a folder of one JSON a frame for each camera, distorted pixels.",
    recognises=_recognises,
    read=_read,
)
