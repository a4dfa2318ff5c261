"""Bones: lengths measured without bias, the coupled system solved as a dense one, what is held and what is not."""

import numpy as np
import pytest

from lift3d import get_skeleton
from lift3d.synthetic import walk
from lift3d.triangulation import bones as module
from lift3d.triangulation.bones import Bones, measure_bones, solve_with_bones
from lift3d.triangulation.smoothing import Motion, System, assemble

H36M = get_skeleton("human36m17")


def system_of(points: np.ndarray, at: np.ndarray, information: np.ndarray, motion: Motion) -> System:
    """The system of points (T, K, 3), each known with (T, K) information along every axis."""
    equations = np.zeros((*points.shape[:2], 9))
    equations[..., [0, 3, 5]] = information[..., None]
    equations[..., 6:] = information[..., None] * (points - at)
    return assemble(equations, at, motion)


def unbanded(band: np.ndarray) -> np.ndarray:
    """Matrices (K, N, N) of bands (7, N, K)."""
    size = band.shape[1]
    matrices = np.zeros((band.shape[2], size, size))
    for offset in range(min(band.shape[0], size)):
        i = np.arange(size - offset)
        matrices[:, i + offset, i] = band[offset, : size - offset].T
        matrices[:, i, i + offset] = band[offset, : size - offset].T
    return matrices


def with_bones_dense(system: System, bones: Bones, at: np.ndarray) -> np.ndarray:
    """The same solution by numpy on the one matrix of all tracks."""
    frames, tracks = at.shape[:2]
    size = 3 * frames
    matrix, right = np.zeros((tracks, size, tracks, size)), system.right.T.copy()
    matrix[np.arange(tracks), :, np.arange(tracks)] = unbanded(system.band)
    matrix, right = matrix.reshape(tracks * size, -1), right.reshape(-1)
    for (a, b), length, spread in zip(bones.pairs, bones.lengths, bones.spreads, strict=True):
        for t in range(frames):
            along = (at[t, a] - at[t, b]) / np.linalg.norm(at[t, a] - at[t, b])
            row = np.zeros((tracks, frames, 3))
            row[a, t], row[b, t] = along, -along
            row = row.reshape(-1) / spread
            matrix += np.outer(row, row)
            right += row * length / spread
    return np.linalg.solve(matrix, right).reshape(tracks, frames, 3).swapaxes(0, 1)


def covariances(points: np.ndarray, deviation: float) -> np.ndarray:
    """Upper triangles (T, people, joints, 6) of an error that is the same everywhere."""
    upper = np.zeros((*points.shape[:-1], 6))
    upper[..., [0, 3, 5]] = deviation**2
    return upper


