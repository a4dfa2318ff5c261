"""The loops over points: lens, linear triangulation, consensus, Newton's method on the reprojection error.

``lift3d.triangulation.algebraic`` and ``differentiable`` are the same mathematics on tensors. Here the points of a
block go through each step together, in loops so plain that the compiler does several points with one instruction; only
points whose views disagree are looked at one by one. All arrays are float64. Cameras come packed, one row each:

``lens``      (C,) codes of ``lift3d.geometry.distortion.Lens``
``numbers``   (C, 25): fx, skew, cx, fy, cy, eight lens coefficients, the rotation row by row, the translation

Points are relative to an origin amid the cameras, which keeps the numbers small.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lift3d.compiled._compiling import entry, once, part

__all__ = [
    "LEVELS",
    "covariances",
    "distances",
    "linear",
    "linearise",
    "pack",
    "project",
    "robust",
]

LEVELS = 65  # of the table of information by score: 0, 1/64, ..., 1

_BLOCK = 256  # points: what a block needs stays in the cache
_ENOUGH = 1e-5  # Newton's method squares the error with every step: a step as short as this was the last
_SETTLED = 2  # Gauss-Newton steps in which views may join and leave; after them they stay
_STEP = 2e-6  # metres: the last step of Newton's method in a block is shorter; what is left is far below it
_SINGULAR = 2.3e-14
_FAR = 1e12  # pixels: what lies further away, infinite or not, is no detection


def pack(intrinsics: Any, distortion: Any, rotation: Any, translation: Any, origin: Any) -> np.ndarray:
    """Rows of numbers, one a camera, for points relative to ``origin``."""
    k = np.asarray(intrinsics, np.float64)
    rotation = np.asarray(rotation, np.float64)
    shifted = np.asarray(translation, np.float64) + rotation @ np.asarray(origin, np.float64)
    parts = [k[:, 0], k[:, 1, 1:], np.asarray(distortion, np.float64), rotation.reshape(len(k), 9), shifted]
    return np.ascontiguousarray(np.concatenate(parts, axis=1))


@part
def brown_conrady(k1, k2, k3, k4, k5, k6, k7, k8, x, y):
    """Where the lens moves (x, y), and the Jacobian; ``lift3d.geometry.distortion`` has formulas and order."""
    r2 = x * x + y * y
    inverse = 1 / (1 + r2 * (k6 + r2 * (k7 + r2 * k8)))
    radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k5))) * inverse
    slope = 2 * (k1 + r2 * (2 * k2 + r2 * 3 * k5) - radial * (k6 + r2 * (2 * k7 + r2 * 3 * k8))) * inverse
    xy = x * y
    cross = slope * xy + 2 * (k3 * x + k4 * y)
    return (
        x * radial + 2 * k3 * xy + k4 * (r2 + 2 * x * x),
        y * radial + k3 * (r2 + 2 * y * y) + 2 * k4 * xy,
        radial + slope * x * x + 2 * k3 * y + 6 * k4 * x,
        cross,
        cross,
        radial + slope * y * y + 6 * k3 * y + 2 * k4 * x,
    )


@part
def fisheye(k1, k2, k3, k4, x, y):
    """As ``brown_conrady``, for the fisheye."""
    r2 = max(x * x + y * y, 1e-16)
    r = math.sqrt(r2)
    theta = math.atan(r)
    t2 = theta * theta
    scale = theta * (1 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4)))) / r
    bent_slope = 1 + t2 * (3 * k1 + t2 * (5 * k2 + t2 * (7 * k3 + t2 * 9 * k4)))
    outer = (bent_slope / (1 + r2) - scale) / r2
    cross = outer * x * y
    return x * scale, y * scale, scale + outer * x * x, cross, cross, scale + outer * y * y


@part
def human36m(k1, k2, k3, k4, k5, x, y):
    """As ``brown_conrady``, for the lens of Human3.6M."""
    r2 = x * x + y * y
    scale = 1 + r2 * (k1 + r2 * (k2 + r2 * k5)) + k3 * y + k4 * x
    slope = 2 * (k1 + r2 * (2 * k2 + r2 * 3 * k5))
    scale_dx, scale_dy = slope * x + k4, slope * y + k3
    return (
        x * scale + k4 * r2,
        y * scale + k3 * r2,
        scale + x * scale_dx + 2 * k4 * x,
        x * scale_dy + 2 * k4 * y,
        y * scale_dx + 2 * k3 * x,
        scale + y * scale_dy + 2 * k3 * y,
    )


@part
def bend(lens, n, x, y, to):
    """Where the lens of one camera moves the points (x, y): to[0], to[1]; and the Jacobian: to[2] to to[5]."""
    k1, k2, k3, k4, k5, k6, k7, k8 = n[5], n[6], n[7], n[8], n[9], n[10], n[11], n[12]
    if lens == 0:  # a loop of its own for each lens lets the compiler do several points at once
        for b in range(x.shape[0]):
            to[0, b], to[1, b], to[2, b], to[3, b], to[4, b], to[5, b] = brown_conrady(
                k1, k2, k3, k4, k5, k6, k7, k8, x[b], y[b]
            )
    elif lens == 1:
        for b in range(x.shape[0]):
            to[0, b], to[1, b], to[2, b], to[3, b], to[4, b], to[5, b] = fisheye(k1, k2, k3, k4, x[b], y[b])
    else:
        for b in range(x.shape[0]):
            to[0, b], to[1, b], to[2, b], to[3, b], to[4, b], to[5, b] = human36m(k1, k2, k3, k4, k5, x[b], y[b])


@part
def rays(lens, n, u, v, x, y, weight, to):
    """Pixels (u, v) of one camera on the normalised plane without distortion, written into x and y.

    Newton's method as in ``lift3d.geometry.distortion.undistort``. Where it finds nothing, the weight becomes 0.
    """
    fx, skew, cx, fy, cy = n[0], n[1], n[2], n[3], n[4]
    k1, k2, k5, k6, k7, k8 = n[5], n[6], n[9], n[10], n[11], n[12]
    for b in range(x.shape[0]):
        target_y = (v[b] - cy) / fy
        target_x = (u[b] - cx - skew * target_y) / fx
        r2 = target_x * target_x + target_y * target_y
        radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k5))) / (1 + r2 * (k6 + r2 * (k7 + r2 * k8)))
        scale = 1 / min(max(radial, 0.5), 2.0)
        x[b], y[b] = target_x * scale, target_y * scale
    if lens == 1:
        for b in range(x.shape[0]):
            target_y = (v[b] - cy) / fy
            target_x = (u[b] - cx - skew * target_y) / fx
            angle = min(max(math.sqrt(target_x * target_x + target_y * target_y), 1e-12), 1.5)
            x[b], y[b] = target_x * math.tan(angle) / angle, target_y * math.tan(angle) / angle
    for _ in range(50):
        bend(lens, n, x, y, to)
        moving = 0
        for b in range(x.shape[0]):
            target_y = (v[b] - cy) / fy
            target_x = (u[b] - cx - skew * target_y) / fx
            inverse = 1 / (to[2, b] * to[5, b] - to[3, b] * to[4, b])
            left_x, left_y = target_x - to[0, b], target_y - to[1, b]
            step_x = (to[5, b] * left_x - to[3, b] * left_y) * inverse
            step_y = (to[2, b] * left_y - to[4, b] * left_x) * inverse
            x[b] += step_x
            y[b] += step_y
            to[0, b] = step_x * step_x + step_y * step_y
            moving += 1 if to[0, b] > _ENOUGH * _ENOUGH else 0
        if moving == 0:
            break
    for b in range(x.shape[0]):
        # where the formula has turned back on itself lies what no real lens sees
        sound = (to[2, b] * to[5, b] > to[3, b] * to[4, b]) & (to[2, b] + to[5, b] > 0)
        if not ((to[0, b] <= _ENOUGH * _ENOUGH) & sound):
            x[b], y[b], weight[b] = 0.0, 0.0, 0.0


@part
def solve(a00, a01, a02, a11, a12, a22, b0, b1, b2):
    """x, y and z of a symmetric system; NaN where it is singular."""
    c00, c01, c02 = a11 * a22 - a12 * a12, a02 * a12 - a01 * a22, a01 * a12 - a02 * a11
    c11, c12, c22 = a00 * a22 - a02 * a02, a01 * a02 - a00 * a12, a00 * a11 - a01 * a01
    determinant = a00 * c00 + a01 * c01 + a02 * c02
    trace = a00 + a11 + a22
    inverse = 1 / determinant if determinant > _SINGULAR * trace * trace * trace else math.nan
    return (
        (c00 * b0 + c01 * b1 + c02 * b2) * inverse,
        (c01 * b0 + c11 * b1 + c12 * b2) * inverse,
        (c02 * b0 + c12 * b1 + c22 * b2) * inverse,
    )


@part
def add_rays(n, x, y, weight, sums):
    """Add the normal equations of one camera's rays to sums (9, points); ``algebraic`` has the formulas."""
    r00, r01, r02, r10, r11, r12, r20, r21, r22 = n[13], n[14], n[15], n[16], n[17], n[18], n[19], n[20], n[21]
    t0, t1, t2 = n[22], n[23], n[24]
    for b in range(x.shape[0]):
        x0, x1, x2, x3 = x[b] * r20 - r00, x[b] * r21 - r01, x[b] * r22 - r02, t0 - x[b] * t2
        y0, y1, y2, y3 = y[b] * r20 - r10, y[b] * r21 - r11, y[b] * r22 - r12, t1 - y[b] * t2
        w = weight[b]
        sums[0, b] += w * (x0 * x0 + y0 * y0)
        sums[1, b] += w * (x0 * x1 + y0 * y1)
        sums[2, b] += w * (x0 * x2 + y0 * y2)
        sums[3, b] += w * (x1 * x1 + y1 * y1)
        sums[4, b] += w * (x1 * x2 + y1 * y2)
        sums[5, b] += w * (x2 * x2 + y2 * y2)
        sums[6, b] += w * (x0 * x3 + y0 * y3)
        sums[7, b] += w * (x1 * x3 + y1 * y3)
        sums[8, b] += w * (x2 * x3 + y2 * y3)


