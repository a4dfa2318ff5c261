"""Drawn people: the joints are where the bodies are, bones keep their lengths, and a front that is told from a back."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Generator

from lift3d.compiled.solids import draw_capsules
from lift3d.datasets import _drawn_bodies, drawn_people
from lift3d.datasets._drawn_bodies import body_capsules, body_colours
from lift3d.datasets._drawn_scenes import taken
from lift3d.datasets._random_poses import random_poses
from lift3d.datasets.drawn_people import DrawnPeople, DrawnPeopleSettings
from lift3d.datasets.motion import Clip
from lift3d.datasets.motion_clips import write_motion_clips
from lift3d.errors import InputError
from lift3d.settings import from_mapping, to_mapping
from lift3d.skeletons import get_skeleton
from lift3d.skeletons.joint_limits import LIMBS, limbs_within_limits
from lift3d.synthetic import walk

BODY = get_skeleton("human36m17")
SMALL = DrawnPeopleSettings(image_size=(64, 48))


def generator(seed=0):
    return Generator().manual_seed(seed)


def lengths(joints):
    return torch.stack([(joints[:, a] - joints[:, b]).norm(dim=-1) for a, b in BODY.bones], dim=-1)


def test_pictures_are_of_the_size_and_the_same_for_the_same_numbers():
    people = DrawnPeople(SMALL)
    pictures, joints = people.draw(5, generator())
    assert pictures.shape == (5, 3, 48, 64)
    assert joints.shape == (5, 17, 3)
    again, same = people.draw(5, generator())
    assert torch.equal(pictures, again)
    assert torch.equal(joints, same)
    assert not torch.equal(pictures, people.draw(5, generator(1))[0])
    assert people.skeleton == BODY


def test_the_pelvis_is_at_depth_0_and_the_farthest_joint_where_the_settings_say():
    settings = replace(SMALL, fill=(0.6, 0.8), shift=0.0)
    _, joints = DrawnPeople(settings).draw(200, generator())
    assert (joints[:, 0, 2] == 0).all()
    torch.testing.assert_close(joints[:, 0, :2], torch.tensor([31.5, 23.5]).expand(200, 2))
    around = joints - joints[:, :1]
    reach = torch.stack([around[..., 0] / 32, around[..., 1] / 24, around[..., 2] / 32]).abs().amax((0, 2))
    assert reach.min() > 0.6 - 1e-5
    assert reach.max() < 0.8 + 1e-5
    assert reach.max() - reach.min() > 0.15


def test_from_far_away_bones_have_one_scale_in_all_directions():
    """So depth is in the pixels of x and y: turned any way, a thigh of one person is as long as the other."""
    _, joints = DrawnPeople(replace(SMALL, distances=(1e5, 1e5))).draw(200, generator())
    sides = lengths(joints)
    other = lengths(joints[:, list(BODY.flip_order)])
    torch.testing.assert_close(sides, other, rtol=2e-3, atol=1e-3)


def test_nearby_limbs_are_larger():
    """The arm towards the camera looks longer than the one away from it, by the ratio of their distances."""
    poses = torch.zeros(1, 17, 3)
    poses[0, 1], poses[0, 2] = torch.tensor([0.5, 0.0, -1.0]), torch.tensor([0.5, 0.0, 1.0])
    view = drawn_people._View(torch.tensor([[4.0]]), torch.tensor([[30.0]]), torch.tensor([[10.0, 20.0]]))
    found = view.joints(poses)[0]
    assert found[0].tolist() == [10, 20, 0]
    torch.testing.assert_close(found[1], torch.tensor([10 + 0.5 * 30 * 4 / 3, 20, -30]))
    torch.testing.assert_close(found[2], torch.tensor([10 + 0.5 * 30 * 4 / 5, 20, 30]))
    ball = torch.cat([poses[:, 1:2], torch.full((1, 1, 1), 0.1)], dim=-1)[:, :, None].expand(1, 1, 2, 4)
    torch.testing.assert_close(view.capsules(ball)[0, 0, 0], torch.tensor([30.0, 20.0, -30.0, 4.0]))


def test_bodies_are_drawn_where_the_joints_are():
    """The surface at each joint's pixel lies before the joint; and most of the picture is no body."""
    poses = drawn_people._seen(random_poses(60, 0.1, generator()), generator())
    view = drawn_people._View.around(poses, replace(SMALL, image_size=(128, 128), shift=0.0), generator())
    joints, bodies = view.joints(poses), view.capsules(body_capsules(poses, generator())).contiguous()
    nearest = np.full((60, 128, 128), np.inf, dtype=np.float32)
    colours, stripes = torch.ones(*bodies.shape[:2], 3), torch.zeros(*bodies.shape[:2], 2)
    light = torch.tensor([[0.0, 0, -1, 1]]).expand(60, 4).contiguous()
    draw_capsules(np.zeros((60, 128, 128, 3), dtype=np.float32), nearest,
                  *(part.numpy() for part in (bodies, colours, stripes, light)))  # fmt: skip
    x, y = joints[..., 0].round().long(), joints[..., 1].round().long()
    surface = torch.from_numpy(nearest)[torch.arange(60)[:, None], y, x]
    inner = [number for number, name in enumerate(BODY.joints) if name != "head"]  # that one is on the surface
    assert (surface <= joints[..., 2])[:, inner].float().mean() > 0.998
    share = np.isfinite(nearest).mean((1, 2))
    assert 0.01 < share.min() < share.max() < 0.5


