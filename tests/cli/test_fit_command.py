"""`lift3d fit`: a body from poses, written in several ways, with its figures."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from command_runs import does, fails

import lift3d
from lift3d.bodies import BodyModel
from lift3d.formats import read_body, read_motion, read_poses, write_poses
from lift3d.poses import Poses3D
from lift3d.synthetic import ring_rig


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return read_body(gender="male").to(torch.float64)


@pytest.fixture(scope="module")
def poses(body: BodyModel) -> Poses3D:
    """Two people of known shapes who bow, one missing in frames 4 and 5; SMPL's joints, y up."""
    rotations = torch.zeros(12, 2, 24, 3, dtype=torch.float64)
    rotations[:, :, body.skeleton.index("spine1"), 0] = torch.linspace(0, 0.6, 12)[:, None]
    rotations[:, :, body.skeleton.index("left_knee"), 0] = 0.4
    betas = torch.tensor([[1.5, 0.5, -0.5], [-1.0, 0.0, 0.5]], dtype=torch.float64)
    places = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.9, 0.0]], dtype=torch.float64)
    joints = body.with_shape(betas).with_pose(rotations, places).joints.clone()
    joints[4:6, 1] = math.nan
    return Poses3D.of(joints, skeleton=body.skeleton, up="+y")


@pytest.fixture
def file(poses: Poses3D, tmp_path: Path) -> Path:
    write_poses(poses, tmp_path / "poses.npz")
    return tmp_path / "poses.npz"


