"""From a detector's list of people, frame by frame, to the keypoints of one camera.

A file lists people in any order and number; the noun has a fixed number of people in fixed slots. Where every person
carries the number of a track, each track keeps one slot throughout. Otherwise slot p holds the p-th person of the frame
in the file's order, and the same slot need not be the same person in two frames.

Frame numbers are those of the file, never shifted to begin with its first frame: cameras that began at different
moments stay synchronised. Frames without a detection are missing joints. The price is memory for the head of a file
that begins at a large number.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lift3d.errors import FileError, InputError
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton, get_skeleton

__all__ = [
    "COUNTS",
    "Detection",
    "check_dense",
    "flat_people",
    "keypoints_of",
    "last_number",
    "refuse_other_joints",
    "shared_size",
    "skeleton_of_count",
    "triplets",
    "whole_number",
]

COUNTS: Mapping[int, str] = {17: "coco17", 18: "body18", 25: "body25", 26: "halpe26", 133: "coco17", 136: "halpe26"}
"""Skeleton by number of joints; of whole bodies (133 and 136 joints with face and hands), the body alone."""

_WHOLE_BODIES: Mapping[int, str] = {133: "coco17", 136: "halpe26"}
_MOST_NUMBERS = 200_000_000  # 1.6 GB: more is a frame number that is none, such as a time stamp


@dataclass(frozen=True)
class Detection:
    """One person in one frame.

    Args:
        frame: number of the frame, from 0.
        joints: (joints, 3): x and y in pixels, and a score; a score of 0 or less, or NaN, is a missing joint.
        track: who it is, where the file says so.
    """

    frame: int
    joints: np.ndarray
    track: Hashable | None = None


def keypoints_of(
    path: Path,
    detections: Sequence[Detection],
    *,
    frames: int,
    skeleton: Skeleton | None,
    camera_name: str,
    fps: float | None,
    counts: Mapping[int, str] = COUNTS,
    image_size: Sequence[float] | None = None,
) -> Keypoints2D:
    """The keypoints of one camera; scores are clipped to 0..1.

    Args:
        path: of the file, for errors.
        detections: in the order of the file.
        frames: at least how many frames there are; more follow from the detections.
        skeleton: of the joints; None to tell it by their number.
        camera_name: of the one camera.
        fps: frames a second; 30 if None.
        counts: skeletons by number of joints.
        image_size: width and height in pixels, where known.

    Raises:
        FileError: the number of joints fits no skeleton or differs between people, or a frame number is absurd.
    """
    skeleton = _skeleton_of(path, detections, skeleton, counts)
    slots = _slots(detections)
    frames = max([frames, *(one.frame + 1 for one in detections)])
    people = max([1, *(slot + 1 for slot in slots)])  # a camera that saw nobody still has one person, missing
    check_dense(path, frames, people, len(skeleton))
    values = np.zeros((frames, people, len(skeleton), 3))
    for one, slot in zip(detections, slots, strict=True):
        values[one.frame, slot] = one.joints[: len(skeleton)]
    return Keypoints2D.of(
        values[None, ..., :2],
        values[None, ..., 2],
        skeleton=skeleton,
        fps=fps or 30.0,
        camera_names=[camera_name],
        image_sizes=None if image_size is None else [list(image_size)],
    )


def check_dense(path: Path, frames: int, people: int, joints: int) -> None:
    """Refuse an array that no memory holds.

    Raises:
        FileError: there would be more than 200 million numbers.
    """
    if frames * people * joints * 3 > _MOST_NUMBERS:
        raise FileError(
            path, f"asks for {frames} frames of {people} people, more than memory holds",
            "Frame numbers must count frames from 0 or 1, and tracks be people: number them anew, or cut the file.",
        )  # fmt: skip


def _slots(detections: Sequence[Detection]) -> list[int]:
    """The slot of each person: that of the track if all have one and none twice in a frame, else the file's order."""
    keys = [(one.frame, one.track) for one in detections]
    if all(track is not None for _, track in keys) and len(set(keys)) == len(keys):
        place: dict[Hashable, int] = {}
        return [place.setdefault(one.track, len(place)) for one in detections]
    seen: dict[int, int] = {}
    slots = []
    for one in detections:
        slots.append(seen.get(one.frame, 0))
        seen[one.frame] = slots[-1] + 1
    return slots


