"""Cameras that were moved after their calibration are put back by the people they film."""

from dataclasses import replace

import pytest
import torch

from lift3d import Camera, CameraRig, Keypoints2D, Poses3D
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.synthetic import observe, ring_rig, walk
from lift3d.triangulation import RefinementSettings, refine_rig, triangulate


def _nudged(rig: CameraRig, name: str, turn: list[float], shift: list[float]) -> CameraRig:
    """The rig with one camera turned about its centre (radians) and shifted (metres), in its own frame."""
    camera = rig[name]
    matrix = rotvec_to_matrix(torch.tensor(turn, dtype=torch.float64))
    translation = matrix @ camera.translation + torch.tensor(shift, dtype=torch.float64)
    moved = replace(camera, rotation=matrix @ camera.rotation, translation=translation)
    return CameraRig.of({own: moved if own == name else rig[own] for own in rig.names}, rig.up)


@pytest.fixture(scope="module")
def filmed() -> tuple[CameraRig, Poses3D, Keypoints2D]:
    rig, poses = ring_rig(cameras=5), walk(frames=60)
    return rig, poses, observe(poses, rig, noise_px=1.0, seed=1)


def test_a_turned_camera_is_turned_back(filmed: tuple[CameraRig, Poses3D, Keypoints2D]) -> None:
    rig, poses, keypoints = filmed
    wrong = _nudged(rig, rig.names[2], [0.008, -0.01, 0.005], [0.0, 0.0, 0.0])
    refined = refine_rig(keypoints, wrong)
    assert refined.turn_deg.argmax() == 2
    assert refined.before_px[2] > 5
    assert refined.after_px.max() < 1.6
    between = refined.rig.cameras.rotation @ rig.cameras.rotation.mT
    angle = torch.rad2deg(torch.arccos(((between.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2).clamp(max=1)))
    assert angle.max() < 0.25  # of 0.78: the rest is the world as a whole, which nothing holds but the prior

    def error(with_rig: CameraRig) -> float:
        return (triangulate(keypoints, with_rig, "dlt").positions - poses.positions).norm(dim=-1).mean().item()

    assert error(refined.rig) < 0.5 * error(wrong)


def test_a_good_calibration_stays(filmed: tuple[CameraRig, Poses3D, Keypoints2D]) -> None:
    rig, _, keypoints = filmed
    refined = refine_rig(keypoints, rig)
    assert refined.turn_deg.max() < 0.1
    assert refined.shift.max() < 0.005
    torch.testing.assert_close(refined.after_px, refined.before_px, atol=0.1, rtol=0)


def test_a_tight_prior_holds_the_cameras(filmed: tuple[CameraRig, Poses3D, Keypoints2D]) -> None:
    rig, _, keypoints = filmed
    wrong = _nudged(rig, rig.names[2], [0.0, 0.01, 0.0], [0.0, 0.0, 0.0])
    refined = refine_rig(keypoints, wrong, RefinementSettings(turn_deg=1e-4, shift=1e-6, rounds=1))
    assert refined.turn_deg.max() < 0.01


def test_cameras_of_every_lens_keep_their_names_and_lenses(filmed: tuple[CameraRig, Poses3D, Keypoints2D]) -> None:
    rig, poses, _ = filmed
    names = rig.names[:3]
    lenses = {
        names[0]: Camera.of(*_pose(rig, names[0], [-0.1, 0.02])),
        names[1]: replace(Camera.of(*_pose(rig, names[1], [0.02, 0.0])), lens=torch.tensor(1)),
        names[2]: rig[names[2]],
    }
    bent = CameraRig.of(lenses, rig.up)
    refined = refine_rig(observe(poses, bent, noise_px=0.5, seed=2), bent, RefinementSettings(rounds=1))
    assert refined.rig.names == names
    assert refined.rig.cameras.lens.tolist() == [0, 1, 0]
    torch.testing.assert_close(refined.rig.cameras.distortion, bent.cameras.distortion)
    assert refined.turn_deg.max() < 0.1


def _pose(rig: CameraRig, name: str, distortion: list[float]) -> tuple:
    camera = rig[name]
    return camera.intrinsics, distortion, camera.rotation, camera.translation, camera.image_size
