"""The normal equations of a body fit, built and solved pose by pose along the tree of its joints.

* Points below a joint act on it by sums that are handed up the tree, as the inertia of a chain of rigid bodies
  (Walker and Orin 1982, "Efficient dynamic computer simulation of robotic mechanisms").
* Two joints meet in the normal matrix only where one hangs on the other. Eliminated from the leaves to the root it
  fills in nowhere else (Featherstone 2005, "Efficient factorization of the joint-space inertia matrix for branched
  kinematic trees"); the poses' unknowns are then eliminated from those that are shared (Schur complement), exactly.

``lift3d.compiled.body_kinematics`` says what the unknowns are and how arrays are laid out.
"""

from __future__ import annotations

import math

import numpy as np

from lift3d.compiled._compiling import entry, once, part

__all__ = ["dense_systems", "sweep"]


@once
def times(a, b, out):
    """Write a @ b."""
    for i in range(3):
        for j in range(3):
            out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]


@part
def vector_change(vector, turn, out):
    """How a rotation vector changes with a small turn of its joint about the world's axes: J_r^-1 G^T.

    J_r^-1 = 1 + [v] / 2 + c [v]^2 is the inverse right Jacobian (Sola et al. 2018, "A micro Lie theory", eq. 144).

    Args:
        vector: of the joint's rotation.
        turn: the joint's orientation G in the world.
        out: (3, 3).
    """
    x, y, z = vector[0], vector[1], vector[2]
    square = x * x + y * y + z * z
    if square < 1e-4:
        c = 1 / 12 + square / 720
    else:
        angle = math.sqrt(square)
        c = 1 / square - 1 / (2 * angle * math.tan(angle / 2))
    for j in range(3):
        a, b, d = turn[j, 0], turn[j, 1], turn[j, 2]  # a column of G^T
        dot = x * a + y * b + z * d
        out[0, j] = a + (y * d - z * b) / 2 + c * (x * dot - square * a)
        out[1, j] = b + (z * a - x * d) / 2 + c * (y * dot - square * b)
        out[2, j] = d + (x * b - y * a) / 2 + c * (z * dot - square * d)


@part
def shape_changes(tree, rest, turns, changes):
    """Write how each node's place changes with the shape: (K, 3, S)."""
    shapes = changes.shape[2]
    for k in range(1, len(tree.joints)):
        j = tree.joints[k]
        up = tree.parents[j]
        if up < 0:
            for i in range(3):
                for s in range(shapes):
                    changes[k, i, s] = rest.bone_steps[j, i, s]
        else:
            above = changes[tree.chains[k, tree.depths[k] - 2]]
            for i in range(3):
                a, b, c = turns[up, i, 0], turns[up, i, 1], turns[up, i, 2]
                steps = rest.bone_steps[j]
                for s in range(shapes):
                    changes[k, i, s] = above[i, s] + a * steps[0, s] + b * steps[1, s] + c * steps[2, s]


@part
def add_inertia(lever, mass, sums):
    """Add a point's information to the moment [q] A [q]^T, the coupling [q] A and the mass A of its carrier.

    Args:
        lever: (3) q, from the origin of the sums to the point.
        mass: (3, 3) A.
        sums: (3, 9) moment, coupling and mass, side by side.
    """
    for j in range(3):
        for i in range(3):
            sums[i, 3 + j] += crossed(lever, mass, i, j)
            sums[i, 6 + j] += mass[i, j]
    for i in range(3):
        x, y, z = crossed(lever, mass, i, 0), crossed(lever, mass, i, 1), crossed(lever, mass, i, 2)
        sums[i, 0] += lever[1] * z - lever[2] * y
        sums[i, 1] += lever[2] * x - lever[0] * z
        sums[i, 2] += lever[0] * y - lever[1] * x


@once
def crossed(vector, matrix, row, column):
    """One entry of [vector] @ matrix: the cross product with a column."""
    after, last = (row + 1) % 3, (row + 2) % 3
    return vector[after] * matrix[last, column] - vector[last] * matrix[after, column]


@part
def add_forces(lever, forces, act, first):
    """Add columns of forces (3, c) at a point and their torques about the origin to act (6, ...) from ``first`` on."""
    for c in range(forces.shape[1]):
        x, y, z = forces[0, c], forces[1, c], forces[2, c]
        act[0, first + c] += lever[1] * z - lever[2] * y
        act[1, first + c] += lever[2] * x - lever[0] * z
        act[2, first + c] += lever[0] * y - lever[1] * x
        act[3, first + c] += x
        act[4, first + c] += y
        act[5, first + c] += z


