"""The benchmark commands run on small files of their kind and print what they promise."""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from rig_files import normalised_squared_error, oracle

from lift3d import write_cameras, write_keypoints
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
    arrays |= {"outlier": np.zeros((4, 12, 17), bool), "sigma": np.full((4, 12, 17), 1.5), "clip": np.zeros(12, int)}
    np.savez(folder / "rig.npz", **arrays)
    write_cameras(rig, folder / "rig.toml")
    write_keypoints(noisy, folder / "keypoints.npz")
    names = {"views": "views.npz", "rig": "rig.npz", "calibration": "rig.toml", "keypoints": "keypoints.npz"}
    return {kind: folder / name for kind, name in names.items()}


def _run(script: str, *words: object) -> dict:
    command = [sys.executable, str(HERE / script), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_lift_views(files: dict[str, Path]) -> None:
    figures = _run("lift_views.py", files["views"])
    assert set(figures) == {"exact", "detected", "occluded"}
    assert all(0 < own["pa_mpjpe_mm"] < own["mpjpe_mm"] < 300 for own in figures.values())


@pytest.mark.parametrize("method", ["dlt", "robust", "temporal", "learned", "volumetric"])
def test_triangulate_views(files: dict[str, Path], method: str) -> None:
    figures = _run("triangulate_views.py", files["views"], "--method", method)
    assert set(figures) == {"detected", "occluded"}
    for own in figures.values():
        assert own["coverage"] == 1
        assert 0.1 < own["median_mm"] < own["p95_mm"] < 30
        assert 0.1 < own["relative_mm"] < 30
        assert own["thousand_points_per_s"] > 0
        assert ("normalised_squared_error" in own) == (method != "dlt")


def test_views_of_random_rigs(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "walk.h5", "w") as file:
        file.attrs["unit_mm"] = 1000.0
        file["positions"] = walk(frames=12).positions[:, 0].numpy()
        group = file.create_group("clips")
        group["name"], group["subject"], group["split"] = [b"one"], [b"a"], [b"test"]
        group["start"], group["length"] = [0], [12]
    command = [sys.executable, str(HERE / "film_views.py"), str(tmp_path / "walk.h5"), str(tmp_path / "views.npz")]
    subprocess.run([*command, "--cameras", "5"], check=True)
    words = [tmp_path / "views.npz", "--cameras", 5, "--method", "dlt"]
    some, every = (
        _run("triangulate_views.py", *words, *more)["detected"]["median_mm"] for more in (["--views", 2], [])
    )
    assert 0.1 < every < some < 200
    subprocess.run([*command, "--cameras", "5", "--crowded"], check=True)
    means = [_run("triangulate_views.py", *words[:-1], method)["detected"]["mean_mm"] for method in ("dlt", "robust")]
    assert means[0] > 2 * means[1] > 2 * every  # views led astray are found out


@pytest.mark.parametrize("method", ["dlt", "robust", "temporal"])
def test_triangulate_rig(files: dict[str, Path], method: str) -> None:
    figures = _run("triangulate_rig.py", files["rig"], "--method", method, "--peers")
    assert figures["coverage"] == figures["oracle"]["coverage"] == 1
    for group in ("all", "clean>=2", "clean>=3"):
        own, best, ratio = figures[group], figures["oracle"][group], figures["ratio_to_oracle"][group]
        assert 0.1 < own["median_mm"] < own["p95_mm"] < 30
        assert 0.1 < best["median_mm"] < best["p95_mm"] < 30
        assert ratio["median_mm"] == pytest.approx(own["median_mm"] / best["median_mm"], abs=0.002)
        assert ("normalised_squared_error" in own) == (method != "dlt")
    assert figures["points"] == 12 * 17
    assert figures["thousand_points_per_s"] > 0
    for peer in figures["peers"].values():  # those that are installed
        assert set(peer) >= {"points", "ratio", "all", "own", "coverage"}


def test_the_oracle_is_right_about_its_noise() -> None:
    """With clean views of known noise alone, nothing that looks at each point by itself comes nearer."""
    random = np.random.default_rng(0)
    cameras = ring_rig(cameras=4)
    truth = walk(frames=20).positions[:, 0]
    sigma = random.uniform(1, 3, (4, 20, 17))
    pixels = cameras.project(truth).numpy() + random.normal(size=(4, 20, 17, 2)) * sigma[..., None]
    pixels[0, :, 3] = np.nan
    parts = cameras.cameras
    rig = {"pixels": pixels, "scores": 1 / sigma, "sigma": sigma, "outlier": np.zeros(sigma.shape, bool)}
    rig |= {"intrinsics": parts.intrinsics.numpy(), "distortion": parts.distortion.numpy()}
    rig |= {"rotation": parts.rotation.numpy(), "translation": 1000 * parts.translation.numpy()}
    rig |= {"positions": 1000 * truth.numpy(), "clip": np.zeros(20, int)}
    error = np.linalg.norm(oracle(rig) - rig["positions"], axis=-1)
    assert np.isfinite(error).all()
    assert 1 < np.median(error) < 20
    unweighted = oracle(rig | {"sigma": np.ones_like(sigma)})
    assert np.square(error).mean() < np.square(np.linalg.norm(unweighted - rig["positions"], axis=-1)).mean()


def test_the_normalised_squared_error_of_right_covariances_is_three() -> None:
    random = np.random.default_rng(0)
    root = random.normal(size=(20_000, 3, 3))
    error = (root @ random.normal(size=(20_000, 3, 1)))[..., 0]
    assert normalised_squared_error(error, root @ root.swapaxes(1, 2)) == pytest.approx(3, abs=0.1)


def test_film_footage(files: dict[str, Path]) -> None:
    methods = ("temporal", "robust", "learned", "dlt")
    figures = _run(
        "film_footage.py", files["calibration"], files["keypoints"], "--offset", "cam1=1", "--method", *methods
    )
    assert set(figures) == {"as_filmed", "with_offset"}
    for state in figures.values():
        assert set(state) == set(methods)
        for own in state.values():
            assert own["reprojection_median_px"] < own["reprojection_p90_px"] < 100
            assert set(own["median_px_by_camera"]) == {"cam0", "cam1", "cam2", "cam3"}
            assert set(own["bone_spread_percent"]) == {"left_thigh", "left_shank", "right_thigh", "right_shank"}
            assert 0.9 < own["coverage"] <= 1
            assert 0.3 < own["detections_used"] <= 1
    moved, still = figures["with_offset"]["dlt"], figures["as_filmed"]["dlt"]
    assert moved["reprojection_median_px"] > still["reprojection_median_px"]


def test_hour_recording() -> None:
    figures = _run("hour_recording.py", "--minutes", 0.02, "--cameras", 3)
    assert figures["frames"] == 72
    for method in ("temporal", "robust"):
        steps = ["start", "read", "triangulate", "write_npz", "write_csv"]
        assert list(figures[method]["seconds"]) == list(figures[method]["peak_gb"]) == steps
        assert 0 < figures[method]["peak_gb"]["start"] <= figures[method]["peak_gb"]["write_csv"] < 8
        assert figures[method]["coverage"] > 0.9


def test_lift_footage(files: dict[str, Path]) -> None:
    figures = _run("lift_footage.py", files["calibration"], files["keypoints"], "--missing", "spine")
    own = figures["temporal_attention_cmu17"]
    assert set(own["cameras"]) == {"cam0", "cam1", "cam2", "cam3"}
    assert 0 < own["pa_mpjpe_mm"] < own["mpjpe_mm"] < 300
    assert 0 < own["cameras_disagree_mm"] < 300
    assert abs(own["floor_m"]) < 0.1
