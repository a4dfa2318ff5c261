"""COCO's average precision and recall of keypoints, by the library ``faster-coco-eval``, an optional package.

A prediction is right at a threshold if its object keypoint similarity (OKS) to a labelled person that no surer one has
taken is at least that; precision is averaged over recall, and over the thresholds 0.50, 0.55, ..., 0.95. At most the 20
surest people of a picture count. Crowds, and people of whom no joint is labelled, are neither missed nor mistaken.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lift3d.datasets.labelled_pictures import LabelledPictures
from lift3d.errors import FileError, MissingPackageError
from lift3d.evaluation.predicted_people import PredictedPeople, coco_results
from lift3d.formats._json import json_list, json_table, read_json
from lift3d.skeletons.joint_sigmas import joint_sigmas

__all__ = ["AP_NAMES", "MOST_PEOPLE", "keypoint_ap"]

AP_NAMES = ("AP", "AP50", "AP75", "AP (M)", "AP (L)", "AR", "AR50", "AR75", "AR (M)", "AR (L)")
"""M: people of 32^2 to 96^2 square pixels; L: of more."""

MOST_PEOPLE = 20


def keypoint_ap(
    truth: LabelledPictures | str | Path,
    predicted: PredictedPeople,
    sigmas: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """The ten numbers of COCO's keypoint evaluation, 0 to 1; NaN where there are no people of a size.

    Args:
        truth: labelled pictures; or COCO's own file of labels, which tells crowds and people without joints as well,
            as the official evaluation needs. A person's ``area`` sets the scale: of labels that have none it is the
            box's, which is larger than a silhouette's and makes every joint seem nearer.
        predicted: on the joints of the labels.
        sigmas: by joint, instead of those of ``lift3d.skeletons.joint_sigmas``.

    Raises:
        MissingPackageError: ``faster-coco-eval`` is not installed.
        FileError: the file of labels is damaged, or has not the pictures of the predictions.
    """
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError as error:
        raise MissingPackageError("faster-coco-eval", "COCO's average precision") from error
    table = _labels(truth) if isinstance(truth, LabelledPictures) else _labels_of_file(Path(truth))
    labels = COCO(table, print_function=_silent)
    results = coco_results(predicted)
    evaluation = COCOeval_faster(
        labels, labels.loadRes(results), iouType="keypoints", print_function=_silent,
        kpt_oks_sigmas=list(joint_sigmas(predicted.skeleton, sigmas)),
    )  # fmt: skip
    evaluation.params.maxDets = [MOST_PEOPLE]
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    numbers = [float(number) for number in evaluation.stats[: len(AP_NAMES)]]
    return {name: number if number >= 0 else math.nan for name, number in zip(AP_NAMES, numbers, strict=True)}


def _silent(*_: Any) -> None:
    """The library prints what we return."""


def _labels(labelled: LabelledPictures) -> dict[str, Any]:
    people = labelled.people
    joints = [
        [value for (x, y), seen in zip(own, visible, strict=True) for value in ((x, y, seen) if seen else (0, 0, 0))]
        for own, visible in zip(people.pixels.tolist(), people.visibility.tolist(), strict=True)
    ]
    ids = [labelled.picture_id(number) for number in range(len(labelled.pictures))]
    columns = zip(people.picture.tolist(), people.boxes.tolist(), people.areas.tolist(), joints, strict=True)
    return _table(
        ids,
        [
            {"id": row, "image_id": ids[picture], "bbox": box, "area": area, "iscrowd": 0, "keypoints": own}
            for row, (picture, box, area, own) in enumerate(columns, start=1)
        ],
    )


def _labels_of_file(path: Path) -> dict[str, Any]:
    """What the evaluation needs of COCO's file."""
    content = json_table(path, "the file", read_json(path))
    try:
        ids = [one["id"] for one in json_list(path, "images", content.get("images"))]
        people = [
            {"id": row, "image_id": one["image_id"], "bbox": one["bbox"], "area": one["area"],
             "iscrowd": one.get("iscrowd", 0), "keypoints": one["keypoints"]}
            for row, one in enumerate(json_list(path, "annotations", content.get("annotations")), start=1)
            if "keypoints" in one
        ]  # fmt: skip
    except (KeyError, TypeError) as error:
        problem = f"an entry is not as COCO's are ({type(error).__name__}: {error})"
        raise FileError(path, problem, "Expected keypoint annotations with image_id, bbox and area.") from error
    return _table(ids, people)


def _table(ids: Sequence[int], people: list[dict[str, Any]]) -> dict[str, Any]:
    for one in people:
        one["num_keypoints"] = sum(seen > 0 for seen in one["keypoints"][2::3])
        one["category_id"] = 1
    return {
        "images": [{"id": number} for number in ids],
        "annotations": people,
        "categories": [{"id": 1, "name": "person"}],
    }
