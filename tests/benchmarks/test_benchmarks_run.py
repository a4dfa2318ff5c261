"""The benchmark commands run on small files of their kind and print what they promise."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.synthetic import observe, ring_rig, walk

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("benchmarks")
    rig, poses = ring_rig(cameras=4, lens="pinhole", image_size=(1000, 1000)), walk(frames=12)
    noisy = observe(poses, rig, noise_px=1.5)
    cameras, world = rig.cameras, poses.positions[:, 0].double()
    views = {
        "positions": cameras.world_to_camera(world.reshape(1, -1, 3).expand(4, -1, 3)).reshape(-1, 17, 3).float(),
        "pixels_exact": observe(poses, rig).pixels.reshape(-1, 17, 2),
        "sequence": torch.arange(4, dtype=torch.int32).repeat_interleave(12),
        "intrinsics": cameras.intrinsics,
        "rotation": cameras.rotation,
        "translation": cameras.translation,
    }
    for kind in ("detected", "occluded"):
        views |= {f"pixels_{kind}": noisy.pixels.reshape(-1, 17, 2), f"scores_{kind}": noisy.scores.reshape(-1, 17)}
    np.savez(folder / "views.npz", **{name: value.numpy() for name, value in views.items()})
    seen = {"pixels": noisy.pixels[:, :, 0], "scores": noisy.scores[:, :, 0], "positions": 1000 * world}
    seen |= {"intrinsics": cameras.intrinsics, "distortion": cameras.distortion[:, :5], "rotation": cameras.rotation}
    arrays = {name: value.numpy() for name, value in {**seen, "translation": 1000 * cameras.translation}.items()}
    np.savez(folder / "rig.npz", outlier=np.zeros((4, 12, 17), bool), **arrays)
    return {"views": folder / "views.npz", "rig": folder / "rig.npz"}


def _run(script: str, *words: object) -> dict:
    command = [sys.executable, str(HERE / script), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_lift_views(files: dict[str, Path]) -> None:
    figures = _run("lift_views.py", files["views"])
    assert set(figures) == {"exact", "detected", "occluded"}
    assert all(0 < own["pa_mpjpe_mm"] < own["mpjpe_mm"] < 300 for own in figures.values())


def test_triangulate_views(files: dict[str, Path]) -> None:
    figures = _run("triangulate_views.py", files["views"], "--method", "dlt")
    assert set(figures) == {"detected", "occluded"}
    assert figures["detected"]["coverage"] == 1
    assert 0.1 < figures["detected"]["median_mm"] < figures["detected"]["p95_mm"] < 30


def test_triangulate_rig(files: dict[str, Path]) -> None:
    figures = _run("triangulate_rig.py", files["rig"], "--method", "dlt")
    assert figures["coverage"] == 1
    assert 0.1 < figures["all"]["median_mm"] < 20
    assert figures["thousand_points_per_s"] > 0
