"""Views that agree are found, whatever the others say; where nothing tells which are right there is no point."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from lift3d import Camera, CameraRig, Keypoints2D, Poses3D
from lift3d.synthetic import observe, ring_rig, walk
from lift3d.training.virtual_cameras import looking
from lift3d.triangulation import TriangulationSettings, triangulate_in_detail
from lift3d.triangulation.consensus import ConsensusSettings, Fit, fit_points, pairs_of
from lift3d.triangulation.noise import NoiseModel
from lift3d.triangulation.views import PackedRig, Views

SIGMA = 1.0
TRUTH = walk(frames=20).positions[:, 0].double().reshape(-1, 3)  # 340 points


def seen(rig: CameraRig, seed: int = 0) -> Views:
    """Detections with noise of one pixel, and scores of 1."""
    exact = rig.project(TRUTH).numpy()
    noise = np.random.default_rng(seed).normal(scale=SIGMA, size=exact.shape).clip(-2, 2)  # none past the gate
    return Views(exact + noise, np.ones(exact.shape[:-1]))


def fitted(rig: CameraRig, views: Views, **settings) -> Fit:
    """Fitted points, in the world."""
    packed = PackedRig.of(rig)
    fit = fit_points(packed, views, NoiseModel.unknown(len(rig)), ConsensusSettings(**settings))
    return Fit(fit.points + packed.origin, fit.information, fit.used)


def errors(fit: Fit) -> np.ndarray:
    return np.linalg.norm(fit.points - TRUTH.numpy(), axis=-1)


def with_outliers(views: Views, number: int, seed: int = 1) -> tuple[Views, np.ndarray]:
    """The views with so many of each point's moved by 40 to 200 pixels in directions of their own; and which."""
    random = np.random.default_rng(seed)
    cameras, count = views.scores.shape
    outlier = random.random((cameras, count)).argsort(0) < number
    angle, length = random.uniform(0, 2 * np.pi, outlier.shape), random.uniform(40, 200, outlier.shape)
    away = np.stack([np.cos(angle), np.sin(angle)], -1) * length[..., None]
    return Views(views.pixels + np.where(outlier[..., None], away, 0), views.scores), outlier


def rig_near_and_far() -> CameraRig:
    """Four cameras, one of them two metres from the people, the others up to seven."""
    centres = torch.tensor([[1.9, -0.9, 0.9], [6.0, 4.4, 2.7], [-1.9, 5.5, 2.6], [-2.4, -3.4, 0.6]]).double()
    rotation = looking(torch.tensor([0.0, 0.0, 0.9]).double() - centres, torch.zeros(len(centres)).double())
    translation = -(rotation @ centres[..., None])[..., 0]
    intrinsics = np.diag([1100.0, 1100.0, 1.0])
    cameras = {
        f"cam{number}": Camera.of(intrinsics, rotation=rotation[number], translation=translation[number])
        for number in range(len(centres))
    }
    return CameraRig.of(cameras)


