"""BVH: a file by hand and one of CMU read to their truth; written clips come back; rest pose, axes, gaps, bad files."""

from __future__ import annotations

import itertools
import math
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lift3d.errors import FileError, InputError
from lift3d.formats import read_poses, write_poses
from lift3d.formats._bvh_text import BvhJoint, BvhMotion, read_bvh, write_bvh
from lift3d.formats._euler_angles import curves_of_rotations, rotations_of_angles
from lift3d.formats._rest_pose import rest_tree
from lift3d.formats._tracks import y_up_positions
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton, get_skeleton, skeleton_names
from lift3d.synthetic import walk

GOLDEN = Path(__file__).parents[1] / "golden" / "poses"
ORDERS = ["".join(order) for order in itertools.permutations("XYZ")]

ARM = """HIERARCHY
ROOT shoulder
{
\tOFFSET 7.0 8.0 9.0
\tCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
\tJOINT elbow
\t{
\t\tOFFSET 60.0 0.0 0.0
\t\tCHANNELS 3 Yrotation Xrotation Zrotation
\t\tJOINT wrist
\t\t{
\t\t\tOFFSET 50.0 0.0 0.0
\t\t\tCHANNELS 1 Xrotation
\t\t\tEnd Site
\t\t\t{
\t\t\t\tOFFSET 10.0 0.0 0.0
\t\t\t}
\t\t}
\t}
}
MOTION
Frames: 2
Frame Time: 0.04
0 0 0  0 0 0  0 0 0  0
100 20 3  90 0 0  90 0 0  45
"""


def rigid_clip(name: str, frames: int = 20, size: float = 0.3) -> Poses3D:
    """Somebody with bones that keep their lengths, turned about every joint; y up."""
    skeleton = get_skeleton(name)
    standing = torch.from_numpy(y_up_positions(walk(frames=3, skeleton=name)))[:, 0]
    tree = rest_tree(skeleton, standing)
    rotvecs = size * torch.randn(frames, len(tree.names), 3, dtype=torch.float64)
    offsets = tree.offsets.repeat(frames, 1, 1)
    offsets[:, 0] = torch.randn(frames, 3)
    places = forward_kinematics(rotvec_to_matrix(rotvecs), offsets, tree.parents).places
    positions = torch.empty(frames, 1, len(skeleton), 3, dtype=torch.float64)
    positions[:, 0, list(tree.joints)] = places
    return Poses3D.of(positions, skeleton=skeleton, up="+y")


def written(poses: Poses3D, path: Path) -> Poses3D:
    write_poses(poses, path)
    return read_poses(path)


def error_mm(poses: Poses3D, read: Poses3D) -> Tensor:
    return 1000 * (read.positions - torch.from_numpy(y_up_positions(poses))).norm(dim=-1)


def angles_of(path: Path) -> tuple[list[str], np.ndarray]:
    """Names of the joints, and (frames, joints, 3) degrees as Z, X, Y."""
    motion = read_bvh(path)
    return [joint.name for joint in motion.joints], motion.values[:, 3:].reshape(len(motion.values), -1, 3)


def refused(path: Path) -> str:
    with pytest.raises(FileError) as caught:
        read_poses(path, format="bvh")
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- Euler angles


@pytest.mark.parametrize("axes", ORDERS)
def test_angles_are_rotations_one_within_the_other(axes: str) -> None:
    degrees = np.array([20.0, -35.0, 50.0])
    units = {axis: np.eye(3)["XYZ".index(axis)] for axis in axes}
    one, two, three = (
        rotvec_to_matrix(torch.tensor(np.radians(angle) * units[axis])).numpy()
        for axis, angle in zip(axes, degrees, strict=True)
    )
    assert np.abs(rotations_of_angles(axes, degrees) - one @ two @ three).max() < 1e-12


@pytest.mark.parametrize("axes", ORDERS)
def test_angles_and_rotations_are_inverse(axes: str) -> None:
    rotations = rotvec_to_matrix(2 * torch.randn(50, 4, 3, dtype=torch.float64)).numpy()
    curves = curves_of_rotations(axes, rotations)
    assert np.abs(rotations_of_angles(axes, curves) - rotations).max() < 1e-7


