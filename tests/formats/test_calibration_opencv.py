"""Calibrations in OpenCV's YAML: single cameras, stereo pairs, ROS, EasyMocap."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from true_rig import GOLDEN, NAMES, TRUTH, edited, off_by

from lift3d.cameras import Lens
from lift3d.errors import FileError
from lift3d.formats import read_cameras


def test_stereo_takes_the_first_camera_as_the_world() -> None:
    rig = read_cameras(GOLDEN / "opencv_stereo.yml", unit="m", up="+z")
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
    rig = read_cameras(path, unit="m", up="+z")
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
