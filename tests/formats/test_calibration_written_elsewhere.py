"""What our writers write, read by other code: OpenCV's FileStorage, plain JSON, text; projected by OpenCV."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from scipy.spatial.transform import Rotation
from true_rig import NAMES, TRUTH, truth_rig

from lift3d.cameras import Camera, CameraRig, Lens
from lift3d.formats import write_cameras
from lift3d.synthetic import ring_rig

X, PIXELS = TRUTH["X"].numpy(), TRUTH["px"].numpy()
X_DOWN = np.stack([X[:, 1], -X[:, 2], -X[:, 0]], axis=1)  # the same points where -y is up


def off_by(points: np.ndarray, index: int, **camera: Any) -> float:
    """Largest distance in pixels between OpenCV's and the true pixels of a camera."""
    matrix, distortion, rotation, translation = (
        np.array(camera[key], dtype=float) for key in ("matrix", "distortion", "rotation", "translation")
    )
    rotvec = cv2.Rodrigues(rotation)[0] if rotation.size == 9 else rotation
    pixels = cv2.projectPoints(points, rotvec, translation, matrix, distortion)[0][:, 0]
    return float(np.abs(pixels - PIXELS[index]).max())


def stored(path: Path) -> cv2.FileStorage:
    return cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)


def test_opencv_reads_opencv_yaml(tmp_path: Path) -> None:
    write_cameras(truth_rig(), tmp_path / "rig", format="opencv_yaml")
    for index, name in enumerate(NAMES):
        file = stored(tmp_path / "rig" / f"{name}.yml")
        camera = {
            "matrix": file.getNode("camera_matrix").mat(),
            "distortion": file.getNode("distortion_coefficients").mat(),
            "rotation": file.getNode("R").mat(),
            "translation": file.getNode("T").mat(),
        }
        assert off_by(X, index, **camera) < 1e-9
        assert file.getNode("image_width").real() == 1920
        assert (file.getNode("camera_name").string(), file.getNode("up").string()) == (name, "+z")


def test_opencv_reads_whole_and_tiny_numbers(tmp_path: Path) -> None:
    matrix = [[500.0, 1e-20, 640.0], [0.0, 500.25, 360.0], [0.0, 0.0, 1.0]]
    write_cameras(CameraRig.of({"a": Camera.of(matrix)}), tmp_path / "rig", format="opencv_yaml")
    file = stored(tmp_path / "rig" / "a.yml")
    assert file.getNode("camera_matrix").mat().tolist() == matrix
    assert file.getNode("T").mat().tolist() == [[0.0], [0.0], [0.0]]
    for row in re.findall(r"data: (\[.*\])", (tmp_path / "rig" / "a.yml").read_text()):
        assert all(isinstance(number, float) for number in yaml.safe_load(row)), row  # 1e-20 would be a text


def test_opencv_reads_easymocap(tmp_path: Path) -> None:
    write_cameras(truth_rig(), tmp_path / "rig", format="easymocap_yaml")
    intri, extri = stored(tmp_path / "rig" / "intri.yml"), stored(tmp_path / "rig" / "extri.yml")
    names = intri.getNode("names")
    assert [names.at(i).string() for i in range(names.size())] == list(NAMES)
    for index, name in enumerate(NAMES):
        for rotation in ("R", "Rot"):
            camera = {
                "matrix": intri.getNode(f"K_{name}").mat(),
                "distortion": intri.getNode(f"dist_{name}").mat(),
                "rotation": extri.getNode(f"{rotation}_{name}").mat(),
                "translation": extri.getNode(f"T_{name}").mat(),
            }
            assert off_by(X, index, **camera) < 1e-9
        assert (intri.getNode(f"W_{name}").real(), intri.getNode(f"H_{name}").real()) == (1920, 1080)


def test_biocv_is_millimetres(tmp_path: Path) -> None:
    write_cameras(truth_rig(), tmp_path / "rig", format="biocv_text")
    for index, name in enumerate(NAMES):
        text = (tmp_path / "rig" / f"{name}.calib").read_text()
        assert text.startswith("1920\n1080\n")
        values = np.array(text.split()[2:], dtype=float)
        matrix, pose, distortion = values[:9].reshape(3, 3), values[9:25].reshape(4, 4), values[25:]
        camera = {"matrix": matrix, "distortion": distortion, "rotation": pose[:3, :3], "translation": pose[:3, 3]}
        assert off_by(X * 1000, index, **camera) < 1e-9


