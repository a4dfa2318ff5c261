"""Targets of several widths for one joint, as the cascaded pyramid and multi-stage networks are taught.

Chen et al.: "Cascaded Pyramid Network for Multi-Person Pose Estimation", CVPR 2018; Li et al.: "Rethinking on
Multi-Stage Networks for Human Pose Estimation", 2019. Early or coarse stages are shown wide maps, the last one the
narrowest.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.heatmaps.kernels import gaussian_kernel
from lift3d.heatmaps.targets import product_of_axes

__all__ = ["kernel_targets"]

PEAK = 255.0


def kernel_targets(
    cells: Float[Tensor, "*batch joints 2"],
    map_size: tuple[int, int],
    widths: tuple[int, ...] = (15, 11, 9, 7),
) -> tuple[Float[Tensor, "*batch joints rows columns"], ...]:
    """One map for each width: the joint's cell, blurred with a Gaussian kernel of that width, its peak scaled to 255.

    At the edges, what is blurred out of the map comes back in as from a mirror that lies in the middle of the outermost
    cells (OpenCV's default border).

    Args:
        cells: where the joints are; NaN, or outside the map, gives empty maps. The published decoding, pixel 4 c + 2
            for cell c, goes with ``pixels_to_cells(..., half_pixel=True)``.
        map_size: rows and columns.
        widths: of the kernels, cells, odd: 15, 11, 9, 7 (and 5) for maps of 64 x 48; 23, 17, 13, 9 for 96 x 72.
    """
    nearest = (torch.where(torch.isfinite(cells), cells, -1.0) + 0.5).floor().long()
    inside = ((nearest >= 0) & (nearest < nearest.new_tensor(map_size[::-1]))).all(-1)
    lines = (_blurred_along(nearest[..., axis], map_size[1 - axis], widths).to(cells) for axis in (0, 1))
    return tuple(
        product_of_axes([x / x.amax(-1, keepdim=True) * inside[..., None], PEAK * y / y.amax(-1, keepdim=True)])
        for x, y in zip(*lines, strict=True)
    )


def _blurred_along(middle: Tensor, size: int, widths: tuple[int, ...]) -> Float[Tensor, "widths *batch size"]:
    """A single 1 at ``middle`` of a line, blurred with each kernel and mirrored at both ends; to scale.

    At an end itself the 1 is its own mirror image, and everything is twice as high.
    """
    middle = middle.clamp(0, size - 1)[..., None]
    place = torch.arange(size, device=middle.device)
    images = torch.stack([middle, -middle, 2 * (size - 1) - middle])
    lines = []
    for width in widths:
        kernel = torch.nn.functional.pad(gaussian_kernel(width).to(middle.device), (1, 1))
        lines.append(kernel[(place - images + width // 2 + 1).clamp(0, width + 1)].sum(0))
    return torch.stack(lines)
