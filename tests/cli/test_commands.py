"""Every command as a user types it: help is instant, wrong use is one line and exit code 2, the work is done."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lift3d import read_cameras, read_keypoints, read_poses, write_cameras, write_keypoints, write_poses
from lift3d._discovery import module_names
from lift3d.cli import _run
from lift3d.synthetic import observe, ring_rig, walk

COMMANDS = module_names("lift3d.cli")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    rig, poses = ring_rig(cameras=3), walk(frames=8)
    write_cameras(rig, folder / "rig.toml")
    write_poses(poses, folder / "truth.npz")
    write_keypoints(observe(poses, rig, noise_px=1.0), folder / "keypoints.npz")
    return folder


def _fails(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one line that the command line answers wrong use with."""
    assert _run([str(word) for word in words]) == 2
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("lift3d: ")
    return lines[0]


def _does(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    code = _run([str(word) for word in words])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return captured.out


def test_the_commands_are_all_there() -> None:
    expected = "convert demo detect evaluate export filter fit info lift reconstruct train triangulate view"
    assert sorted(COMMANDS) == expected.split()


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_instant_and_loads_no_torch(command: str) -> None:
    words = [command, "--help"] if command else ["--help"]
    code = (
        f"import sys; from lift3d.cli import _run; code = _run({words!r}); "
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules; sys.exit(code)"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    assert done.returncode == 0, done.stderr
    assert "Usage: lift3d" in done.stdout
    assert seconds < 5  # 0.1 s here; the bound only catches a heavy import on a busy machine


def test_triangulate_then_evaluate_and_view(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = _does(capsys, "triangulate", files / "keypoints.npz", "-c", files / "rig.toml", "-o", tmp_path / "p.npz")
    assert "100.0% of the joints" in out
    report = tmp_path / "report.json"
    _does(capsys, "evaluate", tmp_path / "p.npz", files / "truth.npz", "--align", "none", "--json", report)
    assert json.loads(report.read_text())["over_frames"]["mpjpe_absolute_mm"] < 10
    _does(capsys, "view", tmp_path / "p.npz", files / "truth.npz", "-c", files / "rig.toml", "-o", tmp_path / "v.html")
    assert "<canvas" in (tmp_path / "v.html").read_text()
    _does(capsys, "view", tmp_path / "p.npz", "-o", tmp_path / "v.png")
    assert (tmp_path / "v.png").stat().st_size > 10_000


@pytest.mark.parametrize("suffix", ["npz", "csv", "trc", "json"])
def test_triangulate_writes_every_format(files: Path, tmp_path: Path, capsys, suffix: str) -> None:
    target = tmp_path / f"poses.{suffix}"
    _does(capsys, "triangulate", files / "keypoints.npz", "-c", files / "rig.toml", "-o", target)
    assert len(read_poses(target).times) == 8


def test_lift_one_camera(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    camera = read_cameras(files / "rig.toml").names[0]
    words = ["lift", files / "keypoints.npz", "--camera", camera, "-c", files / "rig.toml", "-o", tmp_path / "l.npz"]
    _does(capsys, *words)
    poses = read_poses(tmp_path / "l.npz")
    assert (poses.frame, poses.up, len(poses.times)) == ("camera", "-y", 8)


def test_lift_without_a_calibration_says_what_it_assumes(files: Path, tmp_path: Path, capsys) -> None:
    words = ["lift", files / "keypoints.npz", "--camera", read_keypoints(files / "keypoints.npz").camera_names[1]]
    assert _run([str(w) for w in [*words, "--image-size", 1280, 720, "-o", tmp_path / "l.npz"]]) == 0
    assert "assuming a pinhole whose longer side spans 50 degrees" in capsys.readouterr().err


def test_convert_and_info(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _does(capsys, "convert", files / "truth.npz", tmp_path / "truth.trc")
    _does(capsys, "convert", files / "rig.toml", tmp_path / "rig.toml", "--to", "anipose_toml")
    assert "3 cameras" in _does(capsys, "info", files / "rig.toml")
    assert "8 frames" in _does(capsys, "info", files / "keypoints.npz")
    assert "8 frames" in _does(capsys, "info", files / "truth.npz")
    for topic in ("versions", "skeletons", "formats", "networks", "weights", "protocols"):
        assert len(_does(capsys, "info", topic).splitlines()) > 1


def test_what_a_calibration_leaves_open_is_stated_or_warned_of(files: Path, tmp_path: Path, capsys) -> None:
    _does(capsys, "convert", files / "rig.toml", tmp_path / "c.toml", "--to", "caliscope_toml")
    with pytest.warns(UserWarning, match=r"took '\+z'.*--up"):
        _does(capsys, "convert", tmp_path / "c.toml", tmp_path / "again.toml")
    _does(capsys, "convert", tmp_path / "c.toml", tmp_path / "again.toml", "--up", "-y", "--unit", "cm")
    assert read_cameras(tmp_path / "again.toml").up == "-y"
    out = _does(
        capsys,
        "triangulate",
        files / "keypoints.npz",
        "-c",
        tmp_path / "c.toml",
        "--up",
        "+x",
        "-o",
        tmp_path / "p.npz",
    )
    assert "+x up" in out
    assert "'--up': 'up' is not one of" in _fails(
        capsys, "convert", tmp_path / "c.toml", tmp_path / "again.toml", "--up", "up"
    )


def test_wrong_use_is_one_line_and_exit_code_2(files: Path, tmp_path: Path, capsys) -> None:
    keypoints, rig = files / "keypoints.npz", files / "rig.toml"
    assert "No such command 'liftt'" in _fails(capsys, "liftt")
    assert "No such option" in _fails(capsys, "lift", keypoints, "--cam", "x", "--wrong")
    assert "does not exist" in _fails(capsys, "triangulate", "none.npz", "-c", rig)
    assert "Missing option '-c'" in _fails(capsys, "triangulate", keypoints)
    assert "pass --camera NAME" in _fails(capsys, "lift", keypoints, "-c", rig, "-o", tmp_path / "x.npz")
    assert "is not CAMERA=FRAMES" in _fails(capsys, "triangulate", keypoints, "-c", rig, "--offset", "cam1")
    assert "No camera named 'camX'" in _fails(capsys, "lift", keypoints, "--camera", "camX")
    assert "none of the formats" in _fails(capsys, "view", keypoints, "-o", tmp_path / "x.html")
    assert "does not say which format" in _fails(capsys, "triangulate", keypoints, "-c", rig, "-o", tmp_path / "x.abc")
    assert "No topic or file named 'skeleton'. Did you mean 'skeletons'" in _fails(capsys, "info", "skeleton")
    (tmp_path / "broken.toml").write_text("= nothing")
    assert "broken.toml" in _fails(capsys, "triangulate", keypoints, "-c", tmp_path / "broken.toml")
    assert "is not valid TOML" in _fails(capsys, "train", tmp_path / "broken.toml")
    assert not list(tmp_path.glob("x.*")), "a file was left behind"


def test_our_own_fault_is_exit_code_1(monkeypatch: pytest.MonkeyPatch, files: Path, capsys) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("lift3d.formats.read_poses", broken)
    assert _run(["evaluate", str(files / "truth.npz"), str(files / "truth.npz")]) == 1
    assert "fault of lift3d" in capsys.readouterr().err


def test_threads_are_set(files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    before = torch.get_num_threads()
    _does(capsys, "evaluate", files / "truth.npz", files / "truth.npz", "--threads", 1)
    assert torch.get_num_threads() == 1
    monkeypatch.setenv("LIFT3D_THREADS", "2")
    _does(capsys, "evaluate", files / "truth.npz", files / "truth.npz")
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
