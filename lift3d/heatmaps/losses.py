"""How far a network's maps, or places, are from what they should be. All give one number; lower is better.

``weights`` are those of the joints, 0 where a joint does not count. Losses of maps divide by all joints, as in the
published code of SimpleBaseline and HRNet; those of places and cells divide by the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.errors import InputError, UnknownNameError

__all__ = [
    "NORMS",
    "cell_cross_entropy",
    "hardest_joints_mse",
    "heatmap_mse",
    "part_map_loss",
    "place_loss",
    "sum_of_stages",
]

Stage = TypeVar("Stage")
NORMS = ("l1", "l2")


def heatmap_mse(
    maps: Float[Tensor, "batch joints *cells"],
    targets: Float[Tensor, "batch joints *cells"],
    weights: Float[Tensor, "batch joints"],
) -> Float[Tensor, ""]:
    """Half the mean square of ``weight (map - target)`` over batch, joints and cells.

    The weight is squared with the rest, as published. MSPN's form, in which a joint that does not count is taught an
    empty map, is twice this with ``targets * weights`` and weights of 1.
    """
    return _of_joints(maps, targets, weights).mean()


def hardest_joints_mse(
    maps: Float[Tensor, "batch joints *cells"],
    targets: Float[Tensor, "batch joints *cells"],
    weights: Float[Tensor, "batch joints"],
    hardest: int = 8,
) -> Float[Tensor, ""]:
    """:func:`heatmap_mse` of each picture's hardest joints alone: online hard keypoint mining.

    Chen et al.: "Cascaded Pyramid Network for Multi-Person Pose Estimation", CVPR 2018. MSPN's form is twice this.

    Raises:
        InputError: there are not so many joints.
    """
    if not 1 <= hardest <= maps.shape[1]:
        raise InputError(f"hardest_joints_mse: hardest={hardest}; expected 1 to {maps.shape[1]}, the number of joints.")
    return _of_joints(maps, targets, weights).topk(hardest, dim=1).values.mean()


def cell_cross_entropy(
    logits: Float[Tensor, "batch joints *cells"],
    cells: Int[Tensor, "batch joints"],
    weights: Float[Tensor, "batch joints"],
) -> Float[Tensor, ""]:
    """Mean of ``-log softmax(logits)`` at the joints' cells, in nats: the softmax is taught to be 1 there, 0 elsewhere.

    Args:
        logits: the softmax is over all cells of a map.
        cells: places in the flattened map, from ``nearest_cell``.
        weights: those of joints outside the map must be 0.
    """
    flat = logits.flatten(2)
    missed = flat.logsumexp(-1) - flat.gather(2, cells[..., None])[..., 0]
    return _weighted_mean(missed, weights)


def place_loss(
    places: Float[Tensor, "batch joints axes"],
    targets: Float[Tensor, "batch joints axes"],
    weights: Float[Tensor, "batch joints axes"],
    norm: str = "l1",
) -> Float[Tensor, ""]:
    """Mean over coordinates of the absolute (``"l1"``) or squared (``"l2"``) difference.

    Args:
        places, targets: in one unit; a target whose weight is 0 may be NaN.
        weights: of each coordinate, so that x and y can count where z is not known.
        norm: ``"l1"`` or ``"l2"``.

    Raises:
        UnknownNameError: there is no such norm.
    """
    if norm not in NORMS:
        raise UnknownNameError("norm", norm, NORMS)
    difference = places - torch.where(weights > 0, targets, places.detach())
    return _weighted_mean(difference.abs() if norm == "l1" else difference**2, weights)


def part_map_loss(
    maps: Float[Tensor, "batch channels rows columns"],
    targets: Float[Tensor, "batch channels rows columns"],
    mask: Float[Tensor, "batch rows columns"],
) -> Float[Tensor, ""]:
    """Half the sum of the squares of ``mask (map - target)``, over the number of pictures.

    Args:
        maps: of joints, or the fields of limbs.
        targets: from ``lift3d.heatmaps.part_field_targets``.
        mask: 0 in the cells where there are people without labels, 1 elsewhere.
    """
    return 0.5 * ((maps - targets) * mask[:, None]).square().sum() / len(maps)


def sum_of_stages(stages: Sequence[Stage], loss: Callable[[Stage], Tensor]) -> Float[Tensor, ""]:
    """Intermediate supervision: the sum over a network's stages of one loss."""
    return torch.stack([loss(stage) for stage in stages]).sum()


def _of_joints(maps: Tensor, targets: Tensor, weights: Tensor) -> Float[Tensor, "batch joints"]:
    difference = (maps - targets).flatten(2) * weights[..., None]
    return 0.5 * difference.square().mean(-1)


def _weighted_mean(values: Tensor, weights: Tensor) -> Float[Tensor, ""]:
    """0 where nothing counts."""
    return (values * weights).sum() / weights.sum().clamp_min(torch.finfo(values.dtype).tiny)