@pytest.mark.parametrize("sigma", [1.0, 3.0, 6.0])
def test_points_stay_where_views_meet_though_all_are_as_far_off_as_the_gate_allows(sigma: float) -> None:
    """Where the cost bends down, a whole step of Newton's method leads away, to millions of kilometres."""
    rig, random = rig_near_and_far(), np.random.default_rng(1)
    packed = PackedRig.of(rig)
    truth = torch.tensor([0.0, 0.0, 0.9]) + 0.4 * torch.randn(2000, 3, generator=torch.Generator().manual_seed(0))
    exact = rig.project(truth.double()).numpy()
    angle, length = random.uniform(0, 2 * np.pi, exact.shape[:-1]), random.uniform(2, 3.95, exact.shape[:-1])
    away = sigma * length[..., None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    noise = NoiseModel(NoiseModel.unknown(len(rig)).tables / sigma**2)
    fit = fit_points(packed, Views(exact + away, np.ones(angle.shape)), noise, ConsensusSettings())
    error = np.linalg.norm(fit.points + packed.origin - truth.numpy(), axis=-1)
    found = np.isfinite(error)
    assert found.mean() > 0.9
    assert error[found].max() < 0.1 * sigma


@pytest.mark.parametrize(
    ("cameras", "number"), [(3, 0), (4, 1), (5, 1), (5, 2), (6, 2), (7, 3), (8, 3), (8, 4), (16, 4), (16, 7)]
)
def test_outliers_are_found_exactly_where_the_others_are_more(cameras: int, number: int) -> None:
    rig = ring_rig(cameras)
    views, outlier = with_outliers(seen(rig), number)
    fit = fitted(rig, views)
    whole = np.isfinite(fit.points).all(-1)
    assert whole.mean() > 0.98
    assert (fit.used == ~outlier).all(
        0
    ).mean() > 0.9  # the rest: an outlier near an epipolar line, a good view just past
    assert (fit.used & outlier).sum() <= 0.01 * max(outlier.sum(), 1)
    assert np.percentile(errors(fit)[whole], 99) < 0.03


def test_one_outlier_among_three_leaves_two_that_agree_or_nothing() -> None:
    rig = ring_rig(3)
    views, outlier = with_outliers(seen(rig), 1)
    fit = fitted(rig, views)
    whole = np.isfinite(fit.points).all(-1)
    assert whole.mean() > 0.5
    assert (fit.used == ~outlier)[:, whole].all(0).mean() > 0.97
    assert (errors(fit)[whole] < 0.05).mean() > 0.97


@pytest.mark.parametrize("cameras", [2, 3, 4, 8, 16])
def test_views_that_all_disagree_make_no_point(cameras: int) -> None:
    rig = ring_rig(cameras)
    views = seen(rig)
    random = np.random.default_rng(2)
    nonsense = Views(random.uniform([0, 0], [1280, 720], views.pixels.shape), views.scores)
    fit = fitted(rig, nonsense)
    chance = {2: 0.02, 3: 0.05, 4: 0.1, 8: 0.2, 16: 0.4}[cameras]  # some rays do meet by chance
    assert np.isfinite(fit.points).all(-1).mean() < chance
    none = np.isnan(fit.points).any(-1)
    assert not fit.used[:, none].any()
    assert (fit.information[none] == 0).all()


def test_two_views_that_disagree_make_no_point() -> None:
    rig = ring_rig(2)
    views = seen(rig)
    assert np.isfinite(fitted(rig, views).points).all(-1).mean() > 0.99
    normals = _across_epipolar(rig, TRUTH)
    for pixels, expected in ((2.0, True), (30.0, False)):
        moved = Views(views.pixels.copy(), views.scores)
        moved.pixels[1] = rig.project(TRUTH).numpy()[1] + pixels * normals
        assert (np.isfinite(fitted(rig, moved).points).all(-1) == expected).mean() > 0.99


def _across_epipolar(rig: CameraRig, points: torch.Tensor) -> np.ndarray:
    """Directions in the second picture across the line on which the first camera's ray is seen."""
    further = points + 0.01 * (points - rig.cameras.centre[0])
    line = (rig.project(further) - rig.project(points))[1].numpy()
    line /= np.linalg.norm(line, axis=-1, keepdims=True)
    return np.stack([-line[:, 1], line[:, 0]], -1)


def test_two_rival_pairs_make_no_point() -> None:
    rig = ring_rig(4)
    other = TRUTH + torch.tensor([0.35, -0.25, 0.3], dtype=torch.float64)
    views = seen(rig)
    views.pixels[2:] = rig.project(other).numpy()[2:]
    fit = fitted(rig, views)
    assert np.isnan(fit.points).any(-1).mean() > 0.99
    views.pixels[3] = np.random.default_rng(0).uniform([0, 0], [1280, 720], views.pixels[3].shape)
    views.scores[2] = 0  # the rivals are gone: now the pair that agrees is right
    assert (errors(fitted(rig, views)) < 0.05).mean() > 0.9


def test_three_that_agree_win_over_a_pair() -> None:
    rig = ring_rig(5)
    views = seen(rig)
    views.pixels[3:] = rig.project(TRUTH + torch.tensor([0.35, -0.25, 0.3], dtype=torch.float64)).numpy()[3:]
    fit = fitted(rig, views)
    assert (fit.used == np.array([True, True, True, False, False])[:, None]).all(0).mean() > 0.97
    assert np.nanmax(errors(fit)) < 0.1


def test_fewer_than_two_views_are_no_point() -> None:
    rig = ring_rig(4)
    views = seen(rig)
    views.scores[1:, ::2] = 0
    views.pixels[:, 1::4] = np.nan
    fit = fitted(rig, views)
    expected = np.arange(len(TRUTH)) % 4 == 3
    np.testing.assert_array_equal(np.isfinite(fit.points).all(-1), expected)
    np.testing.assert_array_equal(fit.used.all(0), expected)
    assert not fit.used[:, ~expected].any()


def test_a_point_behind_a_camera_does_not_use_its_view() -> None:
    rig = ring_rig(5)
    views = seen(rig)
    turned = rig.cameras.rotation.clone()
    turned[0] = torch.diag(torch.tensor([-1.0, 1.0, -1.0], dtype=torch.float64)) @ turned[0]
    cameras = replace(rig.cameras, rotation=turned, translation=-(turned @ rig.cameras.centre[..., None])[..., 0])
    fit = fitted(CameraRig(rig.names, cameras), views)
    assert not fit.used[0].any()
    assert fit.used[1:].mean() > 0.99
    assert errors(fit).max() < 0.05


def test_pairs_are_all_pairs_in_an_order_that_does_not_change() -> None:
    for cameras in (2, 3, 8, 16):
        pairs = pairs_of(cameras)
        assert sorted(map(tuple, pairs.tolist())) == list(itertools.combinations(range(cameras), 2))
        np.testing.assert_array_equal(pairs, pairs_of(cameras))
    assert pairs_of(1).shape == (0, 2)


def test_no_more_pairs_are_tried_than_allowed() -> None:
    rig = ring_rig(16)
    views, outlier = with_outliers(seen(rig), 6)
    assert np.isfinite(fitted(rig, views).points).all(-1).mean() > 0.99
    whole, lost = fitted(rig, views, most_pairs=120), fitted(rig, views, most_pairs=0)
    assert (whole.used == ~outlier).all(0).mean() > 0.9
    assert (lost.used == ~outlier).all(0).mean() < 0.3  # nothing but the linear point was looked at
    first = pairs_of(16)[:5]
    alone, _ = with_outliers(seen(rig), 0)
    bad = np.unique(first)
    alone.pixels[bad] += 10.0 * np.arange(20, 20 + len(bad))[:, None, None] * np.array([1.0, -1.0])
    few = fitted(rig, alone, most_pairs=5)  # all five pairs hold an outlier
    many = fitted(rig, alone)
    good = ~np.isin(np.arange(16), bad)
    assert (many.used == good[:, None]).all(0).mean() > 0.9
    assert (few.used == good[:, None]).all(0).mean() < 0.9


@pytest.mark.parametrize("method", ["robust", "temporal", "dlt"])
def test_threads_change_nothing(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = ring_rig(4)
    keypoints = observe(walk(frames=30, people=2), rig, noise_px=2.0, missing=0.1, outliers=0.05)
    monkeypatch.setattr("lift3d.triangulation.views._CHUNK", 34 * 7)
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        try:
            found.append(triangulate_in_detail(keypoints, rig, method))
        finally:
            torch.set_num_threads(1)
    one, two = found
    assert torch.equal(one.poses.positions.nan_to_num(), two.poses.positions.nan_to_num())
    assert torch.equal(one.used, two.used)
    assert torch.equal(one.swapped, two.swapped)


def test_chunks_change_next_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = ring_rig(4)
    keypoints = observe(walk(frames=30, people=2), rig, noise_px=2.0, missing=0.1, outliers=0.05)
    whole = triangulate_in_detail(keypoints, rig, "robust")
    monkeypatch.setattr("lift3d.triangulation.views._CHUNK", 34)
    parts = triangulate_in_detail(keypoints, rig, "robust")
    assert torch.equal(whole.used, parts.used)
    torch.testing.assert_close(whole.poses.positions, parts.poses.positions, atol=1e-6, rtol=0, equal_nan=True)


@pytest.mark.parametrize("method", ["robust", "temporal", "dlt"])
@pytest.mark.parametrize("frames", [0, 1, 2])
@pytest.mark.parametrize("people", [0, 1])
def test_hardly_any_input_gives_hardly_any_output(method: str, frames: int, people: int) -> None:
    rig = ring_rig(3)
    many = observe(walk(frames=2), rig, noise_px=1.0)
    part = slice(frames), slice(people)
    keypoints = replace(many, pixels=many.pixels[:, *part], scores=many.scores[:, *part], times=many.times[:frames])
    found = triangulate_in_detail(keypoints, rig, method)
    assert found.poses.positions.shape == (frames, people, 17, 3)
    assert found.poses.positions.isfinite().all()
    assert found.used.all()


@pytest.mark.parametrize("method", ["robust", "temporal", "dlt"])
def test_no_two_views_of_anything_is_nan_all_over(method: str) -> None:
    rig = ring_rig(3)
    keypoints = observe(walk(frames=12), rig, noise_px=1.0)
    pixels = keypoints.pixels.clone()
    pixels[1:] = torch.nan
    alone = Keypoints2D.of(pixels, keypoints.scores, skeleton=keypoints.skeleton, camera_names=rig.names)
    found = triangulate_in_detail(alone, rig, method)
    assert found.poses.positions.isnan().all()
    assert (found.poses.scores == 0).all()
    if found.poses.covariance is not None:
        assert found.poses.covariance.isnan().all()


def test_the_report_says_which_views_were_used_and_how_well_they_fit() -> None:
    rig, poses = ring_rig(5), walk(frames=20)
    keypoints = observe(poses, rig, noise_px=1.0)
    pixels = keypoints.pixels.clone()
    pixels[2, 4:8] += 60.0
    given = replace(keypoints, pixels=pixels)
    found = triangulate_in_detail(given, rig, "robust", TriangulationSettings(swaps=False))
    assert not found.used[2, 4:8].any()
    assert found.used[[0, 1, 3, 4]].double().mean() > 0.98
    assert found.errors[2, 4:8].min() > 40
    assert found.errors[found.used].max() < 10
    assert isinstance(found.poses, Poses3D)
    expected = keypoints.scores[[0, 1, 3, 4], 5, 0, 6].sum() / 5
    if found.used[:, 5, 0, 6].sum() == 4:
        assert found.poses.scores[5, 0, 6].item() == pytest.approx(expected.item(), rel=1e-6)
