"""`lift3d fit` and `lift3d.fit` with the 2D joints of cameras."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from command_runs import does, fails

import lift3d
from lift3d.errors import InputError
from lift3d.formats import read_body, read_motion, write_cameras, write_keypoints
from lift3d.synthetic import observe, ring_rig, walk

RIG = ring_rig(3)
WALK = walk(frames=12, skeleton="coco17")
SEEN = observe(WALK, RIG, noise_px=2.0)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    write_keypoints(SEEN, tmp_path / "keypoints.npz")
    write_cameras(RIG, tmp_path / "rig.toml")
    return tmp_path / "keypoints.npz", tmp_path / "rig.toml"


def hips(path: Path) -> torch.Tensor:
    """Middle of the hips (frames, 3) of a written motion, in the rig's world."""
    motion = read_motion(path)
    joints = motion.joints()
    return joints.positions[:, 0, joints.skeleton.indices("left_hip", "right_hip")].mean(1)


def test_several_cameras(files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keypoints, rig = files
    told = does(
        capsys, "fit", keypoints, "-c", rig, "-o", tmp_path / "body.npz", "--report", tmp_path / "report.json",
        "--contact", "--people", "1",
    )  # fmt: skip
    assert "mm from the lines of sight on average" in told
    assert "cam2: half of the joints within" in told
    report = json.loads((tmp_path / "report.json").read_text())
    assert set(report["cameras"]) == set(RIG.names)
    assert all(0 < own["median_px"] < 6 for own in report["cameras"].values())
    assert report["noise_mm"] is None
    true = WALK.positions[:, 0, WALK.skeleton.indices("left_hip", "right_hip")].mean(1)
    assert float((hips(tmp_path / "body.npz") - true).norm(dim=-1).mean()) < 0.04


def test_one_camera(files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keypoints, rig = files
    words = ("fit", keypoints, "--camera", "cam1")
    does(capsys, *words, "-c", rig, "-o", tmp_path / "world.npz")
    true = WALK.positions[:, 0, WALK.skeleton.indices("left_hip", "right_hip")].mean(1)
    assert float((hips(tmp_path / "world.npz") - true).norm(dim=-1).mean()) < 0.5  # the distance is a guess
    told = does(capsys, *words, "--image-size", 1280, 720, "-o", tmp_path / "body.npz", "-o", tmp_path / "page.html")
    assert "12 poses fitted" in told
    assert (tmp_path / "page.html").stat().st_size > 1000


def test_what_is_missing_is_said(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    keypoints, _ = files
    assert "pass their calibration (-c CALIBRATION)" in fails(capsys, "fit", keypoints)
    assert "No camera named 'cam9'" in fails(capsys, "fit", keypoints, "--camera", "cam9")
    assert "expected numbers from 1 to 1" in fails(capsys, "fit", keypoints, "--camera", "cam1", "--people", "2")


def test_in_python() -> None:
    body = read_body("makehuman")
    found = lift3d.fit(SEEN, body, cameras=RIG)
    assert (found.camera_names, found.poses.frame) == (RIG.names, "world")
    alone = SEEN.only(["cam0"])
    in_world, in_camera = (lift3d.fit(alone, body, cameras=own) for own in (RIG, RIG["cam0"]))
    assert (in_world.poses.frame, in_camera.poses.frame) == ("world", "camera")
    moved = in_camera.joints().to_world(RIG["cam0"], RIG.up).positions
    torch.testing.assert_close(in_world.joints().positions, moved, atol=0.02, rtol=0)
    with pytest.raises(InputError, match="pass their calibration"):
        lift3d.fit(SEEN, body)
    with pytest.raises(InputError, match="without cameras"):
        lift3d.fit(WALK, body, cameras=RIG)
