"""AlphaPose results: a list of people over all pictures, or one dict a picture (``--format cmu`` or ``open``).

The frame is the last number in ``image_id`` ("12.jpg"), counted from 0; where a name has no number, pictures count from
0 in natural order. Where ``idx`` tells people apart, a track keeps one slot throughout; without tracking AlphaPose
writes the same ``idx`` for everyone, and people are in the file's order.

Distorted pixels; a joint with score 0 is missing; scores go above 1 and are clipped. 17 joints are COCO's, 26 Halpe's;
of 136 the 26 of the body are read; 18 (cmu and open) are OpenPose's.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

from lift3d._natural_order import natural_order
from lift3d.errors import FileError
from lift3d.formats._detections import Detection, keypoints_of, last_number, triplets
from lift3d.formats._entry import FileFormat
from lift3d.formats._json import beginning, read_json
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton


def _recognises(path: Path) -> bool:
    text = beginning(path)
    if text.startswith("["):
        return re.search(r'"image_id"\s*:\s*"', text) is not None and '"keypoints"' in text
    return text.startswith("{") and ('"AlphaPose' in text or ('"bodies"' in text and '"joints"' in text))


def _read(path: Path, skeleton: Skeleton | None = None, fps: float | None = None) -> Keypoints2D:
    people = _people(path, read_json(path))
    frames = _frames({image for image, _, _ in people})
    detections = [
        Detection(frames[image], triplets(path, values, f"entry {place} ({image})"), track)
        for place, (image, values, track) in enumerate(people)
    ]
    generic = path.stem == "alphapose-results" and path.resolve().parent.name
    return keypoints_of(
        path,
        detections,
        frames=0,
        skeleton=skeleton,
        camera_name=path.resolve().parent.name if generic else path.stem,
        fps=fps,
    )


def _people(path: Path, content: Any) -> list[tuple[str, Any, Hashable | None]]:
    """Picture, flat keypoints and track of every person."""
    if isinstance(content, Mapping):
        return [(image, values, None) for image, one in content.items() for values in _of_picture(path, image, one)]
    if not isinstance(content, list):
        raise FileError(path, "is neither a list nor a dict", "Expected the results of AlphaPose.")
    people = []
    for place, person in enumerate(content):
        if not isinstance(person, Mapping) or "keypoints" not in person or "image_id" not in person:
            raise FileError(
                path, f'entry {place} has no "image_id" and "keypoints"', "Expected the results of AlphaPose."
            )
        people.append((str(person["image_id"]), person["keypoints"], _track(person.get("idx"))))
    return people


def _of_picture(path: Path, image: str, one: Any) -> list[Any]:
    """Flat keypoints of the people of a picture, as ``--format cmu`` (bodies) or ``open`` (people) writes them."""
    for group, key in (("bodies", "joints"), ("people", "pose_keypoints_2d")):
        people = one.get(group) if isinstance(one, Mapping) else None
        if isinstance(people, list) and all(isinstance(person, Mapping) and key in person for person in people):
            return [person[key] for person in people]
    raise FileError(path, f'picture {image!r} has no list "bodies" or "people"', "Expected the results of AlphaPose.")


def _track(value: Any) -> Hashable | None:
    """The track, which AlphaPose writes as a number or as a list that begins with it."""
    while isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, int | float | str) else None


def _frames(images: set[str]) -> dict[str, int]:
    numbers = {image: last_number(image) for image in images}
    found = {image: number for image, number in numbers.items() if number is not None}
    if len(found) == len(images) and len(set(found.values())) == len(images):
        return found
    return {image: place for place, image in enumerate(sorted(images, key=natural_order))}


FORMAT = FileFormat(
    name="alphapose_json",
    holds=Keypoints2D,
    suffixes=(".json",),
    about="AlphaPose results with or without tracks, distorted pixels.",
    recognises=_recognises,
    read=_read,
)
