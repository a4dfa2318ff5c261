"""What a lifter is trained to make small, each a mean over people and frames, metres.

A joint whose truth is NaN takes no part: means are over the joints, bones and steps whose truth is known.

The joint error is the distance between predicted and true joints (MPJPE). Sun et al. (Compositional Human Pose
Regression, ICCV 2017) add the vectors between pairs of joints, written relative to each other: those of the bones
("bone"), or of all pairs ("all pairs", their "both" on every path). Hossain and Little (ECCV 2018) and others add the
velocity; the scale-free error (N-MPJPE) is Rhodin et al.'s (CVPR 2018); Martinez et al. (ICCV 2017) square.

The deviation is trained on a quantile, not on a likelihood: that 68.3 % of the errors lie within it is what it is for,
and heavy tails do not spoil it (Koenker and Bassett 1978, the "pinball" loss, on logarithms, whose order is the same).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.skeletons import Skeleton

__all__ = [
    "LossSettings",
    "all_pairs_loss",
    "bone_loss",
    "deviation_loss",
    "joint_loss",
    "pose_loss",
    "scale_free_loss",
    "square_loss",
    "symmetry_loss",
    "velocity_loss",
]

WITHIN_ONE_SIGMA = 0.6827
_LEAST_ERROR = 1e-3  # metres: smaller errors count as this large where deviations are learned


@dataclass(frozen=True)
class LossSettings:
    """Weights of the parts; 0 leaves a part out.

    Args:
        joint: mean distance of the joints.
        square: mean square of the errors of their coordinates, in the units that the network answers in: metres, or,
            with the encoding ``standardised``, the deviation of each coordinate.
        scale_free: the same after the best scale of each pose.
        bone: mean length of the difference of bones as vectors.
        all_pairs: the same of the vectors between all pairs of joints.
        velocity: mean length of the difference of steps from frame to frame.
        symmetry: mean difference in length of left and right bones of the prediction.
        deviation: of the predicted standard deviations; needs a network that answers them.
    """

    joint: float = 1.0
    square: float = 0.0
    scale_free: float = 0.0
    bone: float = 0.0
    all_pairs: float = 0.0
    velocity: float = 0.0
    symmetry: float = 0.0
    deviation: float = 0.0


def pose_loss(
    predicted: Float[Tensor, "batch frames joints 3"],
    truth: Float[Tensor, "batch frames joints 3"],
    skeleton: Skeleton,
    settings: LossSettings,
    unit: Float[Tensor, "others 3"] | float = 1.0,
) -> Float[Tensor, ""]:
    """The weighted sum of the parts that look at poses relative to the root.

    Args:
        predicted: metres.
        truth: metres; NaN where not known.
        skeleton: what the joints are.
        settings: the weights.
        unit: of ``square``, see :func:`square_loss`.
    """
    parts = {
        "joint": lambda: joint_loss(predicted, truth, skeleton),
        "square": lambda: square_loss(predicted, truth, skeleton, unit),
        "scale_free": lambda: scale_free_loss(predicted, truth, skeleton),
        "bone": lambda: bone_loss(predicted, truth, skeleton),
        "all_pairs": lambda: all_pairs_loss(predicted, truth),
        "velocity": lambda: velocity_loss(predicted, truth),
        "symmetry": lambda: symmetry_loss(predicted, skeleton),
    }
    weighted = [weight * part() for name, part in parts.items() if (weight := getattr(settings, name))]
    return torch.stack(weighted).sum() if weighted else predicted.sum() * 0


def joint_loss(
    predicted: Float[Tensor, "*batch joints 3"], truth: Float[Tensor, "*batch joints 3"], skeleton: Skeleton
) -> Float[Tensor, ""]:
    """Mean distance of all joints but the root, whose own is 0 by construction."""
    return _mean_length((predicted - truth)[..., skeleton.others, :])


def square_loss(
    predicted: Float[Tensor, "*batch joints 3"],
    truth: Float[Tensor, "*batch joints 3"],
    skeleton: Skeleton,
    unit: Float[Tensor, "others 3"] | float = 1.0,
) -> Float[Tensor, ""]:
    """Mean square of the errors of all coordinates but the root's.

    Args:
        predicted: metres.
        truth: metres; NaN where not known.
        skeleton: what the joints are.
        unit: metres that count as 1, of each coordinate of all joints but the root or of all of them.
    """
    error = (predicted - truth)[..., skeleton.others, :] / unit
    known = torch.isfinite(error)
    return _mean(torch.where(known, error, 0.0).square(), known)


def scale_free_loss(
    predicted: Float[Tensor, "*batch joints 3"], truth: Float[Tensor, "*batch joints 3"], skeleton: Skeleton
) -> Float[Tensor, ""]:
    """Mean distance of the joints after each predicted pose is scaled to fit the true one best (N-MPJPE)."""
    known = torch.isfinite(truth).all(-1, keepdim=True)
    ours, theirs = torch.where(known, predicted, 0.0), torch.where(known, truth, 0.0)
    scale = (ours * theirs).sum((-2, -1), keepdim=True) / ours.square().sum((-2, -1), keepdim=True).clamp_min(1e-8)
    return joint_loss(scale * predicted, truth, skeleton)


def bone_loss(
    predicted: Float[Tensor, "*batch joints 3"], truth: Float[Tensor, "*batch joints 3"], skeleton: Skeleton
) -> Float[Tensor, ""]:
    """Mean length of the difference of bones as vectors, of the skeleton's tree."""
    parents, children = (list(ends) for ends in zip(*skeleton.bones, strict=True))
    error = predicted - truth
    return _mean_length(error[..., children, :] - error[..., parents, :])


