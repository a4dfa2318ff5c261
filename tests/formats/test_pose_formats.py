"""Pose files: the sample reads to its truth, round trips, TRC's axes, units and gaps, bad files."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pose_files import GOLDEN, TIMES, TRUTH, refused, same, some_poses

from lift3d.errors import FileError, InputError
from lift3d.formats import read_poses, write_poses
from lift3d.formats._dispatch import _candidates
from lift3d.formats._joint_names import marker_names
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton, get_skeleton, skeleton_names

SUFFIXES = {"lift3d_poses_npz": ".npz", "csv": ".csv", "poses_json": ".json", "trc": ".trc"}
LOSSLESS = ["lift3d_poses_npz", "csv", "poses_json"]

# --- all formats that keep everything


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", LOSSLESS)
def test_comes_back_as_it_was(name: str, dtype: torch.dtype, tmp_path: Path) -> None:
    path = tmp_path / f"walk{SUFFIXES[name]}"
    poses = some_poses(dtype=dtype)
    write_poses(poses, path)
    assert [entry.name for entry in _candidates(path, Poses3D)] == [name]
    same(read_poses(path), poses)


@pytest.mark.parametrize("skeleton", skeleton_names())
@pytest.mark.parametrize("name", LOSSLESS)
def test_every_skeleton_comes_back(name: str, skeleton: str, tmp_path: Path) -> None:
    path = tmp_path / f"walk{SUFFIXES[name]}"
    poses = some_poses(skeleton=skeleton)
    write_poses(poses, path)
    same(read_poses(path), poses)


@pytest.mark.parametrize(("frame", "up"), [("world", "+y"), ("world", "-x"), ("camera", "-y"), ("root", "-y")])
@pytest.mark.parametrize("name", LOSSLESS)
def test_space_comes_back(name: str, frame: str, up: str, tmp_path: Path) -> None:
    path = tmp_path / f"walk{SUFFIXES[name]}"
    poses = some_poses(frame=frame, up=up)
    write_poses(poses, path)
    same(read_poses(path), poses)


@pytest.mark.parametrize("name", LOSSLESS)
def test_filled_joints_keep_their_place_and_score_0(name: str, tmp_path: Path) -> None:
    poses = some_poses(missing=False)
    scores = poses.scores.clone()
    scores[1, 0, 3] = 0.0
    path = tmp_path / f"walk{SUFFIXES[name]}"
    write_poses(replace(poses, scores=scores), path)
    read = read_poses(path)
    assert read.scores[1, 0, 3] == 0
    assert torch.equal(read.positions, poses.positions)


@pytest.mark.parametrize("name", LOSSLESS)
def test_extreme_numbers_come_back(name: str, tmp_path: Path) -> None:
    poses = some_poses(missing=False)
    positions = poses.positions.clone()
    positions[0, 0, :4, 0] = torch.tensor([1e-300, -1e17, 1 / 3, 5e-324], dtype=torch.float64)
    path = tmp_path / f"walk{SUFFIXES[name]}"
    write_poses(replace(poses, positions=positions), path)
    assert torch.equal(read_poses(path).positions, positions)


@pytest.mark.parametrize("name", ["lift3d_poses_npz", "poses_json"])
def test_own_skeletons_come_back(name: str, tmp_path: Path) -> None:
    poses = some_poses()
    legs = poses.skeleton.only(["pelvis", "left_hip", "left_knee"])
    path = tmp_path / f"walk{SUFFIXES[name]}"
    part = replace(poses, skeleton=legs, positions=poses.positions[:, :, :3], scores=poses.scores[:, :, :3])
    write_poses(part, path)
    same(read_poses(path), part)
    other = Skeleton("abc", ("a", "b", "c"), (-1, 0, 1))
    assert read_poses(path, skeleton=other).skeleton == other
    assert "has 3 joints" in refused(path, skeleton="coco17")


@pytest.mark.parametrize("name", SUFFIXES)
def test_a_skeleton_of_other_joints_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"walk{SUFFIXES[name]}"
    write_poses(some_poses(people=1, missing=False), path)
    assert "body25" in refused(path, skeleton="body25")


@pytest.mark.parametrize("name", SUFFIXES)
def test_cut_short_is_refused_or_shorter_never_another_error(name: str, tmp_path: Path) -> None:
    whole, path = tmp_path / f"whole{SUFFIXES[name]}", tmp_path / f"cut{SUFFIXES[name]}"
    write_poses(some_poses(people=1, missing=False), whole)
    content = whole.read_bytes()
    for kept in (0, 1, 10, 100, 300, len(content) // 2, len(content) - 30):
        path.write_bytes(content[:kept])
        try:
            poses = read_poses(path, format=name)
        except FileError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert name == "csv"  # which does not say how long it is
            assert len(poses.times) <= 5


# --- TRC


def trc_of(poses: Poses3D, path: Path) -> tuple[list[list[str]], np.ndarray]:
    """The header's fields, and (frames, markers, 3) of what is written."""
    write_poses(poses, path)
    lines = path.read_text(encoding="utf-8").splitlines()
    values = np.array([[float(field) for field in line.split("\t")] for line in lines[5:]])
    return [line.split("\t") for line in lines[:5]], values[:, 2:].reshape(len(values), -1, 3)


