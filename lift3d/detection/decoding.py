"""From the heads of MoveNet to joints: places in the crop, and scores."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.heatmaps.offsets import offset_votes
from lift3d.heatmaps.windows import cell_grid, heatmap_peak
from lift3d.networks.movenet import MoveNetOutput

__all__ = ["averaged", "decode", "decode_near", "mirrored", "people_seen"]

SOFTENING = 1.8  # cells; in the published graph's weighting by distance


def decode(
    output: MoveNetOutput, radius: int = 1, climb: int = 4
) -> tuple[Float[Tensor, "batch joints 2"], Float[Tensor, "batch joints"]]:
    """Joints of the person nearest to the middle: places from 0 to 1 across the crop, edge to edge, and scores.

    As in the published graph, the person's centre is the cell most likely to be one for its distance from the
    middle, the joints regressed from there say where to look, and each joint's cell is the one with the highest
    probability for its distance from that guess: so a neighbour's joints are passed over. The published graph then
    takes that cell's offset. It is noisy, since the guess pulls the cell off the peak and one cell alone speaks:
    here the peak close by is gone back to, and the cells around it vote for the joint by their probabilities.

    The score is the cell's probability, 0 to 1.

    Args:
        output: of the network.
        radius: how far around the cell the voting cells reach, cells.
        climb: how far the peak may lie from the cell that the guess led to, cells.

    With ``radius=0, climb=0`` this is the published graph's own decoding.
    """
    rows, columns = output.centre.shape[-2:]
    middle = output.centre.new_tensor([columns / 2, rows / 2]).expand(len(output.centre), 2)
    weighted = output.centre.sigmoid() / (_distances(output.centre, middle) + SOFTENING)
    centres, _ = heatmap_peak(weighted)  # (batch, 2)
    return _near_guesses(output, _regressed_from(output, centres), radius, climb)


def people_seen(
    output: MoveNetOutput, lowest: float = 0.1, most: int = 16
) -> tuple[Float[Tensor, "people joints 2"], Float[Tensor, "people joints"], Int[Tensor, "people"]]:
    """Everybody whose centre is a peak of the map of centres: places and scores as of ``decode``, and whose picture.

    Trained to look at one person, the network sees others too where they are large enough: this says where to look
    closer. One person may be found twice.

    Args:
        output: of the network.
        lowest: probability from which on a peak is a centre.
        most: peaks of a picture, the highest.

    People of a picture come one after another, the surest centre first.
    """
    probabilities = output.centre.sigmoid()
    highest = F.max_pool2d(probabilities[:, None], 3, stride=1, padding=1)[:, 0]
    peaks = probabilities.where((probabilities == highest) & (probabilities >= lowest), -1.0).flatten(1)
    values, places = peaks.topk(min(most, peaks.shape[1]), dim=1)
    whose, rank = (values > 0).nonzero(as_tuple=True)
    columns, flat = output.centre.shape[-1], places[whose, rank]
    own = MoveNetOutput(*(part[whose] for part in output))
    guesses = _regressed_from(own, torch.stack([flat % columns, flat // columns], dim=-1))
    return *_near_guesses(own, guesses), whose


def decode_near(
    output: MoveNetOutput, expected: Float[Tensor, "batch joints 2"]
) -> tuple[Float[Tensor, "batch joints 2"], Float[Tensor, "batch joints"]]:
    """Places and scores, as of ``decode``, of the person whose joints are near those expected.

    The map of centres has one high peak where people are close together, the heatmaps have all their joints.

    Args:
        output: of the network.
        expected: places from 0 to 1 across the crop, such as those of the frame before; NaN where not known: there the
            regression from the middle of the others says where to look. At least one is known.
    """
    rows, columns = output.centre.shape[-2:]
    cells = expected.to(output.centre) * output.centre.new_tensor([columns, rows])
    last = torch.tensor([columns - 1, rows - 1], device=cells.device)
    middles = cells.nanmean(1).long().clamp(min=0).minimum(last)
    guesses = torch.where(cells.isnan(), _regressed_from(output, middles), cells)
    return _near_guesses(output, guesses)


def mirrored(output: MoveNetOutput, flip_order: Sequence[int]) -> MoveNetOutput:
    """The output for mirrored pictures, turned back: as if the pictures themselves had been shown.

    Args:
        output: of the network for pictures mirrored left to right.
        flip_order: for each joint, its twin on the other side.
    """
    order = list(flip_order)
    offsets, regressed = output.offsets[:, order].flip(-1), output.regressed[:, order].flip(-1)
    return MoveNetOutput(  # both pairs count from the cell's left edge, which was its right one
        heatmaps=output.heatmaps[:, order].flip(-1),
        offsets=torch.stack([1 - offsets[:, :, 0], offsets[:, :, 1]], dim=2),
        regressed=torch.stack([1 - regressed[:, :, 0], regressed[:, :, 1]], dim=2),
        centre=output.centre.flip(-1),
    )


def averaged(first: MoveNetOutput, second: MoveNetOutput) -> MoveNetOutput:
    """The mean of two outputs, logits and all."""
    return MoveNetOutput(*((a + b) / 2 for a, b in zip(first, second, strict=True)))


def _near_guesses(
    output: MoveNetOutput, guesses: Float[Tensor, "batch joints 2"], radius: int = 1, climb: int = 4
) -> tuple[Float[Tensor, "batch joints 2"], Float[Tensor, "batch joints"]]:
    """Places from 0 to 1 and scores of the joints near guessed cells; see ``decode``."""
    probabilities = output.heatmaps.sigmoid()
    near_guess = probabilities / (_distances(probabilities, guesses) + SOFTENING)
    cells, _ = heatmap_peak(near_guess)  # (batch, joints, 2)
    away = (_corners(probabilities) - cells[..., None, None]).abs().amax(-3)
    cells, scores = heatmap_peak(probabilities.masked_fill(away > climb, -1.0))
    places = offset_votes(probabilities, output.offsets, cells, radius)
    rows, columns = probabilities.shape[-2:]
    return places / places.new_tensor([columns, rows]), scores


def _regressed_from(output: MoveNetOutput, centres: Int[Tensor, "batch 2"]) -> Float[Tensor, "batch joints 2"]:
    """Cells where the joints are by regression from a person's centre cell."""
    columns = output.centre.shape[-1]
    flat = (centres[:, 1] * columns + centres[:, 0])[:, None, None, None]
    steps = output.regressed.flatten(-2).gather(-1, flat.expand(*output.regressed.shape[:3], 1))[..., 0]
    return centres[:, None] + steps


def _distances(maps: Tensor, places: Tensor) -> Tensor:
    """(..., rows, columns): distance in cells of each cell from a place (..., 2)."""
    return (_corners(maps) - places[..., None, None]).norm(dim=-3)


def _corners(maps: Tensor) -> Tensor:
    """(2, rows, columns): column and row of each cell, which is also its top-left corner."""
    return cell_grid(maps).movedim(-1, 0)
