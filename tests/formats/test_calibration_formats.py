"""Calibrations: samples read to their truth, writers come back, units, order, choice of subject, bad files."""

from __future__ import annotations

import json
import math
import re
import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lift3d.cameras import Camera, CameraRig, Lens
from lift3d.errors import FileError, InputError, UnknownNameError
from lift3d.formats import all_formats, read_cameras, write_cameras
from lift3d.formats._dispatch import _candidates
from lift3d.geometry.rotations import quaternion_to_matrix, rotvec_to_matrix

GOLDEN = Path(__file__).parents[1] / "golden" / "calibration"
TRUTH = {key: torch.from_numpy(value) for key, value in np.load(GOLDEN / "truth.npz").items()}
NAMES = tuple(f"cam_{index}" for index in range(4))

# path, format, unit to pass (None where the format states it), largest reprojection difference in pixels
SAMPLES = [
    ("anipose.toml", "anipose_toml", "m", 1e-6),
    ("aniposelib_pytorch.toml", "anipose_toml", "m", 1e-6),
    ("caliscope_aniposelib.toml", "anipose_toml", "m", 1e-6),
    ("caliscope.toml", "caliscope_toml", None, 1e-6),
    ("pose2sim.toml", "pose2sim_toml", None, 1e-6),
    ("opencv_folder", "opencv_yaml", "m", 1e-6),
    ("easymocap", "easymocap_yaml", None, 1e-3),
    ("easymocap/intri.yml", "easymocap_yaml", None, 1e-3),
    ("easymocap/extri.yml", "easymocap_yaml", None, 1e-3),
]
OTHERS = [
    ("opencv_stereo.yml", "opencv_yaml"),
    ("opencv_folder/cam_0.yaml", "opencv_yaml"),
    ("qualisys_scaled.qca.txt", "qualisys_text"),
    ("human36m.json", "human36m_json"),
]


def truth_rig(scale: float = 1.0) -> CameraRig:
    """The true rig, whole lengths times ``scale``."""
    return CameraRig.of(
        {
            name: Camera.of(
                TRUTH["K"][i], TRUTH["D"][i], TRUTH["R"][i], TRUTH["t"][i] * scale, image_size=TRUTH["size"][i]
            )
            for i, name in enumerate(NAMES)
        }
    )


def off_by(rig: CameraRig) -> float:
    """Largest distance in pixels between the rig's and the true pixels of the true points."""
    return float((rig.project(TRUTH["X"]) - TRUTH["px"]).norm(dim=-1).max())


def edited(source: str, target: Path, *changes: tuple[str, str]) -> Path:
    """A copy of a sample with texts replaced, each of which must be there."""
    text = (GOLDEN / source).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    return target


# ---- every sample ----


@pytest.mark.parametrize(("path", "name", "unit", "pixels"), SAMPLES)
def test_sample_reads_to_its_truth(path: str, name: str, unit: str | None, pixels: float) -> None:
    rig = read_cameras(GOLDEN / path, unit=unit)
    assert rig.names == NAMES
    assert rig.up == "+z"
    assert off_by(rig) < pixels
    torch.testing.assert_close(rig.cameras.image_size, TRUTH["size"].double())
    assert rig.cameras.lens.tolist() == [Lens.BROWN_CONRADY] * 4


@pytest.mark.parametrize(("path", "name"), [sample[:2] for sample in SAMPLES] + OTHERS)
def test_sample_is_recognised_as_one_format(path: str, name: str) -> None:
    assert [entry.name for entry in _candidates(GOLDEN / path, CameraRig)] == [name]


@pytest.mark.parametrize("name", ["anipose_toml", "pose2sim_toml", "caliscope_toml", "lift3d_cameras_toml"])
def test_writer_comes_back(name: str, tmp_path: Path) -> None:
    path = tmp_path / "rig.toml"
    write_cameras(truth_rig(), path, format=name)
    assert [entry.name for entry in _candidates(path, CameraRig)] == [name]
    rig = read_cameras(path)
    assert rig.names == NAMES
    assert off_by(rig) < 1e-6
    torch.testing.assert_close(rig.cameras.image_size, TRUTH["size"].double())


