"""The loops over points against tensors, numpy and scipy, for every lens; and what they must not depend on."""

import numpy as np
import pytest
import torch
from lens_rigs import LENSES, rig_of
from scipy.optimize import least_squares

from lift3d import CameraRig
from lift3d.compiled import point_loops
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.synthetic import walk
from lift3d.triangulation.consensus import ConsensusSettings, Fit, fit_points
from lift3d.triangulation.noise import NoiseModel, residual_sums
from lift3d.triangulation.views import PackedRig, Views

EVERY = [*LENSES, "mixed"]
SETTINGS = ConsensusSettings()


def somewhere(count: int, spread: float = 1.0, seed: int = 0) -> torch.Tensor:
    return spread * torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def noisy(rig: CameraRig, points: torch.Tensor, sigma: float = 1.0, seed: int = 0) -> Views:
    """Detections of points with scores between 0.3 and 1."""
    random = np.random.default_rng(seed)
    exact = rig.project(points).numpy()
    return Views(exact + sigma * random.normal(size=exact.shape), 0.3 + 0.7 * random.random(exact.shape[:-1]))


def noise_of(cameras: int, seed: int = 1) -> NoiseModel:
    """Information that grows with the score, and differs between cameras."""
    random = np.random.default_rng(seed)
    steps = random.random((cameras, point_loops.LEVELS))
    return NoiseModel(0.2 + np.cumsum(steps, axis=1) / 30)


def fitted(rig: CameraRig, views: Views, noise: NoiseModel, settings: ConsensusSettings = SETTINGS) -> Fit:
    """Fitted points, in the world."""
    packed = PackedRig.of(rig)
    fit = fit_points(packed, views, noise, settings)
    return Fit(fit.points + packed.origin, fit.information, fit.used)


