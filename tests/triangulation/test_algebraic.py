"""Linear triangulation: inverse of projection, independence of batch shape and order, what is missing, gradients."""

import numpy as np
import pytest
import torch

from lift3d import Camera, CameraRig, Keypoints2D, Lens, get_skeleton
from lift3d.errors import InputError
from lift3d.synthetic import observe, ring_rig, walk
from lift3d.triangulation import reprojection_error, triangulate, triangulate_rays


def linear(keypoints: Keypoints2D, rig: CameraRig):
    return triangulate(keypoints, rig, "dlt")


@pytest.fixture(scope="module")
def scene() -> tuple[CameraRig, torch.Tensor]:
    rig = ring_rig(cameras=5)
    return rig, walk(frames=12).positions.double()


def _rays(rig: CameraRig, points: torch.Tensor) -> torch.Tensor:
    return rig.normalise(rig.project(points))


def _plain(rays: torch.Tensor, weights: torch.Tensor, rig: CameraRig) -> torch.Tensor:
    """The weighted least-squares point of each column by numpy, one after another: the reference."""
    rotation, translation = rig.cameras.rotation.numpy(), rig.cameras.translation.numpy()
    found = []
    for point in range(rays.shape[1]):
        rows, right = [], []
        for camera in range(len(rig)):
            for axis in range(2):
                value, root = rays[camera, point, axis].item(), np.sqrt(weights[camera, point].item())
                rows.append(root * (value * rotation[camera, 2] - rotation[camera, axis]))
                right.append(root * (translation[camera, axis] - value * translation[camera, 2]))
        found.append(np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0])
    return torch.from_numpy(np.array(found))


def test_project_then_triangulate_gives_the_points_back(scene) -> None:
    rig, points = scene
    weights = torch.rand(5, *points.shape[:-1], dtype=torch.float64) + 0.1
    found = triangulate_rays(_rays(rig, points), weights, rig.cameras.rotation, rig.cameras.translation)
    torch.testing.assert_close(found, points, atol=1e-9, rtol=0)


def test_agrees_with_plain_least_squares_on_noisy_rays(scene) -> None:
    rig, points = scene
    rays = _rays(rig, points[:, 0, :3].reshape(-1, 3))
    rays = rays + 0.01 * torch.randn(rays.shape, dtype=torch.float64)
    weights = torch.rand(rays.shape[:-1], dtype=torch.float64)
    found = triangulate_rays(rays, weights, rig.cameras.rotation, rig.cameras.translation)
    torch.testing.assert_close(found, _plain(rays, weights, rig), atol=1e-10, rtol=0)


def test_a_rigid_motion_of_the_world_moves_the_points_along(scene) -> None:
    rig, points = scene
    rays = _rays(rig, points) + 0.01
    weights = torch.ones(rays.shape[:-1], dtype=torch.float64)
    turn = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))[0]
    turn = turn * torch.linalg.det(turn)
    shift = torch.tensor([10.0, -20.0, 5.0], dtype=torch.float64)
    rotation = rig.cameras.rotation @ turn.T
    translation = rig.cameras.translation - rotation @ shift
    here = triangulate_rays(rays, weights, rig.cameras.rotation, rig.cameras.translation)
    there = triangulate_rays(rays, weights, rotation, translation)
    torch.testing.assert_close(there, here @ turn.T + shift, atol=1e-8, rtol=0)


def test_fewer_than_two_views_and_parallel_rays_are_nan(scene) -> None:
    rig, points = scene
    rays = _rays(rig, points[0, 0])
    weights = torch.ones(rays.shape[:-1], dtype=torch.float64)
    rays[1:, 0] = torch.nan  # one view left
    weights[:4, 1] = 0  # one view left
    rays[2:, 2] = torch.nan  # two views left
    found = triangulate_rays(rays, weights, rig.cameras.rotation, rig.cameras.translation)
    assert found.isfinite().all(-1).tolist() == [False, False] + [True] * 15
    same = rig.cameras[[0, 0]]
    parallel = triangulate_rays(rays[[0, 0]], weights[[0, 0]], same.rotation, same.translation)
    assert parallel.isnan().all()


def test_gradients_agree_with_finite_differences(scene) -> None:
    rig, points = scene
    rays = _rays(rig, points[0, 0, :2]).requires_grad_()
    weights = torch.rand(5, 2, dtype=torch.float64).requires_grad_()
    camera = rig.cameras
    assert torch.autograd.gradcheck(
        lambda r, w: triangulate_rays(r, w, camera.rotation, camera.translation), (rays, weights)
    )


