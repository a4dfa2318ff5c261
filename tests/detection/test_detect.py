"""Detection as a whole, on the footage that comes with lift3d: the same picture gives the same pixels however shown."""

from itertools import islice
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from lift3d.checkpoints import load_network
from lift3d.detection import DetectSettings, detect, detect_frames, detect_video
from lift3d.detection.box import Box
from lift3d.detection.crop import square_crop
from lift3d.detection.readings import Model, open_reading
from lift3d.detection.running import torch_run
from lift3d.errors import FileError, InputError
from lift3d.video import Frame, read_frames

FOOTAGE = Path(__file__).parents[2] / "lift3d" / "data" / "demo"
CHECKPOINT = load_network("movenet_thunder")


def look(mirror=True):
    """Joints in a box of a picture."""
    run = torch_run(CHECKPOINT.network, torch.device("cpu"))
    reading = open_reading(Model(CHECKPOINT, run, mirror))
    return lambda rgb, box: reading.look([rgb], [box], [None])[0]


def square(joints, scale=1.35):
    """A square of whole pixels around a person: left, top and side."""
    crop = square_crop(Box.around(joints.pixels[joints.scores > 0.3]).grown(scale))
    return crop.left, crop.top, crop.side


def box_of(left, top, side):
    return Box(left - 0.5, top - 0.5, side, side)


@pytest.fixture(scope="module")
def picture():
    return next(read_frames(FOOTAGE / "cam02.mp4")).rgb


@pytest.fixture(scope="module")
def found(picture):
    (_, joints), *_ = detect_frames([Frame(picture, 0.0, 0)], CHECKPOINT)
    assert joints is not None
    return joints


def difference(first, second):
    """Per-joint (x, y) differences where both are sure."""
    sure = (first.scores > 0.5) & (second.scores > 0.5)
    assert sure.sum() >= 10
    return (second.pixels - first.pixels)[sure]


def test_a_person_stands_upright(found):
    joints, skeleton = found.pixels, CHECKPOINT.skeleton
    heights = [
        joints[skeleton.indices(f"left_{name}", f"right_{name}"), 1].mean() for name in ("ankle", "hip", "shoulder")
    ]
    assert heights[0] > heights[1] + 100 > heights[2] + 200


def test_crops_moved_by_parts_of_a_cell_give_the_same_pixels(picture, found):
    left, top, side = square(found)
    first = look()(picture, box_of(left, top, side))
    moved = [look()(picture, box_of(left + dx, top + dy, side)) for dx, dy in ((3, 1), (7, -5), (-6, 9))]
    errors = torch.cat([difference(first, other) for other in moved])
    assert errors.norm(dim=-1).median() < 0.005 * side
    assert errors.mean(0).abs().max() < 0.003 * side


def test_a_picture_twice_as_large_gives_twice_the_pixels_and_a_half(picture, found):
    left, top, side = square(found)
    double = F.interpolate(picture.permute(2, 0, 1)[None], scale_factor=2, mode="nearest")[0].permute(1, 2, 0)
    small, large = look()(picture, box_of(left, top, side)), look()(double, box_of(2 * left, 2 * top, 2 * side))
    errors = (large.pixels - (2 * small.pixels + 0.5))[small.scores > 0.3]
    assert errors.median(0).values.abs().max() < 0.3
    assert errors.mean(0).abs().max() < 0.3


@pytest.mark.parametrize(("mirror", "tolerance"), [(True, 0.01), (False, 12.0)])
def test_the_mirrored_picture_gives_the_mirrored_person(picture, found, mirror, tolerance):
    (left, top, side), width = square(found), picture.shape[1]
    plain = look(mirror)(picture, box_of(left, top, side))
    other = look(mirror)(picture.flip(1), box_of(width - left - side, top, side))
    order = list(CHECKPOINT.skeleton.flip_order)
    back = torch.stack([width - 1 - other.pixels[order, 0], other.pixels[order, 1]], dim=-1)
    sure = (plain.scores > 0.5) & (other.scores[order] > 0.5)
    assert (back - plain.pixels)[sure].norm(dim=-1).median() < tolerance