@once
def accumulate(values, sums):
    """Add values to sums, both (9, points)."""
    for k in range(sums.shape[0]):
        for b in range(sums.shape[1]):
            sums[k, b] += values[k, b]


@part
def solve_all(sums, out):
    """Solve the systems sums (9, points) into out (3, points)."""
    for b in range(out.shape[1]):
        out[0, b], out[1, b], out[2, b] = solve(
            sums[0, b], sums[1, b], sums[2, b], sums[3, b], sums[4, b], sums[5, b], sums[6, b], sums[7, b], sums[8, b]
        )


@part
def take(pixels, weights, start, u, v, weight):
    """Copy one camera's part of a block, with 0 for what is missing."""
    for b in range(u.shape[0]):
        own_u, own_v, w = pixels[start + b, 0], pixels[start + b, 1], weights[b]
        seen = (w > 0) & (abs(own_u) < _FAR) & (abs(own_v) < _FAR)  # not NaN either
        u[b] = own_u if seen else 0.0
        v[b] = own_v if seen else 0.0
        weight[b] = w if seen else 0.0


@entry
def linear(lens, numbers, pixels, weights, points):
    """Weighted linear triangulation of pixels (C, N, 2) into points (N, 3); NaN with fewer than two views."""
    cameras, count = weights.shape
    u, v, x, y, weight = np.empty((5, _BLOCK))
    to, sums, found, views = np.empty((6, _BLOCK)), np.empty((9, _BLOCK)), np.empty((3, _BLOCK)), np.empty(_BLOCK)
    for start in range(0, count, _BLOCK):
        size = min(_BLOCK, count - start)
        sums[:] = 0
        views[:] = 0
        for c in range(cameras):
            take(pixels[c], weights[c, start : start + size], start, u[:size], v[:size], weight[:size])
            rays(lens[c], numbers[c], u[:size], v[:size], x[:size], y[:size], weight[:size], to)
            add_rays(numbers[c], x[:size], y[:size], weight[:size], sums)
            for b in range(size):
                views[b] += weight[b] > 0
        solve_all(sums, found)
        for b in range(size):
            for k in range(3):
                points[start + b, k] = found[k, b] if views[b] >= 2 else math.nan


