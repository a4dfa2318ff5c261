"""Bones keep their length: lengths measured over a clip, and soft constraints that hold joints at them.

A distance d between two joints is held at L with the cost (d - L)^2 / spread^2. About the joints of the step before it
is linear, (u . (x_a - x_b) - L)^2 / spread^2 with u along the bone, and couples the tracks of two joints in each frame.
The coupled system is solved by conjugate gradients, preconditioned with the banded systems of the single tracks
(Golub and Van Loan 2013, 11.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lift3d.compiled import banded, track_loops
from lift3d.skeletons import Skeleton
from lift3d.triangulation.smoothing import System, by_frame, flattened
from lift3d.triangulation.symmetric import along, inverse

__all__ = ["Bones", "covariance_with_bones", "measure_bones", "solve_with_bones"]

_RIGID = 0.01  # a limb's bone keeps its length to 1 %: bones do, marks on skin and a detector's joints less so
_FEWEST = 10  # frames in which a bone must have been seen
_MOST_STEPS = 40
_ENOUGH = 1e-2  # of the first residual: the views are linearised anew before the next solution anyway


@dataclass(frozen=True, eq=False)
class Bones:
    """Distances that hold, between tracks.

    Args:
        pairs: (B, 2) tracks.
        lengths: (B) metres.
        spreads: (B) how far a distance strays from its length, standard deviation in metres.
    """

    pairs: np.ndarray
    lengths: np.ndarray
    spreads: np.ndarray


def measure_bones(positions: np.ndarray, covariance: np.ndarray, skeleton: Skeleton) -> Bones:
    """Lengths of every person's bones, medians over the frames, less what the error of their ends adds.

    A bone within a limb, from a left joint to a left joint or right to right, is rigid. Other bones of a skeleton are
    lines between marks on a body that bends; they stray as far as they do beyond the error of their ends.

    Args:
        positions: (T, people, joints, 3) metres; NaN where missing.
        covariance: (T, people, joints, 6) upper triangles.
        skeleton: what the joints are.
    """
    people, joints = positions.shape[1:3]
    pairs, lengths, spreads = [], [], []
    for person in range(people):
        for parent, child in skeleton.bones:
            between = positions[:, person, child] - positions[:, person, parent]
            seen = np.isfinite(between).all(-1)
            if seen.sum() < _FEWEST:
                continue
            error = covariance[seen, person, child] + covariance[seen, person, parent]
            length, spread = _length_and_spread(between[seen], error)
            if not length > 0:
                continue
            limb = skeleton.side(parent) == skeleton.side(child) != "middle"
            spread = _RIGID * length if limb else max(spread, _RIGID * length)
            pairs.append((person * joints + parent, person * joints + child))
            lengths.append(length)
            spreads.append(spread)
    return Bones(np.array(pairs, np.int64).reshape(-1, 2), np.array(lengths), np.array(spreads))


def _length_and_spread(between: np.ndarray, error: np.ndarray) -> tuple[float, float]:
    """The median length of lines (T, 3) with errors (T, 6), and how far it strays beyond them; 0 where errors hide it.

    Errors across a line make it longer: the mean of its square grows by their variance.
    """
    distance = np.linalg.norm(between, axis=-1)
    lengthwise = along(error, between / np.maximum(distance, 1e-9)[:, None])
    crosswise = error[:, [0, 3, 5]].sum(-1) - lengthwise
    length = float(np.sqrt(max(np.median(np.square(distance) - crosswise), 0.0)))
    stray = np.percentile(np.abs(distance - length), 68) ** 2 - np.median(lengthwise)
    return length, float(np.sqrt(max(stray, 0.0)))


def solve_with_bones(system: System, bones: Bones, at: np.ndarray) -> np.ndarray:
    """Positions (T, K, 3) that solve the systems with their tracks coupled by bones.

    Args:
        system: what was seen, and the motion.
        bones: what holds.
        at: (T, K, 3) about which the bones are linear; the iteration starts there.
    """
    directions, stiffness = _directions(bones, at), 1 / np.square(bones.spreads)
    band, right = system.band.copy(), system.right.copy()
    track_loops.add_own(bones.pairs, stiffness, bones.lengths, directions, band, right)
    factor = band.copy()
    banded.factorise(factor)
    positions = flattened(at)
    product = np.empty_like(right)

    def multiply(vectors: np.ndarray) -> np.ndarray:
        banded.multiply(band, vectors, product)
        track_loops.add_coupling(bones.pairs, stiffness, directions, vectors, product)
        return product

    people = _coupled(bones.pairs, right.shape[1])

    def product_of(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Inner product (K) of what hangs together with each track: people are solved for one by one, side by side."""
        return np.bincount(people, np.einsum("ik,ik->k", ones, others))[people]

    residual = right - multiply(positions)
    step = residual.copy()
    banded.solve(factor, step)
    size = product_of(residual, step)
    enough = _ENOUGH**2 * size
    preconditioned = step.copy()
    for _ in range(_MOST_STEPS):
        going = size > enough
        if not going.any():
            break
        image = multiply(step)
        length = np.where(going, size, 0.0) / np.where(going, product_of(step, image), 1.0)
        positions += length * step
        residual -= length * image
        preconditioned[:] = residual
        banded.solve(factor, preconditioned)
        before, size = size, product_of(residual, preconditioned)
        step *= size / np.where(before > 0, before, 1.0)
        step += preconditioned
    return by_frame(positions)


def covariance_with_bones(covariance: np.ndarray, bones: Bones, at: np.ndarray) -> np.ndarray:
    """Covariances (T, K, 6) of tracks, made smaller by what each bone says of its ends along it.

    A bone to a joint of covariance C says where its other end is along the bone u, with variance spread^2 + u^T C u.
    What the other end has from bones of its own is left out, and so is what frames share: as good as it needs to be.

    Args:
        covariance: of the tracks without bones, square metres.
        bones: what holds.
        at: (T, K, 3) the tracks, metres.
    """
    information = inverse(covariance)
    directions = _directions(bones, at)
    for bone, (first, second) in enumerate(bones.pairs.tolist()):
        direction = directions[:, bone]
        squares = np.stack([direction[:, i] * direction[:, j] for i in range(3) for j in range(i, 3)], axis=-1)
        for end, other in ((first, second), (second, first)):
            variance = bones.spreads[bone] ** 2 + along(covariance[:, other], direction)
            information[:, end] += squares / variance[:, None]
    return inverse(information)


def _directions(bones: Bones, at: np.ndarray) -> np.ndarray:
    """(T, B, 3) unit vectors from the second to the first end of each bone."""
    along_bone = at[:, bones.pairs[:, 0]] - at[:, bones.pairs[:, 1]]
    return along_bone / np.maximum(np.linalg.norm(along_bone, axis=-1, keepdims=True), 1e-9)


def _coupled(pairs: np.ndarray, tracks: int) -> np.ndarray:
    """(K) number of the group, a person, that each track hangs together with by bones."""
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(tracks, tracks))
    return connected_components(graph, directed=False)[1]
