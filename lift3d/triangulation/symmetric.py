"""Symmetric 3 x 3 matrices kept as their upper triangles: 00, 01, 02, 11, 12, 22."""

from __future__ import annotations

import numpy as np

from lift3d.compiled import point_loops

__all__ = ["along", "full", "inverse", "upper"]


def along(upper: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """The quadratic form of matrices (..., 6) in directions (..., 3)."""
    x, y, z = np.moveaxis(direction, -1, 0)
    a = np.moveaxis(upper, -1, 0)
    return a[0] * x * x + a[3] * y * y + a[5] * z * z + 2 * (a[1] * x * y + a[2] * x * z + a[4] * y * z)


def full(upper: np.ndarray) -> np.ndarray:
    """Matrices (..., 3, 3) of (..., 6)."""
    return np.take(upper, [0, 1, 2, 1, 3, 4, 2, 4, 5], axis=-1).reshape(*upper.shape[:-1], 3, 3)


def upper(matrices: np.ndarray) -> np.ndarray:
    """(..., 6) of symmetric matrices (..., 3, 3): the inverse of :func:`full`."""
    return matrices.reshape(*matrices.shape[:-2], 9)[..., [0, 1, 2, 4, 5, 8]]


def inverse(upper: np.ndarray) -> np.ndarray:
    """Inverses (..., 6); NaN where there is none."""
    flat = np.ascontiguousarray(upper, np.float64).reshape(-1, 6)
    out = np.empty_like(flat)
    point_loops.covariances(flat, out)
    return out.reshape(upper.shape)
