"""What a detector found in labelled pictures, and its file: COCO's result format.

A file of results is a list with an entry a person: ``image_id``, ``category_id`` (1), ``keypoints`` (x, y, score of
each joint; 0, 0, 0 where it is missing) and ``score``. Where each person answers one that is labelled (a crop was cut
around it), lift3d adds ``person``, the row of that one among the labels; other programs do not look at it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d._files import writing
from lift3d._natural_order import natural_order
from lift3d.datasets.labelled_pictures import LabelledPictures
from lift3d.errors import FileError, InputError, ShapeError
from lift3d.formats import read_keypoints
from lift3d.formats._detections import skeleton_of_count
from lift3d.formats._json import beginning, read_json
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton, get_skeleton, mapping_between
from lift3d.video import IMAGE_SUFFIXES

__all__ = ["PredictedPeople", "predicted_in_pictures", "read_predicted_people", "write_coco_results"]


@dataclass(frozen=True, eq=False)
class PredictedPeople:
    """People that were found in pictures.

    Args:
        picture_ids: the number of each one's picture, see ``LabelledPictures.picture_id``.
        pixels: NaN where a joint was not found.
        joint_scores: 0 where a joint was not found.
        scores: how sure each person is; the larger, the surer.
        skeleton: what the joints are.
        rows: which labelled person each answers; None where that is not known.

    Raises:
        ShapeError: the axes do not fit together.
    """

    picture_ids: Int[Tensor, "people"]
    pixels: Float[Tensor, "people joints 2"]
    joint_scores: Float[Tensor, "people joints"]
    scores: Float[Tensor, "people"]
    skeleton: Skeleton
    rows: Int[Tensor, "people"] | None = None

    def __post_init__(self) -> None:
        people = (len(self.picture_ids),)
        shapes = {"pixels": (*people, len(self.skeleton), 2), "joint_scores": (*people, len(self.skeleton))}
        for name, wanted in {**shapes, "scores": people, "rows": people}.items():
            value = getattr(self, name)
            if value is not None and tuple(value.shape) != wanted:
                raise ShapeError(f"PredictedPeople.{name}", tuple(value.shape), str(wanted))

    def __len__(self) -> int:
        return len(self.picture_ids)

    def mapped_to(self, skeleton: Skeleton) -> PredictedPeople:
        """The same people on another skeleton's joints; see ``lift3d.skeletons.mapping``."""
        if skeleton == self.skeleton:
            return self
        mapping = mapping_between(self.skeleton, skeleton)
        pixels = mapping.coordinates(self.pixels)
        joint_scores = mapping.scores(self.joint_scores).masked_fill(~torch.isfinite(pixels).all(-1), 0.0)
        return PredictedPeople(self.picture_ids, pixels, joint_scores, self.scores, skeleton, self.rows)


def read_predicted_people(
    path: str | Path,
    labelled: LabelledPictures,
    images: str | Path | None = None,
    skeleton: str | Skeleton | None = None,
) -> PredictedPeople:
    """The people of a file of results, or of keypoints in any format of ``read_keypoints``.

    Args:
        path: the file.
        labelled: whose pictures they were found in.
        images: of keypoints, see :func:`predicted_in_pictures`.
        skeleton: what the joints are, where the file leaves it open.

    Raises:
        FileError: the file is damaged, of another format, or of other pictures.
    """
    place = Path(path)
    bones = get_skeleton(skeleton) if skeleton is not None else None
    if place.is_file() and beginning(place, 64).startswith("["):
        content = read_json(place)
        if not content or (isinstance(content[0], Mapping) and isinstance(content[0].get("image_id"), int)):
            return _results(place, content, labelled, bones)
    keypoints = read_keypoints(place, skeleton=bones)
    try:
        return predicted_in_pictures(keypoints, labelled, images)
    except InputError as error:
        raise FileError(place, str(error)) from error


def predicted_in_pictures(
    keypoints: Keypoints2D, labelled: LabelledPictures, images: str | Path | None = None
) -> PredictedPeople:
    """Keypoints as people in labelled pictures; a person's score is the mean over the joints that were found.

    Frame n of a camera is the picture called ``camera/n``, as in one's own recording. Of other labels there must be
    one camera, with one frame a picture in the natural order of their names.

    Args:
        keypoints: what was found.
        labelled: the pictures.
        images: the folder that was looked through, where it holds more pictures than are labelled.

    Raises:
        InputError: the frames are not those of the pictures.
    """
    cameras, frames, people, _ = keypoints.scores.shape
    picture = torch.tensor(_picture_of_frames(keypoints, labelled, images)).reshape(cameras, frames, 1)
    rows = (keypoints.scores > 0).any(-1) & (picture >= 0)
    ids = torch.tensor([labelled.picture_id(number) for number in picture.expand(-1, -1, people)[rows].tolist()])
    scores = keypoints.scores[rows]
    total = scores.sum(-1) / (scores > 0).sum(-1)
    return PredictedPeople(ids.to(torch.int64), keypoints.pixels[rows], scores, total, keypoints.skeleton)


