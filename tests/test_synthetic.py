"""The made-up data keep the promises that other tests rely on."""

import math
from dataclasses import replace

import pytest
import torch

from lift3d.errors import InputError, UnknownNameError
from lift3d.skeletons import skeleton_names
from lift3d.synthetic import STAGE_HEIGHT, STAGE_RADIUS, observe, ring_rig, walk


def joint(poses, name):
    return poses.positions[:, :, poses.skeleton.index(name)]


@pytest.mark.parametrize("seed", range(4))
def test_bones_keep_their_length(seed):
    lengths = walk(frames=90, people=2, seed=seed).bone_lengths()
    assert (lengths.amax(0) - lengths.amin(0)).max() < 1e-9
    assert lengths.min() > 0.05


@pytest.mark.parametrize("seed", range(4))
def test_left_is_left_of_the_direction_of_walking(seed):
    poses = walk(frames=90, people=2, seed=seed)
    velocity = torch.diff(joint(poses, "pelvis"), dim=0)
    up = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64).expand_as(velocity)
    leftward = torch.linalg.cross(up, velocity)
    for part in ("hip", "knee", "shoulder", "wrist"):
        across = (joint(poses, f"left_{part}") - joint(poses, f"right_{part}"))[:-1]
        assert ((across * leftward).sum(-1) > 0).all(), part


@pytest.mark.parametrize("seed", range(4))
def test_face_and_toes_point_where_the_person_walks(seed):
    poses = walk(frames=90, skeleton="body25", seed=seed)
    velocity = torch.diff(joint(poses, "pelvis"), dim=0)
    for front, back in (("nose", "left_ear"), ("left_big_toe", "left_heel"), ("right_big_toe", "right_heel")):
        ahead = (joint(poses, front) - joint(poses, back))[:-1]
        assert ((ahead * velocity).sum(-1) > 0).all(), front


@pytest.mark.parametrize("seed", range(4))
def test_feet_are_lowest_and_on_the_floor_and_the_head_is_highest(seed):
    poses = walk(frames=90, people=2, seed=seed)
    height = poses.positions[..., 2]
    ankles = poses.skeleton.indices("left_ankle", "right_ankle")
    assert torch.isin(height.argmin(-1), torch.tensor(ankles)).all()
    assert (height.argmax(-1) == poses.skeleton.index("head")).all()
    lowest = walk(frames=90, people=2, skeleton="halpe26", seed=seed).positions[..., 2].amin(-1)
    assert lowest.min() > -0.001
    assert lowest.max() < 0.02
    assert 1.5 < height.max() < 1.85


def test_the_walk_is_smooth_and_goes_somewhere():
    poses = walk(frames=120, fps=60)
    speed = torch.diff(poses.positions, dim=0).norm(dim=-1) * 60
    assert speed.max() < 5
    assert 0.8 < speed[:, 0, poses.skeleton.root].mean() < 1.5
    assert (torch.diff(poses.positions, n=2, dim=0).norm(dim=-1) * 3600).max() < 60
    assert poses.frames_per_second == pytest.approx(60)


def test_a_planted_foot_hardly_slides():
    """One of the two feet is always much slower than the body, which walks at 1.1 m/s."""
    poses = walk(frames=120, fps=60)
    ankles = torch.stack([joint(poses, "left_ankle"), joint(poses, "right_ankle")])
    slower = (torch.diff(ankles, dim=1).norm(dim=-1) * 60).amin(0)
    assert slower.median() < 0.5
    assert slower.max() < 1.1


def test_people_keep_apart():
    roots = joint(walk(frames=200, people=3, seed=2), "pelvis")
    assert (roots[:, 0] - roots[:, 1]).norm(dim=-1).min() > 1.0


@pytest.mark.parametrize("name", skeleton_names())
def test_every_skeleton_walks_without_missing_joints(name):
    poses = walk(frames=3, skeleton=name)
    assert poses.skeleton.name == name
    assert torch.isfinite(poses.positions).all()
    assert (poses.scores == 1).all()