@pytest.mark.parametrize("axes", ORDERS)
def test_curves_have_no_jump_through_half_turns_and_gimbal_lock(axes: str) -> None:
    steps = np.linspace(-400.0, 400.0, 801)
    for moving in range(3):
        for still in (0.0, 30.0, 90.0):
            degrees = np.full((801, 1, 3), still)
            degrees[:, 0, moving] = steps
            rotations = rotations_of_angles(axes, degrees)
            curves = curves_of_rotations(axes, rotations)
            assert np.abs(np.diff(curves, axis=0)).max() < 1.001
            assert np.abs(rotations_of_angles(axes, curves) - rotations).max() < 1e-6


# --- reading


def test_a_file_by_hand(tmp_path: Path) -> None:
    """Frame 1: the upper arm turns from x to y; the elbow then turns the forearm from y-up's x to -z."""
    (tmp_path / "arm.bvh").write_text(ARM, encoding="utf-8")
    poses = read_poses(tmp_path / "arm.bvh")
    assert poses.skeleton == Skeleton("arm", ("shoulder", "elbow", "wrist"), (-1, 0, 1))
    assert (poses.frame, poses.up) == ("world", "+y")
    assert poses.times.tolist() == pytest.approx([0.0, 0.04])
    assert poses.positions[0, 0].flatten().tolist() == pytest.approx([0, 0, 0, 0.6, 0, 0, 1.1, 0, 0])
    assert poses.positions[1, 0].flatten().tolist() == pytest.approx([1, 0.2, 0.03, 1, 0.8, 0.03, 1, 0.8, -0.47])


def test_position_channels_stand_in_place_of_the_offset(tmp_path: Path) -> None:
    moved = ARM.replace("CHANNELS 1 Xrotation", "CHANNELS 2 Zposition Xrotation").replace("0 0 0  0\n", "0 0 0  5 0\n")
    (tmp_path / "arm.bvh").write_text(moved.replace("90 0 0  45", "90 0 0  5 45"), encoding="utf-8")
    assert read_poses(tmp_path / "arm.bvh").positions[0, 0, 2].tolist() == pytest.approx([1.1, 0, 0.05])


def test_cmu_motion_agrees_with_its_amc() -> None:
    """Order ZYX, 31 joints, and the legs as computed from CMU's own format in another program."""
    with pytest.warns(UserWarning, match=r"took 'cm', which makes the longest chain of bones 0\.392 m"):
        poses = read_poses(GOLDEN / "cmu_02_01.bvh")
    assert len(poses.skeleton) == 31
    legs = ["RightUpLeg", "RightLeg", "RightFoot", "LeftUpLeg", "LeftLeg", "LeftFoot"]
    x, y, z = (poses.positions[1:, 0, poses.skeleton.indices(*legs)] * 100 * 25.4 / 0.45).unbind(-1)
    truth = np.load(GOLDEN / "cmu_02_01_legs_mm.npy")
    assert np.abs(torch.stack([x, -z, y], dim=-1).numpy() - truth).max() < 0.05


@pytest.mark.parametrize(("unit", "scale", "said"), [("cm", 1.0, False), ("m", 0.01, True), ("mm", 10.0, True)])
def test_unit_is_told_by_the_size_of_a_person(unit: str, scale: float, said: bool, tmp_path: Path) -> None:
    path = tmp_path / "walk.bvh"
    write_poses(walk(frames=2), path)
    exact = read_poses(path).positions
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        word, *numbers = line.split() or [""]
        if word == "OFFSET":
            lines[number] = " ".join([word, *(str(scale * float(one)) for one in numbers)])
        elif number >= len(lines) - 2:
            scaled = [str(scale * float(one)) for one in (word, *numbers[:2])]
            lines[number] = " ".join([*scaled, *numbers[2:]])
    path.write_text("\n".join(lines), encoding="utf-8")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.testing.assert_close(read_poses(path).positions, exact, rtol=0, atol=1e-6)
    assert [f"took {unit!r}" in str(one.message) for one in caught] == [True] * said
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.testing.assert_close(read_poses(path, unit=unit).positions, exact, rtol=0, atol=1e-6)


