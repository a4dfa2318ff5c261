"""JSON of detectors: OpenPose, COCO, MMPose, AlphaPose: missing joints, frames that stay in step, identities."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from keypoint_files import FLAT, at, openpose, refused, saved

from lift3d.formats import all_formats, read_keypoints
from lift3d.formats._detections import last_number
from lift3d.skeletons import get_skeleton

# --- OpenPose


def test_openpose_zeros_are_missing(tmp_path: Path) -> None:
    person = at(7)
    person[3:6] = [0, 0, 0]
    person[6:9] = [0, 0, 0.3]
    person[9:12] = [4, 4, 0]
    keypoints = read_keypoints(openpose(tmp_path / "cam", {0: [person]}))
    assert torch.isnan(keypoints.pixels[0, 0, 0, 1:4]).all()
    assert keypoints.scores[0, 0, 0, :5].tolist() == [0.5, 0, 0, 0, 0.5]
    assert keypoints.pixels[0, 0, 0, 0].tolist() == [7, 5]


@pytest.mark.parametrize(
    ("joints", "name"), [(17, "coco17"), (18, "body18"), (25, "body25"), (26, "halpe26"), (136, "halpe26")]
)
def test_openpose_skeleton_follows_from_the_count(joints: int, name: str, tmp_path: Path) -> None:
    folder = openpose(tmp_path / "cam", {0: [at(3, joints)]})
    assert read_keypoints(folder).skeleton == get_skeleton(name)


def test_openpose_unknown_count_names_the_known_ones(tmp_path: Path) -> None:
    text = refused(openpose(tmp_path / "cam", {0: [at(3, 19)]}))
    assert "19 joints" in text
    assert "25 (body25)" in text
    assert "Pass skeleton=" in text
    keypoints = read_keypoints(tmp_path / "cam", skeleton="panoptic19")
    assert keypoints.skeleton.name == "panoptic19"


def test_openpose_frames_without_a_file_are_missing_and_never_shifted(tmp_path: Path) -> None:
    openpose(tmp_path / "rig" / "cam10_json", {3: [at(3)], 5: [at(5), at(6)]})
    openpose(tmp_path / "rig" / "cam2_json", {0: [], 4: [at(4)]}, "video_7_{}.json")
    keypoints = read_keypoints(tmp_path / "rig")
    assert keypoints.camera_names == ("cam2", "cam10")
    assert tuple(keypoints.pixels.shape[:3]) == (2, 6, 2)
    seen = {
        (c, f, p): keypoints.pixels[c, f, p, 0, 0].item() for c, f, p in keypoints.scores[..., 0].nonzero().tolist()
    }
    assert seen == {(0, 4, 0): 4, (1, 3, 0): 3, (1, 5, 0): 5, (1, 5, 1): 6}


def test_openpose_large_first_frame_is_accepted(tmp_path: Path) -> None:
    keypoints = read_keypoints(openpose(tmp_path / "cam", {5000: [at(3)]}))
    assert len(keypoints.times) == 5001
    assert keypoints.scores.nonzero()[:, 1].unique().tolist() == [5000]


def test_openpose_person_ids_are_tracks(tmp_path: Path) -> None:
    for frame, order in enumerate([(4, 9), (9, 4), (9,)]):
        people = [{"person_id": [track], "pose_keypoints_2d": at(track)} for track in order]
        saved(tmp_path / "cam" / f"{frame}.json", {"people": people})
    pixels = read_keypoints(tmp_path / "cam").pixels[0, :, :, 0, 0]
    assert pixels[:2].tolist() == [[4, 9], [4, 9]]
    assert math.isnan(pixels[2, 0])
    assert pixels[2, 1] == 9


def test_openpose_folders_are_recognised_by_their_content(tmp_path: Path) -> None:
    recognises = all_formats()["openpose_json"].recognises
    assert recognises is not None
    assert recognises(openpose(tmp_path / "a", {0: []}))
    saved(tmp_path / "b" / "cam1.json", [{"image_id": 1, "keypoints": FLAT}])
    saved(tmp_path / "c" / "people.json", {"people": []})
    for other in ("b", "c", "missing"):
        assert not recognises(tmp_path / other)


def test_openpose_bad_folders(tmp_path: Path) -> None:
    twice = openpose(tmp_path / "twice", {1: [at(1)]})
    openpose(twice, {1: [at(1)]}, "b_{}.json")
    assert "two files of frame 1" in refused(twice)
    assert "holds no people" in refused(openpose(tmp_path / "nobody", {0: [], 1: []}))
    assert "--keypoint_scale 0" in refused(openpose(tmp_path / "scaled", {0: [[0.5] * 51]}))
    assert "different numbers of joints: [17, 25]" in refused(openpose(tmp_path / "mix", {0: [at(1), at(1, 25)]}))
    assert "three a joint" in refused(openpose(tmp_path / "odd", {0: [at(1)[:-1]]}))
    assert "no flat list of numbers" in refused(openpose(tmp_path / "text", {0: [["a", "b", "c"]]}))  # type: ignore[list-item]
    cut = openpose(tmp_path / "cut", {0: [at(1)], 1: [at(1)]})
    file = cut / "000000000001_keypoints.json"
    file.write_bytes(file.read_bytes()[:40])
    text = refused(cut)
    assert file.name in text
    assert "at byte 40" in text
    file.write_bytes(b"")
    assert "is empty" in refused(cut, format="openpose_json")


def test_nobody_seen_is_one_missing_person(tmp_path: Path) -> None:
    keypoints = read_keypoints(openpose(tmp_path / "cam", {0: [], 1: []}), skeleton="coco17")
    assert tuple(keypoints.pixels.shape) == (1, 2, 1, 17, 2)
    assert not keypoints.scores.any()


@pytest.mark.parametrize("name", ["20240101123000", "9" * 40])
def test_time_stamps_are_no_frame_numbers(name: str, tmp_path: Path) -> None:
    saved(tmp_path / "cam" / f"{name}.json", {"people": [{"pose_keypoints_2d": at(1)}]})
    refused(tmp_path / "cam", format="openpose_json")


def test_last_number() -> None:
    assert [last_number(name) for name in ("12.jpg", "cam2_0034_keypoints.json", "a/b3.png", "none.jpg")] == [
        12, 34, 3, None
    ]  # fmt: skip


# --- COCO


def test_coco_results_keep_image_ids_and_order(tmp_path: Path) -> None:
    rows = [(3, 1.0), (1, 2.0), (3, 4.0)]
    path = saved(tmp_path / "cam.json", [{"image_id": i, "category_id": 1, "keypoints": at(x)} for i, x in rows])
    pixels = read_keypoints(path).pixels[0, :, :, 0, 0]
    assert pixels.nan_to_num(-1).tolist() == [[-1, -1], [2, -1], [-1, -1], [1, 4]]


def coco_truth(names: list[str], **image: Any) -> dict[str, Any]:
    visible = at(5)
    visible[2::3] = [0, 1, 2] * 5 + [2, 2]
    return {
        "info": {},
        "images": [{"id": 100 + i, "file_name": name, **image} for i, name in enumerate(names)],
        "annotations": [
            {"id": 1, "image_id": 100, "keypoints": visible, "bbox": [0, 0, 1, 1]},
            {"id": 2, "image_id": 101, "bbox": [0, 0, 1, 1]},
        ],
    }


def test_coco_annotations(tmp_path: Path) -> None:
    path = saved(tmp_path / "cam.json", coco_truth(["f_2.png", "f_7.png"], width=640, height=480))
    keypoints = read_keypoints(path)
    assert len(keypoints.times) == 8
    assert keypoints.scores[0, 2, 0].tolist() == [0, 1, 1] * 5 + [1, 1]
    assert torch.isnan(keypoints.pixels[0, 2, 0, 0]).all()
    assert keypoints.image_sizes.tolist() == [[640, 480]]


def test_coco_annotations_without_numbers_count_images(tmp_path: Path) -> None:
    keypoints = read_keypoints(saved(tmp_path / "cam.json", coco_truth(["left.png", "right.png"])))
    assert len(keypoints.times) == 2
    assert keypoints.image_sizes.isnan().all()


def test_coco_bad_content(tmp_path: Path) -> None:
    def text(content: Any) -> str:
        return refused(saved(tmp_path / "cam.json", content), format="coco_json")

    assert "entry 1" in text([{"image_id": 0, "keypoints": FLAT}, {"image_id": 0, "bbox": [1, 2, 3, 4]}])
    assert "image_id is 'a'" in text([{"image_id": "a", "keypoints": FLAT}])
    assert "image_id is -1" in text([{"image_id": -1, "keypoints": FLAT}])
    assert "no image with the id 7" in text({"images": [], "annotations": [{"image_id": 7, "keypoints": FLAT}]})
    assert "have no keypoints" in text({"images": [], "annotations": [{"image_id": 7}]})
    assert "no flat list" in text([{"image_id": 0, "keypoints": [[1, 2, 3]] * 17}])
    assert "no flat list" in text([{"image_id": 0, "keypoints": {"x": 1}}])
    assert "more than memory holds" in text([{"image_id": 10**12, "keypoints": FLAT}])


# --- MMPose


def instances(*xs: float) -> list[dict[str, Any]]:
    return [{"keypoints": [[x, 5.0]] * 17, "keypoint_scores": [0.5] * 17, "bbox": [[0, 0, 9, 9]]} for x in xs]


@pytest.mark.parametrize("outer", [True, False])
@pytest.mark.parametrize("first", [0, 1])
def test_mmpose_frames(outer: bool, first: int, tmp_path: Path) -> None:
    frames = [{"frame_id": i + first, "instances": instances(*xs)} for i, xs in enumerate([(1,), (), (3, 4), ()])]
    path = saved(tmp_path / "results_cam.json", {"meta_info": {}, "instance_info": frames} if outer else frames)
    keypoints = read_keypoints(path)
    assert keypoints.camera_names == ("cam",)
    assert keypoints.pixels[0, :, :, 0, 0].nan_to_num(-1).tolist() == [[1, -1], [-1, -1], [3, 4], [-1, -1]]


def test_mmpose_late_start_is_not_shifted(tmp_path: Path) -> None:
    path = saved(tmp_path / "cam.json", {"instance_info": [{"frame_id": 4, "instances": instances(1)}]})
    assert read_keypoints(path).scores[0, :, 0, 0].tolist() == [0, 0, 0, 0.5]


@pytest.mark.parametrize("outer", [True, False])
def test_mmpose_one_picture(outer: bool, tmp_path: Path) -> None:
    people = instances(1, 2)
    path = saved(tmp_path / "cam.json", {"instance_info": people} if outer else people)
    assert read_keypoints(path).pixels[0, :, :, 0, 0].tolist() == [[1, 2]]


def test_mmpose_joint_names_count_more_than_their_number(tmp_path: Path) -> None:
    sides = [f"{side}_{joint}" for side in ("right", "left") for joint in ("hip", "knee", "foot")]
    arms = [f"{side}_{joint}" for side in ("left", "right") for joint in ("shoulder", "elbow", "wrist")]
    h36m = ["root", *sides, "spine", "thorax", "neck_base", "head", *arms]
    names = {"keypoint_id2name": {str(i): name for i, name in enumerate(h36m)}}
    path = saved(tmp_path / "cam.json", {"meta_info": names, "instance_info": instances(1)})
    assert read_keypoints(path).skeleton.name == "human36m17"
    assert read_keypoints(path, skeleton="coco17").skeleton.name == "coco17"


def test_mmpose_bad_content(tmp_path: Path) -> None:
    def text(content: Any) -> str:
        return refused(saved(tmp_path / "cam.json", content), format="mmpose_json")

    assert "instance_info" in text({"meta_info": {}})
    assert "no dict" in text([1, 2])
    assert "frame_id is None" in text([{"instances": []}])
    assert "frame_id occurs twice" in text([{"frame_id": 1, "instances": []}] * 2)
    assert "3D keypoints" in text([{"keypoints": [[1, 2, 3]] * 17, "keypoint_scores": [1] * 17}])
    assert "one [x, y] a score" in text([{"keypoints": [[1, 2]] * 17, "keypoint_scores": [1] * 16}])
    assert "no numbers" in text([{"keypoints": [[1, 2], [3]]}])
    assert "no numbers" in text([{"keypoints": 5}])
    assert 'no list "instances"' in text([{"frame_id": 1, "instances": None}])


# --- AlphaPose


def alphapose(path: Path, rows: list[tuple[str, float, Any]]) -> Path:
    return saved(path, [{"image_id": image, "keypoints": at(x), "idx": idx} for image, x, idx in rows])


def test_alphapose_tracks_keep_a_slot(tmp_path: Path) -> None:
    rows = [("0.jpg", 1.0, 7), ("0.jpg", 2.0, [3.0]), ("1.jpg", 2.0, [3.0]), ("3.jpg", 2.0, [[3.0]]), ("3.jpg", 1.0, 7)]
    pixels = read_keypoints(alphapose(tmp_path / "cam.json", rows)).pixels[0, :, :, 0, 0]
    assert pixels.nan_to_num(-1).tolist() == [[1, 2], [-1, 2], [-1, -1], [1, 2]]


def test_alphapose_without_tracking_keeps_the_order(tmp_path: Path) -> None:
    rows = [("0.jpg", 1.0, 0), ("0.jpg", 2.0, 0), ("1.jpg", 3.0, 0)]
    pixels = read_keypoints(alphapose(tmp_path / "cam.json", rows)).pixels[0, :, :, 0, 0]
    assert pixels.nan_to_num(-1).tolist() == [[1, 2], [3, -1]]


def test_alphapose_scores_are_clipped(tmp_path: Path) -> None:
    flat = at(1)
    flat[2::3] = [5.9] * 16 + [-0.1]
    keypoints = read_keypoints(saved(tmp_path / "cam.json", [{"image_id": "0.jpg", "keypoints": flat}]))
    assert keypoints.scores[0, 0, 0].tolist() == [1.0] * 16 + [0.0]
    assert torch.isnan(keypoints.pixels[0, 0, 0, 16]).all()


def test_alphapose_136_joints_are_cut_to_the_body(tmp_path: Path) -> None:
    flat = [float(value) for joint in range(136) for value in (joint + 1, 2, 0.5)]
    keypoints = read_keypoints(saved(tmp_path / "cam.json", [{"image_id": "0.jpg", "keypoints": flat}]))
    assert keypoints.skeleton.name == "halpe26"
    assert keypoints.pixels[0, 0, 0, :, 0].tolist() == list(range(1, 27))


@pytest.mark.parametrize(("group", "key"), [("bodies", "joints"), ("people", "pose_keypoints_2d")])
def test_alphapose_one_dict_a_picture(group: str, key: str, tmp_path: Path) -> None:
    content = {f"{frame}.jpg": {"version": "AlphaPose v0.3", group: [{key: at(frame, 18)}]} for frame in (2, 0, 10)}
    keypoints = read_keypoints(saved(tmp_path / "cam.json", content))
    assert keypoints.skeleton.name == "body18"
    assert keypoints.scores[0, :, 0, 0].nonzero()[:, 0].tolist() == [0, 2, 10]


def test_alphapose_pictures_without_numbers_count_in_natural_order(tmp_path: Path) -> None:
    rows = [("b.jpg", 2.0, 0), ("a.jpg", 1.0, 0)]
    assert read_keypoints(alphapose(tmp_path / "cam.json", rows)).pixels[0, :, 0, 0, 0].tolist() == [1, 2]


def test_alphapose_bad_content(tmp_path: Path) -> None:
    def text(content: Any) -> str:
        return refused(saved(tmp_path / "cam.json", content), format="alphapose_json")

    assert "entry 0" in text([{"image_id": "0.jpg"}])
    assert "neither a list nor a dict" in text(5)
    assert "'0.jpg' has no list" in text({"0.jpg": {"faces": []}})
    assert "entry 0 (0.jpg)" in text([{"image_id": "0.jpg", "keypoints": [1, 2]}])


def test_alphapose_of_several_folders_are_named_after_them(tmp_path: Path) -> None:
    paths = [alphapose(tmp_path / name / "alphapose-results.json", [("0.jpg", 1.0, 0)]) for name in ("left", "right")]
    assert read_keypoints(paths).camera_names == ("left", "right")
