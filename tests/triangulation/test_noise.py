"""A detector's noise is measured on its own detections, and the covariance of points that follows from it is right."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lift3d import CameraRig
from lift3d.compiled import point_loops
from lift3d.synthetic import observe, ring_rig, walk
from lift3d.triangulation import triangulate_in_detail
from lift3d.triangulation.consensus import ConsensusSettings, fit_points
from lift3d.triangulation.noise import NoiseModel, estimate_noise
from lift3d.triangulation.views import PackedRig, Views

SETTINGS = ConsensusSettings()
LEVELS = np.linspace(0, 1, point_loops.LEVELS)


def places(count: int, seed: int = 0) -> np.ndarray:
    """Points on the stage."""
    return np.random.default_rng(seed).uniform([-1, -1, 0], [1, 1, 1.8], (count, 3))


def sigma_by_score(scores: np.ndarray) -> np.ndarray:
    """Pixels: 1 at a score of 1, 6 at a score of 0.2."""
    return 6.0 ** ((1 - scores) / 0.8)


def detected(
    rig: CameraRig, points: np.ndarray, factors: np.ndarray | float = 1.0, outliers: float = 0.0, seed: int = 0
) -> Views:
    """Detections with scores of 0.2 to 1 and the noise that they stand for, times a factor of the camera's."""
    random = np.random.default_rng(seed)
    exact = rig.project(torch.from_numpy(points)).numpy()
    scores = random.uniform(0.2, 1.0, exact.shape[:-1])
    sigma = sigma_by_score(scores) * np.reshape(factors, (-1, 1))
    pixels = exact + sigma[..., None] * random.normal(size=exact.shape)
    anywhere = random.uniform([0, 0], [1280, 720], exact.shape)
    return Views(np.where(random.random((*scores.shape, 1)) < outliers, anywhere, pixels), scores)


def measured(rig: CameraRig, views: Views) -> np.ndarray:
    """Standard deviations by camera and level of score, pixels."""
    return 1 / np.sqrt(estimate_noise(PackedRig.of(rig), views, SETTINGS).tables)


def normalised_error(rig: CameraRig, views: Views, points: np.ndarray, noise: NoiseModel | None = None) -> float:
    """Mean of e^T covariance^-1 e over the points; 3 where the covariance is right."""
    packed = PackedRig.of(rig)
    fit = fit_points(packed, views, noise or estimate_noise(packed, views, SETTINGS), SETTINGS)
    error = fit.points + packed.origin - points
    full = fit.information[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3)
    return float(np.nanmean(np.einsum("pi,pij,pj->p", error, full, error)))


@pytest.mark.parametrize("cameras", [4, 6, 10])
@pytest.mark.parametrize("outliers", [0.0, 0.05])
def test_the_noise_of_every_score_is_found_to_a_tenth(cameras: int, outliers: float) -> None:
    rig = ring_rig(cameras)
    found = measured(rig, detected(rig, places(8000), outliers=outliers))
    seen = (LEVELS >= 0.3) & (LEVELS <= 0.95)  # the classes at the ends are flat
    np.testing.assert_allclose(found[:, seen], np.tile(sigma_by_score(LEVELS[seen]), (cameras, 1)), rtol=0.1)


def test_a_camera_that_is_worse_is_told_from_the_others() -> None:
    rig = ring_rig(6)
    factors = np.array([0.7, 1.0, 1.0, 1.0, 1.0, 1.8])
    found = measured(rig, detected(rig, places(8000), factors))[:, LEVELS == 0.75][:, 0]
    share = found / np.median(found)
    assert 0.6 < share[0] < 0.95
    assert 1.2 < share[5] < 1.9
    np.testing.assert_allclose(share[1:5], 1.0, rtol=0.05)


def test_more_score_is_never_more_noise() -> None:
    rig = ring_rig(4)
    views = detected(rig, places(3000))
    turned = Views(views.pixels, 1.2 - views.scores)  # a detector whose scores mean the contrary
    found = measured(rig, turned)
    assert (np.diff(found, axis=1) <= 1e-12).all()
    assert (np.ptp(found, axis=1) < 0.05 * found.mean(1)).all()


@pytest.mark.parametrize(("cameras", "outliers"), [(3, 0.0), (4, 0.0), (5, 0.03), (8, 0.05)])
def test_the_covariance_is_right(cameras: int, outliers: float) -> None:
    rig, points = ring_rig(cameras), places(20_000)
    assert 2.7 < normalised_error(rig, detected(rig, points, outliers=outliers), points) < 3.3


@pytest.mark.parametrize("lens", ["fisheye", "human36m"])
def test_the_covariance_is_right_with_every_lens(lens: str) -> None:
    rig, points = ring_rig(5, lens=lens), places(20_000)
    assert 2.7 < normalised_error(rig, detected(rig, points), points) < 3.3


def test_the_covariance_is_right_to_a_hundredth_where_the_noise_is_known() -> None:
    rig, points = ring_rig(5), places(40_000)
    tables = np.tile(1 / np.square(sigma_by_score(LEVELS)), (5, 1))
    error = normalised_error(rig, detected(rig, points), points, NoiseModel(tables))
    assert 2.9 < error < 3.1


