"""Small keypoint files, and what the tests of keypoint formats have in common."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lift3d.errors import FileError
from lift3d.formats import read_keypoints

GOLDEN = Path(__file__).parents[1] / "golden" / "keypoints"
TRUTH = np.load(GOLDEN / "truth.npz")
FLAT = [value for joint in range(17) for value in (10.0 * joint + 1, 20.0 * joint + 2, 0.5)]


def saved(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def openpose(folder: Path, frames: dict[int, list[list[float]]], pattern: str = "{:012d}_keypoints.json") -> Path:
    """A folder of OpenPose files: the flat keypoints of the people of each frame."""
    for frame, people in frames.items():
        saved(folder / pattern.format(frame), {"people": [{"pose_keypoints_2d": person} for person in people]})
    return folder


def at(x: float, joints: int = 17) -> list[float]:
    """A person whose joints all lie at (x, 5) with score 0.5."""
    return [x, 5.0, 0.5] * joints


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(FileError) as caught:
        read_keypoints(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)