def test_every_writer_of_rigs_is_covered() -> None:
    writers = {entry.name for entry in all_formats().values() if entry.holds is CameraRig and entry.write}
    assert {"anipose_toml", "pose2sim_toml", "caliscope_toml", "lift3d_cameras_toml"} <= writers


def test_the_suffix_toml_writes_our_own(tmp_path: Path) -> None:
    write_cameras(truth_rig(), tmp_path / "rig.toml")
    assert 'format = "lift3d_cameras"' in (tmp_path / "rig.toml").read_text()


# ---- our own ----


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


# ---- units ----


@pytest.mark.parametrize(("unit", "per_metre"), [("m", 1), ("cm", 100), ("mm", 1000)])
def test_unit_that_is_not_stated_is_told_by_size(unit: str, per_metre: int, tmp_path: Path) -> None:
    path = tmp_path / "calibration.toml"
    write_cameras(truth_rig(per_metre), path, format="anipose_toml")
    path.write_text(path.read_text().replace('units = "m"\n', ""))
    with pytest.warns(UserWarning, match=rf"took '{unit}'.*Pass unit="):
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


# ---- order ----


@pytest.mark.parametrize("name", ["anipose_toml", "pose2sim_toml", "caliscope_toml"])
def test_twelve_cameras_come_in_natural_order(name: str, tmp_path: Path) -> None:
    camera = truth_rig()["cam_0"]
    cameras = {
        f"cam_{i}": replace(camera, translation=torch.tensor([i / 10, 0.0, 3.0], dtype=torch.float64))
        for i in range(12)
    }
    shuffled = dict(sorted(cameras.items()))  # cam_10 before cam_2, as aniposelib loads them
    write_cameras(CameraRig.of(shuffled), tmp_path / "rig.toml", format=name)
    rig = read_cameras(tmp_path / "rig.toml")
    assert rig.names == tuple(cameras)
    torch.testing.assert_close(rig.cameras.translation[:, 0], torch.arange(12).double() / 10)


def test_twelve_files_come_in_natural_order(tmp_path: Path) -> None:
    for i in range(12):
        edited("opencv_folder/cam_0.yaml", tmp_path / f"file{11 - i}.yaml", ('"cam_0"', f'"view{i}"'))
    assert read_cameras(tmp_path, unit="m").names == tuple(f"view{i}" for i in range(12))


# ---- Anipose, caliscope, FreeMoCap, Pose2Sim ----


def test_names_come_from_the_file_not_the_section(tmp_path: Path) -> None:
    path = edited("anipose.toml", tmp_path / "c.toml", ('name = "cam_1"', 'name = "left"'))
    assert read_cameras(path, unit="m").names == ("cam_0", "cam_2", "cam_3", "left")
    path = edited("anipose.toml", tmp_path / "c.toml", ('name = "cam_1"', ""))
    assert read_cameras(path, unit="m").names == NAMES


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
    moved = read_cameras(path, unit="m").project(TRUTH["X"])
    torch.testing.assert_close(moved, TRUTH["px"] - torch.tensor([100.0, 20.0]), rtol=0, atol=1e-6)


def test_anipose_cameras_that_move_are_refused(tmp_path: Path) -> None:
    path = edited("anipose.toml", tmp_path / "c.toml", ("error = 0.35", "error = 0.35\n[metadata.stations]\n"))
    with pytest.raises(FileError, match="move"):
        read_cameras(path, unit="m")


def test_anipose_up_comes_back(tmp_path: Path) -> None:
    write_cameras(replace(truth_rig(), up="-y"), tmp_path / "c.toml", format="anipose_toml")
    assert read_cameras(tmp_path / "c.toml").up == "-y"