@part
def look_up(tables, scores, weight):
    """The information of each pixel of one camera by its score, between the levels of its table; 0 stays 0."""
    for b in range(weight.shape[0]):
        at = min(scores[b], 1.0) * (LEVELS - 1) if weight[b] > 0 else 0.0  # not NaN, which is no place in a table
        low = min(int(at), LEVELS - 2)
        between = tables[low] + (at - low) * (tables[low + 1] - tables[low])
        weight[b] = between if weight[b] > 0 else 0.0


@part
def see(lens, n, at, seen):
    """Where one camera sees the points ``at`` (3, points): seen (9, points), which are ``bend``'s six, x, y, near.

    Near is 1 / depth, negative behind the camera.
    """
    r00, r01, r02, r10, r11, r12, r20, r21, r22 = n[13], n[14], n[15], n[16], n[17], n[18], n[19], n[20], n[21]
    t0, t1, t2 = n[22], n[23], n[24]
    for b in range(at.shape[1]):
        near = 1 / (r20 * at[0, b] + r21 * at[1, b] + r22 * at[2, b] + t2)
        seen[6, b] = (r00 * at[0, b] + r01 * at[1, b] + r02 * at[2, b] + t0) * near
        seen[7, b] = (r10 * at[0, b] + r11 * at[1, b] + r12 * at[2, b] + t1) * near
        seen[8, b] = near
    bend(lens, n, seen[6], seen[7], seen)