def test_panoptic_is_centimetres_with_minus_y_up(tmp_path: Path) -> None:
    write_cameras(truth_rig(), tmp_path / "rig.json", format="panoptic_json")
    for index, camera in enumerate(json.loads((tmp_path / "rig.json").read_text())["cameras"]):
        values = {"matrix": camera["K"], "distortion": camera["distCoef"], "rotation": camera["R"]}
        assert off_by(X_DOWN * 100, index, **values, translation=camera["t"]) < 1e-9
        assert camera["resolution"] == [1920, 1080]


def test_xrprimer_is_metres(tmp_path: Path) -> None:
    write_cameras(truth_rig(), tmp_path / "rig", format="xrprimer_json")
    for index, name in enumerate(NAMES):
        camera = json.loads((tmp_path / "rig" / f"{name}.json").read_text())
        matrix = np.array(camera["intrinsic"])
        assert matrix[2:].tolist() == [[0, 0, 0, 1], [0, 0, 1, 0]]
        values = {
            "matrix": [*matrix[:2, :3].tolist(), [0, 0, 1]],
            "distortion": [camera[key] for key in ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")],
            "rotation": camera["extrinsic_r"],
            "translation": camera["extrinsic_t"],
        }
        assert off_by(X, index, **values) < 1e-9
        assert (camera["world2cam"], camera["convention"], camera["width"]) == (True, "opencv", 1920)


def test_pymvg_is_world_to_camera(tmp_path: Path) -> None:
    write_cameras(truth_rig(), tmp_path / "rig.json", format="pymvg_json")
    for index, camera in enumerate(json.loads((tmp_path / "rig.json").read_text())["camera_system"]):
        values = {"matrix": camera["K"], "distortion": camera["D"], "rotation": camera["Q"]}
        assert off_by(X, index, **values, translation=camera["translation"]) < 1e-9
        assert np.array(camera["P"]).shape == (3, 4)


def test_freemocap_is_millimetres_and_repeats_itself(tmp_path: Path) -> None:
    write_cameras(truth_rig(), tmp_path / "rig.toml", format="freemocap_toml")
    tables = tomllib.loads((tmp_path / "rig.toml").read_text())
    for index, name in enumerate(NAMES):
        camera = tables[name]
        values = {key: camera[key] for key in ("matrix", "rotation", "translation")}
        assert off_by(X * 1000, index, **values, distortion=camera["distortions"]) < 1e-9
        centre = -np.array(camera["world_orientation"]) @ camera["translation"]
        assert np.allclose(camera["world_position"], centre, rtol=0, atol=1e-9)


@pytest.mark.parametrize("lens", ["brown", "pinhole", "fisheye"])
def test_colmap_has_its_origin_at_the_corner(lens: str, tmp_path: Path) -> None:
    rig = ring_rig(lens=lens)
    write_cameras(rig, tmp_path / "rig", format="colmap_text")
    lenses = [line.split() for line in (tmp_path / "rig" / "cameras.txt").read_text().splitlines()[1:]]
    images = [line.split() for line in (tmp_path / "rig" / "images.txt").read_text().splitlines()[1:]]
    assert images[1::2] == [[]] * 4, "the line of points below each image"
    models = {"brown": "OPENCV", "pinhole": "PINHOLE", "fisheye": "OPENCV_FISHEYE"}
    for index, (camera, image) in enumerate(zip(lenses, images[::2], strict=True)):
        assert camera[:4] == [str(index + 1), models[lens], "1280", "720"]
        assert image[8:] == [camera[0], f"{rig.names[index]}.jpg"]
        fx, fy, cx, cy, *distortion = map(float, camera[4:])
        w, x, y, z, *translation = map(float, image[1:8])
        rotvec = Rotation.from_quat([x, y, z, w]).as_rotvec()
        matrix = np.array([[fx, 0, cx - 0.5], [0, fy, cy - 0.5], [0, 0, 1]])
        if lens == "fisheye":
            assert int(rig.cameras.lens[index]) == Lens.FISHEYE
            coefficients = np.array(distortion)
            pixels = cv2.fisheye.projectPoints(X[:, None], rotvec, np.array(translation), matrix, coefficients)[0]
        else:
            pixels = cv2.projectPoints(X, rotvec, np.array(translation), matrix, np.array(distortion))[0]
        expected = rig.cameras[index].project(TRUTH["X"]).numpy()
        assert np.abs(pixels.reshape(-1, 2) - expected).max() < 1e-9