@pytest.mark.parametrize("name", ["anipose_toml", "caliscope_toml", "pose2sim_toml"])
def test_eight_coefficients_are_not_dropped(name: str, tmp_path: Path) -> None:
    camera = replace(truth_rig()["cam_0"], distortion=torch.arange(1, 9).double() / 100)
    write_cameras(CameraRig.of({"a": camera}), tmp_path / "c.toml", format=name)
    rig = read_cameras(tmp_path / "c.toml", format=name)
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


def test_caliscope_leaves_out_cameras_without_a_pose(tmp_path: Path) -> None:
    pose = re.compile(r"^(translation|rotation) = .*\n", re.MULTILINE)
    head, *cameras = (GOLDEN / "caliscope.toml").read_text().split("[cameras.")
    path = tmp_path / "c.toml"
    path.write_text(head + "[cameras." + "[cameras.".join([pose.sub("", cameras[0]), *cameras[1:]]))
    with pytest.warns(UserWarning, match="without a pose are left out: cam_0"):
        assert read_cameras(path).names == NAMES[1:]
    path.write_text(head + "[cameras." + "[cameras.".join(pose.sub("", camera) for camera in cameras))
    with pytest.raises(FileError, match="no camera has a pose"):
        read_cameras(path)


def test_caliscope_reads_old_rotations_and_nulls(tmp_path: Path) -> None:
    matrix = f"rotation = {TRUTH['R'][0].tolist()}"
    rotvec = re.findall(r"rotation = .*", (GOLDEN / "caliscope.toml").read_text())[0]
    path = edited("caliscope.toml", tmp_path / "c.toml", (rotvec, matrix), ("grid_count = 30", 'grid_count = "null"'))
    assert off_by(read_cameras(path)) < 1e-6


def test_caliscope_ids_follow_the_names(tmp_path: Path) -> None:
    cameras = truth_rig()
    rig = CameraRig.of({"left7": cameras["cam_0"], "right3": cameras["cam_1"]})
    write_cameras(rig, tmp_path / "c.toml", format="caliscope_toml")
    assert re.findall(r"\[cameras\.(\d+)\]", (tmp_path / "c.toml").read_text()) == ["7", "3"]
    write_cameras(replace(rig, names=("left", "right")), tmp_path / "c.toml", format="caliscope_toml")
    assert read_cameras(tmp_path / "c.toml").names == ("left", "right")


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
    assert [entry.name for entry in _candidates(path, CameraRig)] == ["freemocap_toml"]
    rig = read_cameras(path)
    assert rig.names == NAMES
    assert off_by(rig) < 1e-6
    torch.testing.assert_close(rig.cameras.image_size, TRUTH["size"].double())


# ---- OpenCV and EasyMocap ----


def test_stereo_takes_the_first_camera_as_the_world() -> None:
    rig = read_cameras(GOLDEN / "opencv_stereo.yml", unit="m")
    assert rig.names == ("cam1", "cam2")
    seen_by_first = TRUTH["X"] @ TRUTH["R"][0].T + TRUTH["t"][0]
    torch.testing.assert_close(rig.project(seen_by_first), TRUTH["px"][:2], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        [("camera_matrix", "K"), ("distortion_coefficients", "D"), ("T:", "tvec:")],
        [("camera_matrix", "mtx"), ("distortion_coefficients", "dist"), ("\nR:", "\nunused:")],
        [("%YAML:1.0", "%YAML 1.2"), ("camera_matrix", "cameraMatrix"), ("\nR:", "\nrotation:")],
        [("%YAML:1.0\n---\n", "")],
        [("\n", "\r\n")],
    ],
)
def test_opencv_spellings(changes: list[tuple[str, str]], tmp_path: Path) -> None:
    path = tmp_path / "cam_0.yml"
    edited("opencv_folder/cam_0.yaml", path, *changes)
    rig = read_cameras(path, unit="m")
    torch.testing.assert_close(rig.project(TRUTH["X"])[0], TRUTH["px"][0], rtol=0, atol=1e-6)


