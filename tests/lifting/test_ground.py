"""A wrong size is mended by the floor: the scale is found, feet stand, jumps do not disturb, and doubt is said."""

import warnings
from dataclasses import replace

import pytest
import torch

from lift3d.cameras import Camera
from lift3d.errors import InputError
from lift3d.lifting import lift, stood_on_floor, with_steady_distance
from lift3d.lifting.ground import ANKLE_HEIGHT
from lift3d.poses import Poses3D
from lift3d.synthetic import observe, ring_rig, walk

RIG = ring_rig(cameras=3)
CAMERA = RIG["cam0"]


def _scaled(poses: Poses3D, factor: torch.Tensor | float, camera: Camera = CAMERA) -> Poses3D:
    """The poses scaled about the camera: they look the same. Factor: (frames, people) or a number."""
    factor = torch.as_tensor(factor, dtype=torch.float64).expand(poses.scores.shape[:2])[..., None, None]
    return replace(poses, positions=camera.centre + factor * (poses.positions - camera.centre))


def _standing_ankle(poses: Poses3D) -> torch.Tensor:
    """Height of the lower ankle in every frame."""
    ankles = poses.skeleton.indices("left_ankle", "right_ankle")
    return poses.positions[:, :, ankles, 2].amin(-1)


def _scale_of(poses: Poses3D, truth: Poses3D) -> torch.Tensor:
    return (poses.bone_lengths() / truth.bone_lengths()).mean((0, 2))


@pytest.mark.parametrize("wrong", [1.2, 1.0, 0.8])
@pytest.mark.parametrize("camera", ["cam0", "cam1", "cam2"])
def test_a_wrong_size_is_mended(wrong: float, camera: str) -> None:
    truth, own = walk(90, people=2), RIG[camera]
    mended = stood_on_floor(_scaled(truth, wrong, own), own)
    torch.testing.assert_close(_scale_of(mended, truth), torch.ones(2).double(), atol=0.02, rtol=0)
    assert (_standing_ankle(mended) - _standing_ankle(truth)).abs().max() < 0.02
    assert (_standing_ankle(mended) - ANKLE_HEIGHT).abs().quantile(0.9) < 0.02  # the rest rise onto their toes
    pixels, expected = (own.project(poses.positions.reshape(-1, 3)) for poses in (mended, truth))
    torch.testing.assert_close(pixels, expected)


def test_people_have_sizes_of_their_own_and_clips_too() -> None:
    truth = walk(120, people=2)
    factor = torch.tensor([[1.2, 0.85]]).repeat(120, 1).double()
    factor[60:] = torch.tensor([0.9, 1.1]).double()
    times = truth.times.clone()
    times[60:] += 100
    mended = stood_on_floor(_scaled(replace(truth, times=times), factor), CAMERA)
    ratio = mended.bone_lengths() / truth.bone_lengths()
    for clip in (slice(0, 60), slice(60, 120)):
        torch.testing.assert_close(ratio[clip].mean((0, 2)), torch.ones(2).double(), atol=0.02, rtol=0)
        assert ratio[clip].std(0).max() < 1e-6  # one scale


def test_jumps_and_raised_feet_do_not_disturb() -> None:
    """A third of the time in the air, half a metre high, and ten frames in a row on one leg."""
    truth = walk(120)
    height = torch.zeros(120, dtype=torch.float64)
    flight = 0.5 * torch.sin(torch.linspace(0, 3.1416, 13)).double()
    for start in (20, 50, 80):
        height[start : start + 13] = flight
    positions = truth.positions.clone()
    positions[..., 2] += height[:, None, None]
    jumping = replace(truth, positions=positions)
    mended = stood_on_floor(_scaled(jumping, 1.2), CAMERA)
    torch.testing.assert_close(_scale_of(mended, truth), torch.ones(1).double(), atol=0.02, rtol=0)
    assert (mended.positions - jumping.positions).norm(dim=-1).max() < 0.1


