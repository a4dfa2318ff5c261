"""Calibrations in TOML: our own, Anipose, caliscope, FreeMoCap."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from true_rig import GOLDEN, NAMES, TRUTH, edited, formats_of, off_by, truth_rig

from lift3d.cameras import Camera, CameraRig, Lens
from lift3d.errors import FileError, InputError
from lift3d.formats import read_cameras, write_cameras


def test_own_format_keeps_every_bit(tmp_path: Path) -> None:
    eight = Camera.of(TRUTH["K"][0], [0.1, -0.2, 0.003, 0.004, 0.05, 0.06, 0.07, 0.08], TRUTH["R"][0], TRUTH["t"][0])
    fisheye = Camera.of(TRUTH["K"][1], [0.1, 0.02], image_size=(640, 480.5), lens=Lens.FISHEYE)
    human36m = replace(eight, lens=torch.tensor(int(Lens.HUMAN36M)))
    rig = CameraRig.of({"z 10": eight, "a.2": fisheye, 'the "third"': human36m}, up="-y")
    write_cameras(rig, tmp_path / "rig.toml")
    again = read_cameras(tmp_path / "rig.toml")
    assert (again.names, again.up) == (rig.names, "-y")
    for field in Camera.__dataclass_fields__:
        torch.testing.assert_close(
            getattr(again.cameras, field), getattr(rig.cameras, field), rtol=0, atol=0, equal_nan=True
        )
    assert "distortion = [\n    0.1,\n    0.02,\n]" in (tmp_path / "rig.toml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('units = "m"', 'units = "furlong"', "units"),
        ('up = "+z"', 'up = "z"', "axis"),
        ('lens = "brown_conrady"', 'lens = "brown"', "lens"),
        ("version = 1", "version = 2", "version"),
        ("translation", "position", "translation"),
        ("matrix", "K", "matrix"),
    ],
)
def test_own_format_refuses_what_it_does_not_know(old: str, new: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "rig.toml"
    write_cameras(truth_rig(), path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(FileError, match=expected):
        read_cameras(path, format="lift3d_cameras_toml")


def test_names_come_from_the_file_not_the_section(tmp_path: Path) -> None:
    path = edited("anipose.toml", tmp_path / "c.toml", ('name = "cam_1"', 'name = "left"'))
    assert read_cameras(path, unit="m", up="+z").names == ("cam_0", "cam_2", "cam_3", "left")
    path = edited("anipose.toml", tmp_path / "c.toml", ('name = "cam_1"', ""))
    assert read_cameras(path, unit="m", up="+z").names == NAMES


def test_anipose_fisheye_goes_by_the_flag(tmp_path: Path) -> None:
    rig = truth_rig()
    lens = torch.tensor([0, 1, 0, 1])
    cameras = replace(rig.cameras, lens=lens, distortion=rig.cameras.distortion.clone() * (torch.arange(8) < 4))
    rig = replace(rig, cameras=cameras)
    write_cameras(rig, tmp_path / "c.toml", format="anipose_toml")
    again = read_cameras(tmp_path / "c.toml")
    assert again.cameras.lens.tolist() == lens.tolist()
    torch.testing.assert_close(again.cameras.distortion, cameras.distortion)
    with pytest.raises(InputError, match="fisheye"):
        write_cameras(rig, tmp_path / "p.toml", format="pose2sim_toml")
    with pytest.raises(FileError, match="4 coefficients"):
        read_cameras(
            edited("anipose.toml", tmp_path / "d.toml", (", 0.0,]\nrot", ", 0.1,]\nfisheye = true\nrot")), unit="m"
        )


def test_anipose_offset_moves_the_principal_point(tmp_path: Path) -> None:
    path = edited("aniposelib_pytorch.toml", tmp_path / "c.toml", ("n_dist = 2", "n_dist = 2\noffset = [100, 20]"))
    moved = read_cameras(path, unit="m", up="+z").project(TRUTH["X"])
    torch.testing.assert_close(moved, TRUTH["px"] - torch.tensor([100.0, 20.0]), rtol=0, atol=1e-6)


def test_anipose_cameras_that_move_are_refused(tmp_path: Path) -> None:
    path = edited("anipose.toml", tmp_path / "c.toml", ("error = 0.35", "error = 0.35\n[metadata.stations]\n"))
    with pytest.raises(FileError, match="move"):
        read_cameras(path, unit="m", up="+z")


def test_anipose_up_comes_back(tmp_path: Path) -> None:
    write_cameras(replace(truth_rig(), up="-y"), tmp_path / "c.toml", format="anipose_toml")
    assert read_cameras(tmp_path / "c.toml").up == "-y"


def test_caliscope_leaves_out_cameras_without_a_pose(tmp_path: Path) -> None:
    pose = re.compile(r"^(translation|rotation) = .*\n", re.MULTILINE)
    head, *cameras = (GOLDEN / "caliscope.toml").read_text().split("[cameras.")
    path = tmp_path / "c.toml"
    path.write_text(head + "[cameras." + "[cameras.".join([pose.sub("", cameras[0]), *cameras[1:]]))
    with pytest.warns(UserWarning, match="without a pose are left out: cam_0"):
        assert read_cameras(path, up="+z").names == NAMES[1:]
    path.write_text(head + "[cameras." + "[cameras.".join(pose.sub("", camera) for camera in cameras))
    with pytest.raises(FileError, match="no camera has a pose"):
        read_cameras(path)


def test_caliscope_reads_old_rotations_and_nulls(tmp_path: Path) -> None:
    matrix = f"rotation = {TRUTH['R'][0].tolist()}"
    rotvec = re.findall(r"rotation = .*", (GOLDEN / "caliscope.toml").read_text())[0]
    path = edited("caliscope.toml", tmp_path / "c.toml", (rotvec, matrix), ("grid_count = 30", 'grid_count = "null"'))
    assert off_by(read_cameras(path, up="+z")) < 1e-6


def test_caliscope_ids_follow_the_names(tmp_path: Path) -> None:
    cameras = truth_rig()
    rig = CameraRig.of({"left7": cameras["cam_0"], "right3": cameras["cam_1"]})
    write_cameras(rig, tmp_path / "c.toml", format="caliscope_toml")
    assert re.findall(r"\[cameras\.(\d+)\]", (tmp_path / "c.toml").read_text()) == ["7", "3"]
    write_cameras(replace(rig, names=("left", "right")), tmp_path / "c.toml", format="caliscope_toml")
    assert read_cameras(tmp_path / "c.toml", up="+z").names == ("left", "right")


def freemocap_file(path: Path) -> Path:
    """The true rig in FreeMoCap's layout, millimetres."""
    tables = []
    for i, name in enumerate(NAMES):
        rotvec = re.findall(r"rotation = (.*)", (GOLDEN / "anipose.toml").read_text())[i]
        centre = -(TRUTH["R"][i].T @ TRUTH["t"][i]) * 1000
        tables.append(
            f'[{name}]\nid = "{name}"\nindex = {i}\nname = "{name}"\nimage_size = [1920, 1080]\n'
            f"matrix = {TRUTH['K'][i].tolist()}\ndistortions = {TRUTH['D'][i].tolist()}\nrotation = {rotvec}\n"
            f"translation = {(TRUTH['t'][i] * 1000).tolist()}\nworld_position = {centre.tolist()}\n"
            f"world_orientation = {TRUTH['R'][i].T.tolist()}\n"
        )
    path.write_text("\n".join(tables) + "\n[metadata]\nreprojection_error_px = 0.4\n[metadata.board]\nsquares_x = 5\n")
    return path


def test_freemocap_is_in_millimetres(tmp_path: Path) -> None:
    path = freemocap_file(tmp_path / "c.toml")
    assert formats_of(path) == ["freemocap_toml"]
    rig = read_cameras(path, up="+z")
    assert rig.names == NAMES
    assert off_by(rig) < 1e-6
    torch.testing.assert_close(rig.cameras.image_size, TRUTH["size"].double())
