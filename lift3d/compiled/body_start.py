"""The loop that gives poses to start from: joint by joint from the root outward, in closed form."""

from __future__ import annotations

import math

import numpy as np

from lift3d.compiled._compiling import entry, part

__all__ = ["first_poses"]

_TRUST = 2.5e-3  # square metres: how strongly a joint stays as its parent carries it, against bones of that length
_BEND_TRUST = 0.1  # squared sine of the bend from which on a hinge is trusted more than its parent


@part
def diagonalise(n, v):
    """Jacobi's method for a symmetric (4, 4): n becomes diagonal, the columns of v its eigenvectors."""
    for _ in range(12):
        off = 0.0
        for p in range(3):
            for q in range(p + 1, 4):
                off += n[p, q] * n[p, q]
        if off < 1e-24 * (1e-30 + n[0, 0] ** 2 + n[1, 1] ** 2 + n[2, 2] ** 2 + n[3, 3] ** 2):
            break
        for p in range(3):
            for q in range(p + 1, 4):
                if n[p, q] != 0.0:
                    rotate(n, v, p, q)


@part
def rotate(n, v, p, q):
    """One rotation of Jacobi's that makes n[p, q] zero."""
    slope = (n[q, q] - n[p, p]) / (2 * n[p, q])
    t = (1.0 if slope >= 0 else -1.0) / (abs(slope) + math.sqrt(slope * slope + 1))
    c = 1 / math.sqrt(t * t + 1)
    s = t * c
    for k in range(4):
        one, other = n[k, p], n[k, q]
        n[k, p], n[k, q] = c * one - s * other, s * one + c * other
    for k in range(4):
        one, other = n[p, k], n[q, k]
        n[p, k], n[q, k] = c * one - s * other, s * one + c * other
    for k in range(4):
        one, other = v[k, p], v[k, q]
        v[k, p], v[k, q] = c * one - s * other, s * one + c * other


@part
def best_rotation(b, out):
    """Write the rotation R that maximises trace(R^T b): Horn's (1987) largest eigenvector, by Jacobi's method."""
    n, v = np.empty((4, 4)), np.eye(4)
    n[0, 0] = b[0, 0] + b[1, 1] + b[2, 2]
    n[1, 1] = b[0, 0] - b[1, 1] - b[2, 2]
    n[2, 2] = b[1, 1] - b[0, 0] - b[2, 2]
    n[3, 3] = b[2, 2] - b[0, 0] - b[1, 1]
    n[0, 1] = n[1, 0] = b[2, 1] - b[1, 2]
    n[0, 2] = n[2, 0] = b[0, 2] - b[2, 0]
    n[0, 3] = n[3, 0] = b[1, 0] - b[0, 1]
    n[1, 2] = n[2, 1] = b[0, 1] + b[1, 0]
    n[1, 3] = n[3, 1] = b[0, 2] + b[2, 0]
    n[2, 3] = n[3, 2] = b[1, 2] + b[2, 1]
    diagonalise(n, v)
    best = 0
    for k in range(1, 4):
        if n[k, k] > n[best, best]:
            best = k
    w, x, y, z = v[0, best], v[1, best], v[2, best], v[3, best]
    out[0, 0], out[0, 1], out[0, 2] = 1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)
    out[1, 0], out[1, 1], out[1, 2] = 2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)
    out[2, 0], out[2, 1], out[2, 2] = 2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)


@part
def carried(turn, vector, out):
    """Write turn @ vector."""
    for i in range(3):
        out[i] = turn[i, 0] * vector[0] + turn[i, 1] * vector[1] + turn[i, 2] * vector[2]


@part
def twist(turn, hinge, upper, lower):
    """Twist an orientation about its bone so that the hinge at the bone's end lies where the joint bends.

    Fully where the joint is bent, fading out where it is straight or bent the wrong way.

    Args:
        turn: (3, 3), changed.
        hinge: axis of the bend at rest.
        upper, lower: the bones before and after the hinge, in the world.
    """
    first = math.sqrt(upper[0] ** 2 + upper[1] ** 2 + upper[2] ** 2)
    second = math.sqrt(lower[0] ** 2 + lower[1] ** 2 + lower[2] ** 2)
    if first < 1e-6 or second < 1e-6:
        return
    u, v = upper / first, lower / second
    bend = np.array([u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]])
    axis = np.empty(3)
    carried(turn, hinge, axis)
    size = math.sqrt((bend * bend).sum())
    if size < 1e-6:
        return
    along = axis[0] * u[0] + axis[1] * u[1] + axis[2] * u[2]
    axis -= along * u
    axis /= max(math.sqrt((axis * axis).sum()), 1e-6)
    cosine = (axis * bend).sum()
    sine = (
        u[0] * (axis[1] * bend[2] - axis[2] * bend[1])
        + u[1] * (axis[2] * bend[0] - axis[0] * bend[2])
        + u[2] * (axis[0] * bend[1] - axis[1] * bend[0])
    )
    weight = (size + cosine) / 2  # its sine, but nothing where it is bent the wrong way
    angle = math.atan2(weight * sine, weight * cosine + _BEND_TRUST)
    c, s = math.cos(angle), math.sin(angle)
    for j in range(3):
        x, y, z = turn[0, j], turn[1, j], turn[2, j]
        dot = (u[0] * x + u[1] * y + u[2] * z) * (1 - c)
        turn[0, j] = c * x + s * (u[1] * z - u[2] * y) + dot * u[0]
        turn[1, j] = c * y + s * (u[2] * x - u[0] * z) + dot * u[1]
        turn[2, j] = c * z + s * (u[0] * y - u[1] * x) + dot * u[2]


