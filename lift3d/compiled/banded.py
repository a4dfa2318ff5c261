"""Symmetric banded systems of many tracks at once: Cholesky factor, solution, and the band of the inverse.

A matrix of N unknowns and half bandwidth W - 1 is kept as ``band[d, i, k]``: entry (i + d, i) of track k. All tracks go
through the same steps side by side in the innermost loop, so the compiler does several at once.
"""

from __future__ import annotations

import math

from lift3d.compiled._compiling import entry

__all__ = ["factorise", "invert_band", "multiply", "solve"]


@entry
def factorise(band):
    """Replace a positive definite band by its Cholesky factor L, A = L L^T (Golub and Van Loan 2013, 4.3.5)."""
    width, size, tracks = band.shape
    for i in range(size):
        for k in range(tracks):
            band[0, i, k] = 1 / math.sqrt(band[0, i, k])  # the reciprocal: that is what is used from here on
        reach = min(width, size - i)
        for d in range(1, reach):
            for k in range(tracks):
                band[d, i, k] *= band[0, i, k]
        for d in range(1, reach):
            for e in range(d, reach):
                for k in range(tracks):
                    band[e - d, i + d, k] -= band[d, i, k] * band[e, i, k]


@entry
def solve(band, right):
    """Replace ``right`` (N, tracks) by the solution of the factorised system."""
    width, size, tracks = band.shape
    for i in range(size):
        for k in range(tracks):
            right[i, k] *= band[0, i, k]
        for d in range(1, min(width, size - i)):
            for k in range(tracks):
                right[i + d, k] -= band[d, i, k] * right[i, k]
    for i in range(size - 1, -1, -1):
        for d in range(1, min(width, size - i)):
            for k in range(tracks):
                right[i, k] -= band[d, i, k] * right[i + d, k]
        for k in range(tracks):
            right[i, k] *= band[0, i, k]


@entry
def invert_band(band, inverse):
    """The entries of the inverse within the band, from the factorised system (Takahashi, Fagan and Chen 1973)."""
    width, size, tracks = band.shape
    for i in range(size - 1, -1, -1):
        reach = min(width, size - i)
        for d in range(reach - 1, -1, -1):
            for k in range(tracks):
                inverse[d, i, k] = band[0, i, k] * band[0, i, k] if d == 0 else 0.0
            for e in range(1, reach):
                low, high = min(d, e), max(d, e)
                for k in range(tracks):
                    inverse[d, i, k] -= band[e, i, k] * band[0, i, k] * inverse[high - low, i + low, k]


@entry
def multiply(band, vectors, out):
    """Write the product of symmetric bands, not factorised, and vectors (N, tracks)."""
    width, size, tracks = band.shape
    for i in range(size):
        for k in range(tracks):
            out[i, k] = 0.0
    for d in range(width):
        for i in range(size - d):
            for k in range(tracks):
                out[i + d, k] += band[d, i, k] * vectors[i, k]
            if d > 0:
                for k in range(tracks):
                    out[i, k] += band[d, i, k] * vectors[i + d, k]
