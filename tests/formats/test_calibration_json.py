"""Calibrations in JSON: CMU Panoptic, PyMVG, XRPrimer, MATLAB, aniposelib-pytorch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from true_rig import GOLDEN, TRUTH, edited, formats_of

from lift3d.cameras import Lens
from lift3d.errors import FileError
from lift3d.formats import read_cameras

OPEN = {"unit": "m", "up": "+z"}


def changed(source: str, target: Path, change: dict[str, Any], drop: tuple[str, ...] = ()) -> Path:
    """A copy of a sample with values of its (first) camera replaced, and others dropped."""
    value = json.loads((GOLDEN / source).read_text())
    camera = value
    if isinstance(value, list):
        camera = value[0]
    for key in ("camera_system", "cameras"):
        if isinstance(value, dict) and isinstance(value.get(key), list) and isinstance(value[key][0], dict):
            camera = value[key][0]
    camera.update(change)
    for key in drop:
        del camera[key]
    target.write_text(json.dumps(value))
    return target


def first_pixels(path: Path) -> torch.Tensor:
    """Where the file's first camera sees the true points."""
    return read_cameras(path, **OPEN).cameras[0].project(TRUTH["X"])


def sees_the_truth(path: Path) -> bool:
    return torch.allclose(first_pixels(path), TRUTH["px"][0], rtol=0, atol=1e-6)


# ---- XRPrimer ----

XRPRIMER = "xrprimer/cam_0.json"


def test_xrprimer_camera_to_world_is_turned_around(tmp_path: Path) -> None:
    back = TRUTH["R"][0].T
    pose = {"world2cam": False, "extrinsic_r": back.tolist(), "extrinsic_t": (-back @ TRUTH["t"][0]).tolist()}
    assert sees_the_truth(changed(XRPRIMER, tmp_path / "c.json", pose))


def test_xrprimer_fisheye_is_the_rational_lens(tmp_path: Path) -> None:
    numbers = {"k1": 0.1, "k2": 0.02, "p1": 0.003, "p2": 0.004, "k3": 0.05, "k4": 0.06, "k5": 0.07, "k6": 0.08}
    path = changed(XRPRIMER, tmp_path / "c.json", numbers)
    expected = cv2.projectPoints(
        TRUTH["X"].numpy(), cv2.Rodrigues(TRUTH["R"][0].numpy())[0], TRUTH["t"][0].numpy(), TRUTH["K"][0].numpy(),
        np.array(list(numbers.values())),
    )[0][:, 0]  # fmt: skip
    torch.testing.assert_close(first_pixels(path), torch.from_numpy(expected), rtol=0, atol=1e-6)
    pinhole = changed(XRPRIMER, tmp_path / "p.json", {**numbers, "class_name": "PinholeCameraParameter"})
    assert not read_cameras(pinhole, **OPEN).cameras.distortion.any()


def test_xrprimer_matrix_may_be_three_by_three(tmp_path: Path) -> None:
    assert sees_the_truth(changed(XRPRIMER, tmp_path / "c.json", {"intrinsic": TRUTH["K"][0].tolist()}))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"convention": "opengl"}, "convention 'opengl'; expected 'opencv'"),
        ({"class_name": "OmniCameraParameter"}, "class_name is 'OmniCameraParameter'"),
        ({"intrinsic": torch.ones(4, 4).tolist()}, "last rows"),
        ({"world2cam": None}, "no 'world2cam'"),
    ],
)
def test_xrprimer_refuses_what_it_cannot_be_sure_of(change: dict[str, Any], expected: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=expected):
        read_cameras(changed(XRPRIMER, tmp_path / "c.json", change), format="xrprimer_json")


# ---- MATLAB ----


@pytest.mark.parametrize("drop", [(), ("K",), ("K", "IntrinsicMatrix"), ("IntrinsicMatrix", "FocalLength", "Skew")])
def test_matlab_matrix_in_each_of_its_forms(drop: tuple[str, ...], tmp_path: Path) -> None:
    path = changed("matlab.json", tmp_path / "c.json", {}, drop)
    assert formats_of(path) == ["matlab_json"]
    assert sees_the_truth(path)


