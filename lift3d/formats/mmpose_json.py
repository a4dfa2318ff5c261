"""MMPose 1.x predictions: of a video, with or without the outer dict, or of one picture.

Three layouts: ``{"meta_info", "instance_info": [{"frame_id", "instances": [...]}]}``, the same list alone, and a list
of the instances of one picture, which is frame 0. ``frame_id`` counts from 1, so frame = frame_id - 1; a file in which
a frame_id 0 occurs counts from 0.

Distorted pixels; a joint with score 0 is missing, low scores stay for the caller to judge. People are in the file's
order. Where ``meta_info`` names the joints, the skeleton is the one with these names; else their number says it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lift3d.errors import FileError
from lift3d.formats._detections import COUNTS, Detection, keypoints_of, whole_number
from lift3d.formats._entry import FileFormat
from lift3d.formats._joint_names import skeleton_in_order
from lift3d.formats._json import beginning, read_json
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton


def _recognises(path: Path) -> bool:
    text = beginning(path)
    if text.startswith("{"):
        return re.search(r'"(meta_info|instance_info)"\s*:', text) is not None
    if not text.startswith("[") or '"image_id"' in text:
        return False
    nested = re.search(r'"keypoints"\s*:\s*\[\s*\[', text)
    return nested is not None or '"keypoint_scores"' in text or '"instances"' in text


def _read(path: Path, skeleton: Skeleton | None = None, fps: float | None = None) -> Keypoints2D:
    content = read_json(path)
    outer = isinstance(content, Mapping)
    entries = content.get("instance_info") if outer else content
    if not isinstance(entries, list):
        raise FileError(path, 'has no list "instance_info"', "Expected predictions of MMPose 1.x.")
    frames = _frames(path, entries)
    detections = [
        _person(path, person, frame, f"frame {frame}, person {place}")
        for frame, people in frames
        for place, person in enumerate(people)
    ]
    named = _named_skeleton(content) if outer and skeleton is None else None
    return keypoints_of(
        path,
        detections,
        frames=max((frame for frame, _ in frames), default=-1) + 1,
        skeleton=skeleton or named,
        camera_name=path.stem.removeprefix("results_"),
        fps=fps,
        counts=COUNTS,
    )


def _frames(path: Path, entries: list[Any]) -> list[tuple[int, list[Any]]]:
    """Frame numbers from 0, each with its instances."""
    if not all(isinstance(entry, Mapping) for entry in entries):
        raise FileError(path, "an entry is no dict", "Expected predictions of MMPose 1.x.")
    if not any("instances" in entry for entry in entries):
        return [(0, entries)]  # one picture
    numbers = [whole_number(path, entry.get("frame_id"), "frame_id") for entry in entries]
    first = min(1, *numbers) if numbers else 1
    people = [entry.get("instances") for entry in entries]
    if not all(isinstance(one, list) for one in people):
        raise FileError(path, 'a frame has no list "instances"', "Expected predictions of MMPose 1.x.")
    if len(set(numbers)) < len(numbers):
        raise FileError(path, "a frame_id occurs twice", "Keep one camera in one file.")
    return [(number - first, list(one or [])) for number, one in zip(numbers, people, strict=True)]


def _person(path: Path, person: Any, frame: int, where: str) -> Detection:
    if not isinstance(person, Mapping) or "keypoints" not in person:
        raise FileError(path, f'{where} has no "keypoints"', "Expected predictions of MMPose 1.x.")
    try:
        pixels = np.asarray(person["keypoints"], dtype=np.float64)
        scores = np.asarray(person.get("keypoint_scores", np.ones(len(pixels))), dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise FileError(path, f"{where}: keypoints are no numbers; expected [[x, y], ...]") from None
    if pixels.ndim == 2 and pixels.shape[1] == 3:
        raise FileError(path, f"{where}: holds 3D keypoints; expected [[x, y], ...]", "Use the 2D predictions.")
    if pixels.ndim != 2 or pixels.shape[1] != 2 or scores.shape != pixels.shape[:1]:
        raise FileError(
            path, f"{where}: keypoints of shape {pixels.shape} with {scores.size} scores; expected one [x, y] a score"
        )
    return Detection(frame, np.column_stack([pixels, scores]))


def _named_skeleton(content: Mapping[str, Any]) -> Skeleton | None:
    """The skeleton that has the joints named in the file, in their order; None if no names are given or known."""
    names = content.get("meta_info")
    names = names.get("keypoint_id2name") if isinstance(names, Mapping) else None
    if not isinstance(names, Mapping) or not all(str(key).isdecimal() for key in names):
        return None
    return skeleton_in_order([str(names[key]) for key in sorted(names, key=int)])


FORMAT = FileFormat(
    name="mmpose_json",
    holds=Keypoints2D,
    suffixes=(".json",),
    about="MMPose 1.x predictions of a video or a picture, distorted pixels.",
    recognises=_recognises,
    read=_read,
)
