"""Poses to write, and what the tests of pose formats have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lift3d.errors import FileError
from lift3d.formats import read_poses
from lift3d.poses import Poses3D
from lift3d.skeletons import get_skeleton

GOLDEN = Path(__file__).parents[1] / "golden" / "poses"
TRUTH = np.load(GOLDEN / "truth_3d_zup_m.npy")
TIMES = [0.0, 0.1, 0.2, 0.4, 0.5]


def some_poses(
    people: int = 2,
    skeleton: str = "human36m17",
    missing: bool = True,
    dtype: torch.dtype = torch.float64,
    **space: str,
) -> Poses3D:
    joints = get_skeleton(skeleton)
    positions = torch.randn(5, people, len(joints), 3, dtype=dtype)
    if missing:
        positions[2, :, 1] = torch.nan
    scores = torch.rand(positions.shape[:3], dtype=dtype)
    return Poses3D.of(positions, scores, skeleton=joints, times=torch.tensor(TIMES), **space)  # type: ignore[arg-type]


def same(first: Poses3D, second: Poses3D, near: float = 0.0) -> None:
    for name in ("positions", "scores", "times"):
        torch.testing.assert_close(
            getattr(first, name), getattr(second, name), rtol=0, atol=near, equal_nan=True, check_dtype=False
        )
    assert (first.skeleton, first.frame, first.up) == (second.skeleton, second.frame, second.up)


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(FileError) as caught:
        read_poses(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)