def test_trc_sample_reads_to_its_truth() -> None:
    poses = read_poses(GOLDEN / "pose2sim.trc")
    assert poses.skeleton == get_skeleton("human36m17")
    assert (poses.frame, poses.up) == ("world", "+y")
    assert tuple(poses.positions.shape) == (5, 1, 17, 3)
    y_up = np.stack([TRUTH[..., 1], TRUTH[..., 2], TRUTH[..., 0]], axis=-1)
    assert np.abs(poses.positions[:, 0].numpy() - y_up).max() <= 1e-9
    assert poses.times.tolist() == pytest.approx([frame / 60 for frame in range(5)], abs=1e-4)


def test_trc_is_written_as_pose2sim_writes_it(tmp_path: Path) -> None:
    """From the z-up truth to the numbers in Pose2Sim's file: axes, unit, header."""
    poses = Poses3D.of(TRUTH[:, None], skeleton=get_skeleton("human36m17"), fps=60)
    write_poses(poses, tmp_path / "walk.trc")
    ours = (tmp_path / "walk.trc").read_text(encoding="utf-8").splitlines()
    theirs = (GOLDEN / "pose2sim.trc").read_text(encoding="utf-8").splitlines()
    assert ours[1:3] == theirs[1:3]
    assert ours[3] == theirs[3].replace("Neck", "NeckNose")
    assert ours[4] == theirs[4]
    assert ours[0].split("\t")[:3] == theirs[0].split("\t")[:3]
    for one, other in zip(ours[5:], theirs[5:], strict=True):
        assert [float(field) for field in one.split("\t")] == pytest.approx(
            [float(field) for field in other.split("\t")], abs=1e-6
        )


@pytest.mark.parametrize("up", ["+x", "-x", "+y", "-y", "+z", "-z"])
def test_trc_up_is_y_and_nothing_is_mirrored(up: str, tmp_path: Path) -> None:
    axis, sign = "xyz".index(up[1]), 1.0 if up[0] == "+" else -1.0
    poses = some_poses(people=1, missing=False, up=up)
    _, written = trc_of(poses, tmp_path / "walk.trc")
    world = poses.positions[:, 0].numpy()
    assert np.abs(written[..., 1] - sign * world[..., axis]).max() < 1e-8
    before, after = world[0, 1:4] - world[0, 0], written[0, 1:4] - written[0, 0]
    assert np.linalg.det(after) == pytest.approx(np.linalg.det(before), abs=1e-6)
    assert np.abs(after @ after.T - before @ before.T).max() < 1e-7


def test_trc_comes_back_with_y_up(tmp_path: Path) -> None:
    poses = some_poses(missing=False)
    write_poses(poses, tmp_path / "walk.trc")
    read = read_poses(tmp_path / "walk.trc")
    turned = replace(poses, positions=poses.positions[..., [1, 2, 0]], up="+y", scores=torch.ones_like(poses.scores))
    same(read, turned, near=1e-9)
    write_poses(read, tmp_path / "again.trc")
    same(read_poses(tmp_path / "again.trc"), read, near=1e-9)


