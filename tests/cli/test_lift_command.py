"""`lift3d lift` as a user types it: skeletons out, the world, the floor, and wrong use."""

from pathlib import Path

import pytest
import torch

from lift3d import Poses3D, read_poses, write_cameras, write_keypoints
from lift3d.cli import _run
from lift3d.cli.lift import COMMAND
from lift3d.formats import all_formats
from lift3d.lifting.exemplar import build_library, save_library
from lift3d.lifting.ground import ANKLE_HEIGHT
from lift3d.synthetic import observe, ring_rig, walk

TRUTH = walk(60)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lift")
    rig = ring_rig(cameras=2)
    write_cameras(rig, folder / "rig.toml")
    write_keypoints(observe(TRUTH, rig, noise_px=1.0).only(["cam1"]), folder / "keypoints.npz")
    write_keypoints(observe(walk(5), rig), folder / "both.npz")
    return folder


def _lifted(files: Path, tmp_path: Path, *words: object) -> Poses3D:
    command = ["lift", files / "keypoints.npz", "-c", files / "rig.toml", "-o", tmp_path / "poses.npz", *words]
    assert _run([str(word) for word in command]) == 0
    return read_poses(tmp_path / "poses.npz")


def test_the_world_with_feet_on_the_floor(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    poses = _lifted(files, tmp_path, "--world")
    assert "60 frames, world frame, metres" in capsys.readouterr().out
    assert (poses.frame, poses.up) == ("world", "+z")
    lowest = poses.positions[:, 0, poses.skeleton.indices("left_ankle", "right_ankle"), 2].amin(-1)
    assert (lowest - ANKLE_HEIGHT).abs().median() < 0.03
    assert (poses.positions - TRUTH.positions).norm(dim=-1).mean() < 0.15


def test_another_floor_and_none(files: Path, tmp_path: Path) -> None:
    free, low = (_lifted(files, tmp_path, "--world", "--floor", floor) for floor in ("none", "-0.2"))
    standing = _lifted(files, tmp_path, "--world")
    sizes = [poses.bone_lengths().nanmean().item() for poses in (free, low, standing)]
    assert sizes[1] > 1.05 * sizes[2]
    camera_frame = _lifted(files, tmp_path)
    assert sizes[0] == pytest.approx(camera_frame.bone_lengths().nanmean().item(), rel=1e-4)
    lowest = low.positions[:, 0, low.skeleton.indices("left_ankle", "right_ankle"), 2].amin(-1)
    assert (lowest + 0.2 - ANKLE_HEIGHT).abs().median() < 0.04


def test_joints_are_those_asked_for_and_the_flip_can_be_left_out(files: Path, tmp_path: Path) -> None:
    poses = _lifted(files, tmp_path, "--to", "coco17")
    assert poses.skeleton.name == "coco17"
    own, plain = _lifted(files, tmp_path), _lifted(files, tmp_path, "--no-flip")
    knees = (own.skeleton.index("left_knee"), poses.skeleton.index("left_knee"))
    torch.testing.assert_close(poses.positions[:, :, knees[1]], own.positions[:, :, knees[0]])
    assert 1e-4 < (own.positions - plain.positions).norm(dim=-1).mean() < 0.2


def test_a_library_of_exemplars_lifts_too(files: Path, tmp_path: Path) -> None:
    library = build_library(TRUTH.positions[:, 0], TRUTH.skeleton, poses=40, elevations_deg=[0.0, 15.0], licence="ours")
    save_library(library, tmp_path / "library.npz")
    poses = _lifted(files, tmp_path, "--model", tmp_path / "library.npz", "--world")
    assert (poses.positions - TRUTH.positions).norm(dim=-1).mean() < 0.2


def test_the_help_names_every_format_that_can_be_written() -> None:
    option = next(parameter for parameter in COMMAND.params if parameter.name == "output")
    for entry in all_formats().values():
        if entry.holds is Poses3D and entry.write is not None and entry.by_suffix:
            assert entry.suffixes[0] in option.help, entry.name


def test_wrong_use_is_one_line_and_exit_code_2(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keypoints, rig, out = files / "keypoints.npz", files / "rig.toml", tmp_path / "x.npz"
    for words, said in [
        ([keypoints, "--world"], "--world, which needs to know where the camera stands: pass -c CALIBRATION."),
        ([keypoints, "-c", rig, "--floor", "0.1"], "--floor goes with --world"),
        ([keypoints, "-c", rig, "--world", "--floor", "nan"], "'nan' is neither a height in metres nor none."),
        ([keypoints, "-c", rig, "--world", "--floor", "low"], "'low' is neither a height in metres nor none."),
        ([keypoints, "-c", rig, "--to", "coco18"], "No skeleton named 'coco18'. Did you mean 'coco17'"),
        ([keypoints, "-c", rig, "--model", "none.safetensors"], "there is no such checkpoint"),
        ([keypoints, "-c", rig, "--model", "movenet_thunder"], "Pass a checkpoint of a lifter."),
        ([files / "both.npz", "-c", rig], "pass --camera NAME"),
    ]:
        assert _run([str(word) for word in ["lift", *words, "-o", out]]) == 2
        err = capsys.readouterr().err.strip()
        assert said in err
        assert len(err.splitlines()) == 1, err
    assert not list(tmp_path.iterdir())
