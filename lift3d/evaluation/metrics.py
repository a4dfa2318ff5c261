"""Errors of 3D joints. Every metric keeps the batch axes; averages are left to the caller.

Positions are in metres, and so are errors, except those named otherwise. A joint that is not finite in the
prediction or in the target is NaN in what is returned for each joint, and takes no part in what is returned for
each pose; a pose without any is NaN. ``coverage`` counts them: print it beside every average.

``root`` is the index of a joint that both sets are moved to first; without it, they are compared as they are.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.geometry.alignment import align_rigid, align_root, align_scale, align_similarity

__all__ = [
    "ALIGNMENTS",
    "AUC_THRESHOLDS",
    "auc",
    "coverage",
    "joint_auc",
    "joint_distances",
    "joint_hits",
    "joint_velocity_distances",
    "mpjpe",
    "mpjve",
    "n_mpjpe",
    "pa_mpjpe",
    "pck3d",
    "present",
    "rigid_mpjpe",
]

ALIGNMENTS = ("none", "root", "scale", "rigid", "similarity")

# 0, 5, ..., 150 mm: the 31 thresholds of MPI-INF-3DHP's test script (Mehta et al. 2017). The first is 0, which no
# distance is below, so that a perfect prediction has an area of 30/31.
AUC_THRESHOLDS = tuple(step * 0.005 for step in range(31))


def present(
    prediction: Float[Tensor, "*batch joints 3"], target: Float[Tensor, "*batch joints 3"]
) -> Bool[Tensor, "*batch joints"]:
    """Which joints are finite in both."""
    _check(prediction, target)
    return torch.isfinite(prediction).all(-1) & torch.isfinite(target).all(-1)


def coverage(
    prediction: Float[Tensor, "*batch joints 3"], target: Float[Tensor, "*batch joints 3"]
) -> Float[Tensor, "*batch"]:
    """Share, 0 to 1, of the target's joints that are predicted; NaN where the target has none."""
    wanted = torch.isfinite(target).all(-1).sum(-1).to(target.dtype)
    return present(prediction, target).sum(-1).to(target.dtype) / wanted


def joint_distances(
    prediction: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    alignment: str = "none",
    root: int | None = None,
) -> Float[Tensor, "*batch joints"]:
    """Distance of each joint from its target after an alignment of each pose; the base of the metrics below.

    Args:
        prediction: metres.
        target: metres.
        alignment: ``"none"``; ``"root"``, which needs ``root``; ``"scale"``, about the origin or the root;
            ``"rigid"``: rotation and translation; ``"similarity"``: those and scale.
        root: index of a joint to move both sets to first.

    Returns:
        Metres; NaN where a joint is missing, and for all joints of a pose whose root is.

    Raises:
        ShapeError: the shapes differ or are no poses.
        InputError: the root is not a joint, or is needed and not given.
        UnknownNameError: there is no such alignment.
    """
    _check(prediction, target)
    if alignment not in ALIGNMENTS:
        raise UnknownNameError("alignment", alignment, ALIGNMENTS)
    if alignment == "root" and root is None:
        raise InputError("alignment='root' needs the index of the root joint: pass root=skeleton.root.")
    prediction, target = _from_root(prediction, target, root)
    if alignment == "scale":
        prediction = align_scale(prediction, target)
    elif alignment == "rigid":
        prediction = align_rigid(prediction, target)
    elif alignment == "similarity":
        prediction = align_similarity(prediction, target)
    seen = present(prediction, target)[..., None]
    difference = torch.where(seen, prediction, 0.0) - torch.where(seen, target, 0.0)
    return difference.norm(dim=-1).masked_fill(~seen[..., 0], torch.nan)


def mpjpe(
    prediction: Float[Tensor, "*batch joints 3"], target: Float[Tensor, "*batch joints 3"], root: int | None = None
) -> Float[Tensor, "*batch"]:
    """Mean distance of the joints of each pose, metres (mean per-joint position error, Ionescu et al. 2014)."""
    return joint_distances(prediction, target, "none", root).nanmean(-1)


def pa_mpjpe(
    prediction: Float[Tensor, "*batch joints 3"], target: Float[Tensor, "*batch joints 3"]
) -> Float[Tensor, "*batch"]:
    """:func:`mpjpe` after the best similarity of each pose: rotation, translation and scale ("Procrustes")."""
    return joint_distances(prediction, target, "similarity").nanmean(-1)


