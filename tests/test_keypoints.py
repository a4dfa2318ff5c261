"""Keypoints2D: what is missing is consistent, and nothing changes in place."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch

from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import observe, ring_rig, walk

COCO = get_skeleton("coco17")


def keypoints(cameras=2, frames=3, people=1, **arguments):
    return Keypoints2D.of(torch.rand(cameras, frames, people, 17, 2), **{"skeleton": COCO, **arguments})


def test_what_is_missing_is_made_consistent():
    pixels, scores = torch.rand(1, 2, 1, 17, 2), torch.full((1, 2, 1, 17), 0.5)
    pixels[0, 0, 0, 3, 1] = torch.nan
    pixels[0, 0, 0, 4, 0] = torch.inf
    scores[0, 1, 0, 5], scores[0, 1, 0, 6], scores[0, 1, 0, 7], scores[0, 1, 0, 8] = 0.0, -1.0, 1.5, torch.nan
    made = Keypoints2D.of(pixels, scores, skeleton=COCO)
    missing = torch.isnan(made.pixels)
    assert missing[..., 0].nonzero()[:, [1, 3]].tolist() == [[0, 3], [0, 4], [1, 5], [1, 6], [1, 8]]
    assert torch.equal(missing[..., 0], missing[..., 1])
    assert torch.equal(missing[..., 0], made.scores == 0)
    assert made.scores[0, 1, 0, 7] == 1.0
    assert not torch.isnan(pixels[0, 1]).any()  # the caller's array is as it was


def test_defaults():
    made = keypoints(fps=50.0)
    assert made.camera_names == ("cam0", "cam1")
    assert made.times.tolist() == pytest.approx([0, 0.02, 0.04])
    assert made.frames_per_second == pytest.approx(50)
    assert torch.isnan(made.image_sizes).all()
    assert (made.scores == 1).all()
    assert keypoints(frames=1).frames_per_second == 30
    assert Keypoints2D.of(np.zeros((1, 1, 1, 17, 2), dtype=np.int64), skeleton=COCO).pixels.dtype == torch.float64


def test_parts_by_camera_and_by_frame():
    made = keypoints(cameras=3, frames=10)
    part = made.only(["cam2", "cam0"])
    assert part.camera_names == ("cam2", "cam0")
    assert torch.equal(part.pixels, made.pixels[[2, 0]])
    piece = made.between(2, 5)
    assert torch.equal(piece.pixels, made.pixels[:, 2:5])
    assert torch.equal(piece.times, made.times[2:5])
    with pytest.raises(UnknownNameError, match="Did you mean 'cam2'"):
        made.only(["cam22"])


def test_mapping_to_another_skeleton():
    seen = observe(walk(frames=3, skeleton="coco17"), ring_rig(), missing=0.2)
    mapped = seen.mapped_to(get_skeleton("human36m17"))
    hips = seen.pixels[..., COCO.indices("left_hip", "right_hip"), :].mean(-2)
    torch.testing.assert_close(mapped.pixels[..., 0, :], hips, equal_nan=True)
    assert torch.equal(torch.isnan(mapped.pixels[..., 0]), mapped.scores == 0)
    assert seen.mapped_to(COCO) is seen


def test_cameras_are_stacked_and_filled_up():
    first, second = keypoints(1, 5, 1), keypoints(1, 3, 2, camera_names=["right"])
    both = Keypoints2D.stacked([first, second])
    assert both.pixels.shape == (2, 5, 2, 17, 2)
    assert both.camera_names == ("cam0", "right")
    assert torch.equal(both.pixels[0, :, 0], first.pixels[0, :, 0])
    assert torch.isnan(both.pixels[0, :, 1]).all()
    assert torch.isnan(both.pixels[1, 3:]).all()
    assert (both.scores[1, 3:] == 0).all()
    assert torch.equal(both.times, first.times)
    with pytest.raises(InputError, match="different"):
        Keypoints2D.stacked([first, first])
    with pytest.raises(InputError, match="at least one"):
        Keypoints2D.stacked([])
    with pytest.raises(InputError, match=r"different skeletons: .*'coco17'.*'human36m17'"):
        Keypoints2D.stacked([first, keypoints(1, skeleton=get_skeleton("human36m17"))])


def test_frozen():
    with pytest.raises(FrozenInstanceError):
        keypoints().pixels = torch.zeros(1)


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"pixels": torch.zeros(2, 3, 17, 2)}, ShapeError, r"\(cameras, frames, people, joints, 2\)"),
        ({"pixels": torch.zeros(2, 3, 1, 16, 2), "scores": torch.zeros(2, 3, 1, 16)}, ShapeError, "17 joints"),
        ({"scores": torch.zeros(2, 3, 1, 16)}, ShapeError, "Keypoints2D.scores"),
        ({"times": torch.zeros(4)}, ShapeError, "Keypoints2D.times"),
        ({"image_sizes": torch.zeros(3, 2)}, ShapeError, "Keypoints2D.image_sizes"),
        ({"camera_names": ("a",)}, InputError, "one each"),
        ({"camera_names": ("a", "a")}, InputError, "different"),
        ({"scores": torch.full((2, 3, 1, 17), 1.5)}, InputError, "within 0 and 1"),
        ({"scores": torch.full((2, 3, 1, 17), torch.nan)}, InputError, "within 0 and 1"),
    ],
)
def test_wrong_parts_are_refused(changes, error, text):
    with pytest.raises(error, match=text):
        replace(keypoints(), **changes)


def test_wrong_arrays_are_refused():
    with pytest.raises(ShapeError, match="pixels"):
        Keypoints2D.of(torch.zeros(3, 17, 2), skeleton=COCO)
    with pytest.raises(ShapeError, match="scores"):
        Keypoints2D.of(torch.zeros(1, 1, 1, 17, 2), torch.zeros(17), skeleton=COCO)


def test_a_late_camera_is_moved_earlier_and_the_rest_stays() -> None:
    skeleton = get_skeleton("coco17")
    pixels = torch.arange(5.0)[None, :, None, None, None].expand(2, 5, 1, 17, 2)
    keypoints = Keypoints2D.of(pixels, skeleton=skeleton, camera_names=["a", "b"])
    moved = keypoints.shifted({"b": -2})
    assert moved.pixels[0, :, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert moved.pixels[1, :3, 0, 0, 0].tolist() == [2, 3, 4]
    assert moved.pixels[1, 3:].isnan().all()
    assert moved.scores[1, :, 0, 0].tolist() == [1, 1, 1, 0, 0]
    later = keypoints.shifted({"a": 1})
    assert later.pixels[0, 1:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert keypoints.shifted({"a": 9}).scores[0].max() == 0
    assert keypoints.shifted({"a": -9}).scores[0].max() == 0
    with pytest.raises(UnknownNameError, match="No camera named 'c'"):
        keypoints.shifted({"c": 1})
