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

from lift3d.errors import FileError, InputError, Lift3dError
from lift3d.formats import all_formats, read_keypoints, write_keypoints
from lift3d.formats._detections import last_number
from lift3d.formats._dispatch import _candidates
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton, get_skeleton

GOLDEN = Path(__file__).parents[1] / "golden" / "keypoints"
TRUTH = np.load(GOLDEN / "truth.npz")
SAMPLES = {  # path: (format, camera, largest difference in pixels and scores)
    "alphapose-results.json": ("alphapose_json", "keypoints", 1e-9),
    "coco_results.json": ("coco_json", "coco_results", 1e-9),
    "mmpose_instance_info.json": ("mmpose_json", "mmpose_instance_info", 1e-9),
    "openpose_cam0_json": ("openpose_json", "openpose_cam0", 6e-4),  # three decimals in the file
}
FLAT = [value for joint in range(17) for value in (10.0 * joint + 1, 20.0 * joint + 2, 0.5)]


def saved(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def openpose(folder: Path, frames: dict[int, list[list[float]]], pattern: str = "{:012d}_keypoints.json") -> Path:
    """A folder of OpenPose files: the flat keypoints of the people of each frame."""
    for frame, people in frames.items():
        saved(folder / pattern.format(frame), {"people": [{"pose_keypoints_2d": person} for person in people]})
    return folder


def at(x: float, joints: int = 17) -> list[float]:
    """A person whose joints all lie at (x, 5) with score 0.5."""
    return [x, 5.0, 0.5] * joints


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(FileError) as caught:
        read_keypoints(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- samples


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_reads_to_its_truth(name: str) -> None:
    format_name, camera, near = SAMPLES[name]
    keypoints = read_keypoints(GOLDEN / name)
    assert [entry.name for entry in _candidates(GOLDEN / name, Keypoints2D)] == [format_name]
    assert keypoints.camera_names == (camera,)
    assert keypoints.skeleton == get_skeleton("coco17")
    assert keypoints.pixels.dtype == torch.float64
    assert np.abs(keypoints.pixels[0].numpy() - TRUTH["xy"]).max() <= near
    assert np.abs(keypoints.scores[0].numpy() - TRUTH["conf"]).max() <= near
    assert keypoints.times.tolist() == [frame / 30 for frame in range(5)]


@pytest.mark.parametrize("name", SAMPLES)
def test_options_count(name: str) -> None:
    keypoints = read_keypoints(GOLDEN / name, fps=50, skeleton="human36m17", camera_names=["left"])
    assert keypoints.times[1].item() == pytest.approx(0.02)
    assert keypoints.skeleton.name == "human36m17"
    assert keypoints.camera_names == ("left",)
    assert "17 joints" in refused(GOLDEN / name, skeleton="body25")


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


# --- several cameras


@pytest.mark.parametrize("name", [name for name in SAMPLES if name.endswith(".json")])
def test_folder_of_files_is_read_in_natural_order(name: str, tmp_path: Path) -> None:
    for camera in ("cam10", "cam2", "cam1"):
        shutil.copy(GOLDEN / name, tmp_path / f"{camera}.json")
    keypoints = read_keypoints(tmp_path)
    assert keypoints.camera_names == ("cam1", "cam2", "cam10")
    assert np.abs(keypoints.pixels.numpy() - TRUTH["xy"]).max() <= 1e-9


def test_several_paths_of_several_formats() -> None:
    keypoints = read_keypoints([GOLDEN / name for name in SAMPLES])
    assert keypoints.camera_names == tuple(camera for _, camera, _ in SAMPLES.values())
    assert np.abs(keypoints.pixels.numpy() - TRUTH["xy"]).max() <= 6e-4


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