def test_people_of_other_programs(tmp_path: Path) -> None:
    hierarchy, motion = ARM.split("MOTION\n")
    second = hierarchy.replace("HIERARCHY\n", "").replace("shoulder", "other_shoulder").replace("elbow", "other_elbow")
    rows = motion.splitlines()
    both = "\n".join([*rows[:2], *(f"{row} {row.replace('100', '200')}" for row in rows[2:])])
    (tmp_path / "two.bvh").write_text(f"{hierarchy}{second}MOTION\n{both}\n", encoding="utf-8")
    poses = read_poses(tmp_path / "two.bvh")
    assert poses.skeleton.joints == ("shoulder", "elbow", "wrist")
    assert poses.positions[1, :, 0, 0].tolist() == pytest.approx([1.0, 2.0])
    props = f"{hierarchy}ROOT ball {{ OFFSET 0 0 0 CHANNELS 0 }}\nMOTION\n{motion}"
    (tmp_path / "ball.bvh").write_text(props, encoding="utf-8")
    assert "its 2 ROOTs are not people of one skeleton" in refused(tmp_path / "ball.bvh")


def test_known_joints_by_other_names_find_their_skeleton(tmp_path: Path) -> None:
    """As SMPL's joints are often called: ``L_Hip``, each at its place in the tree."""
    skeleton = get_skeleton("smpl24")
    order: list[int] = []
    waiting = [skeleton.root]
    while waiting:
        order.append(waiting.pop())
        waiting += [child for child, parent in enumerate(skeleton.parents) if parent == order[-1]]
    joints = []
    for joint in order:
        name = "_".join(word[:1].upper() + word[1:] for word in skeleton.joints[joint].split("_"))
        parent = order.index(skeleton.parents[joint]) if skeleton.parents[joint] >= 0 else -1
        joints.append(BvhJoint(name.replace("Left_", "L_").replace("Right_", "R_"), parent, (joint, 10.0, 0.0)))
    write_bvh(BvhMotion(joints, np.zeros((1, 0)), 0.1), tmp_path / "smpl.bvh")
    read = read_poses(tmp_path / "smpl.bvh")
    assert read.skeleton == skeleton
    hip = skeleton.index("left_hip")
    assert read.positions[0, 0, hip].tolist() == pytest.approx([hip / 100, 0.2, 0.0])


# --- writing


@pytest.mark.parametrize("name", skeleton_names())
def test_rigid_bones_come_back_exactly(name: str, tmp_path: Path) -> None:
    poses = rigid_clip(name)
    read = written(poses, tmp_path / "walk.bvh")
    assert read.skeleton == poses.skeleton
    assert error_mm(poses, read).max() < 1e-3
    torch.testing.assert_close(read.times, poses.times, rtol=0, atol=1e-9)
    again = written(read, tmp_path / "again.bvh")
    torch.testing.assert_close(again.positions, read.positions, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["human36m17", "body25", "smpl24"])
def test_noise_is_halved_in_power_not_added(name: str, tmp_path: Path) -> None:
    """With bones of one length, the joints come back nearer to the truth than the noisy ones were."""
    exact = walk(frames=60, skeleton=name)
    noisy = replace(exact, positions=exact.positions + 0.01 * torch.randn_like(exact.positions))
    read = written(noisy, tmp_path / "walk.bvh")
    before = 1000 * (noisy.positions - exact.positions).norm(dim=-1).mean()
    assert error_mm(noisy, read).mean() < 0.65 * before
    assert error_mm(exact, read).mean() < 0.85 * before


def test_turning_and_moving_the_world_changes_the_root_only(tmp_path: Path) -> None:
    poses = rigid_clip("human36m17")
    turn = rotvec_to_matrix(torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64))
    move = torch.tensor([3.0, 1.0, -2.0], dtype=torch.float64)
    write_poses(poses, tmp_path / "a.bvh")
    write_poses(replace(poses, positions=poses.positions @ turn.mT + move), tmp_path / "b.bvh")
    (names, before), (_, after) = (angles_of(tmp_path / name) for name in ("a.bvh", "b.bvh"))
    rotations = [rotations_of_angles("ZXY", angles) for angles in (before, after)]
    assert np.abs(rotations[0][:, 1:] - rotations[1][:, 1:]).max() < 1e-5
    assert np.abs(turn.numpy() @ rotations[0][:, 0] - rotations[1][:, 0]).max() < 1e-5
    assert names[0] == "pelvis"


