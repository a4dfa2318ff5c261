"""Errors of bones: direction and length, lengths that change over time, and elbows and knees bent as none can be.

A bone is named by the joint that it ends in, so that these numbers stand beside those of the joints; the root ends no
bone and is NaN. Positions are in metres; what is missing is NaN and takes no part.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.errors import ShapeError
from lift3d.skeletons import Skeleton
from lift3d.skeletons.joint_limits import LIMBS, limb_directions, within_limits

__all__ = ["bone_distances", "bone_spreads", "illegal_angles"]

_BENT = ("shin", "forearm")  # limbs that begin at a knee or an elbow


def bone_distances(
    prediction: Float[Tensor, "*batch joints 3"], target: Float[Tensor, "*batch joints 3"], skeleton: Skeleton
) -> Float[Tensor, "*batch joints"]:
    """Length of the difference between predicted and true bone, metres (Sun et al. 2017, "Compositional human pose
    regression": bone error).

    A bone is the way from a joint's parent to the joint, so that it does not matter where a pose stands.

    Raises:
        ShapeError: the shapes differ or are not those of the skeleton's joints.
    """
    if prediction.shape != target.shape:
        raise ShapeError("prediction", tuple(prediction.shape), f"{tuple(target.shape)}, from the target")
    difference = _bones(prediction, skeleton) - _bones(target, skeleton)
    return difference.norm(dim=-1)


def bone_spreads(
    positions: Float[Tensor, "frames joints 3"], skeleton: Skeleton, groups: Sequence[Hashable]
) -> Float[Tensor, "frames joints"]:
    """Standard deviation of each bone's length over the frames of a group, metres; the same in each of its frames.

    True bones are rigid, and their spread is zero. The mean over frames is that of the groups by their sizes. It is NaN
    where a group has fewer than two frames with the bone.

    Args:
        positions: metres.
        skeleton: what the joints are.
        groups: of each frame, what it is a frame of, such as a person or a sequence.

    Raises:
        ShapeError: the positions are not those of the skeleton's joints, or there is not one group a frame.
    """
    if len(groups) != len(positions):
        raise ShapeError("groups", (len(groups),), f"({len(positions)},), one a frame")
    lengths = _bones(positions, skeleton).norm(dim=-1).double()
    names = {name: number for number, name in enumerate(dict.fromkeys(groups))}
    group = torch.tensor([names[name] for name in groups], dtype=torch.long)
    known = torch.isfinite(lengths)
    sums = lengths.new_zeros(len(names), lengths.shape[-1])
    counts = sums.index_add(0, group, known.double())
    means = sums.index_add(0, group, lengths.nan_to_num(0.0)) / counts
    squares = sums.index_add(0, group, (lengths - means[group]).nan_to_num(0.0).square())
    spreads = (squares / counts).sqrt().masked_fill(counts < 2, torch.nan)
    return spreads[group].masked_fill(~known, torch.nan).to(positions.dtype)


def illegal_angles(positions: Float[Tensor, "*batch joints 3"], skeleton: Skeleton) -> Float[Tensor, "*batch joints"]:
    """1 at each elbow and knee that is bent as none can be, 0 where one can, NaN where unknown and at other joints.

    The idea is that of Sun et al. (2017), "illegal angle"; the limits are lift3d's own (see
    ``lift3d.skeletons.joint_limits``).

    Raises:
        ShapeError: the positions are not those of the skeleton's joints.
    """
    directions = limb_directions(positions, skeleton)
    illegal = (~within_limits(directions)).to(positions.dtype)
    illegal = illegal.masked_fill(~torch.isfinite(directions).all(-1), torch.nan)
    found = positions.new_full(positions.shape[:-1], torch.nan)
    for place, limb in enumerate(LIMBS):
        if limb.table in _BENT and limb.start in skeleton.joints:
            found[..., skeleton.index(limb.start)] = illegal[..., place]
    return found


def _bones(positions: Float[Tensor, "*batch joints 3"], skeleton: Skeleton) -> Float[Tensor, "*batch joints 3"]:
    """From each joint's parent to the joint; NaN at the root."""
    if positions.ndim < 2 or tuple(positions.shape[-2:]) != (len(skeleton), 3):
        raise ShapeError("positions", tuple(positions.shape), f"(..., {len(skeleton)}, 3), of {skeleton.name!r}")
    bones = positions - positions[..., list(skeleton.parents), :]
    root = torch.arange(len(skeleton), device=positions.device) == skeleton.root
    return bones.masked_fill(root[:, None], torch.nan)
