"""Gaussian kernels of a given width, as OpenCV and the code published for many networks size them."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["gaussian_kernel"]

# OpenCV's own kernels of 3, 5 and 7 cells, from the middle outward. Newer versions have one of 9 cells as well, at most
# 0.002 from the Gaussian that the published networks were taught with.
_SMALL = {3: (0.5, 0.25), 5: (0.375, 0.25, 0.0625), 7: (0.28125, 0.21875, 0.109375, 0.03125)}


def gaussian_kernel(width: int) -> Float[Tensor, "width"]:
    """A Gaussian over ``width`` cells (odd) that sums to 1; float64.

    Its standard deviation is OpenCV's for a width alone: ``0.3 ((width - 1) / 2 - 1) + 0.8`` cells; up to 7 cells it is
    rounded, as there.
    """
    away = torch.arange(width) - width // 2
    if width in _SMALL:
        return torch.tensor(_SMALL[width], dtype=torch.float64)[away.abs()]
    sigma = 0.3 * ((width - 1) / 2 - 1) + 0.8
    heights = torch.exp(-(away.double() ** 2) / (2 * sigma**2))
    return heights / heights.sum()
