"""The smoother alone: agreement with dense least squares, what passes, how the acceleration is found."""

import numpy as np
import pytest

from lift3d.synthetic import walk
from lift3d.triangulation import smoothing
from lift3d.triangulation.smoothing import Motion, assemble, covariance_of, interpolated, motion_from
from lift3d.triangulation.symmetric import full

UPPER = np.triu_indices(3)


def sightings(points: np.ndarray, information: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Normal equations (T, K, 9), as views give them, of points with information (T, K, 3, 3) about ``at``."""
    gradient = np.einsum("tkij,tkj->tki", information, points - at)
    return np.concatenate([information[..., UPPER[0], UPPER[1]], gradient], axis=-1)


def random_information(generator: np.random.Generator, frames: int, tracks: int) -> np.ndarray:
    half = generator.normal(size=(frames, tracks, 3, 3)) * generator.choice(
        [3.0, 30.0, 300.0], size=(frames, tracks, 1, 1)
    )
    return half @ half.swapaxes(-1, -2)


def dense(
    points: np.ndarray, information: np.ndarray, at: np.ndarray, precision: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and covariance of one track, (T, 3) and (T, 3, 3), by numpy on the whole matrix."""
    frames = len(points)
    matrix, right = np.zeros((3 * frames, 3 * frames)), np.zeros(3 * frames)
    for t in range(frames):
        own = slice(3 * t, 3 * t + 3)
        matrix[own, own] += information[t] + smoothing._STILL * np.eye(3)
        right[own] += information[t] @ points[t] + smoothing._STILL * at[t]
    second = np.kron(np.diff(np.eye(frames), n=2, axis=0), np.eye(3))
    matrix += second.T @ np.diag(np.repeat(precision, 3)) @ second
    inverse = np.linalg.inv(matrix)
    blocks = inverse.reshape(frames, 3, frames, 3)[np.arange(frames), :, np.arange(frames)]
    return np.linalg.solve(matrix, right).reshape(-1, 3), blocks


def smoothed(
    points: np.ndarray, deviation: float, whole: int = 2, local: int = 5
) -> tuple[np.ndarray, Motion, np.ndarray]:
    """Tracks (T, K, 3), their motion and covariances, of points of even error, as ``temporal`` does."""
    information = np.broadcast_to(np.eye(3) / deviation**2, (*points.shape, 3))
    equations = sightings(points, information, points)
    motion, band = Motion.even(*points.shape[:2], 0.003), np.empty(0)
    at = points
    for iteration in range(whole + local):
        at, band = assemble(equations, points, motion).solved()
        motion = motion_from(at, band, motion, local=iteration >= whole)
    return at, motion, covariance_of(band)


@pytest.mark.parametrize(("frames", "tracks"), [(3, 1), (4, 2), (7, 3), (30, 2)])
def test_the_banded_system_is_the_dense_one(frames: int, tracks: int) -> None:
    generator = np.random.default_rng(frames)
    points, at = generator.normal(size=(2, frames, tracks, 3))
    information = random_information(generator, frames, tracks)
    information[frames // 2, 0] = 0  # not seen
    motion = Motion(generator.uniform(0.001, 0.1, tracks), generator.uniform(0.1, 10, (frames - 2, tracks)))
    positions, band = assemble(sightings(points, information, at), at, motion).solved()
    covariance = full(covariance_of(band))
    for track in range(tracks):
        own = (points[:, track], information[:, track], at[:, track])
        expected, blocks = dense(*own, motion.share[:, track] / motion.deviation[track] ** 2)
        np.testing.assert_allclose(positions[:, track], expected, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(covariance[:, track], blocks, rtol=1e-6, atol=1e-9 * blocks.max())


@pytest.mark.parametrize("frames", [1, 2])
def test_one_or_two_frames_are_only_what_was_seen(frames: int) -> None:
    points = np.random.default_rng(0).normal(size=(frames, 2, 3))
    information = np.broadcast_to(1e4 * np.eye(3), (frames, 2, 3, 3))
    motion = Motion.even(frames, 2, 0.003)
    positions, band = assemble(sightings(points, information, points), points, motion).solved()
    np.testing.assert_allclose(positions, points, atol=1e-9)
    np.testing.assert_allclose(full(covariance_of(band)), np.linalg.inv(information), rtol=1e-6)
    assert motion_from(positions, band, motion, local=False) is motion


@pytest.mark.parametrize("deviation", [1e-5, 1e-3, 0.1])
def test_steady_motion_is_kept_exactly_however_smooth(deviation: float) -> None:
    times = np.arange(40.0)[:, None, None]
    points = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 9.0]]) + times * np.array([[0.02, -0.01, 0.03], [0.0, 0.05, -0.02]])
    information = random_information(np.random.default_rng(1), 40, 2) + np.eye(3)
    information[10:20] = 0  # a gap
    start = interpolated(points)
    positions, _ = assemble(sightings(points, information, start), start, Motion.even(40, 2, deviation)).solved()
    np.testing.assert_allclose(positions, points, atol=1e-6)


