"""OpenPose: a folder of one JSON a frame is one camera. RTMLib and Pose2Sim write the same.

Files are ``<anything><number>[_keypoints].json``; the last number in the name is the frame, counted from 0 and never
shifted, so that cameras stay synchronised; frames without a file are missing. JSON files without a number are passed
over. The camera is called like the folder, without ``_json`` at its end.

Of each person the body is read (25 joints: BODY_25, 18: COCO, 26: Halpe, 17: COCO), in distorted pixels; face and hands
are not. A joint of (0, 0, 0) is missing. People are in the file's order, unless each has a ``person_id`` of its own.

Written: a folder with a folder ``<camera>_json`` for each camera, one file for each frame, all digits. A person who is
not seen in a frame stays in the list as zeros where somebody follows, so that slots are kept. Rate, picture sizes, and
people at the end who are never seen are not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lift3d._progress import progress
from lift3d.errors import FileError, InputError
from lift3d.formats._detections import Detection, flat_people, keypoints_of, refuse_other_joints, triplets
from lift3d.formats._entry import FileFormat
from lift3d.formats._frame_files import files_by_frame, frames_begin_with
from lift3d.formats._json import read_json
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton


def _recognises(path: Path) -> bool:
    return frames_begin_with(path, '"people"')


def _read(path: Path, skeleton: Skeleton | None = None, fps: float | None = None) -> Keypoints2D:
    files = files_by_frame(path)
    frames = progress(files.items(), f"reading {path.name}", "frame", len(files))
    detections = [one for frame, file in frames for one in _people(file, frame)]
    _check_pixels(path, detections)
    return keypoints_of(
        path,
        detections,
        frames=max(files) + 1,
        skeleton=skeleton,
        camera_name=path.resolve().name.removesuffix("_json"),
        fps=fps,
    )


def _people(file: Path, frame: int) -> list[Detection]:
    content = read_json(file)
    people = content.get("people") if isinstance(content, Mapping) else None
    if not isinstance(people, list):
        raise FileError(file, 'has no list "people"', "Expected the JSON that OpenPose writes.")
    return [_person(file, person, frame, place) for place, person in enumerate(people)]


def _person(file: Path, person: Any, frame: int, place: int) -> Detection:
    if not isinstance(person, Mapping) or "pose_keypoints_2d" not in person:
        raise FileError(file, f'person {place} has no "pose_keypoints_2d"', "Expected the JSON that OpenPose writes.")
    joints = triplets(file, person["pose_keypoints_2d"], f"person {place}")
    joints[(joints[:, :2] == 0).all(-1), 2] = 0.0
    return Detection(frame, joints, _track(person.get("person_id")))


def _track(value: Any) -> int | None:
    """The person's number; None where there is none, which OpenPose writes as [-1]."""
    number = value[0] if isinstance(value, list) and value else value
    return number if isinstance(number, int) and number >= 0 else None


def _check_pixels(path: Path, detections: list[Detection]) -> None:
    """Refuse coordinates that OpenPose scaled to the picture."""
    largest = max((float(np.nanmax(np.abs(one.joints[:, :2]), initial=0.0)) for one in detections), default=0.0)
    if 0 < largest <= 1:
        raise FileError(
            path, "all coordinates lie between -1 and 1; expected pixels", "Run OpenPose with --keypoint_scale 0."
        )


def _write(keypoints: Keypoints2D, folder: Path) -> None:
    refuse_other_joints("openpose_json", keypoints.skeleton, ("body25", "body18", "halpe26", "coco17"))
    for camera, name in enumerate(keypoints.camera_names):
        if name in ("", ".", "..") or set(name) & set('/\\:*?"<>|'):
            raise InputError(f"openpose_json names folders after cameras; {name!r} cannot name one. Rename the camera.")
        own = folder / f"{name}_json"
        own.mkdir()
        frames = flat_people(keypoints, camera)
        for frame, people in enumerate(progress(frames, f"writing {own.name}", "frame", len(frames))):
            seen = max((place + 1 for place, flat in enumerate(people) if any(flat)), default=0)
            listed = [{"person_id": [-1], "pose_keypoints_2d": flat} for flat in people[:seen]]
            text = json.dumps({"version": 1.3, "people": listed})
            (own / f"{name}_{frame:012d}_keypoints.json").write_text(text + "\n", encoding="utf-8")


FORMAT = FileFormat(
    name="openpose_json",
    holds=Keypoints2D,
    suffixes=("",),
    about="OpenPose (also RTMLib, Pose2Sim): a folder of one JSON a frame, distorted pixels.",
    recognises=_recognises,
    read=_read,
    write=_write,
    by_suffix=False,
)