def test_mirrored_poses_have_mirrored_rotations(tmp_path: Path) -> None:
    poses = rigid_clip("human36m17")
    flip = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    mirrored = (poses.positions * flip)[:, :, list(poses.skeleton.flip_order)]
    write_poses(poses, tmp_path / "a.bvh")
    write_poses(replace(poses, positions=mirrored), tmp_path / "b.bvh")
    (names, before), (_, after) = (angles_of(tmp_path / name) for name in ("a.bvh", "b.bvh"))
    first, second = (matrix_to_rotvec(torch.from_numpy(rotations_of_angles("ZXY", one))) for one in (before, after))
    twins = {"left": "right", "right": "left"}
    order = [names.index(f"{twins[name.split('_')[0]]}_{name.split('_', 1)[1]}") if name.split("_")[0] in twins
             else place for place, name in enumerate(names)]  # fmt: skip
    assert (second - (-first * flip)[:, order]).abs().max() < 1e-5


@pytest.mark.parametrize("name", skeleton_names())
def test_rest_pose_is_a_t_pose_that_faces_z(name: str, tmp_path: Path) -> None:
    poses = walk(frames=30, skeleton=name)
    write_poses(poses, tmp_path / "walk.bvh")
    motion = read_bvh(tmp_path / "walk.bvh")
    places: dict[str, np.ndarray] = {}
    for joint in motion.joints:
        parent = places[motion.joints[joint.parent].name] if joint.parent >= 0 else np.zeros(3)
        places[joint.name] = parent + np.array(joint.offset)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        arm = places[f"{side}_wrist"] - places[f"{side}_shoulder"]
        leg = places[f"{side}_ankle"] - places[f"{side}_hip"]
        assert arm == pytest.approx([sign * np.abs(arm).max(), 0, 0], abs=0.1)
        assert leg == pytest.approx([0, -np.abs(leg).max(), 0], abs=0.1)
        assert 40 < np.abs(arm).max() < 65
        assert 70 < np.abs(leg).max() < 100
    toes = [place for joint, place in places.items() if "toe" in joint or joint.endswith(("foot", "foot_index"))]
    assert all(toe[2] > places["left_ankle"][2] for toe in toes)
    leaves = {place for place in range(len(motion.joints)) if place not in {one.parent for one in motion.joints}}
    assert {place for place, joint in enumerate(motion.joints) if joint.end is not None} == leaves


def test_bone_lengths_are_medians_of_the_frames_that_see_both_ends(tmp_path: Path) -> None:
    poses = walk(frames=21)
    positions = poses.positions.clone()
    knee, ankle = poses.skeleton.indices("left_knee", "left_ankle")
    length = float((positions[0, 0, ankle] - positions[0, 0, knee]).norm())
    positions[:8, 0, ankle] = math.nan
    positions[10:14, 0, ankle] += 0.5  # four of the thirteen frames left are wild
    with pytest.warns(UserWarning, match="8 missing joint positions were filled in over time"):
        write_poses(replace(poses, positions=positions), tmp_path / "walk.bvh")
    offsets = {joint.name: joint.offset for joint in read_bvh(tmp_path / "walk.bvh").joints}
    assert np.linalg.norm(offsets["left_ankle"]) == pytest.approx(100 * length, abs=1e-4)


def test_a_walker_looks_where_the_file_says(tmp_path: Path) -> None:
    """The root's rotation turns the rest pose's +z to where the person walks, and its +x to the left."""
    poses = walk(frames=10)
    read = written(poses, tmp_path / "walk.bvh")
    names, angles = angles_of(tmp_path / "walk.bvh")
    root = rotations_of_angles("ZXY", angles[:, 0])
    left = read.positions[:, 0, read.skeleton.index("left_hip")] - read.positions[:, 0, 0]
    assert (np.sum(root[:, :, 0] * left.numpy(), axis=-1) / left.norm(dim=-1).numpy()).min() > 0.95
    way = (read.positions[-1, 0, 0] - read.positions[0, 0, 0]).numpy()
    assert root[5, :, 2] @ way / np.linalg.norm(way) > 0.8
    assert names[0] == "pelvis"


def test_curves_of_a_long_walk_have_no_jump(tmp_path: Path) -> None:
    write_poses(walk(frames=400), tmp_path / "walk.bvh")  # more than once around the circle
    _, angles = angles_of(tmp_path / "walk.bvh")
    assert np.abs(np.diff(angles, axis=0)).max() < 25
    assert np.ptp(angles[:, 0, 2]) > 300


