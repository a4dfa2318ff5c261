"""COCO keypoints: a detector's results (a list) or annotations by hand (a dict with images and annotations).

Results carry scores, in distorted pixels; a joint with score 0 is missing. Annotations carry v = 0 (not labelled:
missing), 1 (hidden) or 2 (visible), both read as score 1.

The frame of a result is its ``image_id``. The frame of an annotation is the last number in its image's ``file_name``;
where an image has none, or two have the same, images count from 0 in the file's order. People are in the file's order,
unless each has a ``track_id``, which keeps one slot throughout.

Written: results of one camera, with all digits; of several people each has a ``track_id``. ``score`` is the mean over
the joints seen. Rate, camera name, picture size, and frames in which nobody is seen at the end are not kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lift3d.errors import FileError, InputError
from lift3d.formats._detections import (
    Detection,
    flat_people,
    keypoints_of,
    last_number,
    refuse_other_joints,
    shared_size,
    triplets,
    whole_number,
)
from lift3d.formats._entry import FileFormat
from lift3d.formats._json import beginning, read_json
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton


def _recognises(path: Path) -> bool:
    text = beginning(path)
    if text.startswith("["):
        return re.search(r'"image_id"\s*:\s*[0-9]', text) is not None and '"keypoints"' in text
    return text.startswith("{") and re.search(r'"(images|annotations)"\s*:\s*\[', text) is not None


def _read(path: Path, skeleton: Skeleton | None = None, fps: float | None = None) -> Keypoints2D:
    content = read_json(path)
    if isinstance(content, list):
        people, frames, size = content, None, None
    else:
        people, frames, size = _annotated(path, content)
    detections = [_person(path, person, place, frames) for place, person in enumerate(people)]
    return keypoints_of(
        path,
        detections,
        frames=max(frames.values(), default=-1) + 1 if frames else 0,
        skeleton=skeleton,
        camera_name=path.stem,
        fps=fps,
        image_size=size,
    )


def _person(path: Path, person: Any, place: int, frames: Mapping[Any, int] | None) -> Detection:
    where = f"entry {place}"
    if not isinstance(person, Mapping) or "keypoints" not in person or "image_id" not in person:
        raise FileError(path, f'{where} has no "image_id" and "keypoints"', "Expected COCO keypoints, not boxes alone.")
    if frames is None:
        frame = whole_number(path, person["image_id"], f"{where}: image_id")
    else:
        frame = frames.get(_key(person["image_id"]), -1)
        if frame < 0:
            raise FileError(path, f"{where}: there is no image with the id {person['image_id']!r}")
    track = person.get("track_id")
    return Detection(frame, triplets(path, person["keypoints"], where), track if isinstance(track, int | str) else None)


def _key(identity: Any) -> Any:
    return identity if isinstance(identity, int | str) else str(identity)


def _annotated(path: Path, content: Any) -> tuple[list[Any], dict[Any, int], tuple[float, float] | None]:
    """The annotations with keypoints, the frame of each image id, and the size that all images share."""
    images = content.get("images") if isinstance(content, Mapping) else None
    people = content.get("annotations") if isinstance(content, Mapping) else None
    if not isinstance(images, list) or not isinstance(people, list):
        raise FileError(path, 'is neither a list of COCO results nor a dict with "images" and "annotations"')
    if not all(isinstance(image, Mapping) and "id" in image for image in images):
        raise FileError(path, 'an entry of "images" has no "id"', "Write the file again.")
    numbers = [last_number(str(image.get("file_name", ""))) for image in images]
    if None in numbers or len(set(numbers)) < len(numbers):
        numbers = list(range(len(images)))
    frames = {_key(image["id"]): number for image, number in zip(images, numbers, strict=True) if number is not None}
    labelled = [person for person in people if not isinstance(person, Mapping) or person.get("keypoints")]
    if people and not labelled:
        raise FileError(path, "its annotations have no keypoints", "Use the keypoint annotations of this set.")
    return labelled, frames, shared_size((image.get("width"), image.get("height")) for image in images)


def _write(keypoints: Keypoints2D, path: Path) -> None:
    refuse_other_joints("coco_json", keypoints.skeleton, ("coco17",))
    if len(keypoints.camera_names) != 1:
        names = ", ".join(keypoints.camera_names)
        raise InputError(f"coco_json holds one camera; these are {names}. Choose one (keypoints.only, --camera ...).")
    people = [
        _result(frame, slot, flat, keypoints.pixels.shape[2])
        for frame, slots in enumerate(flat_people(keypoints, 0))
        for slot, flat in enumerate(slots)
        if any(flat[2::3])
    ]
    path.write_text("[" + ",\n".join(json.dumps(person) for person in people) + "]\n", encoding="utf-8")


def _result(frame: int, slot: int, flat: list[float], people: int) -> dict[str, Any]:
    seen = [score for score in flat[2::3] if score > 0]
    track = {"track_id": slot} if people > 1 else {}
    return {"image_id": frame, "category_id": 1, "keypoints": flat, "score": sum(seen) / len(seen), **track}


FORMAT = FileFormat(
    name="coco_json",
    holds=Keypoints2D,
    suffixes=(".json",),
    about="COCO keypoint results or annotations, distorted pixels; results of one camera when written.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
