"""PCK: the share of labelled joints that are found within a part of the person's size, and its tables.

PCKh (Andriluka et al. 2014) divides by the head: 0.6 of the diagonal of its box, threshold 0.5. PCK@0.2 (Yang and
Ramanan 2013) divides by the torso, here the way from the left shoulder to the right hip, or by the longer side of the
person's box, as on Penn Action.

A joint that is labelled and was not found counts as wrong; one that is not labelled counts nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.datasets.labelled_pictures import LabelledPeople
from lift3d.errors import InputError
from lift3d.skeletons import Skeleton

__all__ = [
    "PCKH_FINE",
    "box_sizes",
    "grouped",
    "heatmap_pck",
    "joint_groups",
    "joint_pck",
    "pckh_mean",
    "scaled_distances",
    "torso_sizes",
]

PCKH_FINE = 0.11
"""Where the published code of PCKh measures what it prints as "Mean@0.1": row 11 of 0, 0.01, 0.02, ..."""

# The columns of the field's tables; the first name that a skeleton has is taken. Left and right are averaged.
_GROUPS = {
    "Head": ("head_top", "head", "nose"), "Shoulder": ("shoulder",), "Elbow": ("elbow",), "Wrist": ("wrist",),
    "Hip": ("hip",), "Knee": ("knee",), "Ankle": ("ankle",),
}  # fmt: skip
_LEFT_OUT = ("pelvis", "thorax")  # of the mean of PCKh, which are no joints of limbs


def scaled_distances(
    prediction: Float[Tensor, "people joints 2"],
    truth: Float[Tensor, "people joints 2"],
    sizes: Float[Tensor, "people"],
) -> Float[Tensor, "people joints"]:
    """Distances in parts of each person's size.

    Args:
        prediction: pixels, NaN where not found.
        truth: pixels, NaN where not labelled.
        sizes: pixels; NaN leaves the person out.

    Returns:
        Infinite where a labelled joint was not found; NaN where it is not labelled or the person is left out.
    """
    labelled = torch.isfinite(truth).all(-1) & (torch.isfinite(sizes) & (sizes > 0))[:, None]
    distances = (prediction.to(truth.dtype) - truth).norm(dim=-1) / sizes[:, None].to(truth.dtype)
    return distances.nan_to_num(torch.inf, posinf=torch.inf).masked_fill(~labelled, torch.nan)


def joint_pck(distances: Float[Tensor, "people joints"], threshold: float) -> Float[Tensor, "joints"]:
    """Share, 0 to 1, of each joint's distances that are at most the threshold; NaN where there are none."""
    counted = ~torch.isnan(distances)
    return ((distances <= threshold) & counted).sum(0).double() / counted.sum(0)


def joint_groups(skeleton: Skeleton) -> dict[str, list[int]]:
    """The joints of each column of the field's tables; columns that a skeleton has no joint for are left out."""
    groups = {}
    for column, names in _GROUPS.items():
        found = ([i for i, joint in enumerate(skeleton.joints) if _bare(joint) == name] for name in names)
        joints = next((one for one in found if one), None)
        if joints:
            groups[column] = joints
    return groups


def pckh_mean(distances: Float[Tensor, "people joints"], skeleton: Skeleton, threshold: float = 0.5) -> float:
    """The mean of PCKh, 0 to 1: over all labelled joints but pelvis and thorax, so that frequent joints weigh more."""
    kept = [i for i, joint in enumerate(skeleton.joints) if joint not in _LEFT_OUT]
    own = distances[:, kept]
    return float(((own <= threshold) & ~torch.isnan(own)).sum().double() / (~torch.isnan(own)).sum())


def grouped(values: Float[Tensor, "joints"], skeleton: Skeleton) -> Mapping[str, float]:
    """Mean of the values of each column's joints."""
    return {column: float(values[joints].nanmean()) for column, joints in joint_groups(skeleton).items()}


def torso_sizes(people: LabelledPeople, skeleton: Skeleton) -> Float[Tensor, "people"]:
    """From the left shoulder to the right hip, pixels; NaN where one of them is not labelled.

    Raises:
        InputError: the skeleton has no such joints.
    """
    if not {"left_shoulder", "right_hip"} <= set(skeleton.joints):
        raise InputError(f"Skeleton {skeleton.name!r} has no left_shoulder and right_hip. Divide by the box instead.")
    shoulder, hip = skeleton.indices("left_shoulder", "right_hip")
    return (people.pixels[:, shoulder] - people.pixels[:, hip]).double().norm(dim=-1)


def box_sizes(people: LabelledPeople) -> Float[Tensor, "people"]:
    """The longer side of each person's box, pixels."""
    return people.boxes[:, 2:].double().amax(-1)


def heatmap_pck(
    prediction: Float[Tensor, "people joints 2"],
    truth: Float[Tensor, "people joints 2"],
    map_size: tuple[int, int],
    threshold: float = 0.5,
) -> tuple[Float[Tensor, "joints"], float]:
    """The accuracy that SimpleBaseline and HRNet print while they train (Xiao et al. 2018).

    Distances are in tenths of the heatmap, where, as published, x is divided by its height and y by its width. Joints
    whose true cell is in the first two rows or columns do not count.

    Args:
        prediction, truth: cells of the maps' maxima, x and y.
        map_size: width and height in cells.

    Returns:
        Share of each joint, NaN where it counts nowhere; and the mean over the joints that count.
    """
    width, height = map_size
    tenths = torch.tensor([height / 10, width / 10], dtype=torch.float64)
    distances = ((prediction - truth).double() / tenths).norm(dim=-1)
    counted = (truth > 1).all(-1)
    shares = ((distances < threshold) & counted).sum(0).double() / counted.sum(0)
    return shares, float(shares.nanmean())


def _bare(joint: str) -> str:
    return joint.removeprefix("left_").removeprefix("right_")