def test_the_head_turns_while_the_shoulders_stay(tmp_path: Path) -> None:
    poses = walk(frames=20, skeleton="body25")
    nose, neck = poses.skeleton.indices("nose", "neck")
    positions = poses.positions.clone()
    turn = rotvec_to_matrix(torch.linspace(0, 1.2, 20, dtype=torch.float64)[:, None] * torch.tensor([0, 0, 1.0]))
    head = poses.skeleton.indices("nose", "left_eye", "right_eye", "left_ear", "right_ear")
    seen = positions[:, 0, head] - positions[:, 0, [neck]]
    positions[:, 0, head] = positions[:, 0, [neck]] + seen @ turn.mT
    turned = replace(poses, positions=positions)
    assert error_mm(turned, written(turned, tmp_path / "walk.bvh")).max() < 0.01
    assert "JOINT neck_to_head" in (tmp_path / "walk.bvh").read_text(encoding="utf-8")
    assert nose in head


@pytest.mark.parametrize("up", ["+x", "-x", "+y", "-y", "+z", "-z"])
def test_up_is_y_and_nothing_is_mirrored(up: str, tmp_path: Path) -> None:
    poses = replace(rigid_clip("human36m17", frames=5), up=up)
    read = written(poses, tmp_path / "walk.bvh")
    axis, sign = "xyz".index(up[1]), 1.0 if up[0] == "+" else -1.0
    torch.testing.assert_close(read.positions[..., 1], sign * poses.positions[..., axis], rtol=0, atol=1e-6)
    first, second = (one.positions[0, 0, 1:4] - one.positions[0, 0, 0] for one in (poses, read))
    assert torch.linalg.det(first).item() == pytest.approx(torch.linalg.det(second).item(), abs=1e-6)


def test_people_are_roots_and_come_back(tmp_path: Path) -> None:
    poses = walk(frames=4, people=3)
    read = written(poses, tmp_path / "walk.bvh")
    assert error_mm(poses, read).max() < 0.01
    assert read.skeleton == poses.skeleton
    text = (tmp_path / "walk.bvh").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if "ROOT" in line] == [f"ROOT person{one}_pelvis" for one in (1, 2, 3)]


def test_one_of_several_people_without_a_joint_or_never_seen(tmp_path: Path) -> None:
    poses = walk(frames=4, people=3)
    positions = poses.positions.clone()
    positions[:, 1] = math.nan
    positions[:, 2, poses.skeleton.index("left_wrist")] = math.nan
    with pytest.warns(UserWarning, match="never seen were left out: person2, person3_left_wrist"):
        read = written(replace(poses, positions=positions), tmp_path / "walk.bvh")
    assert read.skeleton == poses.skeleton
    assert (
        torch.isnan(read.positions).any(-1).all(0).nonzero().tolist()
        == torch.isnan(positions).any(-1).all(0).nonzero().tolist()
    )


def test_gaps_are_interpolated_and_never_seen_joints_left_out(tmp_path: Path) -> None:
    poses = walk(frames=30)
    positions = poses.positions.clone()
    wrist, knee, head = poses.skeleton.indices("left_wrist", "right_knee", "head")
    positions[10:13, 0, wrist] = math.nan
    positions[:, 0, [knee, head]] = math.nan
    with pytest.warns(UserWarning, match=r"^BVH: 3 missing .* never seen were left out: right_knee, head\.$"):
        read = written(replace(poses, positions=positions), tmp_path / "walk.bvh")
    assert read.skeleton == poses.skeleton
    assert torch.isnan(read.positions[:, 0, [knee, head]]).all()
    kept = [joint for joint in range(17) if joint not in (knee, head, poses.skeleton.index("right_ankle"))]
    assert error_mm(poses, read)[:, 0, kept].max() < 30


def test_a_root_never_seen_is_in_the_middle_of_the_hips(tmp_path: Path) -> None:
    poses = walk(frames=10)
    positions = poses.positions.clone()
    positions[:, 0, 0] = math.nan
    with pytest.warns(UserWarning, match="never seen were left out: pelvis"):
        read = written(replace(poses, positions=positions), tmp_path / "walk.bvh")
    assert read.skeleton == poses.skeleton
    hips = read.positions[:, 0, read.skeleton.indices("left_hip", "right_hip")]
    assert 1000 * (read.positions[:, 0, 0] - hips.mean(1)).norm(dim=-1).max() < 1