def standing():
    """Somebody who walks upright, the pelvis at the origin."""
    walked = walk(frames=5).positions[:, 0].float()
    return walked - walked[:, :1]


def test_faces_and_toes_point_ahead_and_eyes_are_on_their_sides():
    for pose in (standing(), random_poses(50, 0.0, generator())):
        parts = body_capsules(pose, generator())
        at = {(part.start, part.end): parts[:, number, :, :3] for number, part in enumerate(_drawn_bodies._PARTS)}
        joint = {name: pose[:, number] for number, name in enumerate(BODY.joints)}
        left, up = joint["left_shoulder"] - joint["right_shoulder"], joint["thorax"] - joint["spine"]
        ahead = torch.linalg.cross(left, up)

        def along(way, axis):
            return (way * axis).sum(-1)

        skull = at["skull", "crown"][:, 0]
        chest = (joint["spine"] + joint["thorax"]) / 2
        assert (along(at["belly_front", "chest_front"].mean(1) - chest, ahead) > 0).all()
        turned = torch.linalg.cross(left, joint["head"] - joint["neck_nose"])
        assert (along(at["nose", "nose"][:, 0] - skull, turned) > 0).all()
        assert (along(at["left_eye", "left_eye"][:, 0] - at["right_eye", "right_eye"][:, 0], left) > 0).all()
        assert (along(at["face", "face"][:, 0] - skull, at["nose", "nose"][:, 0] - skull) > 0).all()
        hips = joint["left_hip"] - joint["right_hip"]
        for side in ("left", "right"):
            shin = joint[f"{side}_knee"] - joint[f"{side}_ankle"]
            toes = at[f"{side}_ankle", f"{side}_toes"]
            assert (along(toes[:, 1] - toes[:, 0], torch.linalg.cross(hips, shin)) > 0).all()


def test_made_up_poses_bend_as_bodies_do():
    poses = random_poses(500, 0.0, generator())
    torch.testing.assert_close(lengths(poses), lengths(poses[:, list(BODY.flip_order)]))
    within = limbs_within_limits(poses, BODY).float().mean(0)
    names = [limb.name for limb in LIMBS]
    for limb in ("left_shin", "right_shin", "left_thigh", "right_thigh", "left_forearm", "right_forearm"):
        assert within[names.index(limb)] > 0.85, limb
    backwards = limbs_within_limits(poses * torch.tensor([1.0, 1.0, -1.0]), BODY).float().mean(0)
    assert backwards[names.index("left_shin")] < 0.7
    assert lengths(poses).std(0).mean() > 0.01  # nobody has another's bones