def test_trc_gaps_are_interpolated_in_time_and_ends_held(tmp_path: Path) -> None:
    poses = some_poses(people=1, missing=False)
    positions = poses.positions.clone()
    positions[:, 0, 4] = torch.tensor([[math.nan] * 3, [1, 2, 3], [math.nan] * 3, [4, 8, 12], [math.nan] * 3])
    with pytest.warns(UserWarning, match=r"^TRC: 3 missing joint positions were filled in over time\.$"):
        _, written = trc_of(replace(poses, positions=positions), tmp_path / "walk.trc")
    # frame 2 is at 0.2 s, between 0.1 s and 0.4 s: a third of the way
    world = [[1, 2, 3], [1, 2, 3], [2, 4, 6], [4, 8, 12], [4, 8, 12]]
    assert np.abs(written[:, 4] - np.array(world, dtype=float)[:, [1, 2, 0]]).max() < 1e-6
    text = (tmp_path / "walk.trc").read_text(encoding="utf-8")
    assert "nan" not in text.lower()
    assert all(field for line in text.splitlines()[5:] for field in line.split("\t"))


def test_trc_joints_never_seen_are_left_out(tmp_path: Path) -> None:
    poses = some_poses(people=1, missing=False)
    positions = poses.positions.clone()
    positions[:, :, [7, 10]] = torch.nan
    with pytest.warns(UserWarning, match="joints never seen were left out: Spine, Head"):
        header, written = trc_of(replace(poses, positions=positions), tmp_path / "walk.trc")
    assert header[2][3] == "15"
    assert written.shape[1] == 15
    assert "Spine" not in header[3]
    read = read_poses(tmp_path / "walk.trc")
    assert read.skeleton.name == "human36m17"
    assert torch.isnan(read.positions[:, :, [7, 10]]).all()
    assert read.scores.sum() == 5 * 15


def test_trc_of_nothing_seen_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    poses = some_poses()
    with pytest.raises(InputError, match="seen at least once"):
        write_poses(replace(poses, positions=poses.positions * math.nan), tmp_path / "walk.trc")
    assert list(tmp_path.iterdir()) == []


def test_trc_of_several_people(tmp_path: Path) -> None:
    header, written = trc_of(some_poses(people=2, missing=False), tmp_path / "walk.trc")
    names = [name for name in header[3][2:] if name]
    assert names[:2] == ["person1_Pelvis", "person1_RHip"]
    assert names[17] == "person2_Pelvis"
    assert written.shape == (5, 34, 3)


