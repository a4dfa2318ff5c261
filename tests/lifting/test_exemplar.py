"""Lifting by example: the picture is met exactly, the person is found again, missing joints follow `lift`'s rules."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from lift3d.cameras import Camera
from lift3d.errors import FileError, InputError, ShapeError
from lift3d.evaluation import mpjpe
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.keypoints import Keypoints2D
from lift3d.lifting.exemplar import build_library, is_library, lift_by_exemplars, load_library, save_library
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import observe, ring_rig, walk

BODY = get_skeleton("human36m17")


@pytest.fixture(scope="module")
def library():
    return build_library(walk(frames=60).positions[:, 0], BODY, poses=40, elevations_deg=[0.0, 15.0], licence="ours")


def seen(frames=20, camera=0):
    """A walk in one camera: its calibration, the detections and the truth in the camera frame."""
    rig, poses = ring_rig(cameras=4), walk(frames=frames)
    own = rig[rig.names[camera]]
    keypoints = observe(poses, rig).only([rig.names[camera]])
    truth = own.world_to_camera(poses.positions.reshape(-1, 3).to(own.rotation.dtype)).reshape(frames, 17, 3)
    return own, keypoints, truth.float()


@pytest.mark.parametrize("camera", [0, 1, 2, 3])
@pytest.mark.parametrize("neighbours", [1, 5])
def test_a_walk_is_found_again_from_all_sides(library, camera, neighbours):
    own, keypoints, truth = seen(camera=camera)
    lifted = lift_by_exemplars(keypoints, own, library, neighbours=neighbours)
    assert (lifted.frame, lifted.up, lifted.skeleton) == ("camera", "-y", BODY)
    relative = lifted.positions[:, 0].float()
    error = mpjpe(relative - relative[:, :1], truth - truth[:, :1])
    assert error.mean() < 0.05
    assert (lifted.positions[:, 0, 0].float() - truth[:, 0]).norm(dim=-1).mean() < 0.6  # and stands where it stood


def test_the_result_projects_onto_the_picture(library):
    own, keypoints, _ = seen()
    noisy = replace(keypoints, pixels=keypoints.pixels + 5 * torch.randn_like(keypoints.pixels))
    lifted = lift_by_exemplars(noisy, own, library)
    at_origin = Camera.of(own.intrinsics, own.distortion, image_size=own.image_size, lens=int(own.lens))
    pixels = at_origin.project(lifted.positions.reshape(-1, 3).double()).reshape(20, 17, 2)
    torch.testing.assert_close(pixels, noisy.pixels[0, :, 0].double(), atol=0.05, rtol=0)
    torch.testing.assert_close(lifted.scores[:, 0], noisy.scores[0, :, 0].float())


def test_missing_joints_are_filled_in_and_scored_0(library):
    own, keypoints, truth = seen()
    pixels = keypoints.pixels.clone()
    arm = BODY.indices("left_shoulder", "left_elbow", "left_wrist")
    pixels[0, :10, 0, arm] = torch.nan
    pixels[0, 15, 0, 4:] = torch.nan  # four joints are left: too few
    pixels[0, 16, 0, BODY.root] = torch.nan
    partly = Keypoints2D.of(pixels, skeleton=BODY, camera_names=keypoints.camera_names, times=keypoints.times)
    lifted = lift_by_exemplars(partly, own, library)
    assert (lifted.scores[:10, 0][:, arm] == 0).all()
    assert torch.isnan(lifted.positions[15]).all()
    whole = [frame for frame in range(20) if frame != 15]
    assert torch.isfinite(lifted.positions[whole]).all()
    relative = lifted.positions[:, 0].float()
    error = mpjpe(relative - relative[:, :1], truth - truth[:, :1])
    assert error[:10].mean() < 0.08
    assert error[16] < 0.15


def test_scores_say_how_much_a_joint_counts(library):
    own, keypoints, truth = seen()
    wrists = BODY.indices("left_wrist", "right_wrist", "left_ankle")
    pixels, scores = keypoints.pixels.clone(), keypoints.scores.clone()
    pixels[0, :, 0, wrists] += 80 * torch.randn(20, 3, 2, dtype=pixels.dtype)
    trusted = Keypoints2D.of(pixels, scores, skeleton=BODY, camera_names=keypoints.camera_names)
    scores[0, :, 0, wrists] = 0.05
    doubted = Keypoints2D.of(pixels, scores, skeleton=BODY, camera_names=keypoints.camera_names)
    others = [joint for joint in range(17) if joint not in wrists]
    errors = []
    for given in (trusted, doubted):
        lifted = lift_by_exemplars(given, own, library).positions[:, 0].float()
        errors.append(mpjpe((lifted - lifted[:, :1])[:, others], (truth - truth[:, :1])[:, others]).mean())
    assert errors[1] < errors[0]


def test_keypoints_of_other_skeletons_are_mapped(library):
    rig, poses = ring_rig(cameras=2), walk(frames=4, skeleton="coco17")
    lifted = lift_by_exemplars(observe(poses, rig).only([rig.names[0]]), rig[rig.names[0]], library)
    assert lifted.skeleton == BODY
    assert torch.isfinite(lifted.positions).all()


def test_where_people_stand_and_turn_does_not_change_a_library():
    poses = walk(frames=30).positions[:, 0]
    turns = rotvec_to_matrix(torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64) * torch.rand(30, 1) * 6)
    moved = (turns[:, None] @ poses[..., None])[..., 0] + torch.randn(30, 1, 3)
    first, second = build_library(poses, BODY, poses=12), build_library(moved, BODY, poses=12)
    torch.testing.assert_close(first.poses, second.poses, atol=1e-4, rtol=0)
    across = first.poses[:, BODY.index("left_shoulder")] - first.poses[:, BODY.index("right_shoulder")]
    assert (across[:, 1] > 0).all()


def test_the_most_different_poses_are_kept():
    poses = walk(frames=10).positions[:, 0]
    often = torch.cat([poses[:1].repeat(50, 1, 1), poses])
    kept = build_library(often, BODY, poses=10).poses
    apart = torch.cdist(kept.flatten(1), kept.flatten(1)) + torch.eye(10)
    assert apart.min() > 0.01
    holes = often.clone()
    holes[3:8, 4] = torch.nan
    assert torch.isfinite(build_library(holes, BODY).poses).all()
    assert len(build_library(poses, BODY).poses) == 10


def test_cameras_look_at_the_pose_from_where_they_say():
    made = build_library(walk(frames=2).positions[:, 0], BODY, azimuths=4, elevations_deg=[0.0, 30.0])
    cameras = made.cameras.double()
    torch.testing.assert_close(
        cameras @ cameras.mT, torch.eye(3, dtype=torch.float64).expand(8, 3, 3), atol=1e-6, rtol=0
    )
    assert (torch.linalg.det(cameras) > 0).all()
    assert (cameras[:, 1, 2] < 0).all()  # down in the picture is down in the world
    forward = cameras[:, 2]
    torch.testing.assert_close(forward[0], torch.tensor([-1.0, 0, 0], dtype=torch.float64), atol=1e-6, rtol=0)
    torch.testing.assert_close(forward[4:, 2], torch.full((4,), -math.sin(math.radians(30))).double())
    number = 1 * 8 + 5
    torch.testing.assert_close(made.views(torch.tensor(number)), made.poses[1] @ made.cameras[5].T)


def test_a_library_comes_back_as_it_was_written(library, tmp_path):
    save_library(library, tmp_path / "library.npz")
    again = load_library(tmp_path / "library.npz")
    torch.testing.assert_close(again.poses, library.poses, rtol=0, atol=0)
    for name in ("skeleton", "azimuths", "elevations_deg", "licence"):
        assert getattr(again, name) == getattr(library, name)
    assert is_library(tmp_path / "library.npz")
    own, keypoints, _ = seen(frames=3)
    torch.testing.assert_close(
        lift_by_exemplars(keypoints, own, again).positions, lift_by_exemplars(keypoints, own, library).positions
    )


def test_wrong_input_is_refused(library, tmp_path):
    own, keypoints, _ = seen(frames=2)
    with pytest.raises(InputError, match="at least one neighbour"):
        lift_by_exemplars(keypoints, own, library, neighbours=0)
    with pytest.raises(InputError, match="one camera"):
        lift_by_exemplars(observe(walk(frames=2), ring_rig(cameras=2)), own, library)
    nowhere = replace(keypoints, image_sizes=torch.full_like(keypoints.image_sizes, torch.nan))
    with pytest.raises(InputError, match="image size"):
        lift_by_exemplars(nowhere, None, library)
    with pytest.raises(ShapeError, match="human36m17"):
        build_library(torch.zeros(3, 16, 3), BODY)
    with pytest.raises(InputError, match="0 complete poses"):
        build_library(torch.full((3, 17, 3), torch.nan), BODY)
    with pytest.raises(InputError, match="no left and right"):
        build_library(torch.rand(3, 2, 3), BODY.only(["pelvis", "spine"]))
    np.savez(tmp_path / "other.npz", poses=np.zeros(3))
    assert not is_library(tmp_path / "other.npz")
    assert not is_library("residual_mlp_cmu17")
    with pytest.raises(FileError, match="not of the format"):
        load_library(tmp_path / "other.npz")
