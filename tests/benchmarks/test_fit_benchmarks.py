"""The benchmarks of the body fit run on a little and print what they promise."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lift3d import write_cameras, write_keypoints, write_poses
from lift3d.synthetic import observe, ring_rig, walk

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


def printed(script: str, *words: object) -> dict:
    command = [sys.executable, str(HERE / script), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_fit_joints() -> None:
    figures = printed("fit_joints.py", "--frames", 60)
    assert figures["error_mm"] < figures["lbfgs_error_mm"] < 25
    assert figures["outlier_error_ratio"] < 1.3
    assert figures["ratio_lbfgs"] > 1
    assert figures["multiview_error_ratio"] < 0.75
    assert figures["eight_to_four_cost"] > 0
    assert figures["ratio_keypoints2body"] is None


def test_fit_motion(tmp_path: Path) -> None:
    write_poses(walk(frames=20), tmp_path / "walk.npz")
    figures = printed("fit_motion.py", tmp_path / "walk.npz", "--every", 2)
    assert (figures["poses"], figures["failed"], figures["backwards"], figures["knees_across"]) == (10, 0, 0, 0)
    assert figures["residual_mm"] < figures["p95_mm"] < 10


def test_fit_footage(tmp_path: Path) -> None:
    rig, poses = ring_rig(3), walk(frames=10, skeleton="coco17")
    write_cameras(rig, tmp_path / "rig.toml")
    write_keypoints(observe(poses, rig, noise_px=2.0), tmp_path / "keypoints.npz")
    for name in rig.names:
        (tmp_path / name).mkdir()
        for frame in range(10):
            Image.new("RGB", (1280, 720), (90, 90, 90)).save(tmp_path / name / f"{frame}.png")
    figures = printed(
        "fit_footage.py", tmp_path / "rig.toml", tmp_path / "keypoints.npz", "--draw", tmp_path / "sheet.png",
        "--moments", 2, "--videos", *(tmp_path / name for name in rig.names),
    )  # fmt: skip
    views = figures["views"]
    assert (views["failed"], views["backwards"], views["limb_spread_mm"]) == (0, 0, 0)
    assert 1 < views["all"]["median_px"] < 4
    assert all(own["fitted_pa_mpjpe_mm"] < 90 for own in figures["alone"].values())
    colours = np.asarray(Image.open(tmp_path / "sheet.png")).reshape(-1, 3)
    assert ((colours.max(1) - colours.min(1)) > 20).mean() > 0.05  # there are bodies on the grey


def test_twists_are_what_is_turned_about_the_bone() -> None:
    from fit_motion import about

    from lift3d.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix

    axis = torch.nn.functional.normalize(torch.tensor([0.3, -0.8, 0.5], dtype=torch.float64), dim=0)
    across = torch.linalg.cross(axis, torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64))
    swing, twist = rotvec_to_matrix(0.9 * across / across.norm()), rotvec_to_matrix(-0.7 * axis)
    assert float(about(matrix_to_rotvec(swing @ twist), axis)) == pytest.approx(-0.7)


def test_knees_across_are_those_that_bend_to_the_front() -> None:
    from fit_motion import across

    poses = walk(frames=20)
    assert across(poses) == 0
    ankles, knees = (poses.skeleton.indices(f"left_{name}", f"right_{name}") for name in ("ankle", "knee"))
    places = poses.positions.clone()
    forward = torch.linalg.cross(
        places[:, :, poses.skeleton.index("left_hip")] - places[:, :, poses.skeleton.index("right_hip")],
        places[:, :, poses.skeleton.index("thorax")] - places[:, :, poses.skeleton.index("pelvis")],
    )
    forward = torch.nn.functional.normalize(forward, dim=-1)[:, :, None]
    places[:, :, ankles] = places[:, :, knees] + forward * 0.4
    assert across(poses.__class__.of(places, skeleton=poses.skeleton)) == 40
