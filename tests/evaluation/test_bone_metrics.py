"""Bone metrics: rigid motion, scale, mirror, and bones that are made longer or bent wrongly by a known amount."""

import math

import pytest
import torch

from lift3d.errors import ShapeError
from lift3d.evaluation import bone_distances, bone_spreads, evaluate, illegal_angles
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.poses import Poses3D
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import walk

BODY = get_skeleton("human36m17")
KNEES_AND_ELBOWS = ["left_knee", "right_knee", "left_elbow", "right_elbow"]


def noisy():
    poses = walk(frames=30).positions[:, 0]
    return poses + 0.02 * torch.randn_like(poses)


def turned(poses, vector):
    return (rotvec_to_matrix(torch.tensor(vector, dtype=poses.dtype)) @ poses[..., None])[..., 0] + 3


def mirrored(poses):
    return poses[..., list(BODY.flip_order), :] * poses.new_tensor([1.0, -1.0, 1.0])


def folded_knee(poses):
    """The left shin turned about the hips' line, so that the knee bends forward by 60 degrees."""
    hip, knee, ankle = BODY.indices("left_hip", "left_knee", "left_ankle")
    across = torch.nn.functional.normalize(poses[:, hip] - poses[:, BODY.index("right_hip")], dim=-1)
    thigh = poses[:, knee] - poses[:, hip]
    moved = poses.clone()
    moved[:, ankle] = poses[:, knee] + (rotvec_to_matrix(-math.radians(60) * across) @ thigh[..., None])[..., 0]
    return moved


def test_bone_error_is_a_distance_of_bones():
    target = walk(frames=5).positions[:, 0]
    torch.testing.assert_close(
        bone_distances(target + 7, target, BODY)[:, 1:], torch.zeros(5, 16, dtype=torch.float64), atol=1e-9, rtol=0
    )
    moved = target.clone()
    moved[:, BODY.index("left_knee"), 2] += 0.05  # one joint moves: its bone, and that which hangs on it
    error = bone_distances(moved, target, BODY)
    assert torch.isnan(error[:, BODY.root]).all()
    expected = {joint: 0.05 if joint in ("left_knee", "left_ankle") else 0.0 for joint in BODY.joints[1:]}
    assert dict(zip(BODY.joints[1:], error[0, 1:].tolist(), strict=True)) == pytest.approx(expected)


def test_bone_error_under_motions_of_both():
    prediction, target = noisy(), noisy()
    error = bone_distances(prediction, target, BODY)
    both = bone_distances(turned(prediction, [0.3, -2.0, 1.0]), turned(target, [0.3, -2.0, 1.0]), BODY)
    torch.testing.assert_close(both, error, equal_nan=True)
    torch.testing.assert_close(bone_distances(3 * prediction, 3 * target, BODY), 3 * error, equal_nan=True)
    flipped = bone_distances(mirrored(prediction), mirrored(target), BODY)
    torch.testing.assert_close(flipped, error[:, list(BODY.flip_order)], equal_nan=True)


def test_spread_is_the_standard_deviation_of_lengths():
    rigid = walk(frames=1).positions[:, 0].expand(6, 17, 3)
    torch.testing.assert_close(
        bone_spreads(rigid, BODY, ["a"] * 6)[:, 1:], torch.zeros(6, 16, dtype=torch.float64), atol=1e-9, rtol=0
    )
    hip, knee = BODY.indices("left_hip", "left_knee")
    changing = rigid.clone()
    longer = torch.tensor([0.9, 1.1] * 3, dtype=torch.float64)
    changing[:, knee] = rigid[:, hip] + longer[:, None] * (rigid[:, knee] - rigid[:, hip])
    length = (rigid[0, knee] - rigid[0, hip]).norm().item()
    assert bone_spreads(changing, BODY, ["a"] * 6)[:, knee].tolist() == pytest.approx([0.1 * length] * 6)
    groups = ["short", "long"] * 3  # each rigid by itself
    assert bone_spreads(changing, BODY, groups)[:, knee].tolist() == pytest.approx([0.0] * 6, abs=1e-9)