def rigid_mpjpe(
    prediction: Float[Tensor, "*batch joints 3"], target: Float[Tensor, "*batch joints 3"]
) -> Float[Tensor, "*batch"]:
    """:func:`mpjpe` after the best rotation and translation of each pose, without scale (Sun et al.'s code)."""
    return joint_distances(prediction, target, "rigid").nanmean(-1)


def n_mpjpe(
    prediction: Float[Tensor, "*batch joints 3"], target: Float[Tensor, "*batch joints 3"], root: int | None = None
) -> Float[Tensor, "*batch"]:
    """:func:`mpjpe` after the best scale of each pose about the root or the origin (Rhodin et al. 2018)."""
    return joint_distances(prediction, target, "scale", root).nanmean(-1)


def joint_velocity_distances(
    prediction: Float[Tensor, "*batch frames joints 3"],
    target: Float[Tensor, "*batch frames joints 3"],
    root: int | None = None,
) -> Float[Tensor, "*batch steps joints"]:
    """Distance between the moves of each joint from one frame to the next, metres a frame; one step less than frames.

    Raises:
        ShapeError: the shapes differ or have no frames axis.
    """
    _check(prediction, target)
    if prediction.ndim < 3:
        raise ShapeError("prediction", tuple(prediction.shape), "(..., frames, joints, 3)")
    prediction, target = _from_root(prediction, target, root)
    return joint_distances(torch.diff(prediction, dim=-3), torch.diff(target, dim=-3))


def mpjve(
    prediction: Float[Tensor, "*batch frames joints 3"],
    target: Float[Tensor, "*batch frames joints 3"],
    root: int | None = None,
) -> Float[Tensor, "*batch steps"]:
    """Mean over the joints of :func:`joint_velocity_distances` (Pavllo et al. 2019): metres a frame, not a second.

    Pass one sequence at a time: a step from one sequence to the next is no movement.
    """
    return joint_velocity_distances(prediction, target, root).nanmean(-1)


def joint_hits(distances: Float[Tensor, "*batch joints"], threshold: float = 0.150) -> Float[Tensor, "*batch joints"]:
    """1 where a distance is below the threshold (metres), 0 where it is not, NaN where it is NaN."""
    return (distances < threshold).to(distances.dtype).masked_fill(torch.isnan(distances), torch.nan)


def joint_auc(distances: Float[Tensor, "*batch joints"]) -> Float[Tensor, "*batch joints"]:
    """Mean of :func:`joint_hits` over :data:`AUC_THRESHOLDS`; NaN where a distance is NaN."""
    total = torch.zeros_like(distances)
    for threshold in AUC_THRESHOLDS:  # one after another: a data set has millions of distances
        total = total + joint_hits(distances, threshold)
    return total / len(AUC_THRESHOLDS)


def pck3d(
    prediction: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    threshold: float = 0.150,
    root: int | None = None,
) -> Float[Tensor, "*batch"]:
    """Share, 0 to 1, of each pose's joints that lie less than ``threshold`` metres from their target."""
    return joint_hits(joint_distances(prediction, target, "none", root), threshold).nanmean(-1)


def auc(
    prediction: Float[Tensor, "*batch joints 3"], target: Float[Tensor, "*batch joints 3"], root: int | None = None
) -> Float[Tensor, "*batch"]:
    """Mean of :func:`pck3d` over the thresholds 0, 5, ..., 150 mm (:data:`AUC_THRESHOLDS`); at most 30/31."""
    return joint_auc(joint_distances(prediction, target, "none", root)).nanmean(-1)


def _from_root(prediction: Tensor, target: Tensor, root: int | None) -> tuple[Tensor, Tensor]:
    if root is None:
        return prediction, target
    joints = prediction.shape[-2]
    if not -joints <= root < joints:
        raise InputError(f"root={root} is not one of the {joints} joints.")
    return align_root(prediction, root), align_root(target, root)


def _check(prediction: Tensor, target: Tensor) -> None:
    if target.ndim < 2 or target.shape[-1] != 3:
        raise ShapeError("target", tuple(target.shape), "(..., joints, 3)")
    if prediction.shape != target.shape:
        raise ShapeError("prediction", tuple(prediction.shape), f"{tuple(target.shape)}, from the target")
    if not (prediction.is_floating_point() and target.is_floating_point()):
        raise InputError(f"positions are {prediction.dtype} and {target.dtype}; expected floating-point metres.")