ROS = """image_width: 640
image_height: 480
camera_name: narrow
camera_matrix:
  rows: 3
  cols: 3
  data: [500, 0, 320, 0, 510, 240, 0, 0, 1]
distortion_model: {model}
distortion_coefficients: {{rows: 1, cols: 4, data: [1e-1, -2e-2, 0.003, 4e-3]}}
rectification_matrix: {{rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}}
projection_matrix: {{rows: 3, cols: 4, data: [480, 0, 320, 0, 0, 490, 240, 0, 0, 0, 1, 0]}}
"""


@pytest.mark.parametrize(("model", "lens"), [("plumb_bob", Lens.BROWN_CONRADY), ("equidistant", Lens.FISHEYE)])
def test_ros_camera_is_the_world(model: str, lens: Lens, tmp_path: Path) -> None:
    path = tmp_path / "head.yaml"
    path.write_text(ROS.format(model=model))
    rig = read_cameras(path)
    assert rig.names == ("narrow",)
    camera = rig["narrow"]
    assert camera.intrinsics.tolist() == [[500, 0, 320], [0, 510, 240], [0, 0, 1]]
    assert camera.distortion.tolist() == [0.1, -0.02, 0.003, 0.004, 0, 0, 0, 0]
    assert camera.rotation.tolist() == torch.eye(3).tolist()
    assert int(camera.lens) == lens
    path.write_text(ROS.format(model="omnidirectional"))
    with pytest.raises(FileError, match="omnidirectional"):
        read_cameras(path)


def test_easymocap_numbered_keys_and_missing_parts(tmp_path: Path) -> None:
    numbered = [(f"_{name}:", f"_{index}:") for index, name in enumerate(NAMES, start=1)]
    without_size = [
        (f"{side}_{index}: {count}\n", "") for side, count in (("H", 1080), ("W", 1920)) for index in range(1, 5)
    ]
    edited("easymocap/intri.yml", tmp_path / "intri.yml", *numbered, *without_size)
    with pytest.raises(FileError, match=r"extri\.yml"):
        read_cameras(tmp_path / "intri.yml")
    edited("easymocap/extri.yml", tmp_path / "extri.yml", *numbered)
    rig = read_cameras(tmp_path)
    assert off_by(rig) < 1e-3
    assert bool(rig.cameras.image_size.isnan().all())


# ---- Qualisys ----


def qualisys_file(path: Path, model: str = "Miqus Video", view: str = "0") -> Path:
    """The true rig as Qualisys Track Manager writes it, distortion as it is; a marker camera beside it."""
    rows = [_qualisys_camera(i, name, model, view) for i, name in enumerate(NAMES)]
    rows.append(_qualisys_camera(0, "marker", "Oqus 700", view))
    path.write_text(f'<calibration qtm-version="2023.1"><cameras>{"".join(rows)}</cameras></calibration>')
    return path


def _qualisys_camera(i: int, name: str, model: str, view: str) -> str:
    left, top = 10, 20
    turned = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)) @ TRUTH["R"][i]
    x, y, z = (-(TRUTH["R"][i].T @ TRUTH["t"][i]) * 1000).tolist()
    matrix = " ".join(f'r{a + 1}{b + 1}="{float(turned[a, b])!r}"' for a in range(3) for b in range(3))
    k = TRUTH["K"][i]
    k1, k2, p1, p2, _ = TRUTH["D"][i].tolist()
    return (
        f'<camera model="{model}" serial="{name}" viewrotation="{view}">'
        f'<fov_video left="{left}" top="{top}" right="{left + 1919}" bottom="{top + 1079}"/>'
        f'<transform x="{x!r}" y="{y!r}" z="{z!r}" {matrix}/>'
        f'<intrinsic focalLengthU="{float(k[0, 0]) * 64!r}" focalLengthV="{float(k[1, 1]) * 64!r}" '
        f'centerPointU="{(float(k[0, 2]) + left) * 64!r}" centerPointV="{(float(k[1, 2]) + top) * 64!r}" '
        f'radialDistortion1="{k1!r}" radialDistortion2="{k2!r}" radialDistortion3="0" '
        f'tangentalDistortion1="{p1!r}" tangentalDistortion2="{p2!r}"/></camera>'
    )