def test_a_view_pulls_only_along_what_it_knows() -> None:
    points, information = np.zeros((9, 1, 3)), np.broadcast_to(1e4 * np.eye(3), (9, 1, 3, 3)).copy()
    axis = np.array([2.0, 1.0, -2.0]) / 3
    information[4, 0] = 1e6 * np.outer(axis, axis)
    moved = points.copy()
    moved[4] = [0.05, 0.02, 0.01]
    motion = Motion.even(9, 1, 0.003)
    positions, _ = assemble(sightings(moved, information, points), points, motion).solved()
    across = positions - (positions @ axis)[..., None] * axis
    assert np.abs(across).max() < 1e-9
    assert positions[4, 0] @ axis == pytest.approx(moved[4, 0] @ axis, rel=0.2)


def test_what_is_known_better_counts_more() -> None:
    points = np.zeros((9, 2, 3))
    points[4] = 0.02
    information = np.broadcast_to(1e4 * np.eye(3), (9, 2, 3, 3)).copy()
    information[4, 1] *= 100
    positions, band = assemble(sightings(points, information, points), points, Motion.even(9, 2, 0.003)).solved()
    assert (positions[4, 1] > 1.5 * positions[4, 0]).all()
    variance = covariance_of(band)[..., 0]
    assert variance[4, 1] < 0.05 * variance[4, 0]
    assert variance[0, 0] > variance[4, 0]  # the ends have neighbours on one side only


