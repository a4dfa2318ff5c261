"""Joint limits: what they must not see, what they admit, and what they refuse, limb by limb."""

import math
from pathlib import Path

import pytest
import torch
from torch.nn.functional import normalize

import lift3d
from lift3d.errors import ShapeError
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.settings import read_toml
from lift3d.skeletons import get_skeleton
from lift3d.skeletons.joint_limits import LIMBS, limb_directions, limbs_within_limits, plausible
from lift3d.synthetic import walk

BODY = get_skeleton("human36m17")
NAMES = [limb.name for limb in LIMBS]
TABLE = Path(lift3d.__file__).parent / "data" / "joint_limits.toml"


def people(frames=40):
    return walk(frames=frames).positions[:, 0]


def aimed(poses, start, end, direction, carried=()):
    """The poses with the bone from start to end along a direction, and what hangs on it moved along."""
    first, last = BODY.indices(start, end)
    bone = poses[:, last] - poses[:, first]
    shift = normalize(direction, dim=-1) * bone.norm(dim=-1, keepdim=True) - bone
    moved = poses.clone()
    moved[:, [last, *BODY.indices(*carried)]] += shift[:, None]
    return moved


def bent_back(poses, upper, middle, lower, degrees):
    """The limb bent the other way, about the axis that it is bent about."""
    first, second, third = BODY.indices(upper, middle, lower)
    along = normalize(poses[:, second] - poses[:, first], dim=-1)
    axis = normalize(torch.linalg.cross(along, poses[:, third] - poses[:, second]), dim=-1)
    turned = rotvec_to_matrix(-math.radians(degrees) * axis) @ along[..., None]
    return aimed(poses, middle, lower, turned[..., 0])


def of(name, poses):
    return limbs_within_limits(poses, BODY)[:, NAMES.index(name)]


def test_place_turn_and_size_do_not_matter():
    poses = people()
    turn = rotvec_to_matrix(torch.randn(len(poses), 1, 3, dtype=torch.float64))
    moved = 0.4 * (turn @ poses[..., None])[..., 0] + torch.randn(len(poses), 1, 3)
    torch.testing.assert_close(limb_directions(moved, BODY), limb_directions(poses, BODY))


def test_the_mirrored_person_has_the_limbs_exchanged():
    poses = people()
    poses = poses + 0.02 * torch.randn_like(poses)
    mirrored = poses[:, list(BODY.flip_order)] * poses.new_tensor([1.0, -1.0, 1.0])
    own, other = limb_directions(poses, BODY), limb_directions(mirrored, BODY)
    for place, name in enumerate(NAMES):
        if name.startswith("left_"):
            twin = NAMES.index(name.replace("left_", "right_"))
            torch.testing.assert_close(own[:, place], other[:, twin])
            torch.testing.assert_close(own[:, twin], other[:, place])
        elif not name.startswith("right_"):
            signs = [-1.0, 1.0, -1.0] if name in ("hips", "shoulders") else [1.0, -1.0, 1.0]  # lines across turn round
            torch.testing.assert_close(own[:, place] * own.new_tensor(signs), other[:, place])
    assert (plausible(mirrored, BODY) == plausible(poses, BODY)).float().mean() > 0.95


@pytest.mark.parametrize("name", ["human36m17", "coco17", "body25", "halpe26", "mpii16", "smpl24"])
def test_a_walk_is_plausible_on_any_skeleton(name):
    positions = walk(frames=60).mapped_to(get_skeleton(name)).positions
    assert plausible(positions, name).shape == (60, 1)
    assert plausible(positions, name).all()


