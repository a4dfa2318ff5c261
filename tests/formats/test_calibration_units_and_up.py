"""The length unit and the up axis of a calibration: stated by the caller, by the file, or guessed aloud."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from true_rig import GOLDEN, NAMES, off_by, truth_rig

from lift3d.cameras import CameraRig
from lift3d.errors import UnknownNameError
from lift3d.formats import read_cameras, write_cameras
from lift3d.formats._up_axis import turned_up
from lift3d.geometry.rotations import rotvec_to_matrix


@pytest.mark.parametrize(("unit", "per_metre"), [("m", 1), ("cm", 100), ("mm", 1000)])
def test_unit_that_is_not_stated_is_told_by_size(unit: str, per_metre: int, tmp_path: Path) -> None:
    path = tmp_path / "calibration.toml"
    write_cameras(truth_rig(per_metre), path, format="anipose_toml")
    path.write_text(path.read_text().replace('units = "m"\n', ""))
    with pytest.warns(UserWarning, match=rf"took '{unit}'.*unit=\.\.\., --unit"):
        rig = read_cameras(path)
    assert off_by(rig) < 1e-6
    assert off_by(read_cameras(path, unit=unit)) < 1e-6


def test_unit_that_the_caller_says_goes_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / "calibration.toml"
    write_cameras(truth_rig(1000), path, format="pose2sim_toml")
    assert off_by(read_cameras(path, unit="mm")) < 1e-6
    with pytest.raises(UnknownNameError):
        read_cameras(path, unit="km")


def test_anipose_reads_its_stated_unit(tmp_path: Path) -> None:
    path = tmp_path / "calibration.toml"
    write_cameras(truth_rig(1000), path, format="anipose_toml")
    path.write_text(path.read_text().replace('units = "m"', 'units = "millimeters"'))
    assert off_by(read_cameras(path)) < 1e-6


# ---- up ----


def turned(up: str) -> CameraRig:
    """The true rig in a world where another axis points up."""
    return turned_up(truth_rig(), up)


AXES = pytest.mark.parametrize("up", ["+x", "-x", "+y", "-y", "+z", "-z"])


@AXES
def test_turned_up_keeps_what_the_cameras_see(up: str) -> None:
    one_metre_up = torch.zeros(1, 3, dtype=torch.float64)
    one_metre_up[0, "xyz".index(up[1])] = 1.0 if up[0] == "+" else -1.0
    before = truth_rig().project(torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64))
    torch.testing.assert_close(turned(up).project(one_metre_up), before)
    assert off_by(turned_up(turned(up), "+z")) < 1e-6


@AXES
def test_up_that_is_not_stated_is_told_by_how_the_cameras_are_held(up: str, tmp_path: Path) -> None:
    path = tmp_path / "calibration.toml"
    write_cameras(turned(up), path, format="anipose_toml")
    assert read_cameras(path).up == up
    path.write_text(path.read_text().replace(f'up = "{up}"\n', ""))
    with pytest.warns(UserWarning, match=rf"calibration\.toml.*took '\{up}', which is up.*up=\.\.\., --up"):
        assert read_cameras(path).up == up


def test_up_that_the_caller_says_goes_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / "calibration.toml"
    write_cameras(truth_rig(), path, format="pose2sim_toml")
    rig = read_cameras(path, up="-y")
    assert rig.up == "-y"
    assert off_by(rig) < 1e-6, "the world was turned; expected it to be named only"
    with pytest.raises(UnknownNameError, match="No axis named 'z'"):
        read_cameras(path, up="z")


def rolled(*degrees: float) -> CameraRig:
    """The first true cameras, each turned about its own optical axis."""
    rig = truth_rig()
    turns = torch.zeros(len(degrees), 3, dtype=torch.float64)
    turns[:, 2] = torch.deg2rad(torch.tensor(degrees))
    cameras = rig.cameras[: len(degrees)]
    return CameraRig(NAMES[: len(degrees)], replace(cameras, rotation=rotvec_to_matrix(turns) @ cameras.rotation))


@pytest.mark.parametrize(("degrees", "clear"), [((15, -20, 10, 5), True), ((90, 0, 180, 90), False), ((45,), False)])
def test_rolled_cameras_tell_up_while_they_agree(degrees: tuple[float, ...], clear: bool, tmp_path: Path) -> None:
    write_cameras(rolled(*degrees), tmp_path / "c.toml", format="caliscope_toml")
    with pytest.warns(UserWarning, match="took '\\+z', which is up" if clear else "took '\\+z', though its cameras"):
        assert read_cameras(tmp_path / "c.toml").up == "+z"


def test_the_first_camera_as_the_world_has_minus_y_up() -> None:
    with pytest.warns(UserWarning, match="took '-y'"):
        assert read_cameras(GOLDEN / "opencv_stereo.yml", unit="m").up == "-y"
