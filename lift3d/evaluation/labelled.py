"""A labelled data set under a protocol."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.errors import ShapeError
from lift3d.evaluation._paired import MILLIMETRES, Pair, first_missing, hits
from lift3d.evaluation.labels import samples_of_protocol, subject_name
from lift3d.evaluation.protocols import Protocol, get_protocol
from lift3d.evaluation.report import EvaluationReport, build_report
from lift3d.skeletons import Skeleton, get_skeleton

__all__ = ["evaluate_samples"]


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
    notes: Sequence[str] = (),
) -> EvaluationReport:
    """Errors of a labelled data set under a protocol: its test subjects, frames, joints, alignment and averaging.

    Samples of one sequence, seen by one camera, stand together in the order of time: the velocity error (at a frame
    step of 1) is taken between neighbours of equal subject, action and sequence whose frames follow each other, so put
    the camera into the sequence's name where there are several (``"Greeting-2.54138969"``).

    Args:
        predictions: metres; NaN where missing.
        targets: metres.
        subjects: of each sample, such as ``"S9"`` or 9.
        actions: of each sample; trials of one action carry the same label.
        sequences: of each sample, such as ``"Greeting-2"`` or ``"s_09_act_05_subact_02_ca_01"``.
        protocol: name, alias or protocol; see ``lift3d.evaluation.protocols``.
        frames: number of each sample's frame in its sequence, from 0; needed where the protocol takes not all.
        skeleton: what the joints are.
        notes: lines that say how the predictions were made; kept beside the numbers.

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
    numbers = None if frames is None else [int(number) for number in frames]
    kept = samples_of_protocol(protocol, people, sequences, numbers)
    pair = Pair.of(predictions, targets, bones, bones.indices(*protocol.joints)).samples(kept)
    labels = list(zip((people[i] for i in kept), (actions[i] for i in kept), (sequences[i] for i in kept), strict=True))
    errors = _errors(pair, protocol, labels, None if numbers is None else [numbers[i] for i in kept])
    return build_report(
        errors,
        pair.wanted,
        protocol.joints,
        headline=protocol.metric,
        averaging=protocol.averaging,
        choices=[
            protocol.describe(),
            *_choices(protocol, labels, len(people), bones, "mpjve_mm" in errors),
            pair.target_figures(labels),
            *notes,
        ],
        actions=[action for _, action, _ in labels],
        subjects=[person for person, _, _ in labels],
    )


def _errors(
    pair: Pair, protocol: Protocol, labels: Sequence[tuple[str, str, str]], frames: Sequence[int] | None
) -> dict[str, Tensor]:
    """By metric, in the unit that its name ends with; the protocol's own first."""
    distances = pair.distances(protocol.alignment)
    errors = {protocol.metric: distances * MILLIMETRES, **hits(distances)}
    numbers = range(len(labels)) if frames is None else frames
    follows = torch.tensor(
        [i > 0 and labels[i] == labels[i - 1] and numbers[i] == numbers[i - 1] + 1 for i in range(len(labels))]
    )
    if protocol.frame_step == 1 and protocol.alignment in ("none", "root") and bool(follows.any()):
        errors["mpjve_mm"] = first_missing(pair.velocities()).masked_fill(~follows[:, None], torch.nan) * MILLIMETRES
    return {**errors, "bone_error_mm": MILLIMETRES * pair.bone_errors(), **pair.body_figures(labels)}


def _choices(
    protocol: Protocol, labels: Sequence[tuple[str, str, str]], given: int, bones: Skeleton, with_velocity: bool
) -> list[str]:
    present = {person for person, _, _ in labels}
    absent = [person for person in protocol.test if person not in present]
    lines = [f"{len(labels)} of {given} samples; {len({action for _, action, _ in labels})} actions"]
    if absent:
        lines.append(f"INCOMPLETE: no samples of {', '.join(absent)}, so this is not the protocol's number")
    lines.append("pck150_percent, auc_percent (0, 5, ..., 150 mm): aligned as above")
    if with_velocity:
        lines.append("mpjve_mm: mm a frame, pelvis moved to pelvis, within each sequence")
    lines += [
        "bone_error_mm: bones as predicted, no alignment; a bone is named by the joint that it ends in",
        "bone_spread_mm: standard deviation of each bone's length over the frames tested of a sequence",
        "illegal_angle_percent: elbows and knees bent as none can be, by lift3d's own limits (CMU motion)",
    ]
    if "pelvis" not in bones.joints:
        lines.append("the pelvis is the middle of the hips")
    return lines