def test_scores_that_are_all_the_same_give_one_noise() -> None:
    rig, points = ring_rig(4), places(4000)
    exact = rig.project(torch.from_numpy(points)).numpy()
    for score in (1.0, 0.37):
        noisy = exact + 2.5 * np.random.default_rng(0).normal(size=exact.shape)
        views = Views(noisy, np.full(exact.shape[:-1], score))
        found = measured(rig, views)
        np.testing.assert_allclose(found, 2.5, rtol=0.05)
        assert 2.7 < normalised_error(rig, views, points) < 3.3


def test_exact_detections_have_next_to_no_noise() -> None:
    rig, points = ring_rig(4), places(500)
    packed = PackedRig.of(rig)
    views = Views(rig.project(torch.from_numpy(points)).numpy(), np.random.default_rng(0).uniform(0.3, 1, (4, 500)))
    noise = estimate_noise(packed, views, SETTINGS)
    assert np.isfinite(noise.tables).all()
    assert (1 / np.sqrt(noise.tables)).max() < 0.01
    fit = fit_points(packed, views, noise, SETTINGS)
    assert fit.used.all()
    np.testing.assert_allclose(fit.points + packed.origin, points, atol=1e-8)


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_hardly_any_points_still_give_a_noise(count: int) -> None:
    rig = ring_rig(3)
    found = measured(rig, detected(rig, places(count)))
    assert found.shape == (3, point_loops.LEVELS)
    assert np.isfinite(found).all()
    assert (found > 0).all()


@pytest.mark.parametrize("seen", [0, 1])
def test_no_two_views_of_anything_still_give_a_noise(seen: int) -> None:
    rig = ring_rig(3)
    views = detected(rig, places(30))
    views.scores[seen:] = 0
    found = measured(rig, views)
    assert np.isfinite(found).all()
    assert (found > 0).all()


def test_a_camera_that_sees_nothing_changes_nothing_for_the_others() -> None:
    rig = ring_rig(4)
    views = detected(rig, places(2000))
    three = Views(views.pixels[:3], views.scores[:3])
    views.scores[3] = 0
    np.testing.assert_allclose(measured(rig, views)[:3], measured(rig.only(rig.names[:3]), three), rtol=1e-6)


def test_two_cameras_alone_give_a_noise_and_a_covariance() -> None:
    rig, points = ring_rig(6).only(["cam0", "cam2"]), places(8000)
    views = detected(rig, points)
    found = measured(rig, views)[:, LEVELS == 0.75]
    np.testing.assert_allclose(found, sigma_by_score(np.array(0.75)), rtol=0.35)  # one number in four is left to tell
    assert 2 < normalised_error(rig, views, points) < 4.5


def test_information_is_read_between_the_levels_as_the_loops_do() -> None:
    rig, points = ring_rig(3), places(200)
    packed, views = PackedRig.of(rig), detected(rig, places(200))
    steps = np.random.default_rng(0).random((3, point_loops.LEVELS))
    noise = NoiseModel(0.01 + np.cumsum(steps, axis=1))
    at = points - packed.origin
    equations, used = np.empty((200, 9)), np.empty((3, 200), np.bool_)
    point_loops.linearise(
        packed.lens, packed.numbers, views.pixels, views.scores, noise.tables, np.inf, np.inf, at, equations, used
    )  # fmt: skip
    read = noise.information(np.arange(3)[:, None], views.scores)
    own = np.empty((3, 200, 9))
    for c in range(3):
        unit = Views(views.pixels, np.where(np.arange(3)[:, None] == c, 1.0, 0.0) * np.ones((3, 200)))
        point_loops.linearise(
            packed.lens, packed.numbers, unit.pixels, unit.scores, np.ones((3, point_loops.LEVELS)), np.inf, np.inf,
            at, own[c], used,
        )  # fmt: skip
    np.testing.assert_allclose(equations, np.einsum("cp,cpk->pk", read, own), rtol=1e-9, atol=1e-6)
    assert noise.information(np.array(0), np.array([-1.0, 2.0])).tolist() == noise.tables[0, [0, -1]].tolist()


def test_the_report_gives_the_noise_in_pixels() -> None:
    rig, poses = ring_rig(5), walk(frames=100)
    keypoints = observe(poses, rig, noise_px=3.0, missing=0.1)
    found = triangulate_in_detail(keypoints, rig, "robust")
    missing = keypoints.scores == 0
    assert found.noise_px[missing].isnan().all()
    rms = found.noise_px[~missing].square().mean().sqrt().item()
    assert rms == pytest.approx(3.0, rel=0.1)
    assert found.poses.covariance is not None
    whole = found.poses.positions.isfinite().all(-1)
    error = (found.poses.positions - poses.positions)[whole].double()
    inverse = torch.linalg.inv(found.poses.covariance[whole].double())
    assert 2.4 < torch.einsum("pi,pij,pj->p", error, inverse, error).mean() < 3.6


def test_pixels_twice_the_size_have_half_the_noise() -> None:
    rig = ring_rig(4)
    views = detected(rig, places(2000))
    larger = CameraRig(rig.names, rig.cameras.resized(2.0))
    doubled = replace(views, pixels=(views.pixels + 0.5) * 2 - 0.5)
    np.testing.assert_allclose(measured(larger, doubled), 2 * measured(rig, views), rtol=1e-4)
