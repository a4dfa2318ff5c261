"""Maps to teach a bottom-up network: joints of everybody, the background, and the fields of the limbs.

Cao, Simon, Wei, Sheikh: "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields", CVPR 2017, in the form
of Osokin: "Real-time 2D Multi-Person Pose Estimation on CPU: Lightweight OpenPose", 2018.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.heatmaps.targets import product_of_axes

__all__ = ["joint_map_targets", "part_field_targets"]

_FAINTEST = 4.6052  # exponent of the Gaussian beyond which nothing is drawn: a height of 0.01


def joint_map_targets(
    pixels: Float[Tensor, "*batch people joints 2"],
    seen: Bool[Tensor, "*batch people joints"],
    map_size: tuple[int, int],
    stride: int = 8,
    sigma: float = 7.0,
) -> Float[Tensor, "*batch channels rows columns"]:
    """A map for each joint, and last one for the background: 1 less the highest of the others.

    The Gaussians of all people are added up and cut off at 1. Cell c has its centre at pixel
    ``stride (c + 1/2) - 1/2``.

    Args:
        pixels: of the network's input.
        seen: whether a joint is drawn: it is labelled, hidden ones as well.
        map_size: rows and columns.
        stride: input pixels per cell.
        sigma: standard deviation, input pixels.
    """
    lines = []
    for axis, size in enumerate(reversed(map_size)):
        centres = stride * torch.arange(size, dtype=pixels.dtype, device=pixels.device) + (stride - 1) / 2
        lines.append((centres - torch.where(seen, pixels[..., axis], 0.0)[..., None]) ** 2 / (2 * sigma**2))
    exponents = lines[1][..., :, None] + lines[0][..., None, :]
    drawn = torch.exp(-exponents) * (exponents <= _FAINTEST) * seen[..., None, None]
    joints = drawn.sum(-4).clamp_max(1.0)
    return torch.cat([joints, 1 - joints.amax(-3, keepdim=True)], dim=-3)


def part_field_targets(
    pixels: Float[Tensor, "*batch people joints 2"],
    seen: Bool[Tensor, "*batch people joints"],
    limbs: Sequence[tuple[int, int]],
    map_size: tuple[int, int],
    stride: int = 8,
    thickness: float = 1.0,
) -> Float[Tensor, "*batch channels rows columns"]:
    """The direction of each limb in the cells along it: x and y of a unit vector, 0 elsewhere; limb by limb.

    Where people's limbs of one kind cross, the last person's is kept. As published, a joint at pixel p is at cell
    ``p / stride`` here, half a cell off the joints' maps.

    Args:
        pixels, seen, map_size, stride: as in :func:`joint_map_targets`.
        limbs: joints that a limb goes from and to, in the order of the channels; two channels each.
        thickness: how far from the limb's line, and past its ends, cells are filled; cells.
    """
    starts, ends = ([limb[end] for limb in limbs] for end in (0, 1))
    places = torch.where(seen[..., None], pixels, 0.0) / stride
    start, end = places[..., starts, :], places[..., ends, :]
    length = (end - start).norm(dim=-1, keepdim=True)
    direction = (end - start) / length.clamp_min(1e-7)  # *batch people limbs 2
    there = seen[..., starts] & seen[..., ends] & (length[..., 0] > 1e-7)
    filled = there[..., None, None] & _along_limb(start, end, direction, map_size, thickness)
    last = torch.arange(1, filled.shape[-4] + 1, device=pixels.device)[:, None, None, None] * filled
    winner = last.amax(-4, keepdim=True)  # number of the last person there, 0 for nobody
    own = filled & (last == winner)
    fields = torch.einsum("...plyx,...plc->...lcyx", own.to(direction), direction)
    return fields.flatten(-4, -3)


def _along_limb(start: Tensor, end: Tensor, direction: Tensor, map_size: tuple[int, int], thickness: float) -> Tensor:
    """Whether each cell lies in the box around the limb and near its line: (*batch, people, limbs, rows, columns)."""
    boxes, away = [], []
    for axis, size in enumerate(reversed(map_size)):
        cell = torch.arange(size, dtype=start.dtype, device=start.device)
        low = (torch.minimum(start[..., axis], end[..., axis]) - thickness).trunc()
        high = (torch.maximum(start[..., axis], end[..., axis]) + thickness).trunc()
        boxes.append((cell >= low[..., None]) & (cell < high[..., None]))
        away.append(cell - start[..., axis, None])
    along_x, along_y = direction[..., None, None, :].unbind(-1)
    across = away[0][..., None, :] * along_y - away[1][..., :, None] * along_x
    return product_of_axes(boxes).bool() & (across.abs() <= thickness)