@once
def place(points, start, size, at):
    """Copy the points (N, 3) of a block into ``at`` (3, points)."""
    for b in range(size):
        at[0, b], at[1, b], at[2, b] = points[start + b, 0], points[start + b, 1], points[start + b, 2]


@entry
def project(lens, numbers, points, pixels):
    """Write the distorted pixels (C, N, 2) of points (N, 3); NaN where missing or behind a camera."""
    cameras, count = numbers.shape[0], points.shape[0]
    seen, at = np.empty((9, _BLOCK)), np.zeros((3, _BLOCK))
    for start in range(0, count, _BLOCK):
        size = min(_BLOCK, count - start)
        place(points, start, size, at)
        for c in range(cameras):
            see(lens[c], numbers[c], at, seen)
            for b in range(size):
                u = numbers[c, 0] * seen[0, b] + numbers[c, 1] * seen[1, b] + numbers[c, 2]
                v = numbers[c, 3] * seen[1, b] + numbers[c, 4]
                pixels[c, start + b, 0] = u if seen[8, b] > 0 else math.nan
                pixels[c, start + b, 1] = v if seen[8, b] > 0 else math.nan


@entry
def distances(lens, numbers, points, pixels, out):
    """Write how far, in pixels, the detections (C, N, 2) lie from where the points are seen; NaN without either."""
    cameras, count = numbers.shape[0], points.shape[0]
    seen, at = np.empty((9, _BLOCK)), np.zeros((3, _BLOCK))
    for start in range(0, count, _BLOCK):
        size = min(_BLOCK, count - start)
        place(points, start, size, at)
        for c in range(cameras):
            see(lens[c], numbers[c], at, seen)
            for b in range(size):
                u = numbers[c, 0] * seen[0, b] + numbers[c, 1] * seen[1, b] + numbers[c, 2] - pixels[c, start + b, 0]
                v = numbers[c, 3] * seen[1, b] + numbers[c, 4] - pixels[c, start + b, 1]
                out[c, start + b] = math.sqrt(u * u + v * v) if seen[8, b] > 0 else math.nan


@entry
def covariances(information, out):
    """Write the inverses of symmetric 3 x 3 matrices, both (N, 6) upper triangles; NaN where there is none."""
    for p in range(information.shape[0]):
        invert(information[p], out[p])
        if not out[p, 0] > 0:
            out[p] = math.nan


