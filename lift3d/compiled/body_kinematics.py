"""The loops of a body fit over poses: where joints and points are, and what that costs.

Every pose has its own unknowns, a translation and a rotation for each joint that moves something ("nodes", node 0 is
the translation), and shares a few with the other poses of its person: the shape, and offsets of the points. A rotation
is changed by a rotation vector w in the world's axes, about the joint's place: all that hangs on the joint turns with
it. With G the joint's orientation this is the increment G^T w on the right of its own rotation.

All is float64. Symmetric 3 x 3 matrices are upper triangles (xx, xy, xz, yy, yz, zz). Costs are halves of squares.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from lift3d.compiled._compiling import entry, once, part

__all__ = ["Held", "Rest", "Tree", "forward", "held_costs", "moved", "point_terms"]


class Tree(NamedTuple):
    """How joints, nodes and points hang together; parents come before their children.

    Args:
        parents: (J) parent of each joint, -1 for the root.
        joints: (K) joint of each node, -1 for node 0, the translation; node 1 is the root's.
        depths: (K) how many nodes the chain from node 0 to each node has.
        chains: (K, deepest) those nodes, from node 0.
        carriers: (M) node of the joint that carries each point.
    """

    parents: np.ndarray
    joints: np.ndarray
    depths: np.ndarray
    chains: np.ndarray
    carriers: np.ndarray


class Rest(NamedTuple):
    """Where joints and points are on a body at rest, metres.

    Args:
        bones: (people, J, 3) each joint from its parent; the root's from the origin.
        points: (people, M, 3) each point from the joint that carries it.
        bone_steps: (J, 3, S) what one unit of each shape component adds to ``bones``.
        point_steps: (M, 3, S) the same for ``points``.
    """

    bones: np.ndarray
    points: np.ndarray
    bone_steps: np.ndarray
    point_steps: np.ndarray


class Held(NamedTuple):
    """What is known of poses beforehand; all in terms of rotation vectors of the nodes' joints.

    Args:
        means: (C, K, 3) of the components of a mixture of Gaussians.
        precisions: (C, K, deepest, 3, 3) blocks of each node with the nodes of its chain; others are zero.
        constants: (C) cost of each component at its mean.
        still: (K) stiffness with which each node is held at no rotation.
        hinges: (H) nodes that bend about one axis.
        axes: (H, 3) that axis, at rest.
        limits: (H, 2) least and largest bend, radians.
        stop: stiffness beyond the limits.
    """

    means: np.ndarray
    precisions: np.ndarray
    constants: np.ndarray
    still: np.ndarray
    hinges: np.ndarray
    axes: np.ndarray
    limits: np.ndarray
    stop: float


@once
def turned(matrix, vector, out):
    """Write matrix @ vector."""
    for i in range(3):
        out[i] = matrix[i, 0] * vector[0] + matrix[i, 1] * vector[1] + matrix[i, 2] * vector[2]


@once
def times(a, b, out):
    """Write a @ b."""
    for i in range(3):
        for j in range(3):
            out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]


@part
def rotation_of(vector, out):
    """Matrix of a rotation vector (Rodrigues' formula)."""
    x, y, z = vector[0], vector[1], vector[2]
    square = x * x + y * y + z * z
    angle = math.sqrt(square)
    if square < 1e-10:
        a, b = 1 - square / 6, 0.5 - square / 24
    else:
        a, b = math.sin(angle) / angle, (1 - math.cos(angle)) / square
    out[0, 0] = 1 - b * (y * y + z * z)
    out[0, 1] = b * x * y - a * z
    out[0, 2] = b * x * z + a * y
    out[1, 0] = b * x * y + a * z
    out[1, 1] = 1 - b * (x * x + z * z)
    out[1, 2] = b * y * z - a * x
    out[2, 0] = b * x * z - a * y
    out[2, 1] = b * y * z + a * x
    out[2, 2] = 1 - b * (x * x + y * y)


@part
def vector_of(m, out):
    """Rotation vector of a matrix, through its quaternion (Shepperd 1978)."""
    trace = m[0, 0] + m[1, 1] + m[2, 2]
    w, x, y, z = 1 + trace, 1 + 2 * m[0, 0] - trace, 1 + 2 * m[1, 1] - trace, 1 + 2 * m[2, 2] - trace
    if w >= x and w >= y and w >= z:
        x, y, z = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
    elif x >= y and x >= z:
        w, y, z = m[2, 1] - m[1, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]
    elif y >= z:
        w, x, z = m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], m[1, 2] + m[2, 1]
    else:
        w, x, y = m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1]
    sine = math.sqrt(x * x + y * y + z * z)
    if w < 0:
        w, x, y, z = -w, -x, -y, -z
    scale = 2 / w if sine < 1e-9 * w else 2 * math.atan2(sine, w) / sine
    out[0], out[1], out[2] = scale * x, scale * y, scale * z


