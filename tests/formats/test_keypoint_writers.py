"""Keypoints for other programs: OpenPose's folders and COCO's results come back; what they cannot keep is refused."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from keypoint_files import GOLDEN, refused

from lift3d.errors import FileError, InputError
from lift3d.formats import read_keypoints, write_keypoints
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import get_skeleton


def some(
    cameras: int = 3, people: int = 2, skeleton: str = "coco17", dtype: torch.dtype = torch.float64
) -> Keypoints2D:
    """Detections with missing joints, people who come and go, and a frame in which nobody is seen."""
    joints = get_skeleton(skeleton)
    pixels = torch.rand(cameras, 5, people, len(joints), 2, dtype=dtype) * 1000
    pixels[:, 2] = torch.nan
    pixels[:, 1, 0] = torch.nan
    pixels[0, 0, :, 3] = torch.nan
    scores = torch.rand(pixels.shape[:-1], dtype=dtype) * 0.9 + 0.1
    names = [f"cam{number}" for number in (2, 10, 11)[:cameras]]
    return Keypoints2D.of(pixels, scores, skeleton=joints, camera_names=names)


def same(read: Keypoints2D, written: Keypoints2D) -> None:
    for name in ("pixels", "scores", "times"):
        torch.testing.assert_close(
            getattr(read, name), getattr(written, name), rtol=0, atol=0, equal_nan=True, check_dtype=False
        )
    assert (read.camera_names, read.skeleton) == (written.camera_names, written.skeleton)


# --- OpenPose


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("skeleton", ["coco17", "body18", "body25", "halpe26"])
def test_openpose_comes_back(skeleton: str, dtype: torch.dtype, tmp_path: Path) -> None:
    keypoints = some(skeleton=skeleton, dtype=dtype)
    write_keypoints(keypoints, tmp_path / "out", "openpose_json")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["cam10_json", "cam11_json", "cam2_json"]
    same(read_keypoints(tmp_path / "out"), keypoints)
    same(read_keypoints(tmp_path / "out" / "cam10_json"), keypoints.only(["cam10"]))


def test_openpose_is_as_openpose_writes_it(tmp_path: Path) -> None:
    write_keypoints(some(cameras=1), tmp_path / "out", "openpose_json")
    files = sorted((tmp_path / "out" / "cam2_json").iterdir())
    assert [file.name for file in files] == [f"cam2_{frame:012d}_keypoints.json" for frame in range(5)]
    content = [json.loads(file.read_text(encoding="utf-8"), parse_constant=pytest.fail) for file in files]
    assert content[2] == {"version": 1.3, "people": []}
    assert [len(one["people"]) for one in content] == [2, 2, 0, 2, 2]
    first = content[0]["people"][0]
    assert first["person_id"] == [-1]
    assert len(first["pose_keypoints_2d"]) == 51
    assert first["pose_keypoints_2d"][9:12] == [0, 0, 0]
    assert content[1]["people"][0]["pose_keypoints_2d"] == [0] * 51


def test_openpose_of_the_sample_comes_back_to_the_digit(tmp_path: Path) -> None:
    keypoints = read_keypoints(GOLDEN / "openpose_cam0_json")
    write_keypoints(keypoints, tmp_path / "out", "openpose_json")
    same(read_keypoints(tmp_path / "out"), keypoints)


def test_openpose_refuses_what_it_cannot_keep(tmp_path: Path) -> None:
    keypoints = some()
    with pytest.raises(InputError, match=r"keeps the joints of body25 or .*'human36m17'\. Map them"):
        write_keypoints(keypoints.mapped_to(get_skeleton("human36m17")), tmp_path / "out", "openpose_json")
    with pytest.raises(InputError, match="'a/b' cannot name one"):
        write_keypoints(replace(keypoints, camera_names=("cam1", "a/b", "c")), tmp_path / "out", "openpose_json")
    assert not list(tmp_path.iterdir())


def test_openpose_folders_are_whole_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.txt").write_text("kept")
    with pytest.raises(FileError, match="is there already"):
        write_keypoints(some(), tmp_path / "out", "openpose_json")
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "old.txt"]
    with pytest.raises(FileError, match="suffix does not say which format"):
        write_keypoints(some(), tmp_path / "new")


# --- COCO


@pytest.mark.parametrize("people", [1, 2])
def test_coco_comes_back(people: int, tmp_path: Path) -> None:
    keypoints = some(cameras=1, people=people)
    write_keypoints(keypoints, tmp_path / "cam2.json")
    same(read_keypoints(tmp_path / "cam2.json"), keypoints)


def test_coco_is_as_a_detector_writes_it(tmp_path: Path) -> None:
    keypoints = some(cameras=1)
    write_keypoints(keypoints, tmp_path / "cam2.json")
    results = json.loads((tmp_path / "cam2.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert [(one["image_id"], one["track_id"]) for one in results] == [
        (0, 0), (0, 1), (1, 1), (3, 0), (3, 1), (4, 0), (4, 1)
    ]  # fmt: skip
    first = results[0]
    assert first["category_id"] == 1
    assert first["keypoints"][9:12] == [0, 0, 0]
    seen = keypoints.scores[0, 0, 0][keypoints.scores[0, 0, 0] > 0]
    assert first["score"] == pytest.approx(seen.mean().item())
    write_keypoints(some(cameras=1, people=1), tmp_path / "one.json")
    assert "track_id" not in (tmp_path / "one.json").read_text(encoding="utf-8")


def test_coco_of_nobody(tmp_path: Path) -> None:
    keypoints = some(cameras=1)
    nobody = replace(keypoints, pixels=keypoints.pixels * math.nan, scores=keypoints.scores * 0)
    write_keypoints(nobody, tmp_path / "cam.json")
    assert json.loads((tmp_path / "cam.json").read_text(encoding="utf-8")) == []


def test_coco_refuses_what_it_cannot_keep(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds one camera; these are cam2, cam10, cam11"):
        write_keypoints(some(), tmp_path / "cam.json")
    with pytest.raises(InputError, match="keeps the joints of coco17; these are of 'body25'"):
        write_keypoints(some(cameras=1, skeleton="body25"), tmp_path / "cam.json")
    assert not list(tmp_path.iterdir())


# --- several files


@pytest.mark.parametrize("other", ["cam1DLC_a_filtered.csv", "cam1DLC_b.csv"])
def test_two_files_of_one_camera_are_refused(other: str, tmp_path: Path) -> None:
    for name in ("cam1DLC_a.csv", "cam2DLC_a.csv", other):
        shutil.copyfile(GOLDEN / "dlc_single.csv", tmp_path / name)
    assert "holds camera 'cam1' more than once: " in refused(tmp_path)
    assert read_keypoints([tmp_path / "cam1DLC_a.csv", tmp_path / "cam2DLC_a.csv"]).camera_names == ("cam1", "cam2")


def test_the_format_chooses_among_files_of_a_folder(tmp_path: Path) -> None:
    for camera in ("cam10", "cam2"):
        for suffix in (".h5", ".csv"):
            shutil.copyfile(GOLDEN / f"dlc_single{suffix}", tmp_path / f"{camera}DLC_a{suffix}")
    assert "more than once: cam2DLC_a.csv, cam2DLC_a.h5" in refused(tmp_path)
    for name in ("deeplabcut_h5", "deeplabcut_csv"):
        assert read_keypoints(tmp_path, name).camera_names == ("cam2", "cam10")
