"""Who is who from one frame to the next, by how alike the joints are."""

from __future__ import annotations

import torch
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from lift3d.detection.oks import areas_of, joint_similarities

__all__ = ["same_people"]

_ALIKE = 0.5  # similarity from which on two joints count as the same
_FEWEST = 3  # joints that must


def same_people(
    before: Float[Tensor, "known joints 2"],
    now: Float[Tensor, "seen joints 2"],
    sigmas: Float[Tensor, "joints"],
) -> dict[int, int]:
    """Who of those seen now is whom of those known, by index: ``{now: before}``.

    Two are the same if at least three joints are alike (similarity above one half, the larger of their areas counting),
    as Lightweight OpenPose (Osokin 2018) has it. Of all ways to pair people the one whose alike joints are the most
    similar together is taken.

    Args:
        before: joints as last seen; NaN where missing.
        now: joints; NaN where missing.
        sigmas: of the joints, see ``lift3d.skeletons.joint_sigmas``.
    """
    if not len(before) or not len(now):
        return {}
    areas = torch.maximum(areas_of(now)[:, None], areas_of(before))
    similar = joint_similarities(now[:, None], before[None], areas, sigmas).nan_to_num(0.0)
    alike = similar > _ALIKE
    worth = (similar * alike).sum(-1) * (alike.sum(-1) >= _FEWEST)
    pairs = zip(*linear_sum_assignment(worth.numpy(), maximize=True), strict=True)
    return {int(new): int(old) for new, old in pairs if worth[new, old] > 0}
