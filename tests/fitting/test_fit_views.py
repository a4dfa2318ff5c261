"""Bodies fitted to what several cameras saw of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_up_body import bony_body, dance

from lift3d import CameraRig, Keypoints2D
from lift3d.errors import InputError
from lift3d.fitting import FitSettings, body_points, fit_body, fit_views
from lift3d.fitting.views_seen import views_seen
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.poses import Poses3D
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import ring_rig
from lift3d.triangulation import triangulate
from lift3d.triangulation.views import PackedRig

MODEL = bony_body()
UPRIGHT = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=torch.float64)  # y up to z up
LOOSE = FitSettings(pose_prior=0.0, shape_prior=1e-6, misfit=0.0, max_iterations=100, tolerance=1e-10)
TOLERANCE = {"atol": 2e-3, "rtol": 0}  # metres


def truth(frames: int, seed: int = 0) -> torch.Tensor:
    """Joints (frames, 24, 3) of a dance amid the stage, z up."""
    betas = torch.from_numpy(np.random.default_rng(seed).normal(size=10))
    rotations, translation = dance(frames, seed)
    joints = MODEL.with_shape(betas).with_pose(rotations, translation - translation.mean(0)).joints
    return joints @ UPRIGHT.mT + torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)


def seen(joints: torch.Tensor, rig: CameraRig, noise: float = 0.0, missing: float = 0.0, seed: int = 0) -> Keypoints2D:
    """Detections of joints (frames, people, 24, 3) or of one person, some of them missing."""
    random = np.random.default_rng(seed)
    people = joints if joints.ndim == 4 else joints[:, None]
    pixels = rig.project(people)
    pixels = pixels + noise * torch.from_numpy(random.normal(size=pixels.shape))
    gone = torch.from_numpy(random.random(pixels.shape[:-1]) < missing)
    return Keypoints2D.of(pixels.masked_fill(gone[..., None], torch.nan), skeleton=MODEL.skeleton,
                          camera_names=rig.names)  # fmt: skip


def error(found, joints: torch.Tensor) -> float:
    return float((found.joints().positions[:, 0] - joints).norm(dim=-1).mean())


@pytest.mark.parametrize("lens", ["brown", "fisheye", "human36m"])
def test_a_fit_to_exact_joints_is_that_to_their_exact_pictures(lens):
    joints, rig = truth(12), ring_rig(3, lens=lens)
    by_views = fit_views(seen(joints, rig), rig, MODEL, LOOSE)
    by_joints = fit_body(Poses3D.of(joints[:, None], skeleton=MODEL.skeleton), MODEL, LOOSE)
    torch.testing.assert_close(by_views.joints().positions[:, 0], joints, **TOLERANCE)
    torch.testing.assert_close(by_views.joints().positions, by_joints.joints().positions, **TOLERANCE)
    torch.testing.assert_close(by_views.betas, by_joints.betas, atol=0.05, rtol=0)
    assert float(by_views.pixels.nan_to_num().max()) < 1.0


def test_with_noise_and_gaps_the_body_is_nearer_than_the_triangulated_joints():
    joints, rig = truth(60), ring_rig(4)
    keypoints = seen(joints, rig, noise=4.0, missing=0.15)
    found = fit_views(keypoints, rig, MODEL)
    linear = triangulate(keypoints, rig, "dlt").positions[:, 0]
    assert error(found, joints) < 0.75 * float((linear - joints).norm(dim=-1).nanmean())
    assert float(found.pixels.nanmedian()) == pytest.approx(4 * 1.1774, rel=0.15)
    assert found.noise == pytest.approx(1.0, abs=0.1)
    assert found.camera_names == rig.names


def test_one_camera_alone_counts_too():
    """A hand that one camera sees is on its line of sight, though it cannot be triangulated."""
    joints, rig = truth(20), ring_rig(3)
    keypoints = seen(joints, rig)
    wrist, hand = MODEL.skeleton.indices("left_wrist", "left_hand")
    hidden = keypoints.pixels.clone()
    hidden[1:, :, :, wrist] = torch.nan
    hidden[..., hand, :] = torch.nan
    one = fit_views(Keypoints2D.of(hidden, skeleton=MODEL.skeleton, camera_names=rig.names), rig, MODEL)
    hidden[0, :, :, wrist] = torch.nan
    none = fit_views(Keypoints2D.of(hidden, skeleton=MODEL.skeleton, camera_names=rig.names), rig, MODEL)
    away = [float((found.joints().positions[:, 0, wrist] - joints[:, wrist]).norm(dim=-1).mean())
            for found in (one, none)]  # fmt: skip
    assert away[0] < 0.5 * away[1]
    assert torch.isfinite(one.residuals[..., wrist]).all()
    assert torch.isnan(none.residuals[..., wrist]).all()


def test_frames_seen_by_one_camera_start_from_their_neighbours_and_frames_seen_by_none_fail():
    joints, rig = truth(30), ring_rig(3)
    keypoints = seen(joints, rig)
    pixels = keypoints.pixels.clone()
    pixels[1:, 10:13] = torch.nan
    pixels[:, 20] = torch.nan
    found = fit_views(Keypoints2D.of(pixels, skeleton=MODEL.skeleton, camera_names=rig.names), rig, MODEL)
    assert [(one.frame, one.person) for one in found.failures] == [(20, 0)]
    assert "0 joints seen" in found.failures[0].reason
    away = (found.joints().positions[:, 0] - joints).norm(dim=-1).mean(-1)
    assert float(away[10:13].max()) < 0.15
    assert float(away[:9].max()) < 0.02


def test_turning_the_world_turns_the_bodies():
    joints, rig = truth(15), ring_rig(4)
    keypoints = seen(joints, rig, noise=2.0)
    here = fit_views(keypoints, rig, MODEL)
    turn = rotvec_to_matrix(torch.tensor([0.3, -0.8, 1.1], dtype=torch.float64))
    shift = torch.tensor([3.0, -5.0, 0.5], dtype=torch.float64)
    rotation = rig.cameras.rotation @ turn.mT
    cameras = type(rig.cameras)(
        rig.cameras.intrinsics, rig.cameras.distortion, rotation, rig.cameras.translation - rotation @ shift,
        rig.cameras.image_size, rig.cameras.lens,
    )  # fmt: skip
    there = fit_views(keypoints, CameraRig(rig.names, cameras, rig.up), MODEL)
    expected = here.joints().positions @ turn.mT + shift
    torch.testing.assert_close(there.joints().positions, expected, **TOLERANCE)
    torch.testing.assert_close(there.pixels, here.pixels, atol=0.2, rtol=0)


def test_several_people_have_each_a_shape_of_their_own():
    first, rig = truth(15), ring_rig(4)
    second = truth(15, seed=3) + torch.tensor([0.7, -0.4, 0.0], dtype=torch.float64)
    found = fit_views(seen(torch.stack([first, second], dim=1), rig), rig, MODEL)
    torch.testing.assert_close(found.joints().positions, torch.stack([first, second], dim=1), atol=0.02, rtol=0)
    assert float((found.betas[0] - found.betas[1]).abs().max()) > 0.5


def test_a_view_in_which_detections_are_wrong_does_no_harm():
    joints, rig = truth(30), ring_rig(4)
    keypoints = seen(joints, rig, noise=2.0)
    pixels = keypoints.pixels.clone()
    off = torch.from_numpy(np.random.default_rng(1).random(pixels.shape[:-1]) < 0.05)
    pixels[off] += 120.0
    wrong = fit_views(Keypoints2D.of(pixels, skeleton=MODEL.skeleton, camera_names=rig.names), rig, MODEL)
    assert error(wrong, joints) < 1.3 * error(fit_views(keypoints, rig, MODEL), joints)


def test_joints_as_seen_are_as_far_off_as_the_residuals_say():
    joints = truth(6)
    coco = Poses3D.of(joints[:, None], skeleton=MODEL.skeleton).mapped_to(get_skeleton("human36m17"))
    found = fit_body(coco, MODEL)
    own = found.joints_as_seen()
    assert own.skeleton == coco.skeleton
    points = list(found.points.joints)
    away = (own.positions - coco.positions).norm(dim=-1)
    torch.testing.assert_close(away[:, :, points], found.residuals, atol=1e-7, rtol=0, equal_nan=True)
    assert torch.isfinite(own.positions[:, :, points]).all()
    assert own.scores.sum() == 6 * len(points)


def test_nobody_to_fit_is_said():
    rig = ring_rig(3)
    nothing = Keypoints2D.of(torch.full((3, 2, 1, 24, 2), torch.nan), skeleton=MODEL.skeleton, camera_names=rig.names)
    with pytest.raises(InputError, match="two cameras agree on"):
        fit_views(nothing, rig, MODEL)
    with pytest.raises(InputError, match="at least two cameras"):
        fit_views(nothing.only(["cam0"]), rig, MODEL)


def test_detections_weigh_by_their_noise_and_by_what_no_body_has():
    """1 / (detector's variance + (pixels that 5 mm span)^2); points without a start count, suspicious ones do not."""
    joints, rig = truth(5), ring_rig(3)
    keypoints, poses = seen(joints, rig), Poses3D.of(joints[:, None], skeleton=MODEL.skeleton)
    start = poses.positions.clone()
    start[:, :, 7] = torch.nan
    packed, points = PackedRig.of(rig), body_points(MODEL.skeleton, MODEL)
    given = replace(poses, positions=start)
    observed, count = views_seen(keypoints, given, packed, lambda scores, _: 9.0 * scores, points, 4, misfit=0.005)
    assert count.tolist() == [[23]] * 5
    depth = rig["cam1"].world_to_camera(joints[2])[[*range(7), *range(8, 24)], 2].mean()
    focal = rig["cam1"].intrinsics[0, 0]
    weight = 1 / (9.0 + (0.005 * focal / depth) ** 2)
    np.testing.assert_allclose(observed.weights[1, 2], float(weight), rtol=1e-3)
    trusted = observed.seen.seen.copy()
    trusted[:, 3] = False
    weights = observed.term(np.arange(5), trusted, 2.0, np.inf).weights
    np.testing.assert_allclose(weights[1, 2, [3, 7, 8]], [0, float(weight) / 4, float(weight) / 4], rtol=1e-3)
    moved = observed.residuals(joints.numpy() + 0.01)
    assert moved.max() < 0.01 * 3**0.5 + 1e-4
    assert moved.mean() > 0.008
