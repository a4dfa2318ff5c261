"""A network's answer for mirrored pictures, turned back, and the mean of both answers.

Mirrored, pixel x of a picture W wide is pixel W - 1 - x. Of maps whose cells lie as they should (``half_pixel=True``),
cell c of n is then cell n - 1 - c, and turning the map around is exact. Of maps that were taught that cell c stands for
pixel s c, it is cell n - 1/s - c: turned around, the joint is 1 - 1/s cells too far to the left. HRNet's published test
moves the map one whole cell to the right (``SHIFT_HEATMAP``), which at a stride of 4 leaves a quarter of a cell.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["flip_averaged", "unmirrored"]


def unmirrored(
    answer: Float[Tensor, "batch joints *rest"], flip_order: Sequence[int], *, shift: bool = False
) -> Float[Tensor, "batch joints *rest"]:
    """The answer for mirrored pictures as if the pictures themselves had been shown.

    Args:
        answer: heatmaps (batch, joints, rows, columns), volumes (batch, joints, depth, rows, columns) or, of a direct
            head, places (batch, joints, 2 or 3) from 0 to 1 across the input.
        flip_order: for each joint, its twin on the other side.
        shift: move maps one cell to the right, the first column staying as well; see above. A direct answer is exact
            without, and is never moved.
    """
    own = answer[:, list(flip_order)]
    if answer.ndim == 3:
        return torch.cat([1 - own[..., :1], own[..., 1:]], dim=-1)
    turned = own.flip(-1)
    return torch.cat([turned[..., :1], turned[..., :-1]], dim=-1) if shift else turned


def flip_averaged(
    answer: Float[Tensor, "batch joints *rest"],
    mirrored: Float[Tensor, "batch joints *rest"],
    flip_order: Sequence[int],
    *,
    shift: bool = False,
) -> Float[Tensor, "batch joints *rest"]:
    """Mean of the answers for pictures and for the same pictures mirrored left to right.

    Args:
        answer: for the pictures.
        mirrored: for the mirrored ones, as the network gave it.
        flip_order, shift: as in :func:`unmirrored`.
    """
    return (answer + unmirrored(mirrored, flip_order, shift=shift)) / 2