@pytest.mark.parametrize("lens", EVERY)
def test_projection_is_the_rigs(lens: str) -> None:
    rig = rig_of(lens)
    packed = PackedRig.of(rig)
    points = torch.cat([somewhere(200), somewhere(150, 8.0)])  # on and around the stage, behind
    points[7] = torch.nan
    expected = rig.project(points).numpy()
    assert 0.05 < np.isnan(expected[..., 0]).mean() < 0.5
    np.testing.assert_allclose(packed.project(points.numpy() - packed.origin), expected, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("lens", EVERY)
def test_distances_are_those_of_the_projection(lens: str) -> None:
    rig = rig_of(lens)
    packed = PackedRig.of(rig)
    points = somewhere(140, 4.0)
    pixels = np.random.default_rng(0).uniform(0, 1000, (4, 140, 2))
    pixels[0, 3] = np.nan
    out = np.empty((4, 140))
    point_loops.distances(packed.lens, packed.numbers, points.numpy() - packed.origin, pixels, out)
    np.testing.assert_allclose(out, np.linalg.norm(rig.project(points).numpy() - pixels, axis=-1), rtol=1e-9)


def rays_of(rig: CameraRig, pixels: np.ndarray) -> np.ndarray:
    """What the loop makes of pixels (C, N, 2), NaN where it gives them no weight."""
    packed, rays = PackedRig.of(rig), np.empty_like(pixels)
    for c, own in enumerate(pixels):
        u, v = np.ascontiguousarray(own.T)
        x, y, weight = np.empty_like(u), np.empty_like(u), np.ones_like(u)
        point_loops.rays(packed.lens[c], packed.numbers[c], u, v, x, y, weight, np.empty((6, len(u))))
        rays[c] = np.where(weight[:, None] > 0, np.stack([x, y], -1), np.nan)
    return rays


@pytest.mark.parametrize("lens", EVERY)
def test_rays_are_those_of_the_rig(lens: str) -> None:
    rig = rig_of(lens)
    random = np.random.default_rng(0)
    pixels = random.uniform([0, 0], [1280, 720], (4, 500, 2))
    pixels[:, 0] = rig.cameras.intrinsics[:, :2, 2].numpy()  # on the axis
    rays = rays_of(rig, pixels)
    assert np.isfinite(rays).all()
    np.testing.assert_allclose(rays, rig.normalise(torch.from_numpy(pixels)).numpy(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("lens", EVERY)
def test_pixels_that_the_lens_maps_nothing_to_have_no_weight(lens: str) -> None:
    rig = rig_of(lens)
    random = np.random.default_rng(0)
    pixels = random.normal(scale=10 ** random.uniform(2, 7, (4, 600, 1)), size=(4, 600, 2))
    rays, expected = rays_of(rig, pixels), rig.normalise(torch.from_numpy(pixels)).numpy()
    both = np.isfinite(rays[..., 0]) & np.isfinite(expected[..., 0])
    assert (np.isnan(rays[..., 0]) == np.isnan(expected[..., 0])).mean() > 0.98
    ahead = torch.from_numpy(np.concatenate([rays, np.ones_like(rays[..., :1])], -1))
    back = rig.cameras.project_camera(ahead).numpy()
    found = np.isfinite(rays[..., 0])
    np.testing.assert_allclose(back[found], pixels[found], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(rays[both], expected[both], rtol=1e-6, atol=1e-8)
    if lens == "pinhole":
        assert found.all()
    elif lens not in ("rational", "mixed"):
        assert not found[np.abs(pixels).max(-1) > 1e6].any()


def test_numbers_that_are_no_pixels_are_missing() -> None:
    rig = rig_of("mixed")
    views = noisy(rig, somewhere(6))
    for place, value in enumerate((np.nan, np.inf, -np.inf, 1e300)):
        views.pixels[1, place] = value
    views.scores[1, 4] = np.nan
    views.scores[1, 5] = -1.0
    fit = fitted(rig, views, NoiseModel.unknown(4))
    assert not fit.used[1].any()
    assert fit.used[[0, 2, 3]].all()
    np.testing.assert_allclose(fit.points, somewhere(6).numpy(), atol=0.05)


def plain_linear(rig: CameraRig, views: Views, weights: np.ndarray) -> np.ndarray:
    """The weighted least-squares points by numpy, one after another."""
    rays = rig.normalise(torch.from_numpy(views.pixels)).numpy()
    rotation, translation = rig.cameras.rotation.numpy(), rig.cameras.translation.numpy()
    found = []
    for ray, weight in zip(rays.swapaxes(0, 1), weights.T, strict=True):
        root = np.sqrt(np.repeat(weight, 2))
        rows = (ray[..., None] * rotation[:, 2:] - rotation[:, :2]).reshape(-1, 3)
        right = (translation[:, :2] - ray * translation[:, 2:]).reshape(-1)
        found.append(np.linalg.lstsq(rows * root[:, None], right * root, rcond=None)[0])
    return np.array(found)


@pytest.mark.parametrize("lens", EVERY)
def test_the_linear_points_are_those_of_least_squares(lens: str) -> None:
    rig = rig_of(lens)
    packed, views = PackedRig.of(rig), noisy(rig, somewhere(130), sigma=5.0)
    views.scores[0, ::3] = 0
    views.scores[1:, 4] = 0  # one view left
    views.pixels[1, 10] = np.nan
    points = np.empty((130, 3))
    point_loops.linear(packed.lens, packed.numbers, views.pixels, np.square(views.scores), points)
    assert np.isnan(points[4]).all()
    weights = np.where(np.isnan(views.pixels[..., 0]), 0, np.square(views.scores))
    expected = plain_linear(rig, Views(np.nan_to_num(views.pixels), views.scores), weights)
    kept = np.arange(130) != 4
    np.testing.assert_allclose(points[kept] + packed.origin, expected[kept], atol=1e-9)


def plain_robust(rig: CameraRig, views: Views, information: np.ndarray, start: np.ndarray, kernel: float) -> np.ndarray:
    """Points of least Cauchy cost by scipy, one after another."""

    def residuals(at: np.ndarray, p: int) -> np.ndarray:
        off = rig.project(torch.from_numpy(at)).numpy() - views.pixels[:, p]
        return np.sqrt(information[:, p]) * np.linalg.norm(off, axis=-1)

    tight = {"jac": "3-point", "xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}
    return np.array(
        [
            least_squares(residuals, at, args=(p,), loss="cauchy", f_scale=kernel, **tight).x
            for p, at in enumerate(start)
        ]
    )


@pytest.mark.parametrize("lens", EVERY)
def test_the_robust_points_are_those_of_scipy(lens: str) -> None:
    rig, noise = rig_of(lens), noise_of(4)
    points = somewhere(4)
    views = noisy(rig, points)
    fit = fitted(rig, views, noise)
    assert fit.used.all()
    information = noise.information(np.arange(4)[:, None], views.scores)
    expected = plain_robust(rig, views, information, points.numpy(), SETTINGS.kernel)
    np.testing.assert_allclose(fit.points, expected, atol=1e-8)


@pytest.mark.parametrize("lens", EVERY)
def test_the_information_is_that_of_the_slopes_of_the_projection(lens: str) -> None:
    rig, noise = rig_of(lens), noise_of(4)
    views = noisy(rig, somewhere(5))
    fit = fitted(rig, views, noise)
    information = torch.from_numpy(noise.information(np.arange(4)[:, None], views.scores) * fit.used)
    for p, at in enumerate(torch.from_numpy(fit.points)):
        slopes = torch.autograd.functional.jacobian(rig.project, at)
        full = torch.einsum("c,cij,cik->jk", information[:, p], slopes, slopes).numpy()
        np.testing.assert_allclose(fit.information[p], full[[0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]], rtol=1e-9)


@pytest.mark.parametrize("lens", EVERY)
def test_equations_about_given_points_are_slope_and_curvature_of_the_cost(lens: str) -> None:
    rig, noise = rig_of(lens), noise_of(4)
    packed, truth = PackedRig.of(rig), somewhere(5)
    views = noisy(rig, truth, sigma=0.5)
    views.pixels[2, 1] += 100.0  # past the gate
    equations, used = np.full((5, 9), np.nan), np.zeros((4, 5), np.bool_)
    at = truth.numpy() - packed.origin
    gate, kernel = SETTINGS.gate, SETTINGS.kernel
    point_loops.linearise(
        packed.lens, packed.numbers, views.pixels, views.scores, noise.tables, gate, kernel, at, equations, used
    )  # fmt: skip
    expected = np.ones((4, 5), np.bool_)
    expected[2, 1] = False
    np.testing.assert_array_equal(used, expected)
    weights = torch.from_numpy(noise.information(np.arange(4)[:, None], views.scores) * used)

    def cost(at: torch.Tensor) -> torch.Tensor:
        squared = weights * (rig.project(at) - torch.from_numpy(views.pixels)).square().sum(-1)
        return (kernel**2 / 2 * torch.log1p(squared / kernel**2)).sum()

    slope = torch.autograd.functional.jacobian(cost, truth).numpy()
    np.testing.assert_allclose(equations[:, 6:], -slope, rtol=1e-7, atol=1e-7)
    curvature = torch.autograd.functional.hessian(cost, truth).numpy()
    for p in range(5):  # Gauss-Newton: near the Hessian where residuals are small
        full = curvature[p, :, p][[0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]]
        np.testing.assert_allclose(equations[p, :6], full, atol=0.3 * np.abs(full).max())


def test_inverses_are_numpys_and_nan_where_there_is_none() -> None:
    root = np.random.default_rng(0).normal(size=(20, 3, 3))
    matrices = root @ root.swapaxes(-1, -2)
    upper = matrices[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]]
    upper[3] = 0
    out = np.empty_like(upper)
    point_loops.covariances(upper, out)
    assert np.isnan(out[3]).all()
    kept = np.arange(20) != 3
    inverse = np.linalg.inv(matrices[kept])[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]]
    np.testing.assert_allclose(out[kept], inverse, rtol=1e-8)


@pytest.mark.parametrize("lens", EVERY)
def test_residuals_by_class_are_added_up_with_their_freedom(lens: str) -> None:
    rig, noise = rig_of(lens), noise_of(4)
    packed, views = PackedRig.of(rig), noisy(rig, somewhere(140))
    fit, edges = fit_points(packed, views, noise, SETTINGS), np.array([0.5, 0.8])
    squares, freedom = residual_sums(packed, views, noise, fit, edges)
    squared = np.square(packed.project(fit.points) - views.pixels).sum(-1)
    for c in range(4):
        for group, (low, high) in enumerate(((0, 0.5), (0.5, 0.8), (0.8, 1.1))):
            own = fit.used[c] & (views.scores[c] > low) & (views.scores[c] <= high)
            assert squares[c, group] == pytest.approx(squared[c, own].sum(), rel=1e-9)
    assert freedom.sum() == pytest.approx(2 * fit.used.sum() - 3 * fit.used.any(0).sum(), rel=1e-9)


@pytest.mark.parametrize("count", [0, 1, 47, 48, 49, 96, 127, 128, 129, 300])
def test_points_do_not_depend_on_the_block_they_are_in(count: int) -> None:
    rig, noise = rig_of("mixed"), noise_of(4)
    views = noisy(rig, somewhere(count), sigma=1.5)
    views.pixels[0, ::7] += 80.0
    views.scores[1, ::5] = 0
    whole = fitted(rig, views, noise)
    for p in {0, 1, count // 2, count - 2, count - 1} & set(range(count)):
        alone = fitted(rig, views[p : p + 1], noise)
        np.testing.assert_allclose(alone.points[0], whole.points[p], atol=1e-6, rtol=0)
        np.testing.assert_allclose(alone.information[0], whole.information[p], rtol=1e-4)
        np.testing.assert_array_equal(alone.used[:, 0], whole.used[:, p])
    assert whole.points.shape == (count, 3)
    assert not count or np.isfinite(whole.points).all(-1).mean() > 0.8


def scene(count: int = 100) -> tuple[CameraRig, Views, NoiseModel]:
    """Cameras of every lens, with outliers and missing detections."""
    rig = rig_of("mixed", 5)
    views = noisy(rig, walk(8).positions[:, 0].double().reshape(-1, 3)[:count])
    views.pixels[2, ::6] += 50.0
    views.scores[3, ::4] = 0
    return rig, views, noise_of(5)


def full(upper: np.ndarray) -> np.ndarray:
    return upper[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3)


def test_a_rigid_motion_of_the_world_moves_points_and_information_along() -> None:
    rig, views, noise = scene()
    turn = rotvec_to_matrix(torch.tensor([0.7, -1.1, 0.4], dtype=torch.float64))
    shift = torch.tensor([20.0, -7.0, 3.0], dtype=torch.float64)
    cameras = rig.cameras
    rotation = cameras.rotation @ turn.T
    moved = CameraRig(
        rig.names,
        type(cameras)(
            cameras.intrinsics, cameras.distortion, rotation, cameras.translation - rotation @ shift,
            cameras.image_size, cameras.lens,
        ),
    )  # fmt: skip
    here, there = fitted(rig, views, noise), fitted(moved, views, noise)
    r = turn.numpy()
    np.testing.assert_allclose(there.points, here.points @ r.T + shift.numpy(), atol=1e-6)
    expected = r @ full(here.information) @ r.T
    np.testing.assert_allclose(full(there.information), expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_array_equal(there.used, here.used)


def test_the_order_of_the_cameras_does_not_matter() -> None:
    rig, views, noise = scene()
    order = [3, 0, 4, 2, 1]
    turned = rig.only([rig.names[c] for c in order])
    here = fitted(rig, views, noise)
    there = fitted(turned, Views(views.pixels[order], views.scores[order]), NoiseModel(noise.tables[order]))
    np.testing.assert_array_equal(there.used, here.used[order])
    np.testing.assert_allclose(there.points, here.points, atol=1e-6)
    np.testing.assert_allclose(there.information, here.information, rtol=1e-3, atol=1e-2)


def test_the_size_of_a_pixel_does_not_matter() -> None:
    rig, views, noise = scene()
    scale = 3.0
    grown = rig.cameras.resized(scale)
    larger = Views((views.pixels + 0.5) * scale - 0.5, views.scores)
    here = fitted(rig, views, noise)
    there = fitted(CameraRig(rig.names, grown), larger, NoiseModel(noise.tables / scale**2))
    np.testing.assert_array_equal(there.used, here.used)
    np.testing.assert_allclose(there.points, here.points, atol=1e-6)
    np.testing.assert_allclose(there.information, here.information, rtol=1e-3, atol=1e-2)