def test_bends_are_refused_the_wrong_way_and_say_which():
    poses = people()
    for side in ("left", "right"):
        knee = bent_back(poses, f"{side}_hip", f"{side}_knee", f"{side}_ankle", 40)
        assert not of(f"{side}_shin", knee).any()
        assert not plausible(knee, BODY).any()
        elbow = bent_back(poses, f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist", 60)
        assert not of(f"{side}_forearm", elbow).any()
        others = [i for i, name in enumerate(NAMES) if name not in (f"{side}_shin", f"{side}_forearm")]
        assert limbs_within_limits(knee, BODY)[:, others].all()


def test_a_knee_bends_from_stretched_to_about_150_degrees():
    poses = people(1)
    hip, knee = BODY.indices("left_hip", "left_knee")
    thigh = normalize(poses[:, knee] - poses[:, hip], dim=-1)
    hinge = normalize(poses[:, BODY.index("left_hip")] - poses[:, BODY.index("right_hip")], dim=-1)
    within = {
        degrees: of("left_shin", aimed(poses, "left_knee", "left_ankle",
                    (rotvec_to_matrix(math.radians(degrees) * hinge) @ thigh[..., None])[..., 0])).item()
        for degrees in (-90, -60, -40, 0, 30, 60, 90, 120, 140, 180)
    }  # fmt: skip
    assert within == {degrees: 0 <= degrees <= 140 for degrees in within}


def test_folded_bodies_are_refused():
    poses = people()
    at = {joint: poses[:, BODY.index(joint)] for joint in BODY.joints}
    left, up = at["left_hip"] - at["right_hip"], at["thorax"] - at["pelvis"]
    assert not of("head", aimed(poses, "neck_nose", "head", -up)).any()
    assert not of("neck", aimed(poses, "thorax", "neck_nose", -up, ["head"])).any()
    through = aimed(poses, "left_hip", "left_knee", 0.2 * up - left, ["left_ankle"])
    assert not of("left_thigh", through).any()
    assert not plausible(poses[:, list(BODY.flip_order)], BODY).any()  # faces backward: knees bend forward
    assert not plausible(poses * poses.new_tensor([1.0, 1.0, -1.0]), BODY).any()


def test_random_limbs_are_mostly_refused():
    poses = people().repeat(20, 1, 1)
    for start, end, tip in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")):
        for side in ("left", "right"):
            aim = torch.randn(2, len(poses), 3, dtype=torch.float64)
            poses = aimed(poses, f"{side}_{start}", f"{side}_{end}", aim[0], [f"{side}_{tip}"])
            poses = aimed(poses, f"{side}_{end}", f"{side}_{tip}", aim[1])
    assert plausible(poses, BODY).float().mean() < 0.03


def test_missing_joints_are_not_held_against_a_pose():
    broken = bent_back(people(), "left_hip", "left_knee", "left_ankle", 60)
    broken[:, BODY.index("left_ankle")] = torch.nan
    assert plausible(broken, BODY).all()
    assert plausible(torch.full((2, 17, 3), torch.nan), BODY).all()
    collapsed = people(1)
    collapsed[:, BODY.index("left_ankle")] = collapsed[:, BODY.index("left_knee")]
    assert torch.isnan(limb_directions(collapsed, BODY)[0, NAMES.index("left_shin")]).all()


@pytest.mark.parametrize("batch", [(), (3,), (2, 3), (0,)])
def test_any_batch_shape(batch):
    poses = people(1)[0].expand(*batch, 17, 3)
    assert plausible(poses, "human36m17").shape == batch
    assert plausible(poses.float(), "human36m17").shape == batch
    assert limb_directions(poses, "human36m17").shape == (*batch, len(LIMBS), 3)


def test_other_shapes_are_refused():
    with pytest.raises(ShapeError, match=r"\(\.\.\., 17, 3\), of skeleton 'human36m17'"):
        plausible(torch.zeros(2, 16, 3), "human36m17")


def test_the_table_is_small_whole_and_thanks_cmu():
    text = TABLE.read_text(encoding="utf-8")
    assert len(text) < 10_000
    assert "mocap.cs.cmu.edu" in text
    assert "NSF EIA-0196217" in text
    maps = read_toml(TABLE)["maps"]
    assert set(maps) == {limb.table for limb in LIMBS}
    for name, rows in maps.items():
        assert {len(row) for row in rows} == {2 * len(rows)}
        assert set("".join(rows)) == set(".#")
        if name in ("spine", "neck", "head"):  # what is in the middle is symmetrical: azimuth a as -a
            assert rows == [row[::-1] for row in rows]