@pytest.mark.parametrize("model", ["Miqus Video", "Miqus Hybrid", "none"])
@pytest.mark.parametrize("suffix", [".qca.txt", ".xml"])
def test_qualisys_reads_distortion_as_it_stands(model: str, suffix: str, tmp_path: Path) -> None:
    path = qualisys_file(tmp_path / f"Calib{suffix}", model)
    assert [entry.name for entry in _candidates(path, CameraRig)] == ["qualisys_text"]
    rig = read_cameras(path)
    assert rig.names == NAMES
    assert off_by(rig) < 1e-6
    torch.testing.assert_close(rig.cameras.image_size, TRUTH["size"].double())


def test_qualisys_impossible_distortion_is_divided_by_64_aloud() -> None:
    with pytest.warns(UserWarning, match="divided it by 64"):
        rig = read_cameras(GOLDEN / "qualisys_scaled.qca.txt")
    assert off_by(rig) < 1e-6


def test_qualisys_warns_of_turned_pictures(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="turned by 90 degrees"):
        read_cameras(qualisys_file(tmp_path / "c.xml", view="90"))


def test_qualisys_without_video_cameras_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no video camera"):
        read_cameras(qualisys_file(tmp_path / "c.xml", model="Oqus 300"))


@pytest.mark.parametrize("head", ["<!DOCTYPE calibration>", '<!DOCTYPE x [<!ENTITY a "aaaa">]>'])
def test_xml_that_declares_a_document_type_is_refused(head: str, tmp_path: Path) -> None:
    path = qualisys_file(tmp_path / "c.xml")
    path.write_text(head + path.read_text())
    with pytest.raises(FileError, match="document type"):
        read_cameras(path)
    path.write_bytes(path.read_text().encode("utf-16"))
    with pytest.raises(FileError, match="UTF-8"):
        read_cameras(path, format="qualisys_text")


# ---- Human3.6M ----


def human36m_truth() -> dict[str, Any]:
    """Camera 54138969 as numbers, and points with the pixels of the data set's own formula."""
    given = {key: torch.from_numpy(value).double() for key, value in np.load(GOLDEN / "human36m_pixels.npz").items()}
    p1, p0 = given["p_videopose3d_order"].tolist()
    rotation = quaternion_to_matrix(given["quaternion_cam_to_world"]).T
    return {
        "k": given["k"].tolist(),
        "p": [p0, p1],
        "f": given["focal"].tolist(),
        "c": given["centre"].tolist(),
        "R": rotation,
        "centre_mm": given["camera_centre_m"] * 1000,
        "points": given["world"].reshape(-1, 3),
        "pixels": given["pixels"].reshape(-1, 2),
    }


def human36m_json(path: Path) -> Path:
    true = human36m_truth()
    (fx, fy), (cx, cy), (k1, k2, k3) = true["f"], true["c"], true["k"]
    lens = {"calibration_matrix": [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], "distortion": [k1, k2, *true["p"], k3]}
    pose = {"R": true["R"].tolist(), "t": (-true["R"] @ true["centre_mm"])[:, None].tolist()}
    other = {"R": torch.eye(3).tolist(), "t": [[0], [0], [5000]]}
    extrinsics = {"S1": {"54138969": pose}, "S11": {"54138969": other}, "S5": {"54138969": other}}
    path.write_text(json.dumps({"intrinsics": {"54138969": lens}, "extrinsics": extrinsics}))
    return path