@pytest.mark.parametrize("blank", ["", "\n", "\t\t\t\n"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(("unit", "metres"), [("m", 1.0), ("mm", 0.001), ("cm", 0.01)])
def test_trc_units_and_line_endings(unit: str, metres: float, blank: str, ending: str, tmp_path: Path) -> None:
    lines = (GOLDEN / "pose2sim.trc").read_text(encoding="utf-8").splitlines()
    lines[2] = lines[2].replace("\tm\t", f"\t{unit}\t")
    text = "\n".join(lines[:5]) + "\n" + blank + "\n".join(line + "\t" for line in lines[5:]) + "\n"
    (tmp_path / "walk.trc").write_bytes(text.replace("\n", ending).encode())
    expected = read_poses(GOLDEN / "pose2sim.trc").positions * metres
    torch.testing.assert_close(read_poses(tmp_path / "walk.trc").positions, expected)


def test_trc_empty_fields_are_missing(tmp_path: Path) -> None:
    lines = (GOLDEN / "pose2sim.trc").read_text(encoding="utf-8").splitlines()
    fields = lines[6].split("\t")
    fields[5:8] = ["", "", ""]
    fields[-1] = "nan"
    lines[6] = "\t".join(fields)
    (tmp_path / "walk.trc").write_text("\n".join(lines), encoding="utf-8")
    poses = read_poses(tmp_path / "walk.trc")
    missing = torch.isnan(poses.positions).any(-1).nonzero().tolist()
    assert missing == [[1, 0, 1], [1, 0, 16]]
    assert (poses.scores == 0).nonzero().tolist() == missing


@pytest.mark.parametrize("skeleton", skeleton_names())
def test_trc_markers_find_every_skeleton(skeleton: str, tmp_path: Path) -> None:
    poses = some_poses(people=1, skeleton=skeleton, missing=False)
    write_poses(poses, tmp_path / "walk.trc")
    assert read_poses(tmp_path / "walk.trc").skeleton == poses.skeleton


def test_trc_markers_in_another_order_and_of_other_programs(tmp_path: Path) -> None:
    """Pose2Sim's order of BODY_25, without face and with the middle of the hips called CHip."""
    sides = [f"{side}{joint}" for side in "RL" for joint in ("Hip", "Knee", "Ankle", "BigToe", "SmallToe", "Heel")]
    arms = [f"{side}{joint}" for side in "RL" for joint in ("Shoulder", "Elbow", "Wrist")]
    names = ["CHip", *sides, "Neck", "Nose", *arms]
    lines = [
        "PathFileType\t4\t(X/Y/Z)\ta.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"60\t60\t1\t{len(names)}\tmm\t60\t0\t1",
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t\t",
        "",
        "0\t0.0\t" + "\t".join(str(1000 * place) for place in range(len(names)) for _ in range(3)),
    ]
    (tmp_path / "a.trc").write_text("\n".join(lines), encoding="utf-8")
    poses = read_poses(tmp_path / "a.trc")
    assert poses.skeleton.name == "body25"
    assert poses.positions[0, 0, poses.skeleton.index("pelvis"), 0] == 0
    assert poses.positions[0, 0, poses.skeleton.index("left_hip"), 0] == names.index("LHip")
    assert torch.isnan(poses.positions[0, 0, poses.skeleton.index("left_eye")]).all()


def test_trc_markers_of_no_known_skeleton_make_one_of_their_own(tmp_path: Path) -> None:
    content = (GOLDEN / "pose2sim.trc").read_text(encoding="utf-8")
    (tmp_path / "walk.trc").write_text(content.replace("LWrist", "Tail"), encoding="utf-8")
    with pytest.warns(UserWarning, match="17 joints .* are of no known skeleton"):
        poses = read_poses(tmp_path / "walk.trc")
    assert "Tail" in poses.skeleton.joints
    assert torch.equal(poses.positions, read_poses(GOLDEN / "pose2sim.trc").positions)


def test_trc_keeps_nanometres(tmp_path: Path) -> None:
    poses = some_poses(people=1, missing=False)
    write_poses(poses, tmp_path / "walk.trc")
    difference = (read_poses(tmp_path / "walk.trc").positions - poses.positions[..., [1, 2, 0]]).abs()
    assert difference.max() <= 0.51e-9


def test_marker_names() -> None:
    assert marker_names(get_skeleton("body25"))[:4] == ["Nose", "Neck", "RShoulder", "RElbow"]
    assert "LBigToe" in marker_names(get_skeleton("halpe26"))
    clash = Skeleton("clash", ("left_hip", "l_hip"), (-1, 0))
    assert marker_names(clash) == ["left_hip", "l_hip"]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("PathFileType", "PathFile", "does not begin with PathFileType"),
        ("\tm\t60", "\tinch\t60", "unit 'inch'"),
        ("\tm\t60", "\t\t60", "unit ''"),
        ("60\t60\t5\t", "60\t60\t9\t", "cut short: 5 frames of 9"),
        ("\t0.3872", "\tabc", "line 6"),
        ("\t0.3872", "\t1\t0.3872", "line 6 has 54 fields; expected 53, of 17 markers"),
        ("LWrist", "LElbow", "not all of skeleton|no known skeleton"),
        ("\n0\t0.0\t", "\n0\t\t", "no time"),
    ],
)
def test_trc_bad_content(old: str, new: str, text: str, tmp_path: Path) -> None:
    content = (GOLDEN / "pose2sim.trc").read_text(encoding="utf-8")
    assert old in content
    (tmp_path / "walk.trc").write_text(content.replace(old, new, 1), encoding="utf-8")
    found = refused(tmp_path / "walk.trc", format="trc")
    assert any(part in found for part in text.split("|"))


# --- CSV


