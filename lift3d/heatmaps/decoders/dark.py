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
from torch import Tensor
from torch.nn.functional import conv2d

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
    columns = maps.shape[-1]
    inside = ((cells >= 2) & (cells < cells.new_tensor([columns, maps.shape[-2]]) - 2)).all(-1)
    logs = _blurred(maps, settings.kernel).clamp_min(_LEAST).log().flatten(2)
    index = cells[..., 1] * columns + cells[..., 0]

    def at(x: int, y: int) -> Tensor:
        place = (index + y * columns + x).clamp(0, logs.shape[2] - 1)
        return logs.gather(2, place[..., None])[..., 0]

    gradient = torch.stack([at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1)], dim=-1) / 2
    xx = (at(2, 0) - 2 * at(0, 0) + at(-2, 0)) / 4
    yy = (at(0, 2) - 2 * at(0, 0) + at(0, -2)) / 4
    xy = (at(1, 1) - at(-1, 1) - at(1, -1) + at(-1, -1)) / 4
    determinant = xx * yy - xy**2
    top = inside & (xx < 0) & (determinant > 0)
    safe = torch.where(top, determinant, 1.0)
    step = -torch.stack([yy * gradient[..., 0] - xy * gradient[..., 1],
                         xx * gradient[..., 1] - xy * gradient[..., 0]], dim=-1) / safe[..., None]  # fmt: skip
    near = top & (step.abs() <= 1).all(-1)
    return cells + torch.where(near[..., None], step, 0.0), values


def _blurred(maps: Tensor, width: int) -> Tensor:
    """Blurred with a Gaussian, nothing beyond the edges; as high as before."""
    if width == 1:
        return maps
    kernel = gaussian_kernel(width).to(maps)
    flat = maps.flatten(0, 1)[:, None]
    along_x = conv2d(flat, kernel[None, None, None, :], padding=(0, width // 2))
    smooth = conv2d(along_x, kernel[None, None, :, None], padding=(width // 2, 0)).reshape(maps.shape)
    height = maps.flatten(2).amax(-1) / smooth.flatten(2).amax(-1).clamp_min(_LEAST)
    return smooth * height[..., None, None]


DECODER = Decoder("dark", "the top of a Gaussian around the highest cell (DARK)", _decode, DarkSettings, volumes=False)
