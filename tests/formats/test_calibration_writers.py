"""Calibrations that are written come back to the last digit, or are refused in one line; nothing is dropped."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from true_rig import NAMES, TRUTH, formats_of, off_by, truth_rig

from lift3d.cameras import CameraRig, Lens
from lift3d.errors import FileError, InputError
from lift3d.formats import all_formats, read_cameras, write_cameras
from lift3d.formats._up_axis import turned_up

WRITABLE = {entry.name: entry for entry in all_formats().values() if entry.holds is CameraRig and entry.write}
EVERY = pytest.mark.parametrize("name", WRITABLE)
AXES = ["+x", "-x", "+y", "-y", "+z", "-z"]
UNSIZED = {"opencv_yaml", "easymocap_yaml", "lift3d_cameras_toml"}  # can go without a picture's size
LENSES = {
    Lens.FISHEYE: {"opencv_yaml", "colmap_text", "anipose_toml", "caliscope_toml", "lift3d_cameras_toml"},
    Lens.HUMAN36M: {"lift3d_cameras_toml"},
}
EIGHT = {
    "anipose_toml", "caliscope_toml", "colmap_text", "lift3d_cameras_toml", "opencv_yaml", "pose2sim_toml",
    "xrprimer_json",
}  # fmt: skip


def target(name: str, folder: Path) -> Path:
    return folder / f"rig{WRITABLE[name].suffixes[0]}"


def written(rig: CameraRig, name: str, folder: Path) -> CameraRig:
    """The rig after writing and reading it, turned back to the up axis it had."""
    write_cameras(rig, target(name, folder), format=name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of units and up axes that a format does not state
        return turned_up(read_cameras(target(name, folder), format=name), rig.up)


def with_camera(**fields: Any) -> CameraRig:
    """The true rig with fields of all cameras replaced."""
    rig = truth_rig()
    return replace(rig, cameras=replace(rig.cameras, **fields))


def same(left: CameraRig, right: CameraRig) -> bool:
    """Whether two rigs have the same names and see the true points at the same pixels."""
    near = torch.allclose(left.project(TRUTH["X"]), right.project(TRUTH["X"]), rtol=0, atol=1e-9)
    return near and left.names == right.names


def kept_or_refused(rig: CameraRig, name: str, folder: Path, kept: bool, expected: str) -> None:
    if kept:
        assert same(written(rig, name, folder), rig)
        return
    with pytest.raises(InputError, match=expected) as caught:
        write_cameras(rig, target(name, folder), format=name)
    assert "\n" not in str(caught.value)
    assert list(folder.iterdir()) == [], "something was left behind"


@EVERY
def test_writer_comes_back(name: str, tmp_path: Path) -> None:
    rig = written(truth_rig(), name, tmp_path)
    assert formats_of(target(name, tmp_path)) == [name]
    assert rig.names == NAMES
    assert off_by(rig) < 1e-9
    torch.testing.assert_close(rig.cameras.image_size, TRUTH["size"].double())


@pytest.mark.parametrize("up", AXES)
@EVERY
def test_up_axis_comes_back_or_the_world_is_turned(name: str, up: str, tmp_path: Path) -> None:
    rig = written(turned_up(truth_rig(), up), name, tmp_path)
    assert rig.up == up
    assert off_by(turned_up(rig, "+z")) < 1e-9


@pytest.mark.parametrize("lens", [Lens.FISHEYE, Lens.HUMAN36M])
@EVERY
def test_a_lens_is_kept_or_refused(name: str, lens: Lens, tmp_path: Path) -> None:
    coefficients = torch.tensor([0.02, -0.006, 0.001, 0.0005, 0, 0, 0, 0], dtype=torch.float64)
    rig = with_camera(lens=torch.tensor([0, int(lens), 0, 0]), distortion=coefficients.expand(4, 8))
    kept_or_refused(rig, name, tmp_path, name in LENSES[lens], f"'cam_1': {name} has no {lens.name.lower()} lens")


@EVERY
def test_eight_coefficients_are_kept_or_refused(name: str, tmp_path: Path) -> None:
    distortion = torch.tensor([-0.1, 0.03, 0.001, -0.002, 0.01, 0.02, 0.03, 0.04], dtype=torch.float64)
    rig = with_camera(distortion=distortion.expand(4, 8))
    kept_or_refused(rig, name, tmp_path, name in EIGHT, rf"{name} holds 5 distortion coefficients, and its lens has 8")


@EVERY
def test_skew_is_kept_or_refused(name: str, tmp_path: Path) -> None:
    intrinsics = truth_rig().cameras.intrinsics.clone()
    intrinsics[:, 0, 1] = 2.5
    kept_or_refused(with_camera(intrinsics=intrinsics), name, tmp_path, name != "colmap_text", "has no skew")


@EVERY
def test_a_size_that_is_not_known_is_left_open_or_refused(name: str, tmp_path: Path) -> None:
    rig = with_camera(image_size=torch.full((4, 2), math.nan, dtype=torch.float64))
    kept_or_refused(rig, name, tmp_path, name in UNSIZED, r"'cam_0': its image size is not known")


@pytest.mark.parametrize("odd", ["a/b", "..", "left camera", 'the "left"', "", "été", "a:b", "x.y", "10"])
@EVERY
def test_names_come_back_or_are_refused(name: str, odd: str, tmp_path: Path) -> None:
    rig = CameraRig.of({odd: truth_rig()["cam_0"]})
    try:
        read = written(rig, name, tmp_path).names
    except InputError as error:
        refusal, read = str(error), ()
    assert read == (odd,) or ("Rename it" in refusal and list(tmp_path.iterdir()) == [])


@EVERY
def test_twelve_cameras_come_in_natural_order(name: str, tmp_path: Path) -> None:
    camera = truth_rig()["cam_0"]
    cameras = {
        f"cam_{i}": replace(camera, translation=torch.tensor([i / 10, 0.0, 3.0], dtype=torch.float64))
        for i in range(12)
    }
    shuffled = CameraRig.of(dict(sorted(cameras.items())))  # cam_10 before cam_2, as aniposelib loads them
    rig = written(shuffled, name, tmp_path)
    assert rig.names == (shuffled.names if name == "lift3d_cameras_toml" else tuple(cameras))
    assert same(rig, shuffled.only(rig.names))


def test_the_suffix_toml_writes_our_own(tmp_path: Path) -> None:
    write_cameras(truth_rig(), tmp_path / "rig.toml")
    assert 'format = "lift3d_cameras"' in (tmp_path / "rig.toml").read_text()


# ---- folders ----

FOLDERS = pytest.mark.parametrize("name", [name for name, entry in WRITABLE.items() if entry.suffixes[0] == ""])


@FOLDERS
def test_a_folder_is_written_whole_or_not_at_all(name: str, tmp_path: Path) -> None:
    rig = CameraRig.of({"good": truth_rig()["cam_0"], "bad \x01/": truth_rig()["cam_1"]})
    with pytest.raises(InputError, match="Rename it"):
        write_cameras(rig, tmp_path / "rig", format=name)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "rig").mkdir()
    write_cameras(truth_rig(), tmp_path / "rig", format=name)
    assert [one.name for one in tmp_path.iterdir()] == ["rig"]
    assert (tmp_path / "rig").stat().st_mode & 0o777 == 0o755


@FOLDERS
def test_a_folder_with_something_in_it_is_left_alone(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "rig"
    folder.mkdir()
    (folder / "precious.txt").write_text("mine")
    for path in (folder, folder / "precious.txt"):
        with pytest.raises(FileError, match="is there already; expected a new or empty folder"):
            write_cameras(truth_rig(), path, format=name)
    assert [one.name for one in folder.iterdir()] == ["precious.txt"]
    assert [one.name for one in tmp_path.iterdir()] == ["rig"]


def test_a_folder_under_the_name_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"opencv_yaml is written as a folder\. Leave out the suffix \.yml"):
        write_cameras(truth_rig(), tmp_path / "rig.yml", format="opencv_yaml")
    with pytest.raises(FileError, match=r"does not say which.*--to.*colmap_text \(folder\).*panoptic_json \(\.json\)"):
        write_cameras(truth_rig(), tmp_path / "rig")