@part
def multiply(left, right, out):
    """Write left @ right: (3, 3) and (3, c)."""
    for i in range(3):
        p, q, r = left[i, 0], left[i, 1], left[i, 2]
        for c in range(out.shape[1]):
            out[i, c] = p * right[0, c] + q * right[1, c] + r * right[2, c]


@part
def add_products(left, right, out, row, column):
    """Add left^T @ right, (3, a) and (3, b), to out from a row and a column on."""
    for i in range(left.shape[1]):
        x, y, z = left[0, i], left[1, i], left[2, i]
        for j in range(right.shape[1]):
            out[row + i, column + j] += x * right[0, j] + y * right[1, j] + z * right[2, j]


@part
def gather_points(tree, rest, turns, origin, points, weighted, pull, changes, free, sums, acts, system, gradient):
    """Add up what the points of each carrier ask for, and the part of the normal equations that is shared.

    Args:
        tree, rest, turns: the body and its orientations.
        origin: (3) of the sums.
        points, weighted, pull: of this pose.
        changes: (K, 3, S) of the nodes' places with the shape.
        free: whether the points' offsets are unknown.
        sums: (K, 3, 9) written, as of ``add_inertia``.
        acts: (K, 6, Q + 1) written: torques and forces for each shared unknown, and of the gradient.
        system, gradient: (Q, Q), of which the lower triangle counts, and (Q); added to.
    """
    shapes, last = changes.shape[2], acts.shape[2] - 1
    mass, lever, force = np.empty((3, 3)), np.empty(3), np.empty((3, 1))
    change, changed, hung = np.empty((3, shapes)), np.empty((3, shapes)), np.empty((3, 3))
    sums[:] = 0.0
    acts[:] = 0.0
    for m in range(len(tree.carriers)):
        a = weighted[m]
        if a[0] + a[3] + a[5] == 0.0:
            continue
        k = tree.carriers[m]
        turn = turns[tree.joints[k]]
        mass[0, 0], mass[0, 1], mass[0, 2] = a[0], a[1], a[2]
        mass[1, 0], mass[1, 1], mass[1, 2] = a[1], a[3], a[4]
        mass[2, 0], mass[2, 1], mass[2, 2] = a[2], a[4], a[5]
        for i in range(3):
            lever[i] = points[m, i] - origin[i]
            force[i, 0] = pull[m, i]
        add_inertia(lever, mass, sums[k])
        add_forces(lever, force, acts[k], last)
        multiply(turn, rest.point_steps[m], change)
        change += changes[k]
        multiply(mass, change, changed)
        add_forces(lever, changed, acts[k], 0)
        add_products(change, changed, system, 0, 0)
        add_gradient(change, force, gradient, 0)
        if free:
            first = shapes + 3 * m
            multiply(mass, turn, hung)
            add_forces(lever, hung, acts[k], first)
            add_products(turn, hung, system, first, first)
            add_products(turn, changed, system, first, 0)
            add_gradient(turn, force, gradient, first)


@part
def add_gradient(change, force, gradient, first):
    """Add change^T @ force to the gradient."""
    for i in range(change.shape[1]):
        gradient[first + i] += change[0, i] * force[0, 0] + change[1, i] * force[1, 0] + change[2, i] * force[2, 0]


@part
def hand_up(tree, sums, acts):
    """What a node carries its parent carries too: add the sums up, from the leaves to the root."""
    for k in range(len(tree.joints) - 1, 0, -1):
        up = tree.chains[k, tree.depths[k] - 2]
        for i in range(3):
            for j in range(9):
                sums[up, i, j] += sums[k, i, j]
        for i in range(6):
            for c in range(acts.shape[2]):
                acts[up, i, c] += acts[k, i, c]


