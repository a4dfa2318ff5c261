"""`lift3d filter` and `lift3d info filters`: the same as filter_poses, wrong use in one line."""

from pathlib import Path

import pytest
import torch

from lift3d import filter_poses, read_poses, write_cameras, write_keypoints, write_poses
from lift3d.cli import _run
from lift3d.cli.filter import COMMAND
from lift3d.filtering import all_filters
from lift3d.synthetic import observe, ring_rig, walk


@pytest.fixture
def poses(tmp_path: Path) -> Path:
    path = tmp_path / "poses.npz"
    write_poses(walk(frames=40), path)
    return path


@pytest.mark.parametrize("name", list(all_filters()))
def test_it_does_what_the_function_does(poses: Path, tmp_path: Path, capsys, name: str) -> None:
    target = tmp_path / "filtered.npz"
    assert _run(["filter", str(poses), "--filter", name, "-o", str(target)]) == 0
    assert f"40 frames at 30/s, filtered: {name}." in capsys.readouterr().out
    expected = filter_poses(read_poses(poses), name)
    torch.testing.assert_close(read_poses(target).positions, expected.positions)


def test_settings_are_set_by_name(poses: Path, tmp_path: Path) -> None:
    target = tmp_path / "filtered.npz"
    words = ["filter", str(poses), "--set", "cutoff_hz=9", "--set", "order=2", "-o", str(target)]
    assert _run(words) == 0
    expected = filter_poses(read_poses(poses), "butterworth", cutoff_hz=9.0, order=2)
    torch.testing.assert_close(read_poses(target).positions, expected.positions)


def test_the_format_to_write_can_be_named(poses: Path, tmp_path: Path) -> None:
    target = tmp_path / "filtered.csv"
    assert _run(["filter", str(poses), "--to", "csv_wide", "-o", str(target)]) == 0
    assert "left_knee_x" in target.read_text().splitlines()[0]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--set", "cutoff=9"], "No setting named 'cutoff'. Did you mean 'cutoff_hz'?"),
        (["--set", "cutoff_hz"], "'cutoff_hz' is not NAME=VALUE"),
        (["--set", "cutoff_hz=fast"], "expected float"),
        (["--set", "cutoff_hz=20"], "less than 15, half the frame rate"),
        (["--filter", "buterworth"], "Did you mean 'butterworth'?"),
    ],
)
def test_wrong_use_is_one_line(poses: Path, tmp_path: Path, capsys, words: list[str], answer: str) -> None:
    target = tmp_path / "filtered.npz"
    assert _run(["filter", str(poses), "-o", str(target), *words]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert answer in error[0]
    assert not target.exists()


def test_triangulated_poses_are_filtered_on_the_way(tmp_path: Path, capsys) -> None:
    rig, poses = ring_rig(cameras=3), walk(frames=20)
    write_cameras(rig, tmp_path / "rig.toml")
    write_keypoints(observe(poses, rig, noise_px=1.0), tmp_path / "seen.npz")
    words = ["triangulate", str(tmp_path / "seen.npz"), "-c", str(tmp_path / "rig.toml"), "--method", "robust"]
    assert _run([*words, "-o", str(tmp_path / "plain.npz")]) == 0
    assert _run([*words, "-o", str(tmp_path / "filtered.npz"), "--filter", "median"]) == 0
    plain, filtered = (read_poses(tmp_path / name) for name in ("plain.npz", "filtered.npz"))
    torch.testing.assert_close(filtered.positions, filter_poses(plain, "median").positions)
    assert not torch.equal(filtered.positions, plain.positions)
    assert _run([*words, "-o", str(tmp_path / "none.npz"), "--filter", "mean"]) == 2
    assert "No filter named 'mean'" in capsys.readouterr().err
    assert not (tmp_path / "none.npz").exists()


def test_the_filters_and_their_settings_are_told(capsys) -> None:
    assert _run(["info", "filters"]) == 0
    told = capsys.readouterr().out
    help_text = " ".join(COMMAND.get_help(COMMAND.make_context("filter", [], resilient_parsing=True)).split())
    for name, entry in all_filters().items():
        assert name in help_text
        assert all(word in told for word in (name, *entry.settings.__dataclass_fields__))
