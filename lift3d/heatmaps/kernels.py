"""Gaussian kernels of a given width, as OpenCV and the code published for many networks size them."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["gaussian_kernel"]


def gaussian_kernel(width: int) -> Float[Tensor, "width"]:
    """A Gaussian over ``width`` cells (odd) that sums to 1; float64.

    Its standard deviation is OpenCV's for a width alone: ``0.3 ((width - 1) / 2 - 1) + 0.8`` cells.
    """
    sigma = 0.3 * ((width - 1) / 2 - 1) + 0.8
    away = torch.arange(width, dtype=torch.float64) - width // 2
    heights = torch.exp(-(away**2) / (2 * sigma**2))
    return heights / heights.sum()
