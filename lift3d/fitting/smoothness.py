"""Poses of neighbouring frames held together: a chain in time, solved by Cholesky's method block by block.

With d = log(R[t]^T R[t+1]) of every joint and the way of the body between two frames, the cost is half the sum of
``|d|^2 / (deviation * seconds)^2``. The normal matrix of a sequence has the poses' own blocks and, between
neighbours, blocks of three by three for each joint: block-tridiagonal. It is factorised along time, and the shared
unknowns' columns go through it with the gradient, so that what is left for them is exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import block_diag, cholesky, solve_triangular

from lift3d.geometry.rotations import cross_matrix, matrix_to_rotvec

__all__ = ["Smoothness", "right_jacobian_inverse", "smoothness_of"]


@dataclass(frozen=True, eq=False)
class Smoothness:
    """How strongly neighbouring poses are held together.

    Args:
        joints: (K - 1) joints of the nodes 1, 2, ...
        turning: (N - 1) stiffness between each pose and the next, 1 / radian^2; 0 where they are not neighbours.
        moving: (N - 1) the same of the translation, 1 / metre^2.
    """

    joints: np.ndarray
    turning: np.ndarray
    moving: np.ndarray

    def cost(self, rotations: np.ndarray, translation: np.ndarray) -> float:
        """Of poses: rotations (N, J, 3, 3) and translation (N, 3)."""
        turns, ways = self._changes(rotations, translation)
        turned = (self.turning * np.square(turns).sum((1, 2))).sum()
        return float(turned + (self.moving * np.square(ways).sum(1)).sum()) / 2

    def solve(
        self,
        rotations: np.ndarray,
        translation: np.ndarray,
        turns: np.ndarray,
        normal: np.ndarray,
        right: np.ndarray,
        whose: np.ndarray,
        system: np.ndarray,
        gradient: np.ndarray,
    ) -> None:
        """Add the smoothness to normal equations, solve them along time, and reduce those of the shared unknowns.

        Args:
            rotations, translation: of the poses.
            turns: (N, J, 3, 3) orientations of the joints.
            normal: (N, 3 K, 3 K) of each pose by itself; changed.
            right: (N, K, 3, Q + 1); replaced by the solution.
            whose: (N) person of each pose.
            system, gradient: of the shared unknowns, (people, Q, Q) and (people, Q); changed.
        """
        between = self._add(rotations, translation, turns, normal, right)
        flat = right.reshape(len(right), -1, right.shape[-1])
        for n in range(len(flat)):
            normal[n] = cholesky(normal[n], lower=True, check_finite=False)
            flat[n] = solve_triangular(normal[n], flat[n], lower=True, check_finite=False)
            system[whose[n]] -= flat[n, :, :-1].T @ flat[n, :, :-1]
            gradient[whose[n]] -= flat[n, :, :-1].T @ flat[n, :, -1]
            if n + 1 < len(flat) and self.turning[n] > 0:
                mixed = solve_triangular(normal[n], block_diag(*between[n]).T, lower=True, check_finite=False)
                normal[n + 1] -= mixed.T @ mixed
                flat[n + 1] -= mixed.T @ flat[n]
        for n in range(len(flat) - 1, -1, -1):
            if n + 1 < len(flat) and self.turning[n] > 0:
                pulled = (between[n].swapaxes(-1, -2) @ right[n + 1]).reshape(flat[n].shape)
                flat[n] -= solve_triangular(normal[n], pulled, lower=True, check_finite=False)
            flat[n] = solve_triangular(normal[n], flat[n], trans=1, lower=True, check_finite=False)

    def _changes(self, rotations: np.ndarray, translation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotation vectors (N - 1, K - 1, 3) and ways (N - 1, 3) from each pose to the next."""
        own = torch.from_numpy(rotations[:, self.joints])
        return matrix_to_rotvec(own[:-1].mT @ own[1:]).numpy(), np.diff(translation, axis=0)

    def _add(
        self, rotations: np.ndarray, translation: np.ndarray, turns: np.ndarray, normal: np.ndarray, right: np.ndarray
    ) -> np.ndarray:
        """Add to the poses' own equations; returns (N - 1, K, 3, 3): the blocks of each pose with the one before."""
        changes, ways = self._changes(rotations, translation)
        inverse = right_jacobian_inverse(changes)
        own = turns[:, self.joints].swapaxes(-1, -2)
        after, before = inverse @ own[1:], -inverse.swapaxes(-1, -2) @ own[:-1]
        nodes = right.shape[1]
        stiff = self.turning[:, None, None, None]
        between = np.empty((len(ways), nodes, 3, 3))
        eye = np.eye(3)
        for node in range(nodes):
            part = slice(3 * node, 3 * node + 3)
            if node == 0:
                block = self.moving[:, None, None] * eye
                normal[1:, part, part] += block
                normal[:-1, part, part] += block
                between[:, node] = -block
                right[1:, 0, :, -1] += self.moving[:, None] * ways
                right[:-1, 0, :, -1] -= self.moving[:, None] * ways
                continue
            later, earlier = after[:, node - 1], before[:, node - 1]
            asked = self.turning[:, None, None] * changes[:, node - 1, :, None]
            normal[1:, part, part] += stiff[:, 0] * later.swapaxes(-1, -2) @ later
            normal[:-1, part, part] += stiff[:, 0] * earlier.swapaxes(-1, -2) @ earlier
            between[:, node] = stiff[:, 0] * later.swapaxes(-1, -2) @ earlier
            right[1:, node, :, -1] += (later.swapaxes(-1, -2) @ asked)[..., 0]
            right[:-1, node, :, -1] += (earlier.swapaxes(-1, -2) @ asked)[..., 0]
        return between


def smoothness_of(runs: Iterable[slice], joints: np.ndarray, turn: float, way: float) -> Smoothness:
    """What holds poses together that follow each other.

    Args:
        runs: slices of such poses, which are all poses in order.
        joints: that turn.
        turn: standard deviation of what a joint turns by from one pose to the next, radians.
        way: the same of what a body moves by, metres.
    """
    slices = list(runs)
    linked = np.zeros(slices[-1].stop - 1)
    for run in slices:
        linked[run.start : run.stop - 1] = 1.0
    return Smoothness(joints, linked / turn**2, linked / way**2)


def right_jacobian_inverse(vectors: np.ndarray) -> np.ndarray:
    """How rotation vectors (..., 3) change with increments on the right: J_r^-1, (..., 3, 3).

    ``log(exp(v) exp(w)) = v + J_r^-1(v) w`` for small w (Sola et al. 2018, "A micro Lie theory", eq. 144).
    """
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    small = angle < 1e-2
    safe = np.where(small, 1.0, angle)
    factor = np.where(small, 1 / 12 + angle**2 / 720, 1 / safe**2 - 1 / (2 * safe * np.tan(safe / 2)))
    cross = cross_matrix(torch.from_numpy(np.ascontiguousarray(vectors))).numpy()
    return np.eye(3) + cross / 2 + factor * (cross @ cross)