def test_trembling_distances_are_steadied_first() -> None:
    truth = walk(150)
    noise = 1.2 * torch.exp(0.02 * torch.randn(150, 1, dtype=torch.float64))
    trembling = _scaled(truth, noise)
    camera_frame = CAMERA.world_to_camera(trembling.positions.reshape(-1, 3)).reshape(150, 1, 17, 3)
    steady = with_steady_distance(replace(trembling, positions=camera_frame, frame="camera", up="-y"))
    mended = stood_on_floor(steady.to_world(CAMERA), CAMERA)
    torch.testing.assert_close(_scale_of(mended, truth), torch.ones(1).double(), atol=0.03, rtol=0)
    assert (_standing_ankle(mended) - ANKLE_HEIGHT).abs().median() < 0.02


def test_another_up_and_another_floor() -> None:
    """The same scene with y down, its floor 0.3 m below the origin."""
    turn = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=torch.float64)  # z up -> y down
    shift = torch.tensor([0.0, 0.3, 0.0], dtype=torch.float64)  # 0.3 m down
    truth = walk(60)
    camera = replace(CAMERA, rotation=CAMERA.rotation @ turn.T)
    camera = replace(camera, translation=CAMERA.translation - camera.rotation @ shift)
    moved = replace(truth, positions=truth.positions @ turn.T + shift, up="-y")
    torch.testing.assert_close(camera.project(moved.positions[:, 0]), CAMERA.project(truth.positions[:, 0]))
    mended = stood_on_floor(_scaled(moved, 1.2, camera), camera, floor=-0.3)
    torch.testing.assert_close(mended.positions, moved.positions, atol=0.05, rtol=0)


def test_covariances_are_scaled_with_the_person() -> None:
    truth = replace(_scaled(walk(60), 1.25), covariance=torch.eye(3).double().expand(60, 1, 17, 3, 3))
    mended = stood_on_floor(truth, CAMERA)
    assert mended.covariance is not None
    torch.testing.assert_close(mended.covariance[..., 0, 0].mean().item(), 1 / 1.25**2, atol=0.03, rtol=0)


def test_a_camera_that_looks_flat_keeps_people_as_they_are() -> None:
    rotation = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=torch.float64)
    low = Camera.of(CAMERA.intrinsics, (), rotation, -rotation @ torch.tensor([0, -6.0, 0.3]).double(), (1280, 720))
    wrong = _scaled(walk(30, people=2), 1.2, low)
    with pytest.warns(UserWarning, match=r"Person [12] from 0.0 s is not put on the floor: the camera, 0.30 m") as said:
        assert torch.equal(stood_on_floor(wrong, low).positions, wrong.positions)
    assert len(said) == 2


def test_a_size_beyond_belief_is_not_believed() -> None:
    wrong = _scaled(walk(30), 0.2)
    with pytest.warns(UserWarning, match=r"size would change by a factor of 5; see the calibration's unit"):
        assert torch.equal(stood_on_floor(wrong, CAMERA).positions, wrong.positions)


def test_who_is_missing_stays_missing() -> None:
    truth = walk(60, people=2)
    truth.positions[:, 1], truth.positions[10:30, 0] = torch.nan, torch.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mended = stood_on_floor(_scaled(truth, 1.2), CAMERA)
    assert torch.equal(mended.positions.isnan(), truth.positions.isnan())
    assert stood_on_floor(walk(5).between(0, 0), CAMERA).positions.shape == (0, 1, 17, 3)


def test_wrong_input_is_said_in_one_line() -> None:
    poses = walk(3)
    with pytest.raises(InputError, match=r"in the 'camera' frame; expected the world frame"):
        stood_on_floor(replace(poses, frame="camera"), CAMERA)
    with pytest.raises(InputError, match=r"joints left_ankle and right_ankle"):
        stood_on_floor(poses.mapped_to(poses.skeleton.only(["pelvis", "thorax"])), CAMERA)


def test_a_lifted_walk_stands_on_the_floor() -> None:
    """From pixels to the world: three lines."""
    truth = walk(90)
    keypoints = observe(truth, RIG, noise_px=1.0).only(["cam1"])
    poses = with_steady_distance(lift(keypoints, RIG["cam1"]))
    standing = stood_on_floor(poses.to_world(RIG["cam1"], RIG.up), RIG["cam1"])
    assert (_standing_ankle(standing) - ANKLE_HEIGHT).abs().median() < 0.03
    assert (standing.positions - truth.positions).norm(dim=-1).mean() < 0.12