@part
def serve(parents, carriers, on, seen, observed, serves):
    """Write which points tell how each joint is turned: those below it without another that is seen between.

    Args:
        parents: (J).
        carriers, on: (M) the joint that carries each point, and the joint it is, -1 for none.
        seen: (M).
        observed: (J), written: the point that each joint is, where it was seen, else -1.
        serves: (J, M), written.
    """
    observed[:] = -1
    serves[:] = False
    for m in range(len(on)):
        if seen[m] and on[m] >= 0:
            observed[on[m]] = m
    for m in range(len(on)):
        if not seen[m]:
            continue
        j = carriers[m]
        while j >= 0:
            serves[j, m] = True
            if observed[j] >= 0:
                break
            j = parents[j]


@part
def root_place(serves, targets, rest_points, rest_root, upright, turn, place):
    """Write how the root is turned and where it is.

    Args:
        serves: (M) which points tell it.
        targets, rest_points: (M, 3).
        rest_root: (3).
        upright: (3, 3) how a root is turned of which nothing is known.
        turn, place: written.
    """
    middle, rest_middle, count = np.zeros(3), np.zeros(3), 0
    for m in range(len(serves)):
        if serves[m]:
            middle += targets[m]
            rest_middle += rest_points[m]
            count += 1
    middle /= max(count, 1)
    rest_middle /= max(count, 1)
    b = 1e-4 * upright
    for m in range(len(serves)):
        if serves[m]:
            for i in range(3):
                for k in range(3):
                    b[i, k] += (targets[m, i] - middle[i]) * (rest_points[m, k] - rest_middle[k])
    best_rotation(b, turn)
    back = np.empty(3)
    carried(turn, rest_middle - rest_root, back)
    for i in range(3):
        place[i] = middle[i] - back[i]


@part
def aim(joint, serves, targets, rest, rest_points, place, carrier, turn):
    """Write how a joint is turned so that the points that it serves for lie where they were seen.

    Args:
        joint: which.
        serves: (M) those points.
        targets: (M, 3).
        rest, rest_points: (J, 3), (M, 3) places at rest.
        place: (3) of the joint.
        carrier: (3, 3) orientation of its parent, kept where nothing tells more.
        turn: (3, 3), written.
    """
    b, told = _TRUST * carrier, False
    for m in range(len(serves)):
        if serves[m]:
            told = True
            for i in range(3):
                for k in range(3):
                    b[i, k] += (targets[m, i] - place[i]) * (rest_points[m, k] - rest[joint, k])
    if told:
        best_rotation(b, turn)
    else:
        turn[:] = carrier


@part
def local(carrier, turn, out):
    """Write carrier^T @ turn."""
    for i in range(3):
        for k in range(3):
            out[i, k] = carrier[0, i] * turn[0, k] + carrier[1, i] * turn[1, k] + carrier[2, i] * turn[2, k]


@entry
def first_poses(parents, carriers, on, bones, points, whose, targets, seen, hinges, axes, upright,
                rotations, translation):  # fmt: skip
    """Write poses that bring bones near to where points were seen.

    Each joint is turned so that what hangs on it points where it was seen (Horn 1987, "Closed-form solution of absolute
    orientation using unit quaternions"), and as its parent carries it as far as that leaves open; a bone that ends in
    a hinge is twisted so that the hinge lies where it bends.

    Args:
        parents: (J), parents first; joint 0 is the root.
        carriers, on: (M) the joint that carries each point, and the joint that it is, -1 for none.
        bones: (people, J, 3) each joint from its parent at rest; the root's from the origin.
        points: (people, M, 3) each point from its carrier at rest.
        whose: (N) person of each pose.
        targets: (N, M, 3) where points were seen.
        seen: (N, M) which of them count.
        hinges: (J) the joint below each joint that is a hinge, -1 for none.
        axes: (J, 3) axis that a joint bends about at rest, where it is a hinge.
        upright: (3, 3) how a root is turned of which nothing is known.
        rotations, translation: (N, J, 3, 3), (N, 3), written.
    """
    joints, count = len(parents), len(on)
    observed, serves = np.empty(joints, np.int64), np.empty((joints, count), np.bool_)
    rest, rest_points = np.empty((joints, 3)), np.empty((count, 3))
    places, turns, step = np.empty((joints, 3)), np.empty((joints, 3, 3)), np.empty(3)
    for n in range(len(whose)):
        own_bones, own = bones[whose[n]], targets[n]
        rest[0] = own_bones[0]
        for j in range(1, joints):
            rest[j] = rest[parents[j]] + own_bones[j]
        for m in range(count):
            rest_points[m] = rest[carriers[m]] + points[whose[n], m]
        serve(parents, carriers, on, seen[n], observed, serves)
        root_place(serves[0], own, rest_points, rest[0], upright, turns[0], places[0])
        translation[n] = places[0] - rest[0]
        rotations[n, 0] = turns[0]
        for j in range(1, joints):
            up, hinge = parents[j], hinges[j]
            if observed[j] >= 0:
                places[j] = own[observed[j]]
            else:
                carried(turns[up], own_bones[j], step)
                places[j] = places[up] + step
            aim(j, serves[j], own, rest, rest_points, places[j], turns[up], turns[j])
            if hinge >= 0 and observed[hinge] >= 0:
                knee = own[observed[hinge]]
                for m in range(count):
                    if serves[hinge, m]:
                        twist(turns[j], axes[hinge], knee - places[j], own[m] - knee)
                        break
            local(turns[up], turns[j], rotations[n, j])
