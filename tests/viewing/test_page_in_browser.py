"""The page in headless Chromium, where there is one: its script runs without an error and draws."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lift3d.viewing import view

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--virtual-time-budget=2000", "--enable-logging=stderr",
    "--force-device-scale-factor=1", "--hide-scrollbars", "--window-size=1000,700",
]  # fmt: skip

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]


def screenshot(page, folder, state):
    """RGB of the page in a state of its hash; fails where the page's console holds an error."""
    picture = folder / "page.png"
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", f"--screenshot={picture}"]
    result = subprocess.run([*command, f"{page.as_uri()}#{state}"], capture_output=True, text=True, timeout=120)
    assert "CONSOLE" not in result.stderr, result.stderr
    return np.asarray(Image.open(picture).convert("RGB")).astype(int)


def orange(picture):
    """Rows and columns that have the colour of the right side."""
    return np.argwhere(np.abs(picture - [213, 94, 0]).sum(-1) < 40)


def test_a_skeleton_stands_in_the_stage_and_walks(poses, rig, keypoints, tmp_path):
    page = view({"truth": poses, "root": replace(poses, frame="root")}, rig, keypoints).save(tmp_path / "page.html")
    first = screenshot(page, tmp_path, "frame=0&layout=side&joint=left_wrist")
    last = screenshot(page, tmp_path, "frame=19&colour=side")
    assert len(orange(first)) > 100
    assert len(orange(last)) > 100
    assert np.abs(first - last).sum() > 1000


def test_the_view_from_a_camera_is_its_projection(poses, rig, tmp_path):
    """The seen right ankle's pixel in the camera, put where the picture lies on the stage."""
    page = view(poses, rig).save(tmp_path / "page.html")
    picture = screenshot(page, tmp_path, "frame=10&camera=cam01")
    top, left, width = picture_frame(picture)
    ankle = rig["cam01"].project(poses.positions[10, 0])[poses.skeleton.index("right_ankle")]
    x, y = ((ankle + 0.5) * width / 640).tolist()
    own = orange(picture)
    distance = np.hypot(own[:, 0] - (top + y), own[:, 1] - (left + x)).min()
    assert distance < 4


def picture_frame(picture):
    """Top, left and width of the camera's picture on the stage, by its lower edge in the cameras' colour."""
    purple = np.abs(picture - [122, 81, 149]).sum(-1) < 60
    purple[: len(purple) // 2] = False
    bottom = int(purple.sum(1).argmax())
    columns = np.flatnonzero(purple[bottom])
    width = columns.max() - columns.min()
    return bottom - width * 480 / 640, columns.min(), width