def test_matlab_newer_rotations_are_not_transposed(tmp_path: Path) -> None:
    newer = {"R": TRUTH["R"][0].tolist(), "Translation": TRUTH["t"][0].tolist()}
    path = changed("matlab.json", tmp_path / "c.json", newer, ("RotationMatrix", "TranslationVector"))
    assert sees_the_truth(path)


def test_matlab_one_camera_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(json.loads((GOLDEN / "matlab.json").read_text())[2]))
    rig = read_cameras(path, **OPEN)
    assert rig.names == ("cam_2",)
    assert sees_the_truth(GOLDEN / "matlab.json")
    torch.testing.assert_close(rig.project(TRUTH["X"])[0], TRUTH["px"][2], rtol=0, atol=1e-6)


# ---- Panoptic, PyMVG, aniposelib-pytorch ----


def test_panoptic_hd_cameras_are_picked_by_name(tmp_path: Path) -> None:
    path = changed("panoptic.json", tmp_path / "c.json", {"name": "01_01", "type": "vga"})
    rig = read_cameras(path)
    assert (rig.names, rig.up) == (("00_01", "00_02", "00_03", "01_01"), "-y")
    hd = rig.only(name for name in rig.names if name.startswith("00_"))
    torch.testing.assert_close(hd.project(TRUTH["X"]), TRUTH["px"][1:], rtol=0, atol=1e-6)


def test_pymvg_rectified_cameras_are_refused(tmp_path: Path) -> None:
    path = changed("pymvg.json", tmp_path / "c.json", {"R": TRUTH["R"][0].tolist()})
    with pytest.raises(FileError, match="'cam_0' is rectified"):
        read_cameras(path)
    assert sees_the_truth(changed("pymvg.json", tmp_path / "c.json", {}, ("R", "P")))
    unsized = read_cameras(changed("pymvg.json", tmp_path / "c.json", {"width": None}), **OPEN)
    assert bool(unsized["cam_0"].image_size.isnan().all())


def test_aniposelib_rig_lens_follows_the_model(tmp_path: Path) -> None:
    value = json.loads((GOLDEN / "aniposelib_rig.json").read_text())
    path = tmp_path / "c.json"
    value["stations"]["cam_0"].update(model="fisheye", dist=[0.1, 0.02, 0.003, 0.004])
    path.write_text(json.dumps(value))
    rig = read_cameras(path, **OPEN)
    assert rig.cameras.lens.tolist() == [Lens.FISHEYE, *[Lens.BROWN_CONRADY] * 3]
    value["stations"]["cam_0"]["model"] = "omni"
    path.write_text(json.dumps(value))
    with pytest.raises(FileError, match="station 'cam_0' has the lens model 'omni'"):
        read_cameras(path)
    value["schema"] = "aniposelib-rig/v2"
    path.write_text(json.dumps(value))
    with pytest.raises(FileError, match="schema 'aniposelib-rig/v2'"):
        read_cameras(path)


def test_tracktail_cut_out_pictures_are_refused(tmp_path: Path) -> None:
    whole = "cam_type:", 'offset_dict:\n  "cam_0": [0, 0]\ncam_type:'
    assert sees_the_truth(edited("tracktail.yaml", tmp_path / "c.yaml", whole))
    part = "cam_type:", 'offset_dict:\n  "cam_0": [0, 8]\ncam_type:'
    with pytest.raises(FileError, match="'cam_0' films a part of its sensor"):
        read_cameras(edited("tracktail.yaml", tmp_path / "c.yaml", part))
    with pytest.raises(FileError, match="cam_type is 'omni'"):
        read_cameras(edited("tracktail.yaml", tmp_path / "c.yaml", ("pinhole", "omni")))