def write_coco_results(predicted: PredictedPeople, path: str | Path) -> None:
    """Write results in COCO's format (see the head of this module), whole or not at all.

    Raises:
        FileError: the file cannot be written.
    """
    with writing(path) as temporary:
        lines = ",\n".join(json.dumps(one) for one in coco_results(predicted))
        temporary.write_text(f"[{lines}]\n", encoding="utf-8")


def coco_results(predicted: PredictedPeople) -> list[dict[str, Any]]:
    """The entries of a file of results."""
    flat = torch.cat([predicted.pixels.nan_to_num(0.0), predicted.joint_scores[..., None]], dim=-1).flatten(1)
    rows = [None] * len(predicted) if predicted.rows is None else predicted.rows.tolist()
    columns = zip(predicted.picture_ids.tolist(), flat.tolist(), predicted.scores.tolist(), rows, strict=True)
    return [
        {"image_id": number, "category_id": 1, "keypoints": joints, "score": score}
        | ({} if row is None else {"person": row})
        for number, joints, score, row in columns
    ]


def _results(path: Path, content: Any, labelled: LabelledPictures, skeleton: Skeleton | None) -> PredictedPeople:
    if not content:
        return _nobody(skeleton or labelled.skeleton)
    try:
        ids = np.array([int(one["image_id"]) for one in content], dtype=np.int64)
        joints = np.array([one["keypoints"] for one in content], dtype=float).reshape(len(content), -1, 3)
        scores = np.array([one.get("score", np.nan) for one in content], dtype=float)
        rows = np.array([one["person"] for one in content], dtype=np.int64) if _all_named(content) else None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"an entry is no result of COCO's ({type(error).__name__}: {error})"
        raise FileError(path, problem, "Expected image_id, 3 keypoints a joint, and score.") from error
    _check_places(path, ids, rows, labelled)
    bones = skeleton_of_count(path, joints.shape[1], skeleton, _counts(labelled))
    joints = joints[:, : len(bones)]
    missing = ~np.isfinite(joints).all(-1) | (joints == 0).all(-1)
    joint_scores = np.where(missing, 0.0, joints[..., 2])
    means = joint_scores.sum(-1) / np.maximum((~missing).sum(-1), 1)
    return PredictedPeople(
        torch.from_numpy(ids),
        torch.from_numpy(np.where(missing[..., None], np.nan, joints[..., :2])),
        torch.from_numpy(joint_scores),
        torch.from_numpy(np.where(np.isnan(scores), means, scores)),
        bones,
        None if rows is None else torch.from_numpy(rows),
    )


def _nobody(skeleton: Skeleton) -> PredictedPeople:
    none = torch.zeros(0, dtype=torch.float64)
    joints = len(skeleton)
    return PredictedPeople(none.to(torch.int64), none.reshape(0, joints, 2), none.reshape(0, joints), none, skeleton)


def _check_places(path: Path, ids: np.ndarray, rows: np.ndarray | None, labelled: LabelledPictures) -> None:
    """Refuse results of other pictures, or that answer people who are not there."""
    known = {labelled.picture_id(number) for number in range(len(labelled.pictures))}
    strange = next((number for number in ids.tolist() if number not in known), None)
    if strange is not None:
        raise FileError(path, f"has results of image {strange}, which is not labelled", "Pass the labels of this set.")
    if rows is not None and not 0 <= rows.min() <= rows.max() < len(labelled.people):
        raise FileError(path, f"names a person that is not among the {len(labelled.people)} labelled ones")


def _all_named(content: Sequence[Any]) -> bool:
    return all("person" in one for one in content)


def _counts(labelled: LabelledPictures) -> dict[int, str]:
    """Skeletons by their number of joints: the labels' own goes before the usual one."""
    return {17: "coco17", 18: "body18", 25: "body25", 26: "halpe26", len(labelled.skeleton): labelled.skeleton.name}


def _picture_of_frames(
    keypoints: Keypoints2D, labelled: LabelledPictures, images: str | Path | None
) -> list[list[int]]:
    """For each camera and frame the place of its picture; -1 where it is not labelled."""
    place = {name: number for number, name in enumerate(labelled.pictures)}
    frames = keypoints.scores.shape[1]
    if all(f"{camera}/0" in place for camera in keypoints.camera_names):
        return [[place.get(f"{camera}/{frame}", -1) for frame in range(frames)] for camera in keypoints.camera_names]
    if len(keypoints.camera_names) != 1:
        raise InputError(f"keypoints of {len(keypoints.camera_names)} cameras; the labels are of single pictures.")
    names, where = list(labelled.pictures), "the labels have"
    if images is not None:
        files = [one.relative_to(images) for one in Path(images).iterdir()]
        names = [one.as_posix() for one in files if one.suffix.lower() in IMAGE_SUFFIXES and one.name[0] != "."]
        where = f"{images} has"
    if len(names) != frames:
        raise InputError(
            f"{frames} frames; {where} {len(names)} pictures. Expected a frame for each, in the natural order of names."
        )
    return [[place.get(name, -1) for name in sorted(names, key=lambda name: natural_order(name.lower()))]]