def test_spread_ignores_motion_and_scales():
    poses = noisy()
    spread = bone_spreads(poses, BODY, [0] * 30)
    turns = torch.stack([turned(pose, [0.1 * i, 0.0, -0.2 * i]) for i, pose in enumerate(poses)])
    torch.testing.assert_close(bone_spreads(turns, BODY, [0] * 30), spread, equal_nan=True)
    torch.testing.assert_close(bone_spreads(0.5 * poses, BODY, [0] * 30), 0.5 * spread, equal_nan=True)
    flipped = bone_spreads(mirrored(poses), BODY, [0] * 30)
    torch.testing.assert_close(flipped, spread[:, list(BODY.flip_order)], equal_nan=True)
    lengths = Poses3D.of(poses[:, None], skeleton=BODY).bone_lengths()[:, 0]
    torch.testing.assert_close(spread[0, 1:], lengths.std(0, correction=0))  # bones are ordered by child; the root is 0


def test_spread_leaves_out_what_is_missing():
    poses = noisy()
    poses[3, BODY.index("left_wrist")] = torch.nan
    spread = bone_spreads(poses, BODY, [0] * 30)
    wrist = BODY.index("left_wrist")
    assert torch.isnan(spread[3, wrist])
    assert spread[4, wrist].item() == pytest.approx(
        bone_spreads(poses[[i for i in range(30) if i != 3]], BODY, [0] * 29)[0, wrist].item()
    )
    assert torch.isnan(bone_spreads(poses, BODY, list(range(30)))).all()  # one frame each has no spread


def test_illegal_angles_are_at_elbows_and_knees():
    poses = walk(frames=30).positions[:, 0]
    found = illegal_angles(poses, BODY)
    hinges = BODY.indices(*KNEES_AND_ELBOWS)
    assert (found[:, hinges] == 0).all()
    assert torch.isnan(found[:, [i for i in range(17) if i not in hinges]]).all()
    folded = illegal_angles(folded_knee(poses), BODY)
    assert (folded[:, BODY.index("left_knee")] == 1).all()
    assert folded[:, hinges].mean().item() == pytest.approx(1 / 4)
    torch.testing.assert_close(
        illegal_angles(turned(2 * folded_knee(poses), [1.0, 2.0, 3.0]), BODY), folded, equal_nan=True
    )
    flipped = illegal_angles(mirrored(folded_knee(poses)), BODY)
    torch.testing.assert_close(flipped, folded[:, list(BODY.flip_order)], equal_nan=True)


def test_the_report_has_them_in_millimetres_and_percent():
    target = walk(frames=20)
    positions = folded_knee(target.positions[:, 0])
    report = evaluate(Poses3D.of(positions[:, None], skeleton=BODY, times=target.times), target)
    assert report.values["illegal_angle_percent"] == pytest.approx(25)
    rows = {row.name: row.values for row in report.per_joint}
    assert rows["left_knee"]["illegal_angle_percent"] == 100
    assert rows["left_ankle"]["bone_error_mm"] > 100
    assert rows["left_knee"]["bone_error_mm"] == pytest.approx(0, abs=1e-6)
    assert report.values["bone_error_mm"] == pytest.approx(rows["left_ankle"]["bone_error_mm"] / 16)
    assert any("the target itself: bone_spread_mm 0.0, illegal_angle_percent 0.0" in line for line in report.choices)


def test_wrong_shapes_are_refused():
    poses = noisy()
    with pytest.raises(ShapeError, match="from the target"):
        bone_distances(poses[:3], poses, BODY)
    with pytest.raises(ShapeError, match=r"\(\.\.\., 17, 3\)"):
        bone_distances(poses[:, :16], poses[:, :16], BODY)
    with pytest.raises(ShapeError, match="one a frame"):
        bone_spreads(poses, BODY, [0] * 3)
