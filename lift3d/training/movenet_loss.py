"""What MoveNet's heads are taught: each joint's cell, and the way from the cells around it to the joint.

MoveNet is a CenterNet (Zhou, Wang, Krähenbühl: "Objects as Points", 2019). Its heatmaps are taught by that paper's
equation 1, the penalty-reduced focal loss of Law and Deng (CornerNet, ECCV 2018): the joint's cell is to be 1, the
others 0, and those near it are punished less by a Gaussian. Offsets are taught, by their distance, in all cells that
``lift3d.detection.decoding`` lets vote for the joint.

The other two heads say where to look for a person's joints. What is taught here changes nothing there, so they are held
to the answers of the network that training began with: see :func:`holding_loss`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lift3d.errors import InputError
from lift3d.heatmaps.cells import pixels_to_cells
from lift3d.heatmaps.targets import gaussian_targets, nearest_cell
from lift3d.heatmaps.windows import cell_grid, window
from lift3d.networks.movenet import MoveNetOutput

__all__ = ["MoveNetLoss", "MoveNetLossSettings", "holding_loss", "movenet_loss"]

_SURE, _NEAR = 2, 4  # exponents alpha and beta of the focal loss, as published


@dataclass(frozen=True)
class MoveNetLossSettings:
    """What counts how much.

    Args:
        sigma: of the Gaussian within which a wrong cell is punished less, cells.
        radius: how far from the joint's cell offsets are taught, cells.
        offset_weight: of the offsets, against the heatmaps.
        holding_weight: of holding the heads that are not taught to their first answers; of use where they share what
            is learned with those that are.
    """

    sigma: float = 1.5
    radius: int = 1
    offset_weight: float = 1.0
    holding_weight: float = 1.0

    def __post_init__(self) -> None:
        if not (self.sigma > 0 and self.radius >= 0 and self.offset_weight >= 0 and self.holding_weight >= 0):
            raise InputError(
                f"movenet: sigma={self.sigma}, radius={self.radius}, offset_weight={self.offset_weight}, "
                f"holding_weight={self.holding_weight}; expected sigma above 0 and none of the others below."
            )


class MoveNetLoss(NamedTuple):
    """The sum that is minimised, and its two terms, each with its weight."""

    total: Float[Tensor, ""]
    heatmap: Float[Tensor, ""]
    offset: Float[Tensor, ""]


def movenet_loss(
    output: MoveNetOutput,
    places: Float[Tensor, "batch joints 2"],
    weights: Float[Tensor, "batch joints"],
    settings: MoveNetLossSettings,
) -> MoveNetLoss:
    """How far the heatmaps and offsets are from what they should be, a joint on average.

    Args:
        output: of the network.
        places: pixels of the network's input, whose top-left pixel has its centre at (0, 0); NaN where not known.
        weights: of the joints; one of weight 0, unknown or outside the input does not count.
        settings: see there.
    """
    rows, columns = size = (output.heatmaps.shape[-2], output.heatmaps.shape[-1])
    cells = pixels_to_cells(places, size, (4 * columns, 4 * rows))
    flat, inside = nearest_cell(cells, size)
    kept = torch.where(inside, weights, 0.0)
    count = kept.sum().clamp_min(1e-9)
    heatmap = (kept * _focal(output.heatmaps, gaussian_targets(cells, kept, size, settings.sigma)[0])).sum() / count
    nearest = torch.stack([flat % columns, flat // columns], dim=-1)
    near = window(nearest, size, settings.radius)
    ways = (cells + 0.5).nan_to_num()[..., None, None] - cell_grid(output.heatmaps).movedim(-1, 0)  # from the corners
    off = ((output.offsets - ways).abs().sum(-3) * near).sum((-2, -1)) / near.sum((-2, -1)).clamp_min(1)
    offset = settings.offset_weight * (kept * off).sum() / count
    return MoveNetLoss(heatmap + offset, heatmap, offset)


def holding_loss(output: MoveNetOutput, first: MoveNetOutput) -> Float[Tensor, ""]:
    """How far the map of centres and the joints regressed from them are from first answers, which do not learn.

    Cross entropy of the centres, a cell on average, less what it is at best, and distance of the regressed joints in
    cells, averaged over joints and over cells by how likely a centre each is.
    """
    likely = first.centre.detach().sigmoid()
    crossed = F.binary_cross_entropy_with_logits(output.centre, likely)
    least = F.binary_cross_entropy(likely, likely)
    away = (output.regressed - first.regressed.detach()).abs().sum(2).mean(1)  # (batch, rows, columns)
    return crossed - least + (likely * away).sum() / likely.sum().clamp_min(1e-9)


def _focal(logits: Tensor, targets: Tensor) -> Float[Tensor, "batch joints"]:
    """Objects as Points, equation 1, of each map, summed over its cells."""
    probabilities = logits.sigmoid()
    at_joint = -((1 - probabilities) ** _SURE) * F.logsigmoid(logits)
    elsewhere = -((1 - targets) ** _NEAR) * probabilities**_SURE * F.logsigmoid(-logits)
    return torch.where(targets == 1, at_joint, elsewhere).sum((-2, -1))
