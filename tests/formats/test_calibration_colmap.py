"""COLMAP models: every lens model, text and binary, several pictures of one lens, half a pixel."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from true_rig import GOLDEN, TRUTH

from lift3d.errors import FileError
from lift3d.formats import read_cameras

OPEN = {"unit": "m", "up": "+z"}
K = {"f": 1500.0, "fx": 1500.0, "fy": 1490.0, "cx": 950.5, "cy": 540.5}
MODELS = {
    "SIMPLE_PINHOLE": ("f cx cy", []),
    "PINHOLE": ("fx fy cx cy", []),
    "SIMPLE_RADIAL": ("f cx cy", [-0.1]),
    "RADIAL": ("f cx cy", [-0.1, 0.03]),
    "OPENCV": ("fx fy cx cy", [-0.1, 0.03, 0.001, -0.002]),
    "OPENCV_FISHEYE": ("fx fy cx cy", [0.02, -0.006, 0.001, 0.0005]),
    "FULL_OPENCV": ("fx fy cx cy", [-0.1, 0.03, 0.001, -0.002, 0.01, 0.02, 0.03, 0.04]),
}
POSE = "0.46482833744147428 0.62164246179719806 0.50492447268037333 -0.37755336482484297 -0.0719 0.9145 4.5462"


def parameters(model: str) -> list[float]:
    names, coefficients = MODELS[model]
    return [K[name] for name in names.split()] + coefficients


def text_model(folder: Path, model: str, images: str = f"1 {POSE} 7 left.jpg\n\n") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "cameras.txt").write_text(f"# ours\n7 {model} 1920 1080 {' '.join(map(repr, parameters(model)))}\n")
    (folder / "images.txt").write_text(f"# ours\n{images}")
    return folder


def binary_model(folder: Path, model: str, points: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    values = parameters(model)
    lens = struct.pack(f"<QiiQQ{len(values)}d", 1, 7, list(MODELS).index(model), 1920, 1080, *values)
    image = struct.pack("<Qi7di", 1, 1, *map(float, POSE.split()), 7)
    ending = b"left.jpg\0" + struct.pack("<Q", points) + struct.pack("<ddq", 1.5, 2.5, -1) * points
    (folder / "cameras.bin").write_bytes(lens)
    (folder / "images.bin").write_bytes(image + ending)
    return folder


def opencv_pixels(model: str) -> torch.Tensor:
    """OpenCV's pixels of the true points for the camera of the models above."""
    camera = read_cameras(GOLDEN / "colmap_text", **OPEN)["cam_0"]
    rotvec = cv2.Rodrigues(camera.rotation.numpy())[0]
    translation = np.array([float(number) for number in POSE.split()[4:]])
    fx, fy = (K["f"], K["f"]) if MODELS[model][0].startswith("f ") else (K["fx"], K["fy"])
    matrix = np.array([[fx, 0, K["cx"] - 0.5], [0, fy, K["cy"] - 0.5], [0, 0, 1]])
    coefficients = np.array([*MODELS[model][1], 0.0, 0.0, 0.0, 0.0])[: max(4, len(MODELS[model][1]))]
    points = TRUTH["X"].numpy()
    if model == "OPENCV_FISHEYE":
        pixels = cv2.fisheye.projectPoints(points[:, None], rotvec, translation[:, None], matrix, coefficients)[0]
    else:
        pixels = cv2.projectPoints(points, rotvec, translation, matrix, coefficients)[0]
    return torch.from_numpy(pixels.reshape(-1, 2))


@pytest.mark.parametrize("model", MODELS)
def test_every_lens_model_gives_opencvs_pixels(model: str, tmp_path: Path) -> None:
    for path in (text_model(tmp_path / "text", model), binary_model(tmp_path / "binary", model, points=3)):
        rig = read_cameras(path, **OPEN)
        assert rig.names == ("left",)
        assert rig.cameras.image_size.tolist() == [[1920, 1080]]
        torch.testing.assert_close(rig.project(TRUTH["X"])[0], opencv_pixels(model), rtol=0, atol=1e-6)


def test_each_picture_of_one_lens_is_a_camera(tmp_path: Path) -> None:
    images = f"2 {POSE} 7 left/frame 10.png\n1.5 2.5 -1 3.5 4.5 2\n1 {POSE} 7 left/frame 9.png\n\n\n3 {POSE} 7 b.PNG"
    rig = read_cameras(text_model(tmp_path / "m", "OPENCV", images), **OPEN)
    assert rig.names == ("b", "left/frame 9", "left/frame 10")
    images = f"1 {POSE} 7 a.png\n\n2 {POSE} 7 a.jpg\n"
    assert read_cameras(text_model(tmp_path / "m", "OPENCV", images), **OPEN).names == ("a.jpg", "a.png")


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (f"1 {POSE} 7 a.png\n2 {POSE} 7 b.png\n", "below image 'a.png'.*empty one deleted"),
        (f"1 {POSE} 8 a.png\n\n", "camera 8, which is not there"),
        (f"1 {POSE} x a.png\n\n", "number of a camera was expected"),
        (f"1 {POSE} a.png\n\n", "9 values; expected 10"),
        (f"1 {POSE.replace('4.5462', 'nan')} 7 a.png\n\n", "holds NaN"),
        ("1 0 0 0 0 0 0 4 7 a.png\n\n", "'a'.*not a rotation"),
        ("", "holds no cameras"),
    ],
)  # fmt: skip
def test_text_that_is_wrong_is_refused_with_its_place(images: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=expected):
        read_cameras(text_model(tmp_path / "m", "OPENCV", images), **OPEN)


def test_unknown_models_and_wrong_counts_are_refused(tmp_path: Path) -> None:
    path = text_model(tmp_path / "m", "OPENCV")
    good = (path / "cameras.txt").read_text()
    (path / "cameras.txt").write_text(good.replace("OPENCV", "FOV"))
    with pytest.raises(FileError, match="model FOV; known are SIMPLE_PINHOLE"):
        read_cameras(path)
    (path / "cameras.txt").write_text(good.replace("OPENCV", "PINHOLE"))
    with pytest.raises(FileError, match="8 parameters; PINHOLE has 4"):
        read_cameras(path)
    path = binary_model(tmp_path / "b", "OPENCV")
    good_bytes = (path / "cameras.bin").read_bytes()
    (path / "cameras.bin").write_bytes(good_bytes + b"x")
    with pytest.raises(FileError, match=r"cameras\.bin.*1 bytes more"):
        read_cameras(path)
    (path / "cameras.bin").write_bytes(good_bytes[:12] + struct.pack("<i", 7) + good_bytes[16:])
    with pytest.raises(FileError, match="model 7; known are 0 to 6"):
        read_cameras(path)


def test_binary_counts_without_end_are_refused_at_once(tmp_path: Path) -> None:
    path = binary_model(tmp_path / "b", "OPENCV")
    (path / "cameras.bin").write_bytes(struct.pack("<Q", 2**63) + (path / "cameras.bin").read_bytes()[8:])
    with pytest.raises(FileError, match="cut short"):
        read_cameras(path)


def test_a_folder_with_both_is_asked_about(tmp_path: Path) -> None:
    text_model(binary_model(tmp_path / "m", "OPENCV"), "OPENCV")
    with pytest.raises(FileError, match=r"candidates: colmap_binary, colmap_text\). Name it \(format=\.\.\."):
        read_cameras(tmp_path / "m")
    assert len(read_cameras(tmp_path / "m", format="colmap_text", **OPEN)) == 1