def chain(frames: int, seed: int) -> tuple[System, Bones, np.ndarray]:
    """Four joints in three bones and a strut, seen with noise of 10 mm, about a place near them."""
    generator = np.random.default_rng(seed)
    rigid = np.array([[0.0, 0, 0], [0.4, 0, 0], [0.4, 0.3, 0], [0.4, 0.3, 0.2]])
    at = rigid + np.arange(frames)[:, None, None] * np.array([0.02, 0.01, 0]) + 0.01 * generator.normal(size=3)
    points = at + 0.01 * generator.normal(size=at.shape)
    information = 10 ** generator.uniform(3, 5, (frames, 4))
    information[frames // 2, 2] = 0
    ends = np.array([[0, 1], [1, 2], [2, 3], [0, 2]])
    lengths = np.linalg.norm(rigid[ends[:, 0]] - rigid[ends[:, 1]], axis=-1) + 0.005 * generator.normal(size=4)
    return system_of(points, at, information, Motion.even(frames, 4, 0.01)), Bones(ends, lengths, 0.01 * lengths), at


@pytest.mark.parametrize("frames", [1, 4, 9])
def test_the_coupled_system_is_the_dense_one(frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    system, held, at = chain(frames, seed=frames)
    expected = with_bones_dense(system, held, at)
    plain = system.solved()[0]
    assert np.abs(plain - expected).max() > 2e-3  # the bones do something
    roughly = solve_with_bones(system, held, at)
    assert np.abs(roughly - expected).max() < 0.2 * np.abs(at - expected).max()
    monkeypatch.setattr(module, "_ENOUGH", 1e-12)
    monkeypatch.setattr(module, "_MOST_STEPS", 1000)
    np.testing.assert_allclose(solve_with_bones(system, held, at), expected, atol=1e-8)


def test_bones_that_have_their_length_change_nothing() -> None:
    at = np.random.default_rng(6).normal(size=(5, 2, 3))
    at[:, 1] = at[:, 0] + np.array([0.0, 0.3, 0.4])
    system = system_of(at, at, np.full((5, 2), 1e4), Motion.even(5, 2, 1.0))
    plain = system.solved()[0]
    held = Bones(np.array([[0, 1]]), np.array([0.5]), np.array([0.0015]))
    np.testing.assert_allclose(solve_with_bones(system, held, plain), plain, atol=1e-4)


def test_rigid_bones_are_held_and_the_tracks_come_closer_to_the_truth() -> None:
    truth = walk(frames=120, fps=60.0).positions[:, 0].numpy()
    generator = np.random.default_rng(7)
    points = truth + generator.normal(0, 0.01, truth.shape)
    measured = measure_bones(points[:, None], covariances(points[:, None], 0.01), H36M)
    system = system_of(points, points, np.full(points.shape[:2], 1e4), Motion.even(120, 17, 0.003))
    at = plain = system.solved()[0]
    for _ in range(3):
        again = system_of(points, at, np.full(points.shape[:2], 1e4), Motion.even(120, 17, 0.003))
        at = solve_with_bones(again, measured, at)
    limbs = [
        (number, pair)
        for number, pair in enumerate(measured.pairs.tolist())
        if H36M.side(pair[0]) == H36M.side(pair[1]) != "middle"
    ]
    assert len(limbs) == 8
    for number, (parent, child) in limbs:
        lengths, before = (np.linalg.norm(x[:, parent] - x[:, child], axis=-1) for x in (at, plain))
        assert (
            np.abs(lengths - measured.lengths[number]).mean() < 0.6 * np.abs(before - measured.lengths[number]).mean()
        )
    assert np.linalg.norm(at - truth, axis=-1).mean() < np.linalg.norm(plain - truth, axis=-1).mean()


@pytest.mark.parametrize("noise", [0.0, 0.005, 0.015])
def test_lengths_are_measured_without_bias(noise: float) -> None:
    generator = np.random.default_rng(8)
    truth = walk(frames=4000, fps=60.0, people=2).positions.numpy()
    points = truth + generator.normal(0, noise, truth.shape)
    measured = measure_bones(points, covariances(points, noise), H36M)
    for pair, length in zip(measured.pairs, measured.lengths, strict=True):
        person, (parent, child) = pair[0] // 17, pair % 17
        expected = np.linalg.norm(truth[0, person, parent] - truth[0, person, child])
        rigid = np.linalg.norm(truth[:, person, parent] - truth[:, person, child], axis=-1).std() < 1e-6
        if rigid:
            assert length == pytest.approx(expected, rel=0.01)
    assert len(measured.pairs) == 32


def test_what_bends_is_not_forced() -> None:
    """A trunk that stretches by 10 % keeps its stretch; a limb that would is taken for a mistake."""
    generator = np.random.default_rng(9)
    points = walk(frames=400, fps=60.0).positions.numpy().copy()
    spine, thorax, pelvis = (H36M.index(name) for name in ("spine", "thorax", "pelvis"))
    stretch = 1 + 0.1 * np.sin(np.arange(400) / 20)
    points[:, :, thorax] = points[:, :, spine] + (points[:, :, thorax] - points[:, :, spine]) * stretch[:, None, None]
    points += generator.normal(0, 0.003, points.shape)
    measured = measure_bones(points, covariances(points, 0.003), H36M)
    spread = dict(zip(map(tuple, measured.pairs.tolist()), measured.spreads / measured.lengths, strict=True))
    assert 0.05 < spread[spine, thorax] < 0.12
    knee, ankle = H36M.index("left_knee"), H36M.index("left_ankle")
    assert spread[knee, ankle] == pytest.approx(module._RIGID)
    assert spread[pelvis, spine] < 0.02  # of a middle bone that is rigid the noise is not taken for stretching


def test_people_have_their_own_bones_and_what_is_hardly_seen_has_none() -> None:
    points = np.repeat(walk(frames=40, people=1).positions.numpy(), 2, axis=1)
    points[:, 1] *= 1.2
    points[5:, 1, H36M.index("left_wrist")] = np.nan
    points[:, 1, H36M.index("head")] = np.nan
    with np.errstate(all="raise"):
        measured = measure_bones(points, covariances(points, 0.0), H36M)
    mine = {tuple(pair): length for pair, length in zip(measured.pairs.tolist(), measured.lengths, strict=True)}
    assert len(mine) == 16 + 14
    assert all((a < 17) == (b < 17) for a, b in mine)
    for (a, b), length in mine.items():
        if a >= 17:
            assert length == pytest.approx(1.2 * mine[a - 17, b - 17], rel=1e-6)


def test_joints_that_coincide_are_no_bone() -> None:
    points = np.zeros((20, 1, 17, 3))
    assert measure_bones(points, covariances(points, 0.001), H36M).pairs.shape == (0, 2)