def test_nothing_seen_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    poses = walk(frames=3)
    for empty in (replace(poses, positions=poses.positions * math.nan), poses.between(0, 0)):
        with pytest.raises(InputError, match="seen at least once"):
            write_poses(empty, tmp_path / "walk.bvh")
    assert list(tmp_path.iterdir()) == []


def test_uneven_times_are_taken_anew(tmp_path: Path) -> None:
    poses = walk(frames=30)
    rows = [row for row in range(30) if row not in range(10, 20)]
    gap = replace(poses, positions=poses.positions[rows], scores=poses.scores[rows], times=poses.times[rows])
    with pytest.warns(UserWarning, match="not evenly spaced in time; written at 30 a second"):
        read = written(gap, tmp_path / "walk.bvh")
    assert len(read.times) == 30
    assert error_mm(poses, read)[20:].max() < 1
    jitter = replace(poses, times=(poses.times * 1000).round() / 1000)
    assert written(jitter, tmp_path / "walk.bvh").times.tolist() == pytest.approx(poses.times.tolist(), abs=1e-3)


def test_one_frame_and_one_joint(tmp_path: Path) -> None:
    assert error_mm(walk(frames=1), written(walk(frames=1), tmp_path / "one.bvh")).max() < 0.01
    dot = Poses3D.of(torch.rand(2, 1, 1, 3, dtype=torch.float64), skeleton=Skeleton("dot", ("dot",), (-1,)), up="+y")
    write_poses(dot, tmp_path / "dot.bvh")
    with pytest.warns(UserWarning, match="took 'cm'"):
        torch.testing.assert_close(read_poses(tmp_path / "dot.bvh").positions, dot.positions, rtol=0, atol=1e-6)


def test_own_skeletons_come_back_as_the_file_has_them(tmp_path: Path) -> None:
    legs = walk(frames=5)
    names = ["pelvis", "left_hip", "left_knee", "left_ankle", "right_hip", "right_knee", "right_ankle"]
    own = Skeleton("own", tuple(f"{name} of horse" for name in names), (-1, 0, 1, 2, 0, 4, 5))
    positions = legs.positions[:, :, legs.skeleton.indices(*names)]
    read = written(Poses3D.of(positions, skeleton=own, times=legs.times), tmp_path / "horse.bvh")
    assert read.skeleton.name == "horse"
    assert read.skeleton.joints == tuple(name.replace(" ", "_") for name in own.joints)
    assert read.skeleton.parents == own.parents
    want = Poses3D.of(positions, skeleton=own, times=legs.times)
    assert error_mm(want, read).max() < 0.01


def test_bones_that_change_their_length_are_warned_of(tmp_path: Path) -> None:
    poses = walk(frames=10)
    stretched = poses.positions * torch.linspace(0.7, 1.3, 10)[:, None, None, None]
    with pytest.warns(UserWarning, match=r"^BVH: bones keep their length there: half of the joints are over \d+ mm"):
        write_poses(replace(poses, positions=stretched), tmp_path / "walk.bvh")


def test_another_skeleton_is_refused(tmp_path: Path) -> None:
    write_poses(walk(frames=2), tmp_path / "walk.bvh")
    with pytest.raises(FileError, match="body25"):
        read_poses(tmp_path / "walk.bvh", skeleton="body25")


# --- damaged files


