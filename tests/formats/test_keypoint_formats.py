"""Keypoint files: samples read to their truth, missing joints, frames that stay in step, identities, bad files."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from keypoint_files import GOLDEN, TRUTH, refused

from lift3d.errors import InputError, Lift3dError
from lift3d.formats import read_keypoints
from lift3d.formats._dispatch import _candidates
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import get_skeleton

SAMPLES = {  # path: (format, camera, largest difference in pixels and scores)
    "alphapose-results.json": ("alphapose_json", "keypoints", 1e-9),
    "coco_results.json": ("coco_json", "coco_results", 1e-9),
    "mmpose_instance_info.json": ("mmpose_json", "mmpose_instance_info", 1e-9),
    "openpose_cam0_json": ("openpose_json", "openpose_cam0", 6e-4),  # three decimals in the file
    "dlc_single.csv": ("deeplabcut_csv", "dlc_single", 1e-9),
    "dlc_single.h5": ("deeplabcut_h5", "dlc_single", 1e-9),
    "dlc_multi.csv": ("deeplabcut_csv", "dlc_multi", 1e-9),
    "dlc_multi.h5": ("deeplabcut_h5", "dlc_multi", 1e-9),
    "dlc_multi_fixed.h5": ("deeplabcut_h5", "dlc_multi_fixed", 1e-9),
    "sleap.analysis.h5": ("sleap_h5", "sleap", 1e-9),
    "sleap_standard.analysis.h5": ("sleap_h5", "sleap_standard", 1e-9),
}

# --- samples


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_reads_to_its_truth(name: str) -> None:
    format_name, camera, near = SAMPLES[name]
    keypoints = read_keypoints(GOLDEN / name)
    assert [entry.name for entry in _candidates(GOLDEN / name, Keypoints2D)] == [format_name]
    assert keypoints.camera_names == (camera,)
    assert keypoints.skeleton == get_skeleton("coco17")
    assert keypoints.pixels.dtype == torch.float64
    people = 1 if "single" in name else 2
    assert keypoints.pixels.shape[2] == people
    assert np.abs(keypoints.pixels[0].numpy() - TRUTH["xy"][:, :people]).max() <= near
    assert np.abs(keypoints.scores[0].numpy() - TRUTH["conf"][:, :people]).max() <= near
    assert keypoints.times.tolist() == [frame / 30 for frame in range(5)]


@pytest.mark.parametrize("name", SAMPLES)
def test_options_count(name: str) -> None:
    named = name.startswith(("dlc", "sleap"))  # files that name their joints
    skeleton = "halpe26" if named else "human36m17"
    keypoints = read_keypoints(GOLDEN / name, fps=50, skeleton=skeleton, camera_names=["left"])
    assert keypoints.times[1].item() == pytest.approx(0.02)
    assert keypoints.skeleton.name == skeleton
    assert keypoints.camera_names == ("left",)
    wrong, text = ("human36m17", "nose, left_eye") if named else ("body25", "17 joints")
    assert text in refused(GOLDEN / name, skeleton=wrong)


@pytest.mark.parametrize("name", SAMPLES)
def test_sequences_are_refused_where_there_are_none(name: str) -> None:
    assert "sequence" in refused(GOLDEN / name, sequence="S1/Walking")


@pytest.mark.parametrize("indent", [None, 1, 4])
@pytest.mark.parametrize("name", [name for name in SAMPLES if name.endswith(".json")])
def test_recognised_however_indented(name: str, indent: int | None, tmp_path: Path) -> None:
    content = json.loads((GOLDEN / name).read_text(encoding="utf-8"))
    path = tmp_path / "cam1.json"
    path.write_text("\ufeff \n" + json.dumps(content, indent=indent), encoding="utf-8")
    assert [entry.name for entry in _candidates(path, Keypoints2D)] == [SAMPLES[name][0]]
    assert np.abs(read_keypoints(path).pixels[0].numpy() - TRUTH["xy"]).max() <= 1e-9


# --- several cameras


@pytest.mark.parametrize("name", [name for name in SAMPLES if name.endswith(".json")])
def test_folder_of_files_is_read_in_natural_order(name: str, tmp_path: Path) -> None:
    for camera in ("cam10", "cam2", "cam1"):
        shutil.copy(GOLDEN / name, tmp_path / f"{camera}.json")
    keypoints = read_keypoints(tmp_path)
    assert keypoints.camera_names == ("cam1", "cam2", "cam10")
    assert np.abs(keypoints.pixels.numpy() - TRUTH["xy"]).max() <= 1e-9


def test_several_paths_of_several_formats() -> None:
    several = {
        name: camera for name, (_, camera, _) in SAMPLES.items() if name not in ("dlc_single.h5", "dlc_multi.h5")
    }
    keypoints = read_keypoints([GOLDEN / name for name in several])
    assert keypoints.camera_names == tuple(several.values())
    assert np.abs(keypoints.pixels[:, :, 0].numpy() - TRUTH["xy"][:, 0]).max() <= 6e-4


def test_number_of_camera_names_is_checked() -> None:
    with pytest.raises(InputError, match="2 camera names for 1 cameras"):
        read_keypoints(GOLDEN / "coco_results.json", camera_names=["a", "b"])


# --- files that are damaged


@pytest.mark.parametrize("name", [name for name in SAMPLES if name.endswith(".json")])
@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_json_cut_short_says_where(name: str, part: float, tmp_path: Path) -> None:
    content = (GOLDEN / name).read_bytes()
    kept = min(int(len(content) * part), len(content) - 1)
    path = tmp_path / "cam.json"
    path.write_bytes(content[:kept])
    text = refused(path, format=SAMPLES[name][0])
    assert "is empty" in text if kept == 0 else "byte" in text


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b'[{"image_id": 1, "keypoints": [1,, 2]}]', "is not valid JSON at byte 33"),
        (b'[{"image_id": 1, "keypoints": "\xff"}]', "byte 31 is not UTF-8"),
        (b"[" * 100_000, "nested|recursion|cut short|JSON"),
        (b'[{"image_id": ' + b"9" * 5000 + b', "keypoints": []}]', "JSON"),
    ],
)
def test_json_that_is_none(content: bytes, text: str, tmp_path: Path) -> None:
    path = tmp_path / "cam.json"
    path.write_bytes(content)
    assert any(part in refused(path, format="coco_json") for part in text.split("|"))


ODD: list[Any] = [None, True, -1, 1.5, 10**30, "x", [], {}, [None], [[]], {"a": None}, math.nan, math.inf]


@pytest.mark.parametrize("name", ["alphapose-results.json", "coco_results.json", "mmpose_instance_info.json"])
def test_a_value_of_another_kind_anywhere_raises_nothing_but_ours(name: str, tmp_path: Path) -> None:
    original = (GOLDEN / name).read_text(encoding="utf-8")
    generator = np.random.default_rng(0)
    path = tmp_path / "cam.json"
    for trial in range(250):
        content = _replaced(json.loads(original), generator, ODD[trial % len(ODD)])
        path.write_text(json.dumps(content), encoding="utf-8")
        assert "\n" not in outcome(path, SAMPLES[name][0])


def outcome(path: Path, format_name: str) -> str:
    """The text of the refusal, if the file is refused; any exception that is not ours ends the test."""
    try:
        read_keypoints(path, format=format_name)
    except Lift3dError as error:
        return str(error)
    return ""


def _replaced(content: Any, generator: np.random.Generator, odd: Any) -> Any:
    """The content with one value, at any depth, replaced."""
    if not isinstance(content, list | dict) or not content or generator.random() < 0.2:
        return odd
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    key = keys[generator.integers(len(keys))]
    content[key] = _replaced(content[key], generator, odd)
    return content


def test_recognising_never_raises(tmp_path: Path) -> None:
    check: Callable[[Path], list[Any]] = lambda path: _candidates(path, Keypoints2D)  # noqa: E731
    for name, content in {"a.json": b"\xff\xfe", "b.npz": b"PK\x03\x04 cut", "c.json": b'"'}.items():
        (tmp_path / name).write_bytes(content)
        assert check(tmp_path / name) == []
    (tmp_path / "d.json").mkdir()
    (tmp_path / "e.npz").mkdir()
    assert check(tmp_path / "d.json") == check(tmp_path / "e.npz") == []
