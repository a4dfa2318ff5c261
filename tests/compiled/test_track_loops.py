"""The systems of tracks over time, and of bones, against sums written out."""

import numpy as np
import pytest

from lift3d.compiled import banded, track_loops

STILL = 1e-3


def dense(band: np.ndarray, track: int) -> np.ndarray:
    """The matrix (N, N) of one track."""
    width, size, _ = band.shape
    matrix = np.zeros((size, size))
    for below in range(min(width, size)):
        for i in range(size - below):
            matrix[i + below, i] = matrix[i, i + below] = band[below, i, track]
    return matrix


def seen(frames: int, tracks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Equations (T, K, 9), tracks (T, K, 3), precisions (T - 2, K)."""
    random = np.random.default_rng(frames)
    root = random.normal(size=(frames, tracks, 3, 3))
    information = root @ root.swapaxes(-1, -2)
    upper = information[..., [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]]
    equations = np.concatenate([upper, random.normal(size=(frames, tracks, 3))], axis=-1)
    return equations, random.normal(size=(frames, tracks, 3)), random.random((max(frames - 2, 0), tracks)) + 0.1


def cost(x: np.ndarray, equations: np.ndarray, at: np.ndarray, precision: np.ndarray) -> float:
    """What tracks cost: the views about ``at``, accelerations, and being elsewhere than ``at``."""
    off, a = x - at, equations
    information = a[..., [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(*at.shape, 3)
    views = np.einsum("tki,tkij,tkj->", off, information, off) - 2 * (a[..., 6:] * off).sum()
    bend = np.square(x[:-2] - 2 * x[1:-1] + x[2:]).sum(-1)
    return float(views + (precision * bend).sum() + STILL * np.square(off).sum())


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 9])
def test_the_solution_is_where_the_tracks_cost_least(frames: int) -> None:
    tracks = 2
    equations, at, precision = seen(frames, tracks)
    band, right = np.zeros((7, 3 * frames, tracks)), np.empty((3 * frames, tracks))
    track_loops.assemble(equations, at, precision, STILL, band, right)
    solution = np.stack([np.linalg.solve(dense(band, k), right[:, k]).reshape(frames, 3) for k in range(tracks)], 1)
    least = cost(solution, equations, at, precision)
    random = np.random.default_rng(0)
    for _ in range(50):
        step = random.normal(size=at.shape)
        there, back = (cost(solution + sign * 1e-3 * step, equations, at, precision) for sign in (1, -1))
        assert min(there, back) > least
        assert there == pytest.approx(back, rel=1e-6)  # no slope in any direction
    banded.factorise(band)
    banded.solve(band, right)
    np.testing.assert_allclose(right.reshape(frames, 3, tracks).swapaxes(1, 2), solution, rtol=1e-9, atol=1e-10)


def test_bones_add_what_they_cost() -> None:
    frames, tracks = 4, 3
    random = np.random.default_rng(1)
    pairs, stiffness, lengths = np.array([[0, 1], [2, 1]]), np.array([5.0, 3.0]), np.array([0.4, 0.7])
    along = random.normal(size=(frames, 2, 3))
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    band, right = np.zeros((7, 3 * frames, tracks)), np.zeros((3 * frames, tracks))
    track_loops.add_own(pairs, stiffness, lengths, along, band, right)
    x = random.normal(size=(3 * frames, tracks))
    product = np.empty_like(x)
    banded.multiply(band, x, product)
    track_loops.add_coupling(pairs, stiffness, along, x, product)
    # half the gradient of the sum of stiffness (u . (x_a - x_b) - length)^2
    at, gradient = x.reshape(frames, 3, tracks).swapaxes(1, 2), np.zeros((frames, tracks, 3))
    for bone, (a, b) in enumerate(pairs):
        stretch = np.einsum("ti,ti->t", along[:, bone], at[:, a] - at[:, b]) - lengths[bone]
        pull = stiffness[bone] * stretch[:, None] * along[:, bone]
        gradient[:, a] += pull
        gradient[:, b] -= pull
    expected = gradient.swapaxes(1, 2).reshape(3 * frames, tracks)
    np.testing.assert_allclose(product - right, expected, rtol=1e-10, atol=1e-12)