@pytest.mark.parametrize("lens", list(Lens))
def test_every_lens_is_honoured(lens: Lens) -> None:
    plain = ring_rig(cameras=3)
    coefficients = {
        Lens.BROWN_CONRADY: [-0.2, 0.05, 1e-3, 1e-3],
        Lens.FISHEYE: [0.05, -0.01],
        Lens.HUMAN36M: [-0.2, 0.2],
    }
    cameras = {
        name: Camera.of(
            plain[name].intrinsics, coefficients[lens], plain[name].rotation, plain[name].translation, lens=lens
        )
        for name in plain.names
    }
    rig, poses = CameraRig.of(cameras), walk(frames=4)
    keypoints = observe(poses, rig)
    bent = linear(keypoints, rig).positions
    torch.testing.assert_close(bent.double(), poses.positions.double(), atol=1e-4, rtol=0)
    straight = linear(keypoints, CameraRig(rig.names, rig.cameras.undistorted())).positions
    assert (straight - poses.positions).norm(dim=-1).max() > 0.005


def test_a_confident_view_counts_more() -> None:
    rig, poses = ring_rig(cameras=3), walk(frames=2)
    keypoints = observe(poses, rig)
    pixels, scores = keypoints.pixels.clone(), torch.full_like(keypoints.scores, 1.0)
    pixels[0] += 40
    errors = []
    for score in (1.0, 0.5, 0.1):
        scores[0] = score
        found = linear(
            Keypoints2D.of(pixels, scores, skeleton=keypoints.skeleton, camera_names=rig.names), rig
        ).positions
        errors.append((found - poses.positions).norm(dim=-1).mean().item())
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_cameras_are_matched_by_name_in_any_order() -> None:
    rig, poses = ring_rig(cameras=4), walk(frames=3)
    keypoints = observe(poses, rig)
    shuffled = rig.only(reversed(rig.names))
    torch.testing.assert_close(linear(keypoints, shuffled).positions, linear(keypoints, rig).positions)
    error = reprojection_error(linear(keypoints, rig), keypoints, shuffled)
    assert error.shape == keypoints.scores.shape
    assert error.nan_to_num().max() < 1e-2


def test_the_score_is_the_share_of_the_rig_that_saw_the_joint() -> None:
    rig, poses = ring_rig(cameras=4), walk(frames=1)
    keypoints = observe(poses, rig)
    pixels = keypoints.pixels.clone()
    pixels[:2, 0, 0, 5] = torch.nan
    pixels[:3, 0, 0, 6] = torch.nan
    seen = Keypoints2D.of(pixels, skeleton=keypoints.skeleton, camera_names=rig.names)
    found = linear(seen, rig)
    assert found.scores[0, 0, 5].item() == pytest.approx(0.5)
    assert found.scores[0, 0, 6].item() == 0
    assert found.positions[0, 0, 6].isnan().all()


def test_reprojection_error_is_in_pixels_of_the_distorted_picture() -> None:
    rig, poses = ring_rig(cameras=2), walk(frames=2)
    keypoints = observe(poses, rig)
    moved = Keypoints2D.of(
        keypoints.pixels + torch.tensor([3.0, -4.0]), skeleton=keypoints.skeleton, camera_names=rig.names
    )
    error = reprojection_error(poses, moved, rig)
    torch.testing.assert_close(
        error[error.isfinite()], torch.full_like(error[error.isfinite()], 5.0), atol=1e-2, rtol=0
    )


def test_what_does_not_fit_is_refused() -> None:
    rig, poses = ring_rig(cameras=3), walk(frames=2)
    keypoints = observe(poses, rig)
    with pytest.raises(InputError, match="at least two cameras"):
        linear(keypoints.only([rig.names[0]]), rig)
    with pytest.raises(InputError, match="has no camera"):
        linear(keypoints, rig.only(rig.names[:2]))
    with pytest.raises(InputError, match="poses has shape"):
        reprojection_error(poses.between(0, 1), keypoints, rig)


def test_many_points_take_the_same_answer_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    rig, poses = ring_rig(cameras=3), walk(frames=5)
    keypoints = observe(poses, rig, noise_px=2, missing=0.1)
    whole = linear(keypoints, rig).positions
    monkeypatch.setattr("lift3d.triangulation.views._CHUNK", 34)
    torch.testing.assert_close(linear(keypoints, rig).positions, whole, equal_nan=True)


def test_skeleton_and_times_pass_through() -> None:
    rig, poses = ring_rig(cameras=2), walk(frames=3)
    found = linear(observe(poses, rig), rig)
    assert found.skeleton == get_skeleton("human36m17")
    assert found.times.tolist() == poses.times.tolist()
    assert (found.frame, found.up) == ("world", rig.up)
