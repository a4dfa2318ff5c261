"""The benchmarks of the body fit run on a little and print what they promise."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lift3d import write_poses
from lift3d.synthetic import walk

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
    assert figures["ratio_keypoints2body"] is None


def test_fit_motion(tmp_path: Path) -> None:
    write_poses(walk(frames=20), tmp_path / "walk.npz")
    figures = printed("fit_motion.py", tmp_path / "walk.npz", "--every", 2)
    assert (figures["poses"], figures["failed"], figures["backwards"], figures["knees_across"]) == (10, 0, 0, 0)
    assert figures["residual_mm"] < figures["p95_mm"] < 10


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