@part
def misfits(n, u, v, weight, seen, misfit):
    """Write misfit (4, points): du, dv, nothing yet, the weighted squared residual; infinite behind the camera."""
    fx, skew, cx, fy, cy = n[0], n[1], n[2], n[3], n[4]
    for b in range(u.shape[0]):
        du = fx * seen[0, b] + skew * seen[1, b] + cx - u[b]
        dv = fy * seen[1, b] + cy - v[b]
        misfit[0, b], misfit[1, b] = du, dv
        misfit[3, b] = weight[b] * (du * du + dv * dv) if seen[8, b] > 0 else math.inf


@once
def choose(misfit, weight, gate, keep):
    """Write 1 into ``keep`` where a view lies within the gate, else 0."""
    for b in range(keep.shape[0]):
        keep[b] = 1.0 if (misfit[3, b] <= gate) & (weight[b] > 0) else 0.0


@part
def soften(misfit, weight, keep, kernel):
    """Write what each view counts: its weight, halved where the squared residual is the kernel; 0 where not kept."""
    for b in range(keep.shape[0]):
        misfit[2, b] = weight[b] / (1 + misfit[3, b] / kernel) if keep[b] > 0 else 0.0


@part
def slopes(n, seen, plane, slope):
    """Write slope (6, points) of the pixel along the world's axes, of u and then of v, from what ``see`` gives.

    ``plane`` (6, points) is written on the way: the slopes along the camera's axes. In one loop the compiler would not
    see that it may do several points at once.
    """
    fx, skew, fy = n[0], n[1], n[3]
    for b in range(slope.shape[1]):
        near = seen[8, b]
        ux, uy = (fx * seen[2, b] + skew * seen[4, b]) * near, (fx * seen[3, b] + skew * seen[5, b]) * near
        vx, vy = fy * seen[4, b] * near, fy * seen[5, b] * near
        plane[0, b], plane[1, b], plane[2, b] = ux, uy, -(ux * seen[6, b] + uy * seen[7, b])
        plane[3, b], plane[4, b], plane[5, b] = vx, vy, -(vx * seen[6, b] + vy * seen[7, b])
    r00, r01, r02, r10, r11, r12, r20, r21, r22 = n[13], n[14], n[15], n[16], n[17], n[18], n[19], n[20], n[21]
    for b in range(slope.shape[1]):
        ux, uy, uz, vx, vy, vz = plane[0, b], plane[1, b], plane[2, b], plane[3, b], plane[4, b], plane[5, b]
        slope[0, b], slope[3, b] = ux * r00 + uy * r10 + uz * r20, vx * r00 + vy * r10 + vz * r20
        slope[1, b], slope[4, b] = ux * r01 + uy * r11 + uz * r21, vx * r01 + vy * r11 + vz * r21
        slope[2, b], slope[5, b] = ux * r02 + uy * r12 + uz * r22, vx * r02 + vy * r12 + vz * r22


@part
def add_residuals(slope, misfit, kernel, sums):
    """Add one camera's part of Newton's equations of the robust reprojection error to sums (9, points).

    The cost of a residual r of weight W is kernel / 2 log(1 + W r^2 / kernel) (Cauchy). Its slope is w J^T r with
    w = W / (1 + W r^2 / kernel); its curvature, that of the projection left out, w J^T J - 2 / kernel (w J^T r)^2, of
    which at least half of w J^T J is kept: w J^T J bounds the cost from above, so no step that long, of a projection
    without bends, raises it, whereas one as long as the curvature far from the detection says goes anywhere.
    """
    bend_back = 2 / kernel
    for b in range(sums.shape[1]):
        u0, u1, u2, v0, v1, v2 = slope[0, b], slope[1, b], slope[2, b], slope[3, b], slope[4, b], slope[5, b]
        du, dv, w = misfit[0, b], misfit[1, b], misfit[2, b]
        g0, g1, g2 = w * (u0 * du + v0 * dv), w * (u1 * du + v1 * dv), w * (u2 * du + v2 * dv)
        back = min(bend_back, 0.5 / (w * (du * du + dv * dv)))
        sums[0, b] += w * (u0 * u0 + v0 * v0) - back * g0 * g0
        sums[1, b] += w * (u0 * u1 + v0 * v1) - back * g0 * g1
        sums[2, b] += w * (u0 * u2 + v0 * v2) - back * g0 * g2
        sums[3, b] += w * (u1 * u1 + v1 * v1) - back * g1 * g1
        sums[4, b] += w * (u1 * u2 + v1 * v2) - back * g1 * g2
        sums[5, b] += w * (u2 * u2 + v2 * v2) - back * g2 * g2
        sums[6, b] -= g0
        sums[7, b] -= g1
        sums[8, b] -= g2


