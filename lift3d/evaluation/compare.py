"""From two sets of poses to a report."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lift3d.errors import InputError, UnknownNameError
from lift3d.evaluation._paired import MILLIMETRES, Pair, first_missing, hits
from lift3d.evaluation.protocols import HOW_ALIGNED, METRIC_OF
from lift3d.evaluation.report import EvaluationReport, build_report
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton, mapping_between

__all__ = ["evaluate"]


def evaluate(
    prediction: Poses3D,
    target: Poses3D,
    *,
    alignments: Sequence[str] | None = None,
    joints: Sequence[str] | None = None,
    match: str = "times",
) -> EvaluationReport:
    """Errors of predicted poses against a target, in millimetres, with coverage.

    The prediction is mapped to the target's skeleton by joint names; joints that it cannot have are left out and
    listed. Person p is compared with person p. A target frame or person without a partner counts as not predicted.

    Args:
        prediction: metres.
        target: metres.
        alignments: of each pose by itself, the first is the headline; see ``lift3d.evaluation.metrics.ALIGNMENTS``.
            By default ``"root"``, ``"similarity"`` and, where both have the same origin, ``"none"``; where their
            axes differ, ``"similarity"`` and ``"rigid"``.
        joints: names of the joints to average, of the target's skeleton; by default all.
        match: ``"times"``: a target frame goes with the nearest predicted one within half a frame; ``"frames"``:
            frame number with frame number.

    Raises:
        InputError: nothing can be compared: no joint, frame or person in common, or an alignment that is asked for
            needs the same axes.
        UnknownNameError: a joint, an alignment or the way to match is not known.
    """
    possible = _possible_alignments(prediction, target)
    for alignment in alignments or ():
        if alignment not in METRIC_OF:
            raise UnknownNameError("alignment", alignment, METRIC_OF)
        if alignment not in possible:
            raise InputError(
                f"alignment {alignment!r} needs the same axes, but the prediction is in {_axes(prediction)} and the "
                f"target in {_axes(target)}; choose from: {', '.join(possible)}."
            )
    kept, lost = _shared_joints(prediction.skeleton, target.skeleton, joints)
    positions, how = _matched(prediction.mapped_to(target.skeleton), target, match)
    pair = Pair.of(positions, target.positions.to(positions.dtype), target.skeleton, kept)
    chosen = tuple(alignments or (name for name in possible if name in _usual(possible)))
    frames, people = target.positions.shape[:2]
    persons = [f"person {p}" for p in range(1, people + 1)] * frames
    errors = _errors(pair, chosen, "root" in possible, persons)
    return build_report(
        {name: values.flatten(0, 1) for name, values in errors.items()},
        pair.wanted.flatten(0, 1),
        [target.skeleton.joints[i] for i in kept],
        headline=METRIC_OF[chosen[0]],
        averaging="frames",
        choices=[
            *_explained(chosen, "root" in possible),
            pair.target_figures(persons),
            how,
            _joints_line(target.skeleton, kept, lost),
        ],
        subjects=persons if people > 1 else (),
    )


def _errors(pair: Pair, alignments: Sequence[str], same_axes: bool, persons: Sequence[str]) -> dict[str, Tensor]:
    """By metric, in the unit that its name ends with."""
    errors = {METRIC_OF[name]: MILLIMETRES * pair.distances(name) for name in alignments}
    if same_axes:
        errors |= hits(pair.distances("root"))
        errors |= {"mpjve_mm": MILLIMETRES * first_missing(pair.velocities())}
        errors |= {"bone_error_mm": MILLIMETRES * pair.bone_errors()}
    return errors | pair.body_figures(persons)


def _axes(poses: Poses3D) -> str:
    return f"the world with {poses.up} up" if poses.frame == "world" else "camera axes"


def _possible_alignments(prediction: Poses3D, target: Poses3D) -> tuple[str, ...]:
    if _axes(prediction) != _axes(target):
        return "similarity", "rigid"
    same_origin = prediction.frame == target.frame and target.frame != "root"
    return ("root", "similarity", "rigid", "scale", *(("none",) if same_origin else ()))


def _usual(possible: Sequence[str]) -> tuple[str, ...]:
    return ("root", "similarity", "none") if "root" in possible else ("similarity", "rigid")


def _shared_joints(
    source: Skeleton, target: Skeleton, joints: Sequence[str] | None
) -> tuple[list[int], tuple[str, ...]]:
    """Indices of the target's joints that both have, and names of those asked for that the source cannot have."""
    missing = mapping_between(source, target).missing
    asked = target.indices(*(target.joints if joints is None else joints))
    kept = [i for i in asked if target.joints[i] not in missing]
    if not kept:
        raise InputError(f"skeletons {source.name!r} and {target.name!r} have none of the joints in common.")
    return kept, tuple(target.joints[i] for i in asked if i not in kept)


def _matched(prediction: Poses3D, target: Poses3D, match: str) -> tuple[Tensor, str]:
    """Predicted positions on the target's frames and people, NaN where there are none, and how that was done."""
    if match not in ("times", "frames"):
        raise UnknownNameError("way to match", match, ("times", "frames"))
    frames, people = target.positions.shape[:2]
    partner = torch.arange(frames)
    found = partner < len(prediction.times)
    if match == "times" and len(prediction.times):
        apart = (prediction.times[None] - target.times[:, None]).abs()
        distance, partner = apart.min(dim=1)
        found = distance <= 0.5 / target.frames_per_second + 1e-9
    both = min(people, prediction.positions.shape[1])
    if not (bool(found.any()) and both):
        raise InputError(
            f"the prediction ({len(prediction.times)} frames, {prediction.positions.shape[1]} people) and the target "
            f"({frames} frames, {people} people) have no frame or person in common, matched by {match}. "
            "Pass match='frames' if the clocks differ."
        )
    positions = prediction.positions.new_full((frames, people, *prediction.positions.shape[2:]), torch.nan)
    own = torch.nonzero(found)[:, 0]
    positions[own, :both] = prediction.positions[partner[own], :both]
    how = (
        f"matched by {match}: {len(own)} of {frames} target frames have a prediction ({len(prediction.times)} frames); "
        f"people by index: {people} in the target, {prediction.positions.shape[1]} predicted"
    )
    return positions, how


def _explained(chosen: Sequence[str], same_axes: bool) -> list[str]:
    lines = [f"{METRIC_OF[name]}: {HOW_ALIGNED[name]}" for name in chosen]
    if same_axes:
        lines.append(
            "pck150_percent, auc_percent (0, 5, ..., 150 mm) and mpjve_mm (mm a frame): pelvis moved to pelvis"
        )
        lines.append("bone_error_mm: bones as predicted, no alignment; a bone is named by the joint that it ends in")
    lines += [
        "bone_spread_mm: standard deviation of each bone's length over the frames of a person",
        "illegal_angle_percent: elbows and knees bent as none can be, by lift3d's own limits (CMU motion)",
    ]
    return lines


def _joints_line(skeleton: Skeleton, kept: Sequence[int], lost: Sequence[str]) -> str:
    without = f"; the prediction has no {', '.join(lost)}" if lost else ""
    return f"{len(kept)} joints of {skeleton.name}{without}"
