"""Human3.6M's own files and others' to lift3d's: names, splits, joints, pixels; a made-up cdflib stands in."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from data_tools import human36m_cdf, make_pose_pairs
from lift3d.cameras import CameraRig
from lift3d.datasets import open_motion, read_pose_pairs
from lift3d.formats import write_cameras
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import ring_rig, walk

ROWS = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]
SERIALS = ("54138969", "55011271", "58860488", "60457274")
HUMAN36M = get_skeleton("human36m17")


class FakeCdf:
    """What cdflib gives of a file; here the file is an array of NumPy."""

    def __init__(self, path: Any) -> None:
        self.path = path

    def varget(self, name: str) -> np.ndarray:
        assert name == "Pose"
        with Path(self.path).open("rb") as file:
            return np.load(file)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four files of two subjects and a calibration of each."""
    cdflib = ModuleType("cdflib")
    cdflib.CDF = FakeCdf  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cdflib", cdflib)
    for seed, (subject, name) in enumerate(
        [("S1", "TakingPhoto"), ("S1", "WalkingDog 1"), ("S11", "Directions"), ("S11", "Directions 1")]
    ):
        raw = np.full((6, 32, 3), 9e4)
        raw[:, ROWS] = 1000 * walk(6, seed=seed).positions[:, 0].numpy()
        path = tmp_path / "source" / subject / "MyPoseFeatures" / "D3_Positions" / f"{name}.cdf"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.save(file, raw.reshape(1, 6, 96))
    (tmp_path / "rigs").mkdir()
    for seed, subject in enumerate(("S1", "S11")):
        rig = ring_rig(4, image_size=(1000, 1000), lens="human36m", seed=seed)
        named = CameraRig.of({new: rig[old] for new, old in zip(SERIALS, rig.names, strict=True)})
        write_cameras(named, tmp_path / "rigs" / f"{subject}.toml")
    return tmp_path


def test_official_files_become_motion_and_pairs(folder: Path) -> None:
    paths = {name: folder / f"{name}.h5" for name in ("pairs", "motion")}
    human36m_cdf.main([
        str(folder / "source"), "--cameras", str(folder / "rigs"),
        "--pairs", str(paths["pairs"]), "--motion", str(paths["motion"]),
    ])  # fmt: skip
    motion, pairs = open_motion(paths["motion"]), read_pose_pairs(paths["pairs"])
    assert [(clip.name, clip.action, clip.split) for clip in motion.clips] == [
        ("S1/Photo", "Photo", "train"),
        ("S1/WalkDog 1", "WalkDog", "train"),
        ("S11/Directions 1", "Directions", "test"),
    ]
    assert [clip.name for clip in pairs.clips[4:8]] == [f"S1/WalkDog 1/{name}" for name in SERIALS]
    for number, seed in enumerate((0, 1, 3)):
        true = walk(6, seed=seed).positions[:, 0]
        np.testing.assert_allclose(motion.read(number).numpy(), true.numpy(), atol=1.4e-4)
        for place in range(4):
            clip, seen = pairs.clips[4 * number + place], pairs.read(4 * number + place)
            np.testing.assert_allclose(pairs.positions_world(4 * number + place).numpy(), true.numpy(), atol=2e-6)
            assert clip.camera is not None
            pixels = clip.camera.project(true.reshape(-1, 3)).reshape(6, 17, 2)
            torch.testing.assert_close(seen.pixels.double(), pixels, atol=1e-3, rtol=0)
    assert (motion.skeleton, pairs.skeleton, pairs.clips[0].frames_per_second) == (HUMAN36M, HUMAN36M, 50)


def test_what_cannot_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    output = str(folder / "motion.h5")
    with pytest.raises(SystemExit):
        human36m_cdf.main([str(folder), "--pairs", output])
    assert "--pairs needs --cameras" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="holds no S"):
        human36m_cdf.main([str(folder), "--motion", output])
    bad = folder / "source" / "S1" / "MyPoseFeatures" / "D3_Positions" / "Eating.cdf"
    bad.write_bytes(b"nothing")
    with pytest.raises(SystemExit, match=r"Eating\.cdf: is damaged or no CDF file"):
        human36m_cdf.main([str(folder / "source"), "--motion", output])
    with bad.open("wb") as file:
        np.save(file, np.zeros((1, 5, 64)))
    with pytest.raises(SystemExit, match=r"Pose has shape \(1, 5, 64\)"):
        human36m_cdf.main([str(folder / "source"), "--motion", output])
    monkeypatch.setitem(sys.modules, "cdflib", None)
    with pytest.raises(SystemExit, match="pip install cdflib"):
        human36m_cdf.main([str(folder / "source"), "--motion", output])
    assert not Path(output).exists()


def test_make_pose_pairs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """VideoPose3D's two archives to one file, of one subject."""
    true, rig = walk(6).positions[:, 0], ring_rig(2)
    positions: dict[str, Any] = {one: {"Walking": true.numpy().astype("f4")} for one in ("S1", "S9")}
    pixels = {one: {"Walking": list(rig.project(true).numpy().astype("f4"))} for one in ("S1", "S9")}
    for name, key, value in (("3d", "positions_3d", positions), ("2d", "positions_2d", pixels)):
        array = np.empty((), dtype=object)
        array[()] = value
        np.savez(folder / f"data_{name}_h36m_gt.npz", **{key: array})
    write_cameras(rig, folder / "rig.toml")
    inputs = [str(folder / "data_3d_h36m_gt.npz"), str(folder / "data_2d_h36m_gt.npz"), "-o", str(folder / "pairs.h5")]
    make_pose_pairs.main([*inputs, "--cameras", str(folder / "rig.toml"), "--subjects", "S9", "--about", "made up"])
    assert "2 clips, 12 frames" in capsys.readouterr().out
    pairs = read_pose_pairs(folder / "pairs.h5")
    assert [clip.name for clip in pairs.clips] == ["S9/Walking/cam0", "S9/Walking/cam1"]
    np.testing.assert_allclose(pairs.positions_world(1).numpy(), true.numpy(), atol=2e-6)
    with pytest.raises(SystemExit, match="holds no cameras"):
        make_pose_pairs.main(inputs)