@pytest.mark.parametrize("lens", ["pinhole", "brown", "fisheye", "human36m"])
@pytest.mark.parametrize("seed", range(3))
def test_everything_is_inside_every_picture(lens, seed):
    poses = walk(frames=200, people=3, skeleton="halpe26", seed=seed)
    assert poses.positions[..., :2].norm(dim=-1).max() < STAGE_RADIUS
    assert poses.positions[..., 2].max() < STAGE_HEIGHT
    for radius in (2.2, 4.0, 9.0):
        keypoints = observe(poses, ring_rig(lens=lens, radius=radius, seed=seed))
        assert torch.isfinite(keypoints.pixels).all()


def test_the_rig_stands_around_the_stage_with_up_upwards():
    rig = ring_rig(cameras=5, radius=3.0)
    assert len(rig) == 5
    torch.testing.assert_close(rig.cameras.centre[:, :2].norm(dim=-1), torch.full((5,), 3.0, dtype=torch.float64))
    pixels = rig.project(torch.tensor([[0, 0, 0.9], [0, 0, 1.5]], dtype=torch.float64))
    assert (pixels[:, 1, 1] < pixels[:, 0, 1]).all()  # higher in the world is higher in the picture
    torch.testing.assert_close(pixels[:, 0], (rig.cameras.image_size - 1) / 2, atol=1e-6, rtol=0)


def test_the_seed_decides_everything():
    for make in (
        lambda seed: walk(seed=seed).positions,
        lambda seed: ring_rig(seed=seed).cameras.translation,
        lambda seed: observe(walk(frames=5), ring_rig(), 2.0, 0.1, 0.1, seed=seed).pixels.nan_to_num(-1),
    ):
        assert torch.equal(make(3), make(3))
        assert not torch.equal(make(3), make(4))
    state = torch.get_rng_state()
    walk(frames=2)
    assert torch.equal(state, torch.get_rng_state())  # nobody else's dice are touched


def test_observations_without_noise_are_the_projection():
    poses, rig = walk(frames=4), ring_rig()
    keypoints = observe(poses, rig)
    torch.testing.assert_close(keypoints.pixels, rig.project(poses.positions))
    assert keypoints.camera_names == rig.names
    assert keypoints.scores.min() > 0.7
    torch.testing.assert_close(keypoints.image_sizes, rig.cameras.image_size)


def test_noise_missing_and_outliers_come_in_the_asked_amounts():
    poses, rig = walk(frames=60), ring_rig()
    error = observe(poses, rig, noise_px=3.0).pixels - rig.project(poses.positions)
    assert error.std().item() == pytest.approx(3.0, rel=0.05)
    seen = observe(poses, rig, missing=0.25)
    assert torch.isnan(seen.pixels[..., 0]).double().mean().item() == pytest.approx(0.25, abs=0.03)
    assert ((seen.scores == 0) == torch.isnan(seen.pixels[..., 0])).all()
    wild = observe(poses, rig, outliers=0.1)
    far = (wild.pixels - rig.project(poses.positions)).norm(dim=-1) > 1e-6
    assert far.double().mean().item() == pytest.approx(0.1, abs=0.02)
    assert wild.scores[far].mean() < wild.scores[~far].mean() - 0.4


def test_wrong_wishes_are_refused():
    with pytest.raises(UnknownNameError, match="Did you mean 'fisheye'"):
        ring_rig(lens="fisheyes")
    with pytest.raises(InputError, match="at least 1"):
        ring_rig(radius=1.0)
    with pytest.raises(InputError, match="above 0"):
        walk(frames=0)
    with pytest.raises(InputError, match="expected 'world'"):
        observe(replace(walk(frames=1), frame="root"), ring_rig())
    with pytest.raises(InputError, match="within 0 and 1"):
        observe(walk(frames=1), ring_rig(), missing=math.nan)