def _skeleton_of(
    path: Path, detections: Sequence[Detection], skeleton: Skeleton | None, counts: Mapping[int, str]
) -> Skeleton:
    found = sorted({len(one.joints) for one in detections})
    if len(found) > 1:
        raise FileError(path, f"people have different numbers of joints: {found}", "Keep people of one detector only.")
    if found:
        return skeleton_of_count(path, found[0], skeleton, counts)
    if skeleton is None:
        raise FileError(path, "holds no people, so its joints are not known", "Pass skeleton='...', such as 'coco17'.")
    return skeleton


def skeleton_of_count(
    path: Path, count: int, skeleton: Skeleton | None, counts: Mapping[int, str] = COUNTS
) -> Skeleton:
    """The skeleton given, if the number of joints is its own; else the known one of that number.

    Whole bodies of 133 (COCO) and 136 joints (Halpe) are cut to their first 17 and 26, the body.

    Raises:
        FileError: the number is none of the known ones, or not that of the skeleton given.
    """
    if skeleton is not None:
        if count != len(skeleton) and _WHOLE_BODIES.get(count) != skeleton.name:
            raise FileError(
                path, f"people have {count} joints; skeleton {skeleton.name!r} has {len(skeleton)}",
                "Pass the skeleton that the detector used.",
            )  # fmt: skip
        return skeleton
    if count not in counts:
        known = ", ".join(f"{number} ({name})" for number, name in sorted(counts.items()))
        raise FileError(path, f"people have {count} joints; known are {known}", "Pass skeleton='...'.")
    return get_skeleton(counts[count])


def triplets(path: Path, values: Any, where: str) -> np.ndarray:
    """Flat numbers x, y, score, x, y, score, ... as (joints, 3).

    Raises:
        FileError: they are not numbers, or not a multiple of three.
    """
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        numbers = None
    if not isinstance(values, list) or numbers is None or numbers.ndim != 1:
        raise FileError(path, f"{where}: the keypoints are no flat list of numbers; expected [x, y, score, ...]")
    if not len(numbers) or len(numbers) % 3:
        raise FileError(path, f"{where}: has {len(numbers)} numbers; expected three a joint: x, y, score")
    return numbers.reshape(-1, 3)


def flat_people(keypoints: Keypoints2D, camera: int) -> list[list[list[float]]]:
    """By frame and slot: flat numbers x, y, score, x, y, score, ...; zeros for a missing joint."""
    pixels, scores = keypoints.pixels[camera].detach().cpu().double(), keypoints.scores[camera].detach().cpu().double()
    flat = torch.cat([pixels.nan_to_num(0.0), scores[..., None]], dim=-1).flatten(-2)
    return flat.tolist()


def refuse_other_joints(format_name: str, skeleton: Skeleton, known: Sequence[str]) -> None:
    """Refuse to write a skeleton that a format knows no joints of.

    Raises:
        InputError: it is none of the known ones.
    """
    if not any(skeleton == get_skeleton(name) for name in known):
        raise InputError(
            f"{format_name} keeps the joints of {' or '.join(known)}; these are of {skeleton.name!r}. Map them first "
            f"(keypoints.mapped_to(get_skeleton({known[0]!r}))), or write lift3d_keypoints_npz."
        )


def shared_size(sizes: Iterable[tuple[Any, Any]]) -> tuple[float, float] | None:
    """Width and height that all pictures share; None where they differ, or are not known or no numbers."""
    different = {size if all(isinstance(side, int | float) for side in size) else (None, None) for size in sizes}
    width, height = different.pop() if len(different) == 1 else (None, None)
    return (width, height) if width is not None and height is not None and min(width, height) > 0 else None


def whole_number(path: Path, value: Any, where: str) -> int:
    """A number that counts something, from 0.

    Raises:
        FileError: it is none.
    """
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise FileError(path, f"{where} is {value!r}; expected a whole number from 0")
    return number


def last_number(name: str) -> int | None:
    """The last number in a file's name, without its suffix; None if it has none.

    >>> last_number("cam2_000000000012_keypoints.json")
    12
    """
    found = re.findall(r"[0-9]+", Path(name).stem)
    return int(found[-1]) if found and len(found[-1]) < 19 else None