def test_cut_short_is_refused(tmp_path: Path) -> None:
    write_poses(walk(frames=5), tmp_path / "whole.bvh")
    content = (tmp_path / "whole.bvh").read_bytes()
    path = tmp_path / "cut.bvh"
    for kept in (0, 5, 30, 100, 1000, content.index(b"MOTION") - 3, content.index(b"Frames"), len(content) - 200):
        path.write_bytes(content[:kept])
        assert "cut short" in refused(path) or kept < 30 or "lacks" in refused(path) or "expected" in refused(path)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("HIERARCHY", "HIERARCH", "is no BVH"),
        ("ROOT shoulder", "JOINT shoulder", "'JOINT' is not expected"),
        ("ROOT shoulder\n{", "ROOT {", "has no name"),
        ("OFFSET 60.0", "OFFSET long", "an offset has 'long'; expected a number"),
        ("OFFSET 60.0", "OFFSET nan", "an offset has 'nan'"),
        ("CHANNELS 1 Xrotation", "CHANNELS 9 Xrotation", "'9' channels"),
        ("CHANNELS 1 Xrotation", "CHANNELS 1 Wrotation", "joint wrist: its channels repeat or are none"),
        ("CHANNELS 1 Xrotation", "CHANNELS 2 Xrotation Xrotation", "joint wrist: its channels repeat"),
        ("CHANNELS 1 Xrotation", "CHANNELS 2 Xrotation Yrotation", "cut short: 1 frames of 2"),
        ("CHANNELS 1 Xrotation", "SIZE 1", "'SIZE' is not expected in joint wrist"),
        ("}\nMOTION", "MOTION", "a brace of the hierarchy stays open"),
        ("}\nMOTION", "}\n}\nMOTION", "'}' is not expected in the hierarchy"),
        ("MOTION", "", "is not expected in the hierarchy"),
        ("Frames: 2", "Frames: 3", "cut short: 2 frames of 3"),
        ("Frames: 2", "Frames: 1", "has 20 values; expected 10, 1 frames of 10 channels"),
        ("Frames: 2", "Frames: 0", "Frames is '0'"),
        ("Frames: 2", "Frames: 99999999999999999999", "Frames is '99999999999999999999'"),
        ("Frames: 2", "Frame: 2", "lacks 'Frames:'"),
        ("Time: 0.04", "Time: 0", "Frame Time is 0"),
        ("Time: 0.04", "Time: fast", "Frame Time has 'fast'"),
        ("100 20 3", "100 20 x", "a value of the motion is no number"),
        ("100 20 3", "100 20 nan", "frame 1 of the motion has a value that is not finite"),
        ("JOINT elbow", "JOINT shoulder", "joint names repeat"),
    ],
)
def test_bad_content(old: str, new: str, text: str, tmp_path: Path) -> None:
    assert old in ARM
    (tmp_path / "arm.bvh").write_text(ARM.replace(old, new, 1), encoding="utf-8")
    assert text in refused(tmp_path / "arm.bvh")


@pytest.mark.parametrize("ending", ["\r\n", "\n\n"])
def test_line_endings_and_braces_on_the_same_line(ending: str, tmp_path: Path) -> None:
    (tmp_path / "arm.bvh").write_text(ARM, encoding="utf-8")
    expected = read_poses(tmp_path / "arm.bvh").positions
    changed = ARM.replace("\n{", " {").replace("\n", ending)
    (tmp_path / "arm.bvh").write_bytes(b"\xef\xbb\xbf" + changed.encode())
    assert torch.equal(read_poses(tmp_path / "arm.bvh").positions, expected)


# --- twist


def test_thighs_and_upper_arms_are_twisted_so_that_knees_and_elbows_bend_about_their_axes(tmp_path: Path) -> None:
    """Knees about +x; the left elbow about -y and the right about +y, forward from a T-pose with the palms down."""
    skeleton = get_skeleton("human36m17")
    tree = rest_tree(skeleton, torch.from_numpy(y_up_positions(walk(frames=3)))[:, 0])
    rotvecs = torch.zeros(3, len(tree.names), 3, dtype=torch.float64)
    for side, sign in (("left", -1.0), ("right", 1.0)):
        rotvecs[:, tree.names.index(f"{side}_hip"), 1] = torch.tensor([0.0, 0.6, -0.6])  # about the thigh
        rotvecs[:, tree.names.index(f"{side}_shoulder"), 0] = torch.tensor([0.0, 0.6, -0.6])  # about the upper arm
        rotvecs[:, tree.names.index(f"{side}_knee"), 0] = 1.4
        rotvecs[:, tree.names.index(f"{side}_elbow"), 1] = sign * 1.4
    places = forward_kinematics(rotvec_to_matrix(rotvecs), tree.offsets.repeat(3, 1, 1), tree.parents).places
    positions = torch.empty(3, 1, 17, 3, dtype=torch.float64)
    positions[:, 0, list(tree.joints)] = places
    write_poses(Poses3D.of(positions, skeleton=skeleton, up="+y"), tmp_path / "bent.bvh")
    names, angles = angles_of(tmp_path / "bent.bvh")
    assert names == list(tree.names)
    found = matrix_to_rotvec(torch.from_numpy(rotations_of_angles("ZXY", angles)))
    assert (found - rotvecs).abs().max() < 0.12