@part
def disagreement(n, c, x, y, z, ray_x, ray_y):
    """Squared distance in pixels between a point and a ray, the lens left out; infinite behind the camera."""
    depth = n[c, 19] * x + n[c, 20] * y + n[c, 21] * z + n[c, 24]
    if not depth > 0:
        return math.inf
    u = n[c, 0] * ((n[c, 13] * x + n[c, 14] * y + n[c, 15] * z + n[c, 22]) / depth - ray_x)
    v = n[c, 3] * ((n[c, 16] * x + n[c, 17] * y + n[c, 18] * z + n[c, 23]) / depth - ray_y)
    return u * u + v * v


@part
def total_cost(n, b, x, y, z, rays_x, rays_y, weight, gate, enough):
    """What a point costs in all views, no view more than the gate; stops once it is ``enough``."""
    cost = 0.0
    for c in range(n.shape[0]):
        if weight[c, b] > 0:
            cost += min(weight[c, b] * disagreement(n, c, x, y, z, rays_x[c, b], rays_y[c, b]), gate)
            if not cost < enough:
                break
    return cost


@once
def add_doubt(n, at, rays_x, rays_y, weight, worst):
    """Raise ``worst`` to one camera's weighted squared disagreement with the points."""
    for b in range(worst.shape[0]):
        inverse = 1 / (n[19] * at[0, b] + n[20] * at[1, b] + n[21] * at[2, b] + n[24])
        u = n[0] * ((n[13] * at[0, b] + n[14] * at[1, b] + n[15] * at[2, b] + n[22]) * inverse - rays_x[b])
        v = n[3] * ((n[16] * at[0, b] + n[17] * at[1, b] + n[18] * at[2, b] + n[23]) * inverse - rays_y[b])
        error = weight[b] * (u * u + v * v)
        error = error if (inverse > 0) | (weight[b] == 0) else math.inf
        worst[b] = error if not error <= worst[b] else worst[b]


@once
def consensus(n, b, rays_x, rays_y, weight, own, pairs, most_pairs, gate, pair_gate, at):
    """Move one point of a block to where the most views agree (MSAC; Torr and Zisserman 2000).

    Every pair of views proposes a point; the one that costs least wins. Returns how many pairs agree within themselves:
    if in the end only two views agree and it is more than one, nothing tells which are right.
    """
    best = total_cost(n, b, at[0, b], at[1, b], at[2, b], rays_x, rays_y, weight, gate, math.inf)
    tried, agreeing = 0, 0
    for pair in range(pairs.shape[0]):
        i, j = pairs[pair, 0], pairs[pair, 1]
        if tried == most_pairs or not (weight[i, b] > 0 and weight[j, b] > 0):
            continue
        tried += 1
        x, y, z = solve(
            own[i, 0, b] + own[j, 0, b], own[i, 1, b] + own[j, 1, b], own[i, 2, b] + own[j, 2, b],
            own[i, 3, b] + own[j, 3, b], own[i, 4, b] + own[j, 4, b], own[i, 5, b] + own[j, 5, b],
            own[i, 6, b] + own[j, 6, b], own[i, 7, b] + own[j, 7, b], own[i, 8, b] + own[j, 8, b],
        )  # fmt: skip
        error = weight[i, b] * disagreement(n, i, x, y, z, rays_x[i, b], rays_y[i, b])
        error += weight[j, b] * disagreement(n, j, x, y, z, rays_x[j, b], rays_y[j, b])
        agreeing += 1 if error <= pair_gate else 0
        cost = total_cost(n, b, x, y, z, rays_x, rays_y, weight, gate, best)
        if cost < best or not best >= 0:
            best = cost
            at[0, b], at[1, b], at[2, b] = x, y, z
    return agreeing


