"""`lift3d convert` to the formats that a suffix does not choose, of one camera, and in another unit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lift3d.cli import _run
from lift3d.formats import read_keypoints, read_poses, write_keypoints, write_poses
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.skeletons import get_skeleton


def convert(*words: object) -> None:
    assert _run(["convert", *(str(word) for word in words)]) == 0


def test_keypoints_to_folders_and_of_one_camera(tmp_path: Path) -> None:
    pixels = torch.rand(2, 4, 1, 17, 2, dtype=torch.float64) * 1000
    keypoints = Keypoints2D.of(pixels, skeleton=get_skeleton("coco17"), camera_names=["left", "right"])
    write_keypoints(keypoints, tmp_path / "a.npz")
    convert(tmp_path / "a.npz", tmp_path / "out", "--to", "openpose_json")
    assert torch.equal(read_keypoints(tmp_path / "out").pixels, pixels)
    convert(tmp_path / "a.npz", tmp_path / "right.json", "--camera", "right")
    assert torch.equal(read_keypoints(tmp_path / "right.json").pixels, pixels[1:])


def test_several_cameras_to_coco_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keypoints = Keypoints2D.of(torch.rand(2, 4, 1, 17, 2), skeleton=get_skeleton("coco17"))
    write_keypoints(keypoints, tmp_path / "a.npz")
    assert _run(["convert", str(tmp_path / "a.npz"), str(tmp_path / "a.json")]) == 2
    assert "these are cam0, cam1. Choose one" in capsys.readouterr().err


def test_poses_to_wide_csv_c3d_and_other_units(tmp_path: Path) -> None:
    poses = Poses3D.of(torch.rand(4, 1, 17, 3, dtype=torch.float64), skeleton=get_skeleton("coco17"))
    write_poses(poses, tmp_path / "a.npz")
    convert(tmp_path / "a.npz", tmp_path / "a.csv", "--to", "csv_wide")
    assert torch.equal(read_poses(tmp_path / "a.csv").positions, poses.positions)
    convert(tmp_path / "a.csv", tmp_path / "b.c3d")
    assert (read_poses(tmp_path / "b.c3d").positions - poses.positions).abs().max() < 1e-7
    convert(tmp_path / "a.csv", tmp_path / "mm.npz", "--unit", "mm")
    torch.testing.assert_close(read_poses(tmp_path / "mm.npz").positions, poses.positions / 1000)
    convert(tmp_path / "a.npz", tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text(encoding="utf-8").startswith("frame,time,person,joint")