def test_csv_is_plain(tmp_path: Path) -> None:
    poses = Poses3D.of(
        [[[[0.1, -2.0, 1e-05], [math.nan] * 3]]], [[[0.25, 1.0]]],
        skeleton=Skeleton("two", ("pelvis", "head"), (-1, 0)), times=torch.tensor([0.5]),
    )  # fmt: skip
    write_poses(replace(poses, positions=poses.positions.double(), scores=poses.scores.double()), tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "frame,time,person,joint,x,y,z,score"
    assert lines[1].startswith("0,0.5,0,pelvis,0.1")
    assert lines[2] == "0,0.5,0,head,,,,0.0"
    camera = replace(poses, frame="camera", up="-y")
    write_poses(camera, tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text(encoding="utf-8").splitlines()[0].endswith(",score,space,up")


def test_csv_rows_in_any_order_with_other_columns(tmp_path: Path) -> None:
    rows = ["person,joint,note,z,y,x,frame", '0,left_hip,"a, b",3,2,1,7', "1,pelvis,,6,5,4,3", "", "0,pelvis,,,,,7"]
    (tmp_path / "a.csv").write_bytes(("\ufeff" + "\r\n".join(rows)).encode())
    poses = read_poses(tmp_path / "a.csv")
    assert tuple(poses.positions.shape[:2]) == (2, 2)
    assert poses.times.tolist() == pytest.approx([3 / 30, 7 / 30])
    hip, pelvis = poses.skeleton.index("left_hip"), poses.skeleton.index("pelvis")
    assert poses.positions[1, 0, hip].tolist() == [1, 2, 3]
    assert poses.positions[0, 1, pelvis].tolist() == [4, 5, 6]
    assert poses.scores.nonzero().tolist() == sorted([[1, 0, hip], [0, 1, pelvis]])


def test_csv_of_own_skeletons_needs_them(tmp_path: Path) -> None:
    own = Skeleton("own", ("tail", "tip"), (-1, 0))
    poses = Poses3D.of(torch.rand(2, 1, 2, 3), skeleton=own)
    write_poses(poses, tmp_path / "a.csv")
    assert "Pass skeleton=" in refused(tmp_path / "a.csv")
    same(read_poses(tmp_path / "a.csv", skeleton=own), poses)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (["frame,person,joint,x,y"], "lacks the columns z"),
        (["frame,person,joint,x,y,z"], "holds no rows"),
        (["frame,person,joint,x,y,z", "0,0,nose,1,2"], "line 2 has 5 fields; expected 6"),
        (["frame,person,joint,x,y,z", "0,0,nose,1,2,a"], "line 2: z is 'a'"),
        (["frame,person,joint,x,y,z", "0.5,0,nose,1,2,3"], "line 2: frame is '0.5'"),
        (["frame,person,joint,x,y,z", "0,-1,nose,1,2,3"], "person -1"),
        (["frame,person,joint,x,y,z", "99999999999999999999,0,nose,1,2,3"], "frame 99999999999999999999"),
        (["frame,person,joint,x,y,z", "0,2000000000,nose,1,2,3"], "more than memory holds"),
        (["frame,person,joint,x,y,z", "0,0,nose,1,2,3", "0,0,nose,1,2,3"], "nose occurs twice"),
        (["frame,person,joint,x,y,z", '0,0,"nose,1,2,3'], "is no CSV"),
        (["frame,person,joint,x,y,z,up", "0,0,nose,1,2,3,+z", "0,0,neck,1,2,3,+y"], "line 3: space and up differ"),
        (["frame,person,joint,x,y,z,up", "0,0,nose,1,2,3,above"], "No axis named 'above'"),
        (["frame,person,joint,x,y,z,space", "0,0,nose,1,2,3,moon"], "No frame named 'moon'"),
    ],
)
def test_csv_bad_content(rows: list[str], text: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\n".join(rows), encoding="utf-8")
    assert text in refused(tmp_path / "a.csv", format="csv")


# --- JSON


def small_json(**change: Any) -> dict[str, Any]:
    content: dict[str, Any] = {
        "format": "lift3d_poses", "skeleton": "two", "joints": ["pelvis", "head"], "parents": [-1, 0],
        "times": [0.0, 0.5], "people": [{"positions": [[[1, 2, 3], None], [[4, 5, 6], [None, None, None]]]}],
    }  # fmt: skip
    content.update(change)
    return {key: value for key, value in content.items() if value != "none"}


def test_json_is_plain(tmp_path: Path) -> None:
    write_poses(some_poses(), tmp_path / "a.json")
    content = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert content["unit"] == "m"
    assert content["times"] == pytest.approx(TIMES)
    assert content["people"][1]["positions"][2][1] is None
    assert len(content["people"][1]["positions"][2][0]) == 3


@pytest.mark.parametrize(("unit", "metres"), [("m", 1.0), ("cm", 0.01), ("mm", 0.001)])
def test_json_by_hand(unit: str, metres: float, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(small_json(unit=unit)), encoding="utf-8")
    poses = read_poses(tmp_path / "a.json")
    assert poses.positions[0, 0, 0].tolist() == pytest.approx([1 * metres, 2 * metres, 3 * metres])
    assert poses.scores[:, 0].tolist() == [[1, 0], [1, 0]]
    assert (poses.skeleton.name, poses.frame, poses.up) == ("two", "world", "+z")


def test_json_without_parents_is_found_by_its_joints(tmp_path: Path) -> None:
    joints = list(get_skeleton("coco17").joints)
    content = small_json(parents="none", joints=joints, people=[{"positions": [[None] * 17] * 2}])
    (tmp_path / "a.json").write_text(json.dumps(content), encoding="utf-8")
    assert read_poses(tmp_path / "a.json").skeleton == get_skeleton("coco17")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"joints": "none"}, "lacks the lists joints"),
        ({"people": {}}, "lacks the lists people"),
        ({"version": 2}, "version 2"),
        ({"unit": "inch"}, "unit 'inch'"),
        ({"joints": [1, 2]}, "are no names"),
        ({"parents": [0, 0]}, "skeleton is none"),
        ({"parents": 5}, "skeleton is none"),
        ({"parents": "none", "joints": ["a", "b"]}, "no known skeleton"),
        ({"times": ["a", 1]}, "times: are no numbers"),
        ({"times": [0.0]}, "expected (1, 2, 3)"),
        ({"times": [[0.0], [1.0]]}, "times"),
        ({"people": [5]}, 'person 0 has no "positions"'),
        ({"people": [{"positions": [[[1, 2, 3]], [[1, 2, 3], None]]}]}, "person 0: positions: are no numbers"),
        ({"people": [{"positions": [[[1, 2], [1, 2]]] * 2}]}, "expected (2, 2, 3)"),
        ({"people": [{"positions": [[None] * 2] * 2, "scores": [1]}]}, "scores of (1,)"),
        ({"frame": "moon"}, "No frame named 'moon'"),
        ({"up": "above"}, "No axis named 'above'"),
    ],
)
def test_json_bad_content(change: dict[str, Any], text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(small_json(**change)), encoding="utf-8")
    assert text in refused(tmp_path / "a.json", format="poses_json")


# --- lift3d's own


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_own_archive_keeps_the_precision(dtype: torch.dtype, tmp_path: Path) -> None:
    write_poses(some_poses(dtype=dtype), tmp_path / "walk.npz")
    assert read_poses(tmp_path / "walk.npz").positions.dtype == dtype


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"positions": None}, "lacks the arrays positions"),
        ({"positions": np.zeros((5, 2, 17))}, "positions has shape"),
        ({"times": np.zeros(4)}, "times has shape"),
        ({"up": np.array("above")}, "No axis"),
        ({"frame": np.array(3)}, "expected text"),
        ({"lift3d_poses": np.array([])}, "version"),
    ],
)
def test_own_archive_with_a_wrong_array(change: dict[str, Any], text: str, tmp_path: Path) -> None:
    write_poses(some_poses(), tmp_path / "walk.npz")
    arrays = {**np.load(tmp_path / "walk.npz"), **change}
    np.savez(tmp_path / "walk.npz", **{name: array for name, array in arrays.items() if array is not None})
    assert text in refused(tmp_path / "walk.npz", format="lift3d_poses_npz")