def test_poses_are_many():
    poses = random_poses(500, 0.05, generator())
    spread = poses.std(0)
    assert spread[BODY.indices("left_wrist", "right_wrist", "left_ankle", "right_ankle")].min() > 0.2
    upright = poses[:, BODY.index("thorax"), 2] > 0.3
    assert 0.85 < upright.float().mean() < 1
    fallen = random_poses(500, 1.0, generator())
    assert (fallen[:, BODY.index("thorax"), 2] > 0.3).float().mean() < 0.7


def test_colours_do_not_tell_left_from_right():
    names = [(part.start, part.end) for part in _drawn_bodies._PARTS]
    left, right = names.index(("left_hip", "left_knee")), names.index(("right_hip", "right_knee"))
    plain = body_colours(50, 0.0, 0.0, generator())
    assert torch.equal(plain[:, left], plain[:, right])
    own = body_colours(2000, 1.0, 0.0, generator())
    assert not torch.equal(own[:, left], own[:, right])
    assert (own[:, left].mean(0) - own[:, right].mean(0)).abs().max() < 0.05
    assert ((own >= 0) & (own <= 1)).all()


def test_suits_tell_left_from_right_in_the_same_way_on_everybody():
    limbs = [number for number, part in enumerate(_drawn_bodies._PARTS) if part.material in _drawn_bodies._LIMBS]
    suited = body_colours(50, 0.5, 1.0, generator())[:, limbs]
    assert torch.equal(suited, suited[:1].expand_as(suited))
    assert len({tuple(colour) for colour in suited[0].tolist()}) == 8
    some = body_colours(1000, 0.5, 0.3, generator())[:, limbs]
    share = (some == suited[0]).all(-1).all(-1).float().mean().item()
    assert share == pytest.approx(0.3, abs=0.05)


def test_blur_keeps_the_light_and_has_the_variance_that_it_says():
    picture = torch.zeros(400, 17, 17, 3)
    picture[:, 8, 8] = 1.0
    shots = taken(picture, 0.8, 0.0, generator()).double()
    total = shots.sum((2, 3))
    assert (total - 255 * torch.tensor(1.0)).abs().max() <= 255 * 0.25 + 10  # exposure, and whole numbers
    across = torch.arange(17).double() - 8
    variance = ((shots.sum(2) * across**2).sum(-1) / total).mean(1)
    assert variance.max() < 0.8**2 + 0.02
    assert variance.max() > 0.55
    assert variance.min() < 0.05


def test_noise_is_as_strong_as_it_says():
    grey = torch.full((200, 16, 16, 3), 0.4)
    shots = taken(grey, 0.0, 0.06, generator()).double() / 255
    spread = shots.flatten(2).std(-1).mean(1)
    assert spread.max() == pytest.approx(0.06, rel=0.1)
    assert spread.min() < 0.005


def test_poses_are_taken_from_motion(tmp_path):
    poses = walk(frames=20).positions[:, 0].float()
    path = tmp_path / "walks.h5"
    write_motion_clips(path, [(Clip("walk", "nobody", 20), poses)], BODY)
    people = DrawnPeople(replace(SMALL, motion=str(path), distances=(1e5, 1e5)))
    _, joints = people.draw(50, generator())
    found = lengths(joints) / lengths(joints).sum(-1, keepdim=True)
    expected = lengths(poses[:1]) / lengths(poses[:1]).sum(-1, keepdim=True)
    torch.testing.assert_close(found, expected.expand_as(found), rtol=0, atol=1e-3)
    assert (joints[:, BODY.index("head"), 1] < joints[:, BODY.index("left_ankle"), 1]).all()  # y points down


def test_hidden_parts_are_given_and_no_clutter_is_possible():
    settings = replace(SMALL, clutter=0, hiding=1.0, noise=0.0, blur=0.0)
    pictures, joints = DrawnPeople(settings).draw(3, generator())
    assert joints.isfinite().all()
    assert pictures.float().flatten(1).std(-1).min() > 1


def test_settings_are_a_table_and_are_checked():
    assert from_mapping(DrawnPeopleSettings, to_mapping(SMALL)) == SMALL
    for wrong in ({"image_size": (8, 64)}, {"fill": (0.9, 0.5)}, {"distances": (1.0, 3.0)}, {"blur": 2.0}):
        with pytest.raises(InputError, match="expected"):
            DrawnPeopleSettings(**wrong)