def all_pairs_loss(
    predicted: Float[Tensor, "*batch joints 3"], truth: Float[Tensor, "*batch joints 3"]
) -> Float[Tensor, ""]:
    """Mean length of the difference of the vectors between every two joints."""
    first, second = torch.triu_indices(predicted.shape[-2], predicted.shape[-2], 1)
    error = predicted - truth
    return _mean_length(error[..., first, :] - error[..., second, :])


def velocity_loss(
    predicted: Float[Tensor, "batch frames joints 3"], truth: Float[Tensor, "batch frames joints 3"]
) -> Float[Tensor, ""]:
    """Mean length of the difference of steps from one frame to the next, metres a frame; 0 of a single frame."""
    if predicted.shape[1] < 2:
        return predicted.sum() * 0
    return _mean_length(torch.diff(predicted - truth, dim=1))


def symmetry_loss(predicted: Float[Tensor, "*batch joints 3"], skeleton: Skeleton) -> Float[Tensor, ""]:
    """Mean difference in length of left and right bones."""
    parents, children = (list(ends) for ends in zip(*skeleton.bones, strict=True))
    twin = [children.index(skeleton.flip_order[child]) if child in children else 0 for child in children]
    lengths = (predicted[..., children, :] - predicted[..., parents, :]).norm(dim=-1)
    sides = [i for i, other in enumerate(twin) if other > i]
    return (lengths[..., sides] - lengths[..., [twin[i] for i in sides]]).abs().mean()


def deviation_loss(
    error: Float[Tensor, "*batch joints 3"], covariance: Float[Tensor, "*batch joints 3 3"], skeleton: Skeleton
) -> Float[Tensor, ""]:
    """The pinball loss that is least where 68.3 % of the errors along each axis lie within the predicted deviations.

    Args:
        error: predicted minus true joints, metres; NaN where not known. No gradient flows into it.
        covariance: predicted, of the same axes; of the root it is not looked at.
        skeleton: what the joints are.
    """
    others = skeleton.others
    deviation = covariance[..., others, :, :].diagonal(dim1=-2, dim2=-1).sqrt().log()
    known = torch.isfinite(error[..., others, :])
    size = torch.where(known, error[..., others, :].detach(), 1.0).abs().clamp_min(_LEAST_ERROR)
    above = size.log() - deviation
    return _mean(torch.maximum(WITHIN_ONE_SIGMA * above, (WITHIN_ONE_SIGMA - 1) * above), known)


def _mean_length(vectors: Float[Tensor, "*batch 3"]) -> Float[Tensor, ""]:
    """Of those that are finite; no gradient flows through the others."""
    known = torch.isfinite(vectors).all(-1)
    return _mean(torch.where(known[..., None], vectors, 0.0).norm(dim=-1), known)


def _mean(values: Tensor, known: Tensor) -> Float[Tensor, ""]:
    """Of the known ones; 0 where none is."""
    return (values * known).sum() / known.sum().clamp_min(1)