@pytest.mark.filterwarnings("ignore:.*filled in over time")
def test_all_kinds_of_output(file: Path, poses: Poses3D, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["motion.npz", "motion.smpl", "motion.glb", "motion.bvh", "angles.csv", "joints.trc", "page.html"]
    words = [word for name in names for word in ("-o", tmp_path / name)]
    told = does(
        capsys, "fit", file, "--gender", "male", *words, "-o", f"ply_frames={tmp_path / 'meshes'}",
        "--report", tmp_path / "report.json",
    )  # fmt: skip
    back = [read_motion(tmp_path / f"motion_person{one}.npz") for one in (1, 2)]
    for person, motion in enumerate(back):
        assert (motion.up, motion.model.gender) == ("+z", "male")
        own = poses.positions[[0, 8], person]
        found = motion.joints().positions[[0, 8], 0] @ torch.tensor([[0, 1, 0], [0, 0, 1], [1, 0, 0]]).double().T
        assert (found - own).norm(dim=-1).mean() < 0.01
    assert (read_poses(tmp_path / "joints.trc").positions[0, 0] - poses.positions[0, 0]).norm(dim=-1).mean() < 0.01
    assert len(list((tmp_path / "meshes").iterdir())) == 12
    assert all((tmp_path / name).stat().st_size > 1000 for name in names[2:])
    assert "height" in told
    assert "failed: frames 4 to 5, person 2: 0 joints seen" in told
    report = json.loads((tmp_path / "report.json").read_text())
    assert [(one["frame"], one["person"]) for one in report["failures"]] == [(4, 2), (5, 2)]
    assert [one["poses"] for one in report["people"]] == [12, 10]
    assert report["joints"]["left_knee"]["seen"] == 22
    assert report["residual_mm"] < 10
    assert report["frames"][4][1] is None


def test_the_measures_are_those_of_the_true_shape(
    file: Path, body: BodyModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = does(capsys, "fit", file, "-o", tmp_path / "motion.npz", "--gender", "male", "--people", "1")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["motion.npz", "poses.npz"]
    true = lift3d.measure(body.with_shape(torch.tensor([1.5, 0.5, -0.5])))
    height = float(next(line for line in told.splitlines() if line.startswith("height")).split()[1])
    assert height == pytest.approx(100 * true.height, abs=2.5)


def test_three_lines_of_a_notebook(poses: Poses3D) -> None:
    found = lift3d.fit(poses, gender="male")
    assert "frame 4, person 2: 0 joints seen" in found.summary()
    scene = found.show()
    assert scene._repr_html_().startswith("<iframe")
    assert scene.motion is found.motion
    torch.testing.assert_close(found.motion.mesh(8), found.mesh(8))
    there = found.motion.joints().positions - poses.positions
    assert there[:, 0].norm(dim=-1).mean() < 0.01  # in the poses' own axes
    assert (found.motion.up, found.motion.seen.sum()) == ("+y", 22)


def test_wrong_words_are_refused_before_the_work(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "does not say which format" in fails(capsys, "fit", file, "-o", tmp_path / "motion.xyz")
    assert "expected numbers from 1 to 2" in fails(capsys, "fit", file, "--people", "0")
    assert "expected numbers from 1 to 2" in fails(capsys, "fit", file, "--people", "1,x")
    assert "No body model named 'somebody'" in fails(
        capsys, "fit", file, "--body", "somebody", "-o", tmp_path / "a.npz"
    )
    assert "No format of bodies named 'glbb'. Did you mean 'glb'?" in fails(capsys, "fit", file, "-o", "glbb=a.glb")
    (tmp_path / "meshes").mkdir()
    (tmp_path / "meshes" / "note.txt").write_text("mine")
    inside = tmp_path / "meshes" / "note.txt" / "a.html"
    frames = f"ply_frames={tmp_path / 'meshes'}"
    for words in (("-o", frames), ("--iuv", tmp_path / "meshes"), ("-o", inside), ("--report", inside)):
        told = fails(capsys, "fit", file, *words)
        assert "is there already" in told or "is no folder that may be written to" in told
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["meshes", "note.txt", "poses.npz"]


def test_pictures_of_a_page_are_looked_for_before_the_work(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lift3d.write_cameras(ring_rig(cameras=2), tmp_path / "rig.toml")
    words = ("fit", file, "--video", tmp_path / "cam1.mp4", "-o", tmp_path / "page.html")
    assert "add -o PAGE.html" in fails(capsys, *words[:-1], tmp_path / "a.npz")
    assert "pass -c CALIBRATION" in fails(capsys, *words)
    assert "cam1.mp4: does not exist" in fails(capsys, *words, "-c", tmp_path / "rig.toml")
    other = ("--video", f"cam9={tmp_path / 'cam1.mp4'}", "-c", tmp_path / "rig.toml")
    assert "No camera named 'cam9'" in fails(capsys, "fit", file, *other, "-o", tmp_path / "page.html")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["poses.npz", "rig.toml"]


def test_surface_pictures_of_calibrated_cameras(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rotation = torch.tensor([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]])
    camera = lift3d.Camera.of(
        [[100, 0, 59.5], [0, 100, 79.5], [0, 0, 1]], (), rotation, (-0.5, 1.0, 4.0), image_size=(120, 160)
    )
    lift3d.write_cameras(lift3d.CameraRig.of({"front": camera}, up="+y"), tmp_path / "rig.toml")
    folder = tmp_path / "iuv"
    words = ("-o", tmp_path / "page.html", "-c", tmp_path / "rig.toml", "--up", "+y")
    does(capsys, "fit", file, *words, "--iuv", folder)
    assert len(list((folder / "front").iterdir())) == 24
    assert "--iuv needs to know" in fails(capsys, "fit", file, "--iuv", tmp_path / "other")


@pytest.mark.filterwarnings("ignore:.*filled in over time")
def test_a_written_motion_is_shown(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    does(capsys, "fit", file, "--people", "1", "-o", tmp_path / "body.npz")
    does(capsys, "convert", file, tmp_path / "joints.trc")
    does(capsys, "view", tmp_path / "joints.trc", "--motion", tmp_path / "body.npz", "-o", tmp_path / "page.html")
    assert '"bodies":[{' in (tmp_path / "page.html").read_text()
    assert "bodies in motion of 1 people, 12 frames" in does(capsys, "info", tmp_path / "body.npz")