def test_several_cameras_as_one_noun():
    paths = [FOOTAGE / f"cam0{i}.mp4" for i in (1, 2)]
    keypoints = detect(paths, frames=3, progress=False)
    assert keypoints.pixels.shape == (2, 3, 1, 17, 2)
    assert keypoints.camera_names == ("cam01", "cam02")
    assert keypoints.skeleton.name == "coco17"
    assert keypoints.image_sizes.tolist() == [[1080, 1920], [1080, 1920]]
    torch.testing.assert_close(keypoints.times, torch.arange(3).double() / keypoints.frames_per_second)
    unseen = keypoints.scores == 0
    assert torch.equal(keypoints.pixels.isnan().all(-1), unseen)
    assert (keypoints.scores[~unseen] >= 0.2).all()
    alone = detect_video(paths[1], CHECKPOINT, frames=3, progress=False)
    torch.testing.assert_close(alone.pixels, keypoints.only(["cam02"]).pixels, equal_nan=True)


def test_nobody_in_sight_is_missing_not_guessed():
    pictures = [torch.zeros(120, 160, 3, dtype=torch.uint8), torch.randint(0, 255, (120, 160, 3), dtype=torch.uint8)]
    for _, joints in detect_frames([Frame(rgb, i / 30, i) for i, rgb in enumerate(pictures)], CHECKPOINT):
        assert joints is None


def test_an_empty_room_in_a_video_is_nan_with_score_0(tmp_path):
    from PIL import Image

    Image.new("RGB", (160, 120)).save(tmp_path / "room.png")
    keypoints = detect(tmp_path / "room.png", CHECKPOINT, progress=False)
    assert keypoints.camera_names == ("room",)
    assert keypoints.pixels.isnan().all()
    assert (keypoints.scores == 0).all()


def test_who_leaves_and_comes_back_is_missing_between(picture):
    empty = torch.zeros_like(picture)
    pictures = [Frame(rgb, i / 30, i) for i, rgb in enumerate([picture, empty, picture])]
    seen = [joints is not None for _, joints in detect_frames(pictures, CHECKPOINT)]
    assert seen == [True, False, True]


def test_scores_below_the_lowest_are_missing(picture):
    (_, joints), *_ = detect_frames([Frame(picture, 0.0, 0)], CHECKPOINT, settings=DetectSettings(lowest_score=0.75))
    assert joints is not None
    assert 0 < (joints.scores == 0).sum() < 17
    assert torch.equal(joints.pixels.isnan().any(-1), joints.scores == 0)


def test_detection_is_the_same_every_time_and_frame_by_frame():
    frames = list(islice(read_frames(FOOTAGE / "cam01.mp4"), 3))
    first, second = (list(detect_frames(frames, CHECKPOINT)) for _ in range(2))
    for (_, one), (_, other) in zip(first, second, strict=True):
        assert one is not None
        assert other is not None
        torch.testing.assert_close(one.pixels, other.pixels, equal_nan=True)


def test_wrong_input(tmp_path):
    with pytest.raises(InputError, match="expected at least one"):
        detect([])
    with pytest.raises(InputError, match="one name for each camera"):
        detect([tmp_path / "a" / "cam.mp4", tmp_path / "b" / "cam.mp4"])
    with pytest.raises(InputError, match="frames is 0"):
        detect_video(FOOTAGE / "cam01.mp4", CHECKPOINT, frames=0)
    with pytest.raises(FileError, match="no such file"):
        detect(tmp_path / "missing.mp4", CHECKPOINT)
    with pytest.raises(FileError, match="no such checkpoint"):
        detect(FOOTAGE / "cam01.mp4", "movenet_lightning")