@part
def turn_about(lever, sums, torque, force):
    """Write torque and force, about the origin, that a turn w about a joint's place asks for, as (3, 3) times w.

    The turn moves the origin by q x w, with q (``lever``) from the origin to the joint: torque = moment + coupling [q],
    force = coupling^T + mass [q].
    """
    for i in range(3):
        for j in range(3):
            after, last = (j + 1) % 3, (j + 2) % 3
            torque[i, j] = sums[i, j] + sums[i, 3 + after] * lever[last] - sums[i, 3 + last] * lever[after]
            force[i, j] = sums[j, 3 + i] + sums[i, 6 + after] * lever[last] - sums[i, 6 + last] * lever[after]


@part
def equations_of_points(tree, places, origin, sums, acts, blocks, right):
    """Write the points' part of the normal equations.

    Args:
        tree: the body.
        places: (J, 3).
        origin: (3) of the sums.
        sums, acts: as ``hand_up`` leaves them.
        blocks: (K, deepest, 3, 3), written: each node with the nodes of its chain.
        right: (K, 3, Q + 1), written.
    """
    levers = np.empty((len(tree.joints), 3))
    torque, force = np.empty((3, 3)), np.empty((3, 3))
    blocks[0, 0] = sums[0, :, 6:]
    right[0] = acts[0, 3:]
    for k in range(1, len(tree.joints)):
        lever, act = levers[k], acts[k]
        for i in range(3):
            lever[i] = places[tree.joints[k], i] - origin[i]
        for c in range(acts.shape[2]):
            x, y, z = act[3, c], act[4, c], act[5, c]
            right[k, 0, c] = act[0, c] - (lever[1] * z - lever[2] * y)
            right[k, 1, c] = act[1, c] - (lever[2] * x - lever[0] * z)
            right[k, 2, c] = act[2, c] - (lever[0] * y - lever[1] * x)
        turn_about(lever, sums[k], torque, force)
        for i in range(3):
            for j in range(3):
                blocks[k, 0, i, j] = force[j, i]
        for d in range(1, tree.depths[k]):
            above = levers[tree.chains[k, d]]
            for i in range(3):
                x, y, z = force[0, i], force[1, i], force[2, i]
                blocks[k, d, i, 0] = torque[0, i] + y * above[2] - z * above[1]
                blocks[k, d, i, 1] = torque[1, i] + z * above[0] - x * above[2]
                blocks[k, d, i, 2] = torque[2, i] + x * above[1] - y * above[0]


@part
def add_held(tree, held, component, vectors, turns, rates, asked, blocks, right):
    """Add what is known beforehand to the normal equations.

    Args:
        tree, held: the body and what is known.
        component: of the mixture; negative for none.
        vectors: (K, 3) rotation vectors.
        turns: (J, 3, 3).
        rates: (K, 3, 3), written: how each vector changes.
        asked: (K, 3) room for the gradient by the vectors.
        blocks, right: added to.
    """
    last = right.shape[2] - 1
    for k in range(1, len(tree.joints)):
        vector_change(vectors[k], turns[tree.joints[k]], rates[k])
        for i in range(3):
            asked[k, i] = held.still[k] * vectors[k, i]
    if component >= 0:
        add_mixture(tree, held.means[component], held.precisions[component], vectors, rates, asked, blocks)
    add_hinges(tree, held, vectors, rates, asked, blocks)
    for k in range(1, len(tree.joints)):
        own, rate = tree.depths[k] - 1, rates[k]
        for i in range(3):
            right[k, i, last] += rate[0, i] * asked[k, 0] + rate[1, i] * asked[k, 1] + rate[2, i] * asked[k, 2]
            for j in range(3):
                blocks[k, own, i, j] += held.still[k] * (
                    rate[0, i] * rate[0, j] + rate[1, i] * rate[1, j] + rate[2, i] * rate[2, j]
                )


@part
def add_hinges(tree, held, vectors, rates, asked, blocks):
    """Add what hinges beyond their limits ask for: gradient by the vectors to ``asked``, and their blocks."""
    along = np.empty(3)
    for h in range(len(held.hinges)):
        k = held.hinges[h]
        v, axis, rate = vectors[k], held.axes[h], rates[k]
        bend = v[0] * axis[0] + v[1] * axis[1] + v[2] * axis[2]
        over = bend - min(max(bend, held.limits[h, 0]), held.limits[h, 1])
        if over == 0.0:
            continue
        own = tree.depths[k] - 1
        for i in range(3):
            asked[k, i] += held.stop * over * axis[i]
            along[i] = rate[0, i] * axis[0] + rate[1, i] * axis[1] + rate[2, i] * axis[2]
        for i in range(3):
            for j in range(3):
                blocks[k, own, i, j] += held.stop * along[i] * along[j]


