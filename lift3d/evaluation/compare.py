"""From poses to a report: a plain pair of poses, or a labelled data set under a protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.evaluation.labels import samples_of_protocol, subject_name
from lift3d.evaluation.metrics import (
    joint_auc,
    joint_distances,
    joint_hits,
    joint_velocity_distances,
)
from lift3d.evaluation.protocols import HOW_ALIGNED, METRIC_OF, Protocol, get_protocol
from lift3d.evaluation.report import EvaluationReport, build_report
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton, get_skeleton, mapping_between

__all__ = ["evaluate", "evaluate_samples"]

MILLIMETRES = 1000.0
PCK_THRESHOLD = 0.150

_PELVIS = Skeleton("pelvis", ("pelvis",), (-1,))


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
    pair = _Pair.of(positions, target.positions.to(positions.dtype), target.skeleton, kept)
    chosen = tuple(alignments or (name for name in possible if name in _usual(possible)))
    errors = {METRIC_OF[name]: pair.distances(name) for name in chosen}
    if "root" in possible:
        errors |= _hits(pair.distances("root")) | {"mpjve_mm": _first_missing(pair.velocities())}
    flat = {name: values.flatten(0, 1) for name, values in errors.items()}
    people = target.positions.shape[1]
    return build_report(
        {name: values * (MILLIMETRES if name.endswith("_mm") else 1) for name, values in flat.items()},
        torch.isfinite(pair.target).all(-1).flatten(0, 1),
        [target.skeleton.joints[i] for i in kept],
        headline=METRIC_OF[chosen[0]],
        averaging="frames",
        choices=[*_explained(chosen, "root" in possible), how, _joints_line(target.skeleton, kept, lost)],
        subjects=[f"person {p}" for p in range(people)] * len(target.times) if people > 1 else (),
    )


def evaluate_samples(
    predictions: Float[Tensor, "samples joints 3"],
    targets: Float[Tensor, "samples joints 3"],
    subjects: Sequence[str | int],
    actions: Sequence[str],
    sequences: Sequence[str],
    protocol: str | Protocol,
    *,
    frames: Int[Tensor, "samples"] | Sequence[int] | None = None,
    skeleton: str | Skeleton = "human36m17",
) -> EvaluationReport:
    """Errors of a labelled data set under a protocol: its test subjects, frames, joints, alignment and averaging.

    Samples of one sequence, seen by one camera, stand together in the order of time: the velocity error (at a frame
    step of 1) is taken between neighbours of equal subject, action and sequence, so put the camera into the
    sequence's name where there are several (``"Greeting-2.54138969"``).

    Args:
        predictions: metres; NaN where missing.
        targets: metres.
        subjects: of each sample, such as ``"S9"`` or 9.
        actions: of each sample; trials of one action carry the same label.
        sequences: of each sample, such as ``"Greeting-2"`` or ``"s_09_act_05_subact_02_ca_01"``.
        protocol: name, alias or protocol; see ``lift3d.evaluation.protocols``.
        frames: number of each sample's frame in its sequence, from 0; needed where the protocol takes not all.
        skeleton: what the joints are.

    Raises:
        ShapeError: predictions and targets, or the labels, do not go together.
        InputError: no sample is of the protocol, or frame numbers or sub-actions are needed and not given.
        UnknownNameError: there is no such protocol, skeleton or joint.
    """
    protocol, bones = get_protocol(protocol), get_skeleton(skeleton)
    for name, labels in {"subjects": subjects, "actions": actions, "sequences": sequences, "frames": frames}.items():
        if labels is not None and len(labels) != len(targets):
            raise ShapeError(name, (len(labels),), f"({len(targets)},), one a target")
    people = [subject_name(subject) for subject in subjects]
    kept = samples_of_protocol(
        protocol, people, sequences, None if frames is None else [int(number) for number in frames]
    )
    pair = _Pair.of(predictions, targets, bones, bones.indices(*protocol.joints)).only(kept)
    labels = list(zip((people[i] for i in kept), (actions[i] for i in kept), (sequences[i] for i in kept), strict=True))
    distances = pair.distances(protocol.alignment)
    errors = {protocol.metric: distances * MILLIMETRES, **_hits(distances)}
    if protocol.frame_step == 1 and protocol.alignment in ("none", "root"):
        follows = torch.tensor([i > 0 and labels[i] == labels[i - 1] for i in range(len(labels))])
        errors["mpjve_mm"] = _first_missing(pair.velocities()).masked_fill(~follows[:, None], torch.nan) * MILLIMETRES
    return build_report(
        errors,
        torch.isfinite(pair.target).all(-1),
        protocol.joints,
        headline=protocol.metric,
        averaging=protocol.averaging,
        choices=[protocol.describe(), *_sample_choices(protocol, labels, len(people), "mpjve_mm" in errors)],
        actions=[action for _, action, _ in labels],
        subjects=[person for person, _, _ in labels],
    )


@dataclass(frozen=True)
class _Pair:
    """Prediction and target of the joints that count (..., joints, 3), and of the pelvis (..., 1, 3); metres."""

    prediction: Tensor
    target: Tensor
    prediction_root: Tensor
    target_root: Tensor

    @classmethod
    def of(cls, prediction: Tensor, target: Tensor, skeleton: Skeleton, kept: Sequence[int]) -> _Pair:
        wanted = (*target.shape[:-2], len(skeleton), 3)
        for name, positions in (("targets", target), ("predictions", prediction)):
            if tuple(positions.shape) != wanted:
                raise ShapeError(name, tuple(positions.shape), f"{wanted}, of skeleton {skeleton.name!r}")
        chosen = list(kept)
        roots = [_pelvis(positions, skeleton) for positions in (prediction, target)]
        return cls(prediction[..., chosen, :], target[..., chosen, :], *roots)

    def only(self, kept: Sequence[int]) -> _Pair:
        own = list(kept)
        return _Pair(self.prediction[own], self.target[own], self.prediction_root[own], self.target_root[own])

    def distances(self, alignment: str) -> Tensor:
        """Metres, of each joint after the alignment; ``"root"`` and ``"scale"`` are about the pelvis."""
        if alignment in ("root", "scale"):
            kind = "scale" if alignment == "scale" else "none"
            return joint_distances(self.prediction - self.prediction_root, self.target - self.target_root, kind)
        return joint_distances(self.prediction, self.target, alignment)

    def velocities(self) -> Tensor:
        """Metres a frame, relative to the pelvis; the first axis is time and gets one shorter."""
        prediction, target = self.prediction - self.prediction_root, self.target - self.target_root
        return joint_velocity_distances(prediction.movedim(0, -3), target.movedim(0, -3)).movedim(-2, 0)


def _pelvis(positions: Tensor, skeleton: Skeleton) -> Tensor:
    """The pelvis or the middle of the hips; the skeleton's root where it has neither."""
    mapping = mapping_between(skeleton, _PELVIS)
    if mapping.missing:
        return positions[..., skeleton.root, None, :]
    return mapping.coordinates(positions)