def human36m_xml(path: Path) -> Path:
    """The camera of subject 1, with angles from R = R1(a) R2(b) R3(c); all else filled with its own position."""
    true = human36m_truth()
    r = true["R"]
    angles = [
        math.atan2(-float(r[1, 2]), float(r[2, 2])),
        math.asin(float(r[0, 2])),
        math.atan2(-float(r[0, 1]), float(r[0, 0])),
    ]
    values = [1.0] * 300
    values[:6] = [*angles, *true["centre_mm"].tolist()]
    values[6 * 11 : 6 * 11 + 6] = [0.1, 0.2, 0.3, 1000.0, 2000.0, 3000.0]  # camera 2, subject 1
    for camera in range(4):
        values[264 + 9 * camera : 273 + 9 * camera] = [*true["f"], *true["c"], *true["k"], *true["p"]]
    path.write_text(f"<metadata><other/><w0>[{' '.join(repr(value) for value in values)}]</w0></metadata>")
    return path


@pytest.mark.parametrize(("name", "suffix", "make"), [
    ("human36m_json", ".json", human36m_json),
    ("human36m_metadata_xml", ".xml", human36m_xml),
])  # fmt: skip
def test_human36m_gives_the_data_sets_own_pixels(
    name: str, suffix: str, make: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = make(tmp_path / f"cameras{suffix}")
    assert [entry.name for entry in _candidates(path, CameraRig)] == [name]
    camera = read_cameras(path, subject="S1")["54138969"]
    true = human36m_truth()
    assert int(camera.lens) == Lens.HUMAN36M
    assert camera.image_size.tolist() == [1000, 1002]
    assert float((camera.project(true["points"]) - true["pixels"]).abs().max()) < 1e-3
    swapped = replace(camera, distortion=camera.distortion[[0, 1, 3, 2, 4, 5, 6, 7]])
    assert float((swapped.project(true["points"]) - true["pixels"]).abs().max()) > 0.05
    with pytest.raises(FileError, match=r"subjects S1, S.*, S11; .*Pass subject='S1'"):
        read_cameras(path)
    with pytest.raises(FileError, match="no subject 'S99'"):
        read_cameras(path, subject="S99")


def test_human36m_xml_reads_the_other_cameras(tmp_path: Path) -> None:
    rig = read_cameras(human36m_xml(tmp_path / "metadata.xml"), subject="S1")
    assert rig.names == ("54138969", "55011271", "58860488", "60457274")
    assert rig.cameras.image_size[:, 1].tolist() == [1002, 1000, 1000, 1002]
    torch.testing.assert_close(rig["55011271"].centre, torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    turns = rotvec_to_matrix(torch.diag(torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)))
    torch.testing.assert_close(rig["55011271"].rotation, turns[0] @ turns[1] @ turns[2])


def test_human36m_sample_of_one_subject_needs_no_choice() -> None:
    rig = read_cameras(GOLDEN / "human36m.json")
    assert bool(rig.cameras.image_size.isnan().all())
    as_opencv = replace(rig, cameras=replace(rig.cameras, lens=torch.zeros(4, dtype=torch.long)))
    assert off_by(as_opencv) < 1e-6  # the sample's numbers are OpenCV's
    assert off_by(rig) > 0.1


def test_subject_is_refused_by_formats_of_one_rig() -> None:
    with pytest.raises(FileError, match="Leave out subject"):
        read_cameras(GOLDEN / "caliscope.toml", subject="S1")


# ---- bad files ----

SOURCES = {
    "anipose_toml": "anipose.toml",
    "pose2sim_toml": "pose2sim.toml",
    "caliscope_toml": "caliscope.toml",
    "opencv_yaml": "opencv_folder/cam_0.yaml",
    "qualisys_text": "qualisys_scaled.qca.txt",
    "human36m_json": "human36m.json",
}


def refused(path: Path, name: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(FileError) as caught:
            read_cameras(path, format=name, unit="m")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("part", [0.2, 0.4, 0.6, 0.8])
def test_a_file_cut_short_is_refused_or_has_fewer_cameras(name: str, part: float, tmp_path: Path) -> None:
    text = (GOLDEN / SOURCES[name]).read_text()
    path = tmp_path / Path(SOURCES[name]).name
    path.write_text(text[: int(len(text) * part)])
    if len(_cameras_if_readable(path, name)) == 4:
        pytest.fail("all four cameras were read from a part of the file")


def _cameras_if_readable(path: Path, name: str) -> tuple[str, ...]:
    try:
        return read_cameras(path, format=name, unit="m").names
    except FileError:
        return ()


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("anipose_toml", "matrix = [ [ 1477.8941071785507", "matrix = [ [ nan", r"\[cam_0\] matrix holds NaN"),
        ("anipose_toml", "matrix = [ [ 1477.8941071785507", "matrix = [ [ -1477.0", "'cam_0'.*focal length"),
        ("anipose_toml", "[ 0.0, 0.0, 1.0,],]", "[ 0.0, 1.0,],]", "matrix is not made of numbers"),
        ("anipose_toml", "[ 0.0, 0.0, 1.0,],]", "]", r"2 x 3 numbers; expected 3 x 3"),
        ("anipose_toml", "translation = [", "translation = [ 7.0,", "4 numbers; expected 3"),
        ("anipose_toml", "rotation = [", "rotation = [ 7.0,", "expected 3 "),
        ("anipose_toml", "size = [ 1920,", "size = [ 0,", "positive width"),
        ("anipose_toml", "distortions", "dist", r"\[cam_0\] has no 'distortions'"),
        ("anipose_toml", 'name = "cam_1"', 'name = "cam_0"', "names repeat"),
        ("pose2sim_toml", "distortions = [", 'distortions = [ "a",', "not made of numbers"),
        ("caliscope_toml", "matrix", "mtx", r"\[cameras.0\] has no 'matrix'"),
        ("opencv_yaml", "cols: 5", "cols: 6", "5 data; expected rows x cols = 1 x 6"),
        ("opencv_yaml", "T:", "U:", "only one of rotation and translation"),
        ("opencv_yaml", "0.2050094671957715", ".Nan #", "YAML|numbers"),
        ("opencv_yaml", "camera_matrix", "matrix", "'camera_matrix' or 'K'"),
        ("qualisys_text", 'r11="', 'q11="', "<transform> has no r11"),
        ("qualisys_text", 'x="', 'x="a', "not made of numbers"),
        ("qualisys_text", "<intrinsic ", "<unknown ", "has no <intrinsic>"),
        ("human36m_json", '"R"', '"Q"', "has no 'R'"),
        ("human36m_json", '"distortion"', '"d"', "has no 'distortion'"),
        ("human36m_json", "914.5098865046896", "NaN", "camera 'cam_0' t holds NaN"),
        ("human36m_json", "0.205009467195772", "2.0", "camera 'cam_0'.*not a rotation"),
    ],
)
def test_bad_numbers_are_refused_with_their_place(name: str, old: str, new: str, expected: str, tmp_path: Path) -> None:
    path = edited(SOURCES[name], tmp_path / Path(SOURCES[name]).name, (old, new))
    text = refused(path, name)
    assert re.search(expected, text), text
    assert text.startswith(str(path))


def test_nesting_and_numbers_without_end_are_refused(tmp_path: Path) -> None:
    deep, long = "[" * 100_000, "9" * 10_000
    for name, suffix in (("anipose_toml", ".toml"), ("opencv_yaml", ".yaml"), ("human36m_json", ".json")):
        path = tmp_path / f"bad{suffix}"
        for text in (f"a = {deep}", f"a = {long}", f"a: {long}", f'{{"a": {long}}}', deep[:5000]):
            path.write_text(text)
            refused(path, name)
            assert _candidates(path, CameraRig) == []


def test_yaml_runs_no_code(tmp_path: Path) -> None:
    path = edited(
        "opencv_folder/cam_0.yaml", tmp_path / "c.yaml", ('"plumb_bob"', "!!python/object/apply:os.getcwd []")
    )
    assert "not valid YAML" in refused(path, "opencv_yaml")


def test_one_copy_of_a_camera_twice_is_refused(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        shutil.copy(GOLDEN / "opencv_folder" / "cam_0.yaml", tmp_path / name)
    assert "names repeat" in refused(tmp_path, "opencv_yaml")
