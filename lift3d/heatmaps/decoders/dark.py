"""DARK: the top of a Gaussian through the cells around the highest one.

Zhang, Zhu, Dai, Ye, Zhu: "Distribution-Aware Coordinate Representation for Human Pose Estimation", CVPR 2020. The map
is blurred with the Gaussian it was taught with, which leaves one smooth peak; its logarithm is then a paraboloid, and
one Newton step from the highest cell m, ``m - H^-1 g`` with gradient g and Hessian H by central differences, goes to
its top. Exact on a Gaussian.

Where the paraboloid has no top, or one more than a cell away, or the peak lies within two cells of the edge, the
highest cell stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from lift3d.errors import InputError
from lift3d.heatmaps.decoders._entry import Decoder
from lift3d.heatmaps.kernels import gaussian_kernel
from lift3d.heatmaps.windows import heatmap_peak

__all__ = ["DECODER", "DarkSettings"]

_LEAST = 1e-10  # of a cell's value, before the logarithm


@dataclass(frozen=True)
class DarkSettings:
    """How much the maps are blurred.

    Args:
        kernel: width of the Gaussian, cells, odd: 11 for maps taught with a sigma of 2, 17 with 3. 1 does not blur.
    """

    kernel: int = 11

    def __post_init__(self) -> None:
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise InputError(f"dark: kernel={self.kernel}; expected an odd number of cells.")


def _decode(maps: Tensor, settings: DarkSettings) -> tuple[Tensor, Tensor]:
    cells, values = heatmap_peak(maps)
    inside = ((cells >= 2) & (cells < cells.new_tensor(maps.shape[:1:-1]) - 2)).all(-1)
    logs = _blurred_around(maps, cells, settings.kernel).clamp_min(_LEAST).log()
    gradient = torch.stack([logs[..., 2, 3] - logs[..., 2, 1], logs[..., 3, 2] - logs[..., 1, 2]], dim=-1) / 2
    xx = (logs[..., 2, 4] - 2 * logs[..., 2, 2] + logs[..., 2, 0]) / 4
    yy = (logs[..., 4, 2] - 2 * logs[..., 2, 2] + logs[..., 0, 2]) / 4
    xy = (logs[..., 3, 3] - logs[..., 3, 1] - logs[..., 1, 3] + logs[..., 1, 1]) / 4
    determinant = xx * yy - xy**2
    top = inside & (xx < 0) & (determinant > 0)
    adjugate = torch.stack([yy, -xy, -xy, xx], dim=-1).unflatten(-1, (2, 2))
    step = -(adjugate @ gradient[..., None])[..., 0] / torch.where(top, determinant, 1.0)[..., None]
    near = top & (step.abs() <= 1).all(-1)
    return cells + torch.where(near[..., None], step, 0.0), values


def _blurred_around(maps: Tensor, cells: Tensor, width: int) -> Float[Tensor, "batch joints 5 5"]:
    """The five by five cells around each map's cell, rows first, blurred with a Gaussian; 0 beyond the edges."""
    reach = 2 + width // 2
    steps = torch.arange(2 * reach + 1, device=maps.device)
    padded = pad(maps, (reach,) * 4)
    rows, columns = cells[..., 1, None] + steps, cells[..., 0, None] + steps
    index = rows[..., :, None] * padded.shape[-1] + columns[..., None, :]
    patches = padded.flatten(2).gather(2, index.flatten(2)).unflatten(2, (len(steps), len(steps)))
    kernel = gaussian_kernel(width).to(maps)
    lines = torch.stack([pad(kernel, (place, 4 - place)) for place in range(5)])
    return lines @ patches @ lines.T


DECODER = Decoder("dark", "the top of a Gaussian around the highest cell (DARK)", _decode, DarkSettings, volumes=False)