def _hits(distances: Tensor) -> dict[str, Tensor]:
    return {"pck150_percent": 100 * joint_hits(distances, PCK_THRESHOLD), "auc_percent": 100 * joint_auc(distances)}


def _first_missing(steps: Tensor) -> Tensor:
    """One step less than frames becomes one a frame; the first has no step."""
    shape = (1, *steps.shape[1:])
    return torch.cat([steps.new_full(shape, torch.nan), steps])


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


def _explained(chosen: Sequence[str], with_root: bool) -> list[str]:
    lines = [f"{METRIC_OF[name]}: {HOW_ALIGNED[name]}" for name in chosen]
    if with_root:
        lines.append(
            "pck150_percent, auc_percent (0, 5, ..., 150 mm) and mpjve_mm (mm a frame): pelvis moved to pelvis"
        )
    return lines


def _joints_line(skeleton: Skeleton, kept: Sequence[int], lost: Sequence[str]) -> str:
    without = f"; the prediction has no {', '.join(lost)}" if lost else ""
    return f"{len(kept)} joints of {skeleton.name}{without}"


def _sample_choices(
    protocol: Protocol, labels: Sequence[tuple[str, str, str]], given: int, with_velocity: bool
) -> list[str]:
    present = {person for person, _, _ in labels}
    absent = [person for person in protocol.test if person not in present]
    lines = [f"{len(labels)} of {given} samples; {len({action for _, action, _ in labels})} actions"]
    if absent:
        lines.append(f"INCOMPLETE: no samples of {', '.join(absent)}, so this is not the protocol's number")
    lines.append("pck150_percent, auc_percent (0, 5, ..., 150 mm): aligned as above")
    if with_velocity:
        lines.append("mpjve_mm: mm a frame, pelvis moved to pelvis, within each sequence")
    return lines
