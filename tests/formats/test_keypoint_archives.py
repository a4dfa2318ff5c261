"""NumPy archives of keypoints: VideoPose3D's, and lift3d's own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from keypoint_files import refused

from lift3d.formats import read_keypoints, write_keypoints
from lift3d.formats._dispatch import _candidates
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton, get_skeleton

# --- VideoPose3D


def videopose3d(path: Path, positions: dict[str, Any], **metadata: Any) -> Path:
    np.savez_compressed(path, positions_2d=np.array(positions, dtype=object), metadata=np.array(metadata, dtype=object))
    return path


def pixels_of(frames: int, seed: int = 0, joints: int = 17) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 1000, (frames, joints, 2)).astype(np.float32)


COCO_SIDES = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]
H36M_SIDES = [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]


def test_videopose3d_custom(tmp_path: Path) -> None:
    array = pixels_of(5)
    array[1, 3] = np.nan
    path = videopose3d(
        tmp_path / "data_2d_custom_mine.npz", {"walk.mp4": {"custom": [array]}},
        layout_name="coco", num_joints=17, keypoints_symmetry=COCO_SIDES,
        video_metadata={"walk.mp4": {"w": 640, "h": 480}},
    )  # fmt: skip
    keypoints = read_keypoints(path)
    assert keypoints.camera_names == ("walk",)
    assert keypoints.skeleton.name == "coco17"
    assert keypoints.image_sizes.tolist() == [[640, 480]]
    assert keypoints.pixels.dtype == torch.float32
    assert np.array_equal(keypoints.pixels[0, :, 0].numpy(), array, equal_nan=True)
    assert keypoints.scores[0, 1, 0, 3] == 0
    assert keypoints.scores.sum() == 5 * 17 - 1


def test_videopose3d_sequences_are_chosen(tmp_path: Path) -> None:
    cameras = [pixels_of(frames, seed) for seed, frames in enumerate((6, 5, 6, 6))]
    positions = {"S1": {"Walking 1": [pixels_of(3)] * 4, "Eating": cameras}, "S11": {"Walking 1": [pixels_of(3)] * 4}}
    path = videopose3d(tmp_path / "data_2d_h36m_gt.npz", positions, num_joints=17, keypoints_symmetry=H36M_SIDES)
    text = refused(path)
    assert "S1/Walking 1, S1/Eating, S11/Walking 1" in text
    assert "Pass sequence=" in text
    assert "'S11/Walking 1'" in refused(path, sequence="S11/walking 1")
    keypoints = read_keypoints(path, sequence="S1/Eating", fps=50)
    assert keypoints.skeleton.name == "human36m17"
    assert keypoints.camera_names == ("cam0", "cam1", "cam2", "cam3")
    assert np.array_equal(keypoints.pixels[1, :5, 0].numpy(), cameras[1])
    assert keypoints.scores[1, :, 0, 0].tolist() == [1] * 5 + [0]
    assert keypoints.times[-1].item() == pytest.approx(0.1)


def test_videopose3d_several_videos(tmp_path: Path) -> None:
    positions = {name: {"custom": [pixels_of(2, seed)]} for seed, name in enumerate(("a.mp4", "b.mp4"))}
    path = videopose3d(tmp_path / "custom.npz", positions, layout_name="coco")
    assert "a.mp4, b.mp4" in refused(path)
    for choice in ("b.mp4", "b.mp4/custom"):
        assert np.array_equal(read_keypoints(path, sequence=choice).pixels[0, :, 0].numpy(), pixels_of(2, 1))


@pytest.mark.parametrize(
    ("sides", "joints", "name"),
    [(COCO_SIDES, 17, "coco17"), (H36M_SIDES, 17, "human36m17"), ([[3, 4, 5, 13, 14, 15], [0]], 16, "mpii16")],
)
def test_videopose3d_skeleton_follows_from_the_left_side(sides: Any, joints: int, name: str, tmp_path: Path) -> None:
    path = videopose3d(
        tmp_path / "a.npz", {"S1": {"A": [pixels_of(2, joints=joints)]}}, num_joints=joints, keypoints_symmetry=sides
    )
    assert read_keypoints(path).skeleton.name == name


def test_videopose3d_bad_content(tmp_path: Path) -> None:
    def text(positions: Any, **metadata: Any) -> str:
        return refused(videopose3d(tmp_path / "a.npz", positions, **metadata))

    assert "does not say what its 17 joints are" in text({"S1": {"A": [pixels_of(2)]}})
    assert "holds no sequences" in text({})
    assert "subject 'S1' holds no actions" in text({"S1": [1]})
    assert "no array of numbers" in text({"S1": {"A": ["x"]}})
    assert "no array of numbers" in text({"S1": {"A": [np.zeros((2, 34))]}})
    assert "has 17 joints; skeleton 'mpii16' has 16" in text({"S1": {"A": [pixels_of(2)]}}, layout_name="mpii")
    assert "[16, 17] joints" in text({"S1": {"A": [pixels_of(2), pixels_of(2, joints=16)]}})
    assert "cameras" in text({"S1": {"A": []}})
    assert "cameras" in text({"S1": {"A": 5}})
    np.savez(tmp_path / "b.npz", positions_2d=np.zeros(3))
    assert "no dict 'positions_2d'" in refused(tmp_path / "b.npz")


# --- lift3d's own


def own_keypoints(dtype: torch.dtype = torch.float32, skeleton: Skeleton | None = None) -> Keypoints2D:
    skeleton = skeleton or get_skeleton("body25")
    pixels = torch.rand(3, 6, 2, len(skeleton), 2, dtype=dtype) * 1000
    pixels[0, 1, :, 2] = torch.nan
    scores = torch.rand(pixels.shape[:-1], dtype=dtype)
    return Keypoints2D.of(
        pixels,
        scores,
        skeleton=skeleton,
        times=torch.tensor([0.0, 0.1, 0.2, 0.4, 0.5, 0.7]),
        camera_names=["links", "übersicht", "cam 3"],
        image_sizes=[[640, 480], [1920, 1080], [math.nan, math.nan]],
    )


def same(first: Keypoints2D, second: Keypoints2D) -> None:
    for name in ("pixels", "scores", "times", "image_sizes"):
        torch.testing.assert_close(getattr(first, name), getattr(second, name), rtol=0, atol=0, equal_nan=True)
    assert first.camera_names == second.camera_names
    assert first.skeleton == second.skeleton


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_own_archive_keeps_everything(dtype: torch.dtype, tmp_path: Path) -> None:
    keypoints = own_keypoints(dtype)
    write_keypoints(keypoints, tmp_path / "walk.npz")
    read = read_keypoints(tmp_path / "walk.npz")
    same(read, keypoints)
    assert read.pixels.dtype == dtype


def test_own_archive_keeps_own_skeletons_and_takes_others(tmp_path: Path) -> None:
    own = get_skeleton("body25").only(["pelvis", "left_hip", "right_hip"])
    keypoints = own_keypoints(skeleton=own)
    write_keypoints(keypoints, tmp_path / "walk.npz")
    same(read_keypoints(tmp_path / "walk.npz"), keypoints)
    other = Skeleton("abc", ("a", "b", "c"), (-1, 0, 1))
    assert read_keypoints(tmp_path / "walk.npz", skeleton=other).skeleton == other
    assert "has 3 joints" in refused(tmp_path / "walk.npz", skeleton="coco17")


def test_own_archive_is_written_whatever_the_suffix(tmp_path: Path) -> None:
    keypoints = own_keypoints()
    write_keypoints(keypoints, tmp_path / "walk.keypoints", format="lift3d_keypoints_npz")
    same(read_keypoints(tmp_path / "walk.keypoints", format="lift3d_keypoints_npz"), keypoints)


def test_own_archive_of_odd_tensors(tmp_path: Path) -> None:
    keypoints = own_keypoints(torch.float64)
    turned = Keypoints2D.of(
        keypoints.pixels.mT.contiguous().mT.requires_grad_(), keypoints.scores, skeleton=keypoints.skeleton
    )
    write_keypoints(turned, tmp_path / "walk.npz")
    assert torch.equal(read_keypoints(tmp_path / "walk.npz").scores, turned.scores)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"lift3d_keypoints": np.array(2)}, "version"),
        ({"pixels": None}, "lacks the arrays pixels"),
        ({"pixels": np.zeros((3, 6, 2, 25))}, "times has shape"),
        ({"pixels": np.array(["a"])}, "expected numbers"),
        ({"scores": np.zeros((1, 2))}, "scores has shape"),
        ({"times": np.zeros(5)}, "times has shape"),
        ({"camera_names": np.array(["a", "a", "b"])}, "one each, different"),
        ({"camera_names": np.arange(3)}, "expected text"),
        ({"image_sizes": np.zeros(2)}, "image_sizes has shape"),
        ({"parents": np.zeros(25, dtype=int)}, "without a parent"),
        ({"parents": np.array([-1])}, "parents for 25 joints"),
        ({"parents": np.array([-1] + [99] * 24)}, "Skeleton"),
        ({"joints": np.array(["a"] * 25)}, "joint names repeat"),
        ({"links": np.array([0.5])}, "not whole numbers"),
        ({"skeleton": np.array(["a", "b"])}, "expected one"),
    ],
)
def test_own_archive_with_a_wrong_array(change: dict[str, Any], text: str, tmp_path: Path) -> None:
    write_keypoints(own_keypoints(), tmp_path / "walk.npz")
    arrays = {**np.load(tmp_path / "walk.npz"), **change}
    np.savez(tmp_path / "walk.npz", **{name: array for name, array in arrays.items() if array is not None})
    assert text in refused(tmp_path / "walk.npz", format="lift3d_keypoints_npz")


def test_archives_are_told_apart(tmp_path: Path) -> None:
    write_keypoints(own_keypoints(), tmp_path / "own.npz")
    videopose3d(tmp_path / "theirs.npz", {"S1": {"A": [pixels_of(2)]}})
    np.savez(tmp_path / "other.npz", pixels=np.zeros(3))
    found = {name: [e.name for e in _candidates(tmp_path / f"{name}.npz", Keypoints2D)] for name in ("own", "theirs")}
    assert found == {"own": ["lift3d_keypoints_npz"], "theirs": ["videopose3d_npz"]}
    assert "is in none of the formats" in refused(tmp_path / "other.npz")
