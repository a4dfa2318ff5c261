"""Calibrations that are written come back, keep every coefficient, or are refused in one line."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from true_rig import NAMES, TRUTH, formats_of, off_by, truth_rig

from lift3d.cameras import CameraRig, Lens
from lift3d.errors import InputError
from lift3d.formats import all_formats, read_cameras, write_cameras


@pytest.mark.parametrize("name", ["anipose_toml", "pose2sim_toml", "caliscope_toml", "lift3d_cameras_toml"])
def test_writer_comes_back(name: str, tmp_path: Path) -> None:
    path = tmp_path / "rig.toml"
    write_cameras(truth_rig(), path, format=name)
    assert formats_of(path) == [name]
    rig = read_cameras(path, up="+z")
    assert rig.names == NAMES
    assert off_by(rig) < 1e-6
    torch.testing.assert_close(rig.cameras.image_size, TRUTH["size"].double())


def test_every_writer_of_rigs_is_covered() -> None:
    writers = {entry.name for entry in all_formats().values() if entry.holds is CameraRig and entry.write}
    assert {"anipose_toml", "pose2sim_toml", "caliscope_toml", "lift3d_cameras_toml"} <= writers


def test_the_suffix_toml_writes_our_own(tmp_path: Path) -> None:
    write_cameras(truth_rig(), tmp_path / "rig.toml")
    assert 'format = "lift3d_cameras"' in (tmp_path / "rig.toml").read_text()


@pytest.mark.parametrize("name", ["anipose_toml", "pose2sim_toml", "caliscope_toml"])
def test_twelve_cameras_come_in_natural_order(name: str, tmp_path: Path) -> None:
    camera = truth_rig()["cam_0"]
    cameras = {
        f"cam_{i}": replace(camera, translation=torch.tensor([i / 10, 0.0, 3.0], dtype=torch.float64))
        for i in range(12)
    }
    shuffled = dict(sorted(cameras.items()))  # cam_10 before cam_2, as aniposelib loads them
    write_cameras(CameraRig.of(shuffled), tmp_path / "rig.toml", format=name)
    rig = read_cameras(tmp_path / "rig.toml", up="+z")
    assert rig.names == tuple(cameras)
    torch.testing.assert_close(rig.cameras.translation[:, 0], torch.arange(12).double() / 10)


@pytest.mark.parametrize("name", ["anipose_toml", "caliscope_toml", "pose2sim_toml"])
def test_eight_coefficients_are_not_dropped(name: str, tmp_path: Path) -> None:
    camera = replace(truth_rig()["cam_0"], distortion=torch.arange(1, 9).double() / 100)
    write_cameras(CameraRig.of({"a": camera}), tmp_path / "c.toml", format=name)
    rig = read_cameras(tmp_path / "c.toml", format=name, up="+z")
    torch.testing.assert_close(rig.cameras.distortion[0], camera.distortion)


@pytest.mark.parametrize("up", ["+x", "-x", "+y", "-y", "+z", "-z"])
def test_pose2sim_writes_a_world_whose_z_is_up(up: str, tmp_path: Path) -> None:
    write_cameras(replace(truth_rig(), up=up), tmp_path / "c.toml", format="pose2sim_toml")
    rig = read_cameras(tmp_path / "c.toml")
    before = torch.zeros(3, dtype=torch.float64)
    before["xyz".index(up[1])] = 1.0 if up[0] == "+" else -1.0
    old = truth_rig().project(torch.stack([before, torch.zeros_like(before)]))
    new = rig.project(torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]], dtype=torch.float64))
    torch.testing.assert_close(new, old)


@pytest.mark.parametrize("name", ["anipose_toml", "pose2sim_toml", "caliscope_toml"])
def test_what_a_format_cannot_hold_is_refused(name: str, tmp_path: Path) -> None:
    rig = truth_rig()
    unsized = replace(rig, cameras=replace(rig.cameras, image_size=torch.full((4, 2), math.nan).double()))
    with pytest.raises(InputError, match=r"cam_0.*image size"):
        write_cameras(unsized, tmp_path / "c.toml", format=name)
    own_lens = replace(rig, cameras=replace(rig.cameras, lens=torch.full((4,), int(Lens.HUMAN36M))))
    with pytest.raises(InputError, match="human36m lens"):
        write_cameras(own_lens, tmp_path / "c.toml", format=name)
    assert not (tmp_path / "c.toml").exists()