@entry
def robust(lens, numbers, pixels, scores, tables, pairs, settings, points, information, used):
    """Consensus of views, then Newton's method on the reprojection error of those that agree.

    Args:
        pixels, scores: (C, N, 2) and (C, N); a view is missing where its score is not above 0 or a pixel NaN.
        tables: (C, LEVELS) 1 / variance of a pixel by score, 1 / px^2.
        pairs: (P, 2) cameras, in the order in which they are tried.
        settings: gate, kernel and gate of two views alone (standard deviations), most pairs tried, most steps.
        points: (N, 3), written; NaN where fewer than two views agree, or, of many, no more than a third.
        information: (N, 6), written; upper triangle of the inverse covariance.
        used: (C, N) bool, written; the views that agree.
    """
    cameras, count = scores.shape
    gate, kernel, pair_gate = settings[0] ** 2, settings[1] ** 2, settings[2] ** 2
    u, v, weight = np.empty((3, cameras, _BLOCK))
    rays_x, rays_y, keep = np.empty((3, cameras, _BLOCK))
    rivals, worst, views, left = np.empty((4, _BLOCK))
    own, seen = np.empty((cameras, 9, _BLOCK)), np.empty((9, _BLOCK))
    plane, slope, misfit = np.empty((6, _BLOCK)), np.empty((6, _BLOCK)), np.empty((4, _BLOCK))
    sums, at, step = np.empty((9, _BLOCK)), np.empty((3, _BLOCK)), np.empty((3, _BLOCK))
    for start in range(0, count, _BLOCK):
        size = min(_BLOCK, count - start)
        sums[:] = 0
        own[:] = 0
        for c in range(cameras):
            part = scores[c, start : start + size]
            take(pixels[c], part, start, u[c, :size], v[c, :size], weight[c, :size])
            x, y, w = rays_x[c, :size], rays_y[c, :size], weight[c, :size]
            rays(lens[c], numbers[c], u[c, :size], v[c, :size], x, y, w, seen)
            look_up(tables[c], part, w)
            add_rays(numbers[c], x, y, w, own[c])
            accumulate(own[c], sums)
        solve_all(sums, at)
        worst[:] = 0
        for c in range(cameras):
            add_doubt(numbers[c], at, rays_x[c], rays_y[c], weight[c], worst[:size])
        for b in range(size):
            rivals[b] = 0
            if not worst[b] <= gate:
                rivals[b] = consensus(
                    numbers, b, rays_x, rays_y, weight, own, pairs, int(settings[3]), gate, pair_gate, at
                )
        descend(
            lens,
            numbers,
            size,
            u,
            v,
            weight,
            keep,
            gate,
            kernel,
            int(settings[4]),
            seen,
            plane,
            slope,
            misfit,
            sums,
            step,
            at,
        )
        add_information(lens, numbers, size, u, v, weight, keep, seen, plane, slope, misfit, at, sums, views, left)
        for b in range(size):
            seen_by = 0
            for c in range(cameras):
                seen_by += 1 if weight[c, b] > 0 else 0
            found = (at[0, b] == at[0, b]) & (views[b] >= max(2, 1 + seen_by // 3))
            if views[b] == 2:
                found = found & (rivals[b] <= 1) & (left[b] <= pair_gate)
            for k in range(3):
                points[start + b, k] = at[k, b] if found else math.nan
            for k in range(6):
                information[start + b, k] = sums[k, b] if found else 0.0
            for c in range(cameras):
                used[c, start + b] = found and keep[c, b] > 0


@once
def descend(
    lens, numbers, size, u, v, weight, keep, gate, kernel, most_steps, seen, plane, slope, misfit, sums, step, at
):
    """Newton's method for a block: moves the points ``at``, decides which views to ``keep``."""
    for iteration in range(most_steps):
        sums[:] = 0
        for c in range(numbers.shape[0]):
            see(lens[c], numbers[c], at, seen)
            misfits(numbers[c], u[c, :size], v[c, :size], weight[c], seen, misfit)
            if iteration < _SETTLED:
                choose(misfit, weight[c], gate, keep[c, :size])
            soften(misfit, weight[c], keep[c], kernel)
            slopes(numbers[c], seen, plane, slope)
            add_residuals(slope, misfit, kernel, sums)
        solve_all(sums, step)
        longest = 0.0
        for b in range(size):
            at[0, b] += step[0, b]
            at[1, b] += step[1, b]
            at[2, b] += step[2, b]
            length = step[0, b] * step[0, b] + step[1, b] * step[1, b] + step[2, b] * step[2, b]
            longest = max(longest, length if length == length else 0.0)
        if iteration >= _SETTLED - 1 and longest < _STEP * _STEP:
            break


@once
def add_information(lens, numbers, size, u, v, weight, keep, seen, plane, slope, misfit, at, sums, views, left):
    """Write the information of the views kept (first six of ``sums``), their number, and their squared residuals."""
    sums[:] = 0
    views[:] = 0
    left[:] = 0
    for c in range(numbers.shape[0]):
        see(lens[c], numbers[c], at, seen)
        misfits(numbers[c], u[c, :size], v[c, :size], weight[c], seen, misfit)
        soften(misfit, weight[c], keep[c], math.inf)
        slopes(numbers[c], seen, plane, slope)
        add_residuals(slope, misfit, math.inf, sums)
        for b in range(size):
            views[b] += keep[c, b]
            left[b] += misfit[3, b] if keep[c, b] > 0 else 0.0


@part
def invert(a, out):
    """Upper triangle of the inverse of a symmetric matrix given by its upper triangle."""
    c00, c01, c02 = a[3] * a[5] - a[4] * a[4], a[2] * a[4] - a[1] * a[5], a[1] * a[4] - a[2] * a[3]
    inverse = 1 / (a[0] * c00 + a[1] * c01 + a[2] * c02)
    out[0], out[1], out[2] = c00 * inverse, c01 * inverse, c02 * inverse
    out[3] = (a[0] * a[5] - a[2] * a[2]) * inverse
    out[4] = (a[1] * a[2] - a[0] * a[4]) * inverse
    out[5] = (a[0] * a[3] - a[1] * a[1]) * inverse


@entry
def linearise(lens, numbers, pixels, scores, tables, gate, kernel, points, equations, used):
    """Normal equations (N, 9) of the views within the gate of given points (N, 3), for a step away from them.

    Args:
        gate, kernel: standard deviations.
        equations: written: upper triangle of the information, and the gradient; 0 where no view is within the gate.
        used: (C, N) bool, written.
    """
    cameras, count = scores.shape
    u, v, weight, keep = np.empty((4, _BLOCK))
    seen, plane = np.empty((9, _BLOCK)), np.empty((6, _BLOCK))
    slope, misfit = np.empty((6, _BLOCK)), np.empty((4, _BLOCK))
    sums, at = np.empty((9, _BLOCK)), np.empty((3, _BLOCK))
    for start in range(0, count, _BLOCK):
        size = min(_BLOCK, count - start)
        place(points, start, size, at)
        sums[:] = 0
        for c in range(cameras):
            part = scores[c, start : start + size]
            take(pixels[c], part, start, u[:size], v[:size], weight[:size])
            look_up(tables[c], part, weight[:size])
            see(lens[c], numbers[c], at, seen)
            misfits(numbers[c], u[:size], v[:size], weight, seen, misfit)
            choose(misfit, weight, gate * gate, keep[:size])
            soften(misfit, weight, keep, kernel * kernel)
            slopes(numbers[c], seen, plane, slope)
            add_residuals(slope, misfit, math.inf, sums)
            for b in range(size):
                used[c, start + b] = keep[b] > 0
        for b in range(size):
            for k in range(9):
                equations[start + b, k] = sums[k, b]
