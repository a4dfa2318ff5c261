"""Predictions against labelled pictures, by the field's metrics, in the tables that papers print.

labelled = read_labelled_pictures("annot/valid.json")
report = evaluate_pictures(labelled, read_predicted_people("results.json", labelled), "pckh")
print(report)
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lift3d.datasets.labelled_pictures import LabelledPictures
from lift3d.errors import InputError, UnknownNameError
from lift3d.evaluation._tables import markdown_table, text_table
from lift3d.evaluation.keypoint_ap import MOST_PEOPLE, keypoint_ap
from lift3d.evaluation.matched_people import matched_pixels
from lift3d.evaluation.pck import (
    PCKH_FINE,
    box_sizes,
    grouped,
    joint_groups,
    joint_pck,
    pckh_mean,
    scaled_distances,
    torso_sizes,
)
from lift3d.evaluation.pcp import limb_hits, limbs_of
from lift3d.evaluation.predicted_people import PredictedPeople
from lift3d.skeletons import mapping_between
from lift3d.skeletons.joint_sigmas import borrowed_sigmas

__all__ = ["METRICS", "SIZES", "PictureReport", "evaluate_pictures"]

METRICS = {"coco": "COCO AP", "pckh": "PCKh", "pck": "PCK", "pcp": "PCP"}
SIZES = ("torso", "box")
_THRESHOLDS = {"pckh": 0.5, "pck": 0.2, "pcp": 0.5}


@dataclass(frozen=True)
class PictureReport:
    """The outcome of an evaluation in pictures; prints itself as a compact table.

    Args:
        metric: such as ``"PCKh@0.5"``.
        columns: the table's row, percent; NaN where nothing was labelled.
        choices: one line each for what changes the numbers.
        people: how many labelled people were evaluated.
        predictions: how many people were predicted.
        per_joint: share of each joint, percent; empty for metrics that have none.
    """

    metric: str
    columns: Mapping[str, float]
    choices: tuple[str, ...]
    people: int
    predictions: int
    per_joint: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries and lists, percent; NaN becomes None."""
        return {
            "metric": self.metric,
            "unit": "percent",
            "columns": {name: _plain(value) for name, value in self.columns.items()},
            "choices": list(self.choices),
            "people": self.people,
            "predictions": self.predictions,
            "per_joint": {name: _plain(value) for name, value in self.per_joint.items()},
        }

    def to_json(self) -> str:
        """The report as JSON text; NaN is null."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"

    def to_markdown(self) -> str:
        """The report as Markdown: the headline, the choices, then the tables."""
        parts = [f"**{self._headline()}**", "\n".join(f"- {choice}" for choice in self.choices)]
        return "\n\n".join([*parts, *(markdown_table(rows) for rows in self._tables())]) + "\n"

    def to_text(self) -> str:
        """The report for the terminal: the headline, the choices, then the tables."""
        parts = ["\n".join([self._headline(), *(f"  {choice}" for choice in self.choices)])]
        return "\n\n".join([*parts, *(text_table(rows) for rows in self._tables())]) + "\n"

    def __str__(self) -> str:
        return self.to_text()

    def _headline(self) -> str:
        return f"{self.metric}, percent ({self.people} labelled people, {self.predictions} predicted)"

    def _tables(self) -> list[list[list[str]]]:
        tables = [[["metric", *self.columns], [self.metric, *map(_number, self.columns.values())]]]
        if self.per_joint:
            tables.append([["joint", "share"], *([name, _number(value)] for name, value in self.per_joint.items())])
        return tables


def evaluate_pictures(
    labelled: LabelledPictures,
    predicted: PredictedPeople,
    metric: str,
    *,
    threshold: float | None = None,
    size: str = "torso",
    sigmas: Mapping[str, float] | None = None,
    annotations: str | Path | None = None,
) -> PictureReport:
    """Evaluate what was found in labelled pictures.

    Args:
        labelled: the truth.
        predicted: on the joints of the labels, or of a skeleton that maps to them.
        metric: ``"coco"``, ``"pckh"``, ``"pck"`` or ``"pcp"``.
        threshold: of the others than COCO's; by default 0.5 of the head, 0.2 of the size, 0.5 of the limb.
        size: what PCK divides by, ``"torso"`` or ``"box"``.
        sigmas: of COCO's, by joint, instead of those of ``lift3d.skeletons.joint_sigmas``.
        annotations: COCO's own file of these labels, whose crowds are then neither missed nor mistaken.

    Raises:
        UnknownNameError: there is no such metric or size.
        InputError: a threshold is not positive, or the labels have not what the metric needs.
        MissingPackageError: of COCO's, ``faster-coco-eval`` is not installed.
    """
    if metric not in METRICS:
        raise UnknownNameError("metric of pictures", metric, METRICS)
    if size not in SIZES:
        raise UnknownNameError("size to divide by", size, SIZES)
    if threshold is not None and (not threshold > 0 or metric == "coco"):
        raise InputError(f"threshold={threshold}: expected a positive number, and none for COCO's average precision.")
    mapped, choices = _mapped(labelled, predicted)
    limit = threshold or _THRESHOLDS.get(metric, math.nan)
    if metric == "coco":
        name, columns, own, joints = _coco(labelled, mapped, sigmas, annotations)
    else:
        found, how = matched_pixels(labelled, mapped)
        truth = labelled.people.pixels.double()
        choices = [*choices, f"matching: {how}"]
        if metric == "pck":
            name, columns, own, joints = _pck(labelled, found, truth, limit, size)
        else:
            name, columns, own, joints = (_pckh if metric == "pckh" else _pcp)(labelled, found, truth, limit)
    return PictureReport(
        name,
        {column: 100 * value for column, value in columns.items()},
        (*choices, *own),
        len(labelled.people),
        len(predicted),
        {joint: 100 * value for joint, value in joints.items()},
    )


_Outcome = tuple[str, Mapping[str, float], list[str], Mapping[str, float]]  # name, columns, choices, joints; 0 to 1


def _mapped(labelled: LabelledPictures, predicted: PredictedPeople) -> tuple[PredictedPeople, list[str]]:
    """The predictions on the joints of the labels, and what that changes."""
    source, target = predicted.skeleton, labelled.skeleton
    if source == target:
        return predicted, [f"joints: {target.name}"]
    mapping = mapping_between(source, target)
    lines = [f"joints: {source.name}, mapped to {target.name} of the labels"]
    if mapping.guessed:
        lines.append(f"midpoints or other points stand for {', '.join(mapping.guessed)}")
    if mapping.missing:
        lines.append(f"{source.name} cannot give {', '.join(mapping.missing)}: counted as not found")
    return predicted.mapped_to(target), lines


def _coco(
    labelled: LabelledPictures, predicted: PredictedPeople, sigmas: Mapping[str, float] | None, file: str | Path | None
) -> _Outcome:
    columns = keypoint_ap(labelled if file is None else file, predicted, sigmas)
    choices = [
        f"mean over OKS of 0.50:0.05:0.95, at most {MOST_PEOPLE} people a picture, by faster-coco-eval",
        "crowds and people without labelled joints are neither missed nor mistaken" if file is not None
        else "crowds and people without labelled joints are not known to the labels: finding them is a mistake",
        "M: people of 32^2 to 96^2 square pixels, L: of more, by the labels' area",
    ]  # fmt: skip
    own = dict(sigmas or {})
    borrowed = {joint: other for joint, other in borrowed_sigmas(labelled.skeleton).items() if joint not in own}
    choices.append("sigmas: COCO's" if not borrowed else "sigmas: COCO's; not known to COCO and borrowed: "
                   + ", ".join(f"{joint} of {other}" for joint, other in borrowed.items()))  # fmt: skip
    choices += [f"sigma of {joint}: {value:g}" for joint, value in own.items()]
    return METRICS["coco"], columns, choices, {}


def _pckh(labelled: LabelledPictures, found: Tensor, truth: Tensor, threshold: float) -> _Outcome:
    heads = labelled.people.head_sizes
    if torch.isnan(heads).all():
        advice = "PCKh needs MPII's gt_valid.mat beside valid.json, or the hourglass's valid.h5; or measure pck."
        raise InputError(f"The labels have no head sizes. {advice}")
    distances = scaled_distances(found, truth, heads)
    columns = dict(grouped(joint_pck(distances, threshold), labelled.skeleton))
    columns["Mean"] = pckh_mean(distances, labelled.skeleton, threshold)
    choices = [
        f"right: at most {threshold:g} of the head size away (0.6 of the diagonal of the head's box)",
        "Mean: over all labelled joints but pelvis and thorax, so that frequent joints weigh more",
    ]
    if threshold == _THRESHOLDS["pckh"]:  # the table of MPII
        columns["Mean@0.1"] = pckh_mean(distances, labelled.skeleton, PCKH_FINE)
        exact = _number(100 * pckh_mean(distances, labelled.skeleton, 0.1))
        choices.append(f"Mean@0.1: at {PCKH_FINE:g}, as the published code measures it; at 0.1 itself it is {exact}")
    choices += [
        *_about_people(labelled, heads, "a head size"),
        *_about_head(labelled),
    ]
    return f"PCKh@{threshold:g}", columns, choices, _joints(distances, threshold, labelled)


def _pck(labelled: LabelledPictures, found: Tensor, truth: Tensor, threshold: float, size: str) -> _Outcome:
    sizes = torso_sizes(labelled.people, labelled.skeleton) if size == "torso" else box_sizes(labelled.people)
    distances = scaled_distances(found, truth, sizes)
    shares = joint_pck(distances, threshold)
    columns = dict(grouped(shares, labelled.skeleton))
    counted = ~torch.isnan(distances)
    columns["Mean"] = float(((distances <= threshold) & counted).sum().double() / counted.sum())
    what = "the torso (left shoulder to right hip)" if size == "torso" else "the longer side of the box"
    choices = [
        f"right: at most {threshold:g} of {what} away",
        "Mean: over all labelled joints of all people",
        *_about_people(labelled, sizes, "both ends of the torso" if size == "torso" else "a box"),
        *_about_head(labelled),
    ]
    return f"PCK@{threshold:g}", columns, choices, _joints(distances, threshold, labelled)


def _pcp(labelled: LabelledPictures, found: Tensor, truth: Tensor, threshold: float) -> _Outcome:
    limbs = limbs_of(labelled.skeleton)
    if not limbs:
        raise InputError(f"Skeleton {labelled.skeleton.name!r} has no limbs that PCP knows. Measure pck.")
    hits = {
        column: torch.stack([limb_hits(found, truth, ends, threshold) for ends in pairs], dim=-1)
        for column, pairs in limbs.items()
    }
    columns = {column: float(values.nanmean(0).nanmean()) for column, values in hits.items()}
    columns["Mean"] = float(torch.cat(list(hits.values()), dim=-1).nanmean())
    choices = [
        f"right: both ends of a limb at most {threshold:g} of its true length away (strict PCP)",
        "Torso: from the middle of the hips to that of the shoulders",
        "Mean: over all labelled limbs of all people",
    ]
    return f"PCP@{threshold:g}", columns, choices, {}


def _joints(distances: Tensor, threshold: float, labelled: LabelledPictures) -> dict[str, float]:
    return dict(zip(labelled.skeleton.joints, joint_pck(distances, threshold).tolist(), strict=True))


def _about_people(labelled: LabelledPictures, sizes: Tensor, what: str) -> list[str]:
    known = int((torch.isfinite(sizes) & (sizes > 0)).sum())
    return [] if known == len(labelled.people) else [f"people with {what}: {known}; the others are left out"]


def _about_head(labelled: LabelledPictures) -> list[str]:
    joints = joint_groups(labelled.skeleton).get("Head")
    return [] if joints is None else [f"Head: {labelled.skeleton.joints[joints[0]]}"]


def _plain(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}"