@part
def add_mixture(tree, means, precisions, vectors, rates, asked, blocks):
    """Add one Gaussian's gradient by the vectors to ``asked``, and its blocks."""
    half = np.empty((3, 3))
    for k in range(2, len(tree.joints)):
        own = tree.depths[k] - 1
        rate = rates[k]
        for d in range(2, own + 1):
            a = tree.chains[k, d]
            precision, other = precisions[k, d], rates[a]
            for i in range(3):
                for j in range(3):
                    asked[k, i] += precision[i, j] * (vectors[a, j] - means[a, j])
                    if d < own:
                        asked[a, j] += precision[i, j] * (vectors[k, i] - means[k, i])
            times(precision, other, half)
            for i in range(3):
                for j in range(3):
                    blocks[k, d, i, j] += rate[0, i] * half[0, j] + rate[1, i] * half[1, j] + rate[2, i] * half[2, j]


@part
def eliminate(tree, blocks, right):
    """Factorise from the leaves to the root, A = L^T L, in place; ``right`` becomes L^-T right.

    A node's own block becomes its lower Cholesky factor T, with reciprocal diagonal; its blocks with others T^-1 H.
    """
    columns = right.shape[2]
    for k in range(len(tree.joints) - 1, -1, -1):
        own = tree.depths[k] - 1
        t = blocks[k, own]
        t[0, 0] = 1 / math.sqrt(t[0, 0])
        t[1, 0] *= t[0, 0]
        t[2, 0] *= t[0, 0]
        t[1, 1] = 1 / math.sqrt(t[1, 1] - t[1, 0] * t[1, 0])
        t[2, 1] = (t[2, 1] - t[2, 0] * t[1, 0]) * t[1, 1]
        t[2, 2] = 1 / math.sqrt(t[2, 2] - t[2, 0] * t[2, 0] - t[2, 1] * t[2, 1])
        for d in range(own):
            e = blocks[k, d]
            for j in range(3):
                e[0, j] *= t[0, 0]
                e[1, j] = (e[1, j] - t[1, 0] * e[0, j]) * t[1, 1]
                e[2, j] = (e[2, j] - t[2, 0] * e[0, j] - t[2, 1] * e[1, j]) * t[2, 2]
        y = right[k]
        for c in range(columns):
            y[0, c] *= t[0, 0]
            y[1, c] = (y[1, c] - t[1, 0] * y[0, c]) * t[1, 1]
            y[2, c] = (y[2, c] - t[2, 0] * y[0, c] - t[2, 1] * y[1, c]) * t[2, 2]
        for d in range(own):
            a, e = tree.chains[k, d], blocks[k, d]
            for b in range(d + 1):
                f, target = blocks[k, b], blocks[a, b]
                for i in range(3):
                    for j in range(3):
                        target[i, j] -= e[0, i] * f[0, j] + e[1, i] * f[1, j] + e[2, i] * f[2, j]
            for i in range(3):
                p, q, r = e[0, i], e[1, i], e[2, i]
                above = right[a]
                for c in range(columns):
                    above[i, c] -= p * y[0, c] + q * y[1, c] + r * y[2, c]


@part
def substitute(tree, blocks, right):
    """From the root to the leaves: ``right``, as ``eliminate`` left it, becomes the solution."""
    columns = right.shape[2]
    for k in range(len(tree.joints)):
        own = tree.depths[k] - 1
        y = right[k]
        for d in range(own):
            x, e = right[tree.chains[k, d]], blocks[k, d]
            for i in range(3):
                p, q, r = e[i, 0], e[i, 1], e[i, 2]
                for c in range(columns):
                    y[i, c] -= p * x[0, c] + q * x[1, c] + r * x[2, c]
        t = blocks[k, own]
        for c in range(columns):
            y[2, c] *= t[2, 2]
            y[1, c] = (y[1, c] - t[2, 1] * y[2, c]) * t[1, 1]
            y[0, c] = (y[0, c] - t[1, 0] * y[1, c] - t[2, 0] * y[2, c]) * t[0, 0]