@entry
def forward(tree, rest, whose, rotations, translation, places, turns, points):
    """Write where joints and points are and how joints are turned, in the world.

    Args:
        tree, rest: the bodies.
        whose: (N) person of each pose.
        rotations: (N, J, 3, 3) of each joint in its parent's frame.
        translation: (N, 3).
        places: (N, J, 3), written.
        turns: (N, J, 3, 3), written.
        points: (N, M, 3), written.
    """
    step = np.empty(3)
    for n in range(len(rotations)):
        person = whose[n]
        for j in range(len(tree.parents)):
            up = tree.parents[j]
            if up < 0:
                for i in range(3):
                    places[n, j, i] = rest.bones[person, j, i] + translation[n, i]
                    for k in range(3):
                        turns[n, j, i, k] = rotations[n, j, i, k]
            else:
                turned(turns[n, up], rest.bones[person, j], step)
                for i in range(3):
                    places[n, j, i] = places[n, up, i] + step[i]
                times(turns[n, up], rotations[n, j], turns[n, j])
        for m in range(len(tree.carriers)):
            j = tree.joints[tree.carriers[m]]
            turned(turns[n, j], rest.points[person, m], step)
            for i in range(3):
                points[n, m, i] = places[n, j, i] + step[i]


@entry
def point_terms(points, targets, information, bend, costs, weighted, pull):
    """Write cost, information and gradient of points that should be at their targets.

    With r = point - target and e = r^T A r the cost is e / (1 + bend e) / 2: a square for bend = 0, else Geman and
    McClure's (1987) kernel of the scale 1 / sqrt(bend), weighted as iterated least squares have it.

    Args:
        points: (N, M, 3).
        targets: (N, M, 3), finite also where nothing was seen.
        information: (N, M, 6) A, 0 where nothing was seen.
        bend: 1 / scale^2.
        costs: (N), written.
        weighted: (N, M, 6), written: the information by the kernel's weight.
        pull: (N, M, 3), written: weighted information times r.
    """
    for n in range(len(points)):
        total = 0.0
        for m in range(points.shape[1]):
            x, y, z = (points[n, m, 0] - targets[n, m, 0], points[n, m, 1] - targets[n, m, 1],
                       points[n, m, 2] - targets[n, m, 2])  # fmt: skip
            a = information[n, m]
            gx = a[0] * x + a[1] * y + a[2] * z
            gy = a[1] * x + a[3] * y + a[4] * z
            gz = a[2] * x + a[4] * y + a[5] * z
            square = gx * x + gy * y + gz * z
            root = 1 / (1 + bend * square)
            total += square * root
            weight = root * root
            for i in range(6):
                weighted[n, m, i] = weight * a[i]
            pull[n, m, 0], pull[n, m, 1], pull[n, m, 2] = weight * gx, weight * gy, weight * gz
        costs[n] = total / 2


