"""What pictures ask of points: the robust reprojection error of all views, summed point by point.

Each point gets one 3 x 3 information and one gradient however many cameras see it, so that what follows costs the same
for many cameras as for few. Arrays and cameras are those of ``lift3d.compiled.point_loops``, whose parts these are.
"""

from __future__ import annotations

import numpy as np

from lift3d.compiled._compiling import entry, part
from lift3d.compiled.point_loops import place, see, slopes

__all__ = ["reprojection_terms"]

_BLOCK = 256
_BEHIND = 1e6  # squared standard deviations that a detection is off whose point lies behind its camera


@entry
def reprojection_terms(lens, numbers, pixels, weights, bend, points, costs, information, pull):
    """Write cost, information and gradient of points (N, 3) that cameras see at given pixels.

    With the residual r of a view and e = w |r|^2 the cost is e / (1 + bend e) / 2: a square for bend = 0, else Geman
    and McClure's (1987) kernel of the scale 1 / sqrt(bend), weighted as iterated least squares have it.

    Args:
        lens, numbers: cameras.
        pixels: (C, N, 2) distorted; any finite numbers where nothing was seen.
        weights: (C, N) 1 / variance of a pixel, 1 / px^2; 0 where nothing was seen.
        bend: 1 / scale^2.
        points: relative to the origin that the cameras are packed with.
        costs: (N), written.
        information: (N, 6), written: upper triangles of the sum of J^T J by weight and kernel.
        pull: (N, 3), written.
    """
    cameras, count = weights.shape
    at, seen = np.empty((3, _BLOCK)), np.empty((9, _BLOCK))
    plane, slope, sums = np.empty((6, _BLOCK)), np.empty((6, _BLOCK)), np.empty((10, _BLOCK))
    for start in range(0, count, _BLOCK):
        size = min(_BLOCK, count - start)
        place(points, start, size, at)
        sums[:] = 0
        for c in range(cameras):
            see(lens[c], numbers[c], at[:, :size], seen[:, :size])
            slopes(numbers[c], seen[:, :size], plane[:, :size], slope[:, :size])
            add_view(
                numbers[c], pixels[c, start : start + size], weights[c, start : start + size], bend,
                seen[:, :size], slope[:, :size], sums[:, :size],
            )  # fmt: skip
        for b in range(size):
            for k in range(6):
                information[start + b, k] = sums[k, b]
            pull[start + b, 0], pull[start + b, 1], pull[start + b, 2] = sums[6, b], sums[7, b], sums[8, b]
            costs[start + b] = sums[9, b]


@part
def add_view(n, pixels, weights, bend, seen, slope, sums):
    """Add one camera's part to sums (10, points): information, gradient and cost."""
    fx, skew, cx, fy, cy = n[0], n[1], n[2], n[3], n[4]
    for b in range(sums.shape[1]):
        du = fx * seen[0, b] + skew * seen[1, b] + cx - pixels[b, 0]
        dv = fy * seen[1, b] + cy - pixels[b, 1]
        front = seen[8, b] > 0
        square = weights[b] * (du * du + dv * dv) if front else (_BEHIND if weights[b] > 0 else 0.0)
        root = 1 / (1 + bend * square)
        w = weights[b] * root * root if front else 0.0
        u0, u1, u2, v0, v1, v2 = slope[0, b], slope[1, b], slope[2, b], slope[3, b], slope[4, b], slope[5, b]
        if w > 0:
            sums[0, b] += w * (u0 * u0 + v0 * v0)
            sums[1, b] += w * (u0 * u1 + v0 * v1)
            sums[2, b] += w * (u0 * u2 + v0 * v2)
            sums[3, b] += w * (u1 * u1 + v1 * v1)
            sums[4, b] += w * (u1 * u2 + v1 * v2)
            sums[5, b] += w * (u2 * u2 + v2 * v2)
            sums[6, b] += w * (u0 * du + v0 * dv)
            sums[7, b] += w * (u1 * du + v1 * dv)
            sums[8, b] += w * (u2 * du + v2 * dv)
        sums[9, b] += square * root / 2