@part
def damp(tree, blocks, damping):
    """Marquardt's damping: a share of the mean of each node's diagonal."""
    for k in range(len(tree.joints)):
        own = blocks[k, tree.depths[k] - 1]
        added = damping * ((own[0, 0] + own[1, 1] + own[2, 2]) / 3 + 1e-9)
        for i in range(3):
            own[i, i] += added


@part
def build(tree, rest, held, places, turns, points, weighted, pull, vectors, component, damping, free, work,
          right, system, gradient):  # fmt: skip
    """Write the damped normal equations of one pose; ``work`` is the room that they need: see ``room``."""
    changes, sums, acts, blocks, rates, asked = work
    origin = places[tree.joints[1]]
    shape_changes(tree, rest, turns, changes)
    gather_points(tree, rest, turns, origin, points, weighted, pull, changes, free, sums, acts, system, gradient)
    hand_up(tree, sums, acts)
    equations_of_points(tree, places, origin, sums, acts, blocks, right)
    add_held(tree, held, component, vectors, turns, rates, asked, blocks, right)
    damp(tree, blocks, damping)


@part
def room(tree, shapes, columns):
    """Arrays for ``build``: changes, sums, acts, blocks, rates, asked."""
    nodes, deepest = tree.chains.shape
    return (np.zeros((nodes, 3, shapes)), np.empty((nodes, 3, 9)), np.empty((nodes, 6, columns)),
            np.empty((nodes, deepest, 3, 3)), np.empty((nodes, 3, 3)), np.empty((nodes, 3)))  # fmt: skip


@entry
def sweep(tree, rest, held, whose, places, turns, points, weighted, pull, vectors, chosen, damping, free,
          solved, system, gradient):  # fmt: skip
    """Build and solve every pose's normal equations, and those of the shared unknowns that are left.

    The shared step s solves ``system s = -gradient`` (with what else is known of them); a pose's step is then
    ``-(solved[:, Q] + solved[:, :Q] s)``.

    Args:
        tree, rest, held: the bodies and what is known of poses.
        whose: (N) person of each pose.
        places, turns, points: as ``forward`` writes them.
        weighted, pull: (N, M, 6), (N, M, 3) information and gradient of the points.
        vectors, chosen: as ``held_costs`` writes them.
        damping: (N).
        free: whether the points' offsets are unknown: Q = S + 3 M, else Q = S.
        solved: (N, K, 3, Q + 1), written.
        system, gradient: (people, Q, Q), of which the lower triangles count, and (people, Q); added to.
    """
    shared = solved.shape[3] - 1
    work = room(tree, rest.bone_steps.shape[2], shared + 1)
    blocks = work[3]
    for n in range(len(whose)):
        own_system, own_gradient, right = system[whose[n]], gradient[whose[n]], solved[n]
        build(tree, rest, held, places[n], turns[n], points[n], weighted[n], pull[n], vectors[n], chosen[n], damping[n],
              free, work, right, own_system, own_gradient)  # fmt: skip
        eliminate(tree, blocks, right)
        for k in range(len(tree.joints)):
            for i in range(3):
                y = right[k, i]
                for s in range(shared):
                    value = y[s]
                    own_gradient[s] -= value * y[shared]
                    for t in range(s + 1):
                        own_system[s, t] -= value * y[t]
        substitute(tree, blocks, right)


@entry
def dense_systems(tree, rest, held, whose, places, turns, points, weighted, pull, vectors, chosen, damping, free,
                  normal, right, system, gradient):  # fmt: skip
    """Write every pose's damped normal equations in full, for poses that are solved together.

    Args as of ``sweep``, but for

        normal: (N, 3 K, 3 K), written.
        right: (N, K, 3, Q + 1), written.
    """
    work = room(tree, rest.bone_steps.shape[2], right.shape[3])
    blocks = work[3]
    for n in range(len(whose)):
        build(tree, rest, held, places[n], turns[n], points[n], weighted[n], pull[n], vectors[n], chosen[n], damping[n],
              free, work, right[n], system[whose[n]], gradient[whose[n]])  # fmt: skip
        normal[n] = 0.0
        for k in range(len(tree.joints)):
            for d in range(tree.depths[k]):
                a = tree.chains[k, d]
                for i in range(3):
                    for j in range(3):
                        normal[n, 3 * k + i, 3 * a + j] = blocks[k, d, i, j]
                        normal[n, 3 * a + j, 3 * k + i] = blocks[k, d, i, j]