def test_time_turned_round_gives_the_same_turned_round() -> None:
    generator = np.random.default_rng(3)
    points = np.cumsum(generator.normal(0, 0.01, (60, 2, 3)), axis=0)
    there, _, covariance = smoothed(points, 0.01)
    back, _, covariance_back = smoothed(points[::-1].copy(), 0.01)
    np.testing.assert_allclose(back[::-1], there, atol=1e-9)
    np.testing.assert_allclose(covariance_back[::-1], covariance, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("noise", [0.002, 0.005, 0.015])
@pytest.mark.parametrize("level", [0.0005, 0.002, 0.01])
def test_the_acceleration_is_found_whatever_the_noise(noise: float, level: float) -> None:
    generator = np.random.default_rng(7)
    truth = np.cumsum(np.cumsum(generator.normal(0, level, (800, 12, 3)), axis=0), axis=0)
    points = truth + generator.normal(0, noise, truth.shape)
    _, motion, _ = smoothed(points, noise, whole=25, local=0)
    assert np.median(motion.deviation) == pytest.approx(level, rel=0.15)
    _, motion, _ = smoothed(points, noise)  # as often as temporal does
    assert np.median(1 / np.sqrt(motion.precision)) == pytest.approx(level, rel=0.3)


def test_the_covariance_is_honest_where_the_motion_is_as_supposed() -> None:
    generator = np.random.default_rng(8)
    truth = np.cumsum(np.cumsum(generator.normal(0, 0.002, (400, 8, 3)), axis=0), axis=0)
    at, _, covariance = smoothed(truth + generator.normal(0, 0.005, truth.shape), 0.005)
    off = at - truth
    squared = np.einsum("tki,tki->tk", off, np.linalg.solve(full(covariance), off[..., None])[..., 0])
    assert squared.mean() == pytest.approx(3, rel=0.15)
    assert np.square(off).mean() < 0.6 * 0.005**2


def test_how_much_a_track_accelerates_is_its_own_affair() -> None:
    generator = np.random.default_rng(9)
    lively = np.cumsum(np.cumsum(generator.normal(0, 0.01, (300, 1, 3)), axis=0), axis=0)
    points = np.concatenate([lively, np.zeros_like(lively)], axis=1) + generator.normal(0, 0.005, (300, 2, 3))
    together, motion, _ = smoothed(points, 0.005)
    alone, _, _ = smoothed(points[:, 1:], 0.005)
    np.testing.assert_allclose(together[:, 1:], alone, atol=1e-12)
    assert motion.deviation[0] > 5 * motion.deviation[1]


def test_what_stands_still_comes_to_rest() -> None:
    points = np.random.default_rng(10).normal(0, 0.005, (400, 6, 3))
    at, _, _ = smoothed(points, 0.005)
    assert np.abs(at).mean() < 0.35 * np.abs(points).mean()
    assert np.diff(at, n=2, axis=0).std() < 0.01 * np.diff(points, n=2, axis=0).std()


def test_a_sudden_start_is_kept_and_the_calm_before_it_is_calm() -> None:
    generator = np.random.default_rng(11)
    times = np.arange(240) / 60
    speed = np.where((times > 2) & (times < 2.2), 6.0, 0.0)  # m/s, at once: 6 m/s within a frame
    truth = np.zeros((240, 8, 3))
    truth[..., 0] = (np.cumsum(speed) / 60)[:, None]
    points = truth + generator.normal(0, 0.005, truth.shape)
    at, _, _ = smoothed(points, 0.005)
    error, raw = (np.linalg.norm(tracks - truth, axis=-1) for tracks in (at, points))
    assert error[:105].mean() < 0.55 * raw[:105].mean()
    assert error[115:140].mean() < raw[115:140].mean()
    found = np.diff(at[..., 0], axis=0).mean(1) * 60
    np.testing.assert_allclose(found[121:130], 6.0, rtol=0.05)  # it starts and stops within a frame, at 120 and 131
    assert found[[120, 130]].min() > 4.5
    assert np.abs(found[[118, 119, 131, 132]]).max() < 1.5


def test_walks_are_better_smoothed_than_not() -> None:
    truth = walk(frames=240, fps=60.0).positions[:, 0].numpy()
    points = truth + np.random.default_rng(12).normal(0, 0.005, truth.shape)
    at, _, _ = smoothed(points, 0.005)
    assert np.linalg.norm(at - truth, axis=-1).mean() < 0.45 * np.linalg.norm(points - truth, axis=-1).mean()


def test_gaps_are_filled_linearly_and_the_ends_held() -> None:
    points = np.full((8, 3, 3), np.nan)
    points[[2, 5], 0] = [[0.0, 3.0, 6.0], [3.0, 0.0, 6.0]]
    points[:, 1] = np.arange(8.0)[:, None]
    filled = interpolated(points)
    np.testing.assert_allclose(filled[:, 0, 0], [0, 0, 0, 1, 2, 3, 3, 3])
    np.testing.assert_allclose(filled[:, 0, 1], [3, 3, 3, 2, 1, 0, 0, 0])
    np.testing.assert_array_equal(filled[:, 1], points[:, 1])
    assert not filled[:, 2].any()
