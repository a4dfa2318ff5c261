"""The loops over the frames of tracks: systems put together from views and motion, and bones added to them."""

from __future__ import annotations

import math

from lift3d.compiled._compiling import entry

__all__ = ["add_coupling", "add_own", "assemble", "mark_impossible"]


@entry
def assemble(equations, at, precision, still, band, right):
    """Add what was seen and how the tracks move to ``band`` (7, 3 T, K); write ``right`` (3 T, K).

    Args:
        equations: (T, K, 9) information and gradient at ``at`` (T, K, 3).
        precision: (T - 2, K) 1 / variance of each acceleration.
        still: added to the diagonal, holding the tracks at ``at``.
    """
    frames, tracks = at.shape[0], at.shape[1]
    for t in range(frames):
        i = 3 * t
        for k in range(tracks):
            a00, a01, a02 = equations[t, k, 0], equations[t, k, 1], equations[t, k, 2]
            a11, a12, a22 = equations[t, k, 3], equations[t, k, 4], equations[t, k, 5]
            x, y, z = at[t, k, 0], at[t, k, 1], at[t, k, 2]
            band[0, i, k] += a00 + still
            band[0, i + 1, k] += a11 + still
            band[0, i + 2, k] += a22 + still
            band[1, i, k] += a01
            band[1, i + 1, k] += a12
            band[2, i, k] += a02
            right[i, k] = a00 * x + a01 * y + a02 * z + equations[t, k, 6] + still * x
            right[i + 1, k] = a01 * x + a11 * y + a12 * z + equations[t, k, 7] + still * y
            right[i + 2, k] = a02 * x + a12 * y + a22 * z + equations[t, k, 8] + still * z
        if t + 2 < frames:
            for axis in range(3):
                for k in range(tracks):
                    p = precision[t, k]
                    band[0, i + axis, k] += p
                    band[0, i + 3 + axis, k] += 4 * p
                    band[0, i + 6 + axis, k] += p
                    band[3, i + axis, k] -= 2 * p
                    band[3, i + 3 + axis, k] -= 2 * p
                    band[6, i + axis, k] += p


@entry
def add_own(pairs, stiffness, lengths, along, band, right):
    """Add the bones' blocks of each track itself, and the right sides."""
    for t in range(along.shape[0]):
        i = 3 * t
        for bone in range(len(pairs)):
            x, y, z = along[t, bone, 0], along[t, bone, 1], along[t, bone, 2]
            s = stiffness[bone]
            for end in range(2):
                k = pairs[bone, end]
                band[0, i, k] += s * x * x
                band[0, i + 1, k] += s * y * y
                band[0, i + 2, k] += s * z * z
                band[1, i, k] += s * x * y
                band[1, i + 1, k] += s * y * z
                band[2, i, k] += s * x * z
                pull = s * lengths[bone] * (1 - 2 * end)
                right[i, k] += pull * x
                right[i + 1, k] += pull * y
                right[i + 2, k] += pull * z


@entry
def add_coupling(pairs, stiffness, along, vectors, out):
    """Add the product with the bones' blocks between two tracks."""
    for t in range(along.shape[0]):
        i = 3 * t
        for bone in range(len(pairs)):
            x, y, z = along[t, bone, 0], along[t, bone, 1], along[t, bone, 2]
            for end in range(2):
                k, other = pairs[bone, end], pairs[bone, 1 - end]
                pull = x * vectors[i, other] + y * vectors[i + 1, other] + z * vectors[i + 2, other]
                pull *= -stiffness[bone]
                out[i, k] += pull * x
                out[i + 1, k] += pull * y
                out[i + 2, k] += pull * z


@entry
def mark_impossible(points, covariance, views, pairs, limits, stretch, sure, wrong):
    """Mark points of two views that are too far from, or too near to, another joint.

    Args:
        points: (T, J, 3), NaN where there is none.
        covariance: (T, J, 6) upper triangles.
        views: (T, J) how many views a point was made from.
        pairs: (B, 2) joints.
        limits: (B, 2) shortest and longest distance between them.
        stretch: a distance is wrong that is beyond the limits by more than this share of the longest,
        sure: and by more than so many standard deviations of the point along it.
        wrong: (T, J) bool, written where a point is wrong.
    """
    for t in range(points.shape[0]):
        for pair in range(len(pairs)):
            for end in range(2):
                one, other = pairs[pair, end], pairs[pair, 1 - end]
                if views[t, one] != 2 or views[t, other] < 2 or wrong[t, other]:
                    continue
                x = points[t, one, 0] - points[t, other, 0]
                y = points[t, one, 1] - points[t, other, 1]
                z = points[t, one, 2] - points[t, other, 2]
                distance = math.sqrt(x * x + y * y + z * z)
                off = max(limits[pair, 0] - distance, distance - limits[pair, 1])
                if not off > stretch * limits[pair, 1]:
                    continue
                a = covariance[t, one]
                spread = a[0] * x * x + a[3] * y * y + a[5] * z * z + 2 * (a[1] * x * y + a[2] * x * z + a[4] * y * z)
                if off * distance > sure * math.sqrt(max(spread, 0.0)):
                    wrong[t, one] = True
