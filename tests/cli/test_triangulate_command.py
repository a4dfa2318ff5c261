"""`lift3d triangulate` as a user types it: the report, offsets, cameras left out, formats, settings, wrong use."""

import json
from pathlib import Path

import pytest

from lift3d import read_poses, write_cameras, write_keypoints
from lift3d.cli import _run
from lift3d.cli.triangulate import COMMAND
from lift3d.formats import all_formats
from lift3d.poses import Poses3D
from lift3d.synthetic import observe, ring_rig, walk


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A walk that four cameras film, cam2 two frames late."""
    folder = tmp_path_factory.mktemp("triangulate")
    rig, poses = ring_rig(cameras=4), walk(frames=100, fps=60)
    write_cameras(rig, folder / "rig.toml")
    keypoints = observe(poses, rig, noise_px=1.5, missing=0.05)
    write_keypoints(keypoints, folder / "good.npz")
    write_keypoints(keypoints.shifted({"cam2": 2}), folder / "late.npz")
    write_keypoints(keypoints.shifted({"cam0": 200, "cam1": 200, "cam2": 200}), folder / "alone.npz")
    return folder


def run(files: Path, name: str, *words: object) -> int:
    return _run([str(word) for word in ("triangulate", files / name, "-c", files / "rig.toml", *words)])


def does(capsys: pytest.CaptureFixture[str], files: Path, name: str, *words: object) -> str:
    code = run(files, name, *words)
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return captured.out


def fails(capsys: pytest.CaptureFixture[str], files: Path, *words: object) -> str:
    assert run(files, "good.npz", *words) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_the_report_is_printed_and_saved(files: Path, tmp_path: Path, capsys) -> None:
    out = does(
        capsys, files, "late.npz", "-o", tmp_path / "p.npz", "--report", tmp_path / "r.html",
        "--report", tmp_path / "r.json",
    )  # fmt: skip
    for text in ("median px", "cam3", "left_knee", "spread", "- cam2 looks 2 frames late: --offset cam2=-2."):
        assert text in out
    read = json.loads((tmp_path / "r.json").read_text())
    assert read["words"][0] == "cam2 looks 2 frames late: --offset cam2=-2."
    assert read["cameras"][2]["late_frames"] == 2
    page = (tmp_path / "r.html").read_text()
    assert "<code>--offset cam2=-2</code>" in page


def test_the_advice_is_followed(files: Path, tmp_path: Path, capsys) -> None:
    out = does(capsys, files, "late.npz", "-o", tmp_path / "p.npz", "--offset", "cam2=-2")
    assert "Everything agrees" in out


def test_offsets_are_found_and_add_to_those_given(files: Path, tmp_path: Path, capsys) -> None:
    words = ("-o", tmp_path / "p.npz", "--offset", "auto")
    out = does(capsys, files, "late.npz", *words)
    assert "Moved in time: cam2 by -2." in out
    assert "Everything agrees" in out
    assert "Moved in time: cam2 by -3." in does(capsys, files, "late.npz", *words, "--offset", "cam2=1")
    assert "Moved in time: none." in does(capsys, files, "good.npz", *words)


def test_cameras_are_left_out(files: Path, tmp_path: Path, capsys) -> None:
    out = does(capsys, files, "late.npz", "-o", tmp_path / "p.npz", "--without", "cam2", "--without", "cam0")
    assert "cam2 " not in out
    assert "cam0 " not in out
    assert "With two cameras alone" in out


def test_poses_in_a_named_format_and_with_settings(files: Path, tmp_path: Path, capsys) -> None:
    settings = ("--max-gap", 0.1, "--no-bones", "--no-swaps", "--acceleration", 5, "--min-score", 0.3)
    does(capsys, files, "good.npz", "-o", tmp_path / "p.csv", "--to", "csv_wide", *settings)
    assert len(read_poses(tmp_path / "p.csv", "csv_wide", unit="m").times) == 100


def test_less_acceleration_is_smoother(files: Path, tmp_path: Path, capsys) -> None:
    jitter = []
    for acceleration in (0.5, 50):
        words = ("-o", tmp_path / "p.npz", "--report", tmp_path / "r.json", "--acceleration", acceleration)
        does(capsys, files, "good.npz", *words)
        joints = json.loads((tmp_path / "r.json").read_text())["joints"]
        jitter.append(sum(joint["jitter_mm"] for joint in joints))
    assert jitter[0] < jitter[1] / 2


def test_help_names_every_suffix_that_poses_are_written_to() -> None:
    about = next(option for option in COMMAND.params if option.name == "output")
    suffixes = {end for own in all_formats().values() if own.holds is Poses3D and own.write for end in own.suffixes}
    assert all(end in str(getattr(about, "help", "")) for end in suffixes)


@pytest.mark.parametrize("method", ["learned", "volumetric"])
def test_the_networks_that_ship_triangulate(files: Path, tmp_path: Path, capsys, method: str) -> None:
    truth, errors = walk(frames=100, fps=60).positions, []
    for number, words in enumerate([("--still",), ()]):
        target = tmp_path / f"{number}.npz"
        does(capsys, files, "good.npz", "-o", target, "--method", method, *words)
        errors.append((read_poses(target).positions - truth).norm(dim=-1).nanmean().item())
    assert errors[1] < errors[0] < 0.03


def test_nothing_that_fits_is_said_and_does_not_crash(files: Path, tmp_path: Path, capsys) -> None:
    out = does(capsys, files, "alone.npz", "-o", tmp_path / "p.npz", "--report", tmp_path / "r.html")
    assert "Hardly any joint is seen by two cameras at the same time" in out
    assert "0.0% of the joints" in out


def test_wrong_use_is_one_line(files: Path, tmp_path: Path, capsys) -> None:
    target = tmp_path / "p.npz"
    assert "neither in .html nor in .json" in fails(capsys, files, "-o", target, "--report", tmp_path / "r.pdf")
    assert "is not CAMERA=FRAMES" in fails(capsys, files, "-o", target, "--offset", "automatic")
    assert "No camera named 'cam9'" in fails(capsys, files, "-o", target, "--without", "cam9")
    assert "No camera named 'cam9'" in fails(capsys, files, "-o", target, "--offset", "cam9=1")
    assert "at least two cameras" in fails(
        capsys, files, "-o", target, *(word for name in ("cam0", "cam1", "cam2") for word in ("--without", name))
    )
    assert "tcr" in fails(capsys, files, "-o", target, "--to", "tcr")
    assert "--still: only for --method learned or volumetric" in fails(capsys, files, "-o", target, "--still")
    learned = ("-o", target, "--method", "learned", "--weights")
    assert "there is no such checkpoint" in fails(capsys, files, *learned, "nowhere.safetensors")
    assert "expected 'view_attention' or 'view_volumes'" in fails(capsys, files, *learned, "residual_mlp_cmu17")
    assert not target.exists()