@part
def mixture_costs(tree, means, precisions, vectors, away, asked, costs):
    """Write half the squared Mahalanobis distances of a pose from all components, side by side.

    Args:
        tree: the body.
        means, precisions: with the components last: (K, 3, C), (K, deepest, 3, 3, C).
        vectors: (K, 3).
        away: (K, 3, C) room for the distances from the means.
        asked: (C) room.
        costs: (C), written.
    """
    components = len(costs)
    costs[:] = 0.0
    for k in range(2, len(tree.depths)):
        own = tree.depths[k] - 1
        for i in range(3):
            for c in range(components):
                away[k, i, c] = vectors[k, i] - means[k, i, c]
        for i in range(3):
            asked[:] = 0.0
            for d in range(2, own + 1):
                half = 1.0 if d < own else 0.5
                a = tree.chains[k, d]
                for j in range(3):
                    for c in range(components):
                        asked[c] += half * precisions[k, d, i, j, c] * away[a, j, c]
            for c in range(components):
                costs[c] += asked[c] * away[k, i, c]


@entry
def held_costs(tree, held, rotations, vectors, chosen, costs):
    """Write the cost of what is known beforehand, of each pose.

    Args:
        tree, held: the body and what is known.
        rotations: (N, J, 3, 3).
        vectors: (N, K, 3), written: rotation vectors of the nodes' joints.
        chosen: (N), written: the component of the mixture that costs least.
        costs: (N, 3), written: of the mixture, of rest, of the hinges.
    """
    components = len(held.constants)
    means = np.ascontiguousarray(held.means.transpose(1, 2, 0))
    precisions = np.ascontiguousarray(held.precisions.transpose(1, 2, 3, 4, 0))
    away, asked, of_mixture = np.empty(means.shape), np.empty(components), np.empty(components)
    for n in range(len(rotations)):
        still, stop = 0.0, 0.0
        for k in range(1, len(tree.joints)):
            vector_of(rotations[n, tree.joints[k]], vectors[n, k])
            for i in range(3):
                still += held.still[k] * vectors[n, k, i] ** 2
        for h in range(len(held.hinges)):
            v = vectors[n, held.hinges[h]]
            bend = v[0] * held.axes[h, 0] + v[1] * held.axes[h, 1] + v[2] * held.axes[h, 2]
            over = bend - min(max(bend, held.limits[h, 0]), held.limits[h, 1])
            stop += held.stop * over * over
        least = 0.0
        chosen[n] = -1
        if components:
            mixture_costs(tree, means, precisions, vectors[n], away, asked, of_mixture)
        for c in range(components):
            cost = held.constants[c] + of_mixture[c]
            if c == 0 or cost < least:
                least = cost
                chosen[n] = c
        costs[n, 0], costs[n, 1], costs[n, 2] = least, still / 2, stop / 2


@entry
def moved(tree, whose, rotations, translation, turns, solved, shared, new_rotations, new_translation):
    """Write the poses after a step.

    Args:
        tree: the body.
        whose: (N) person of each pose.
        rotations, translation, turns: before.
        solved: as of ``sweep``.
        shared: (people, Q) step of the shared unknowns.
        new_rotations, new_translation: written; rotations of joints that are no node are kept.
    """
    step, local, change = np.empty(3), np.empty(3), np.empty((3, 3))
    last = solved.shape[3] - 1
    for n in range(len(whose)):
        own = shared[whose[n]]
        new_rotations[n] = rotations[n]
        for k in range(len(tree.joints)):
            for i in range(3):
                total = solved[n, k, i, last]
                for s in range(last):
                    total += solved[n, k, i, s] * own[s]
                step[i] = -total
            if k == 0:
                for i in range(3):
                    new_translation[n, i] = translation[n, i] + step[i]
                continue
            joint = tree.joints[k]
            turn = turns[n, joint]
            for i in range(3):
                local[i] = turn[0, i] * step[0] + turn[1, i] * step[1] + turn[2, i] * step[2]
            rotation_of(local, change)
            times(rotations[n, joint], change, new_rotations[n, joint])
