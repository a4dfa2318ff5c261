"""Keypoints of several cameras in one place: EasyMocap's annots, FreeMoCap's array, caliscope's table."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keypoint_files import TRUTH, refused, saved

from lift3d.formats import read_keypoints, write_keypoints
from lift3d.formats._dispatch import _candidates
from lift3d.keypoints import Keypoints2D

XY, CONF = TRUTH["xy"], TRUTH["conf"]


# --- EasyMocap


def easymocap(folder: Path, frame: int, people: list[dict[str, Any]], **more: Any) -> Path:
    saved(folder / f"{frame:06d}.json", {"filename": "x.jpg", "height": 480, "width": 640, "annots": people, **more})
    return folder


def person(identity: int, frame: int, joints: int = 17, **more: Any) -> dict[str, Any]:
    values = np.concatenate([XY[frame, identity], CONF[frame, identity, :, None]], axis=-1)
    return {"personID": identity, "bbox": [0, 0, 9, 9, 1], "keypoints": values[:joints].tolist(), **more}


def test_easymocap_reads_to_the_truth(tmp_path: Path) -> None:
    for camera in ("10", "2"):
        for frame in range(5):
            people = [person(identity, frame) for identity in ((0, 1) if frame < 3 else (1, 0))]
            easymocap(tmp_path / "annots" / camera, frame, people)
    keypoints = read_keypoints(tmp_path / "annots")
    assert keypoints.camera_names == ("2", "10")
    assert keypoints.skeleton.name == "coco17"
    assert keypoints.image_sizes.tolist() == [[640, 480]] * 2
    assert np.abs(keypoints.pixels.numpy() - XY).max() == 0
    assert np.abs(keypoints.scores.numpy() - CONF).max() == 0
    one = tmp_path / "annots" / "10"
    assert [entry.name for entry in _candidates(one, Keypoints2D)] == ["easymocap_keypoints_json"]
    assert read_keypoints(one, fps=50).times[1].item() == pytest.approx(0.02)


def test_easymocap_other_names_gaps_and_missing_joints(tmp_path: Path) -> None:
    flat = [1.0, 2.0, 0.5, 3.0, 4.0, 0.0] + [5.0, 6.0, 1.0] * 23
    easymocap(tmp_path / "cam", 2, [{"id": 4, "keypoints2d": flat}])
    easymocap(tmp_path / "cam", 4, [], height=481)
    keypoints = read_keypoints(tmp_path / "cam")
    assert keypoints.skeleton.name == "body25"
    assert tuple(keypoints.pixels.shape[:3]) == (1, 5, 1)
    assert keypoints.scores[0, :, 0, :3].tolist() == [[0] * 3, [0] * 3, [0.5, 0, 1], [0] * 3, [0] * 3]
    assert keypoints.image_sizes.isnan().all()


@pytest.mark.parametrize(
    ("people", "text"),
    [
        (None, 'no list "annots"'),
        ([{"personID": 0}], 'person 0 has no list "keypoints"'),
        ([5], 'person 0 has no list "keypoints"'),
        ([{"keypoints": [[1, 2]]}], "is not [x, y, score]"),
        ([{"keypoints": [[1, 2, "a"]]}], "no flat list of numbers"),
        ([{"keypoints": [[1, 2, 3], 4]}], "no flat list of numbers"),
        ([{"keypoints": [[1, 2, 3]] * 11}], "11 joints"),
        ([], "holds no people"),
    ],
)
def test_easymocap_bad_content(people: Any, text: str, tmp_path: Path) -> None:
    easymocap(tmp_path / "cam", 0, people)
    assert text in refused(tmp_path / "cam", format="easymocap_keypoints_json")


# --- FreeMoCap


def freemocap(folder: Path, array: np.ndarray) -> Path:
    path = folder / "mediapipe2dData_numCams_numFrames_numTrackedPoints_pixelXY.npy"
    np.save(path, array)
    return path


@pytest.mark.parametrize(("points", "axes"), [(33, 2), (543, 3), (553, 2)])
def test_freemocap_reads_the_body(points: int, axes: int, tmp_path: Path) -> None:
    array = np.random.default_rng(0).uniform(1, 1000, (3, 4, points, axes))
    array[1, 2, 5] = np.nan
    path = freemocap(tmp_path, array)
    keypoints = read_keypoints(path)
    assert [entry.name for entry in _candidates(path, Keypoints2D)] == ["freemocap_npy"]
    assert keypoints.skeleton.name == "blazepose33"
    assert np.array_equal(keypoints.pixels[:, :, 0].numpy(), array[:, :, :33, :2], equal_nan=True)
    assert (keypoints.scores == 0).nonzero().tolist() == [[1, 2, 0, 5]]


def test_freemocap_does_not_name_its_cameras(tmp_path: Path) -> None:
    path = freemocap(tmp_path, np.ones((2, 3, 17, 2)))
    assert "has 17 joints; known are 33" in refused(path)
    assert read_keypoints(path, skeleton="coco17").camera_names == ("array0", "array1")
    named = read_keypoints(path, skeleton="coco17", camera_names=["left", "right"])
    assert named.camera_names == ("left", "right")
    assert "has 17 joints; skeleton 'body25' has 25" in refused(path, skeleton="body25")


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((2, 3, 33)), "expected numbers over cameras"),
        (np.zeros((2, 3, 33, 4)), "expected numbers over cameras"),
        (np.zeros((2, 3, 33, 2), dtype=complex), "expected numbers over cameras"),
        (np.array([{"a": 1}], dtype=object), "no NumPy array of numbers"),
    ],
)
def test_freemocap_bad_arrays(array: np.ndarray, text: str, tmp_path: Path) -> None:
    path = freemocap(tmp_path, array)
    assert _candidates(path, Keypoints2D) == []
    assert text in refused(path, format="freemocap_npy")


@pytest.mark.parametrize("kept", [0, 5, 60, 130, 500])
def test_freemocap_cut_short(kept: int, tmp_path: Path) -> None:
    path = freemocap(tmp_path, np.zeros((2, 3, 33, 2)))
    path.write_bytes(path.read_bytes()[:kept])
    assert _candidates(path, Keypoints2D) == []
    assert "is damaged" in refused(path, format="freemocap_npy")


# --- caliscope


def caliscope(path: Path, rows: Iterable[tuple[Any, ...]], old: bool = False) -> Path:
    camera, point = ("port", "point_id") if old else ("cam_id", "keypoint_id")
    header = f"sync_index,{camera},frame_index,frame_time,{point},img_loc_x,img_loc_y,obj_loc_x"
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return path


def rows_of(cameras: tuple[int, ...] = (10, 2), points: int = 17) -> list[tuple[Any, ...]]:
    return [
        (frame, camera, 100 + frame, 7.0 + frame / 20 + camera / 1000, point, *XY[frame, 0, point].tolist(), "")
        for frame in range(5)
        for camera in cameras
        for point in range(points)
    ]


@pytest.mark.parametrize("old", [False, True])
def test_caliscope_reads_to_the_truth(old: bool, tmp_path: Path) -> None:
    path = caliscope(tmp_path / "xy_HOLISTIC.csv", rows_of(), old)
    keypoints = read_keypoints(path)
    assert [entry.name for entry in _candidates(path, Keypoints2D)] == ["caliscope_csv"]
    assert keypoints.camera_names == ("cam_2", "cam_10")
    assert keypoints.skeleton.name == "coco17"
    assert np.abs(keypoints.pixels[:, :, 0].numpy() - XY[:, 0]).max() == 0
    assert bool((keypoints.scores == 1).all())
    assert keypoints.times.tolist() == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])
    assert read_keypoints(path, fps=10).times.tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_caliscope_missing_points_and_late_starts(tmp_path: Path) -> None:
    rows = [row for row in rows_of() if row[0] > 1 and not (row[1] == 2 and row[4] == 3)]
    keypoints = read_keypoints(caliscope(tmp_path / "a.csv", rows))
    assert keypoints.scores[:, :, 0, 3].tolist() == [[0] * 5, [0, 0, 1, 1, 1]]
    assert not keypoints.scores[:, :2].any()
    assert keypoints.times.tolist() == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])


def test_caliscope_points_that_are_no_known_joints(tmp_path: Path) -> None:
    path = caliscope(tmp_path / "a.csv", [(0, 1, 0, 0.0, 3, 1, 2, ""), (0, 1, 0, 0.0, 101, 3, 4, "")])
    with pytest.warns(UserWarning, match="of no known skeleton"):
        assert read_keypoints(path).skeleton.joints == ("point3", "point101")
    keypoints = read_keypoints(path, skeleton="coco17")
    assert keypoints.scores.nonzero().tolist() == [[0, 0, 0, 3]]
    path = caliscope(tmp_path / "b.csv", [(0, 1, 0, 0.0, 101, 3, 4, "")])
    assert "none of its points is a joint of 'coco17'" in refused(path, skeleton="coco17")


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ((0, 1, 0, 0.0, 3, 1, 2), "line 3 has 7 fields; expected 8"),
        ((0, 1, 0, 0.0, 3, "a", 2, ""), "line 3: could not convert"),
        ((0.5, 1, 0, 0.0, 3, 1, 2, ""), "line 3: frame is 0.5"),
        (("inf", 1, 0, 0.0, 3, 1, 2, ""), "line 3: frame is inf"),
        ((0, 1, 0, 0.0, -1, 1, 2, ""), "line 3: point is -1"),
        ((0, 1, 0, 0.0, 0, 1, 2, ""), "frame 0, camera 1, point 0 occurs twice"),
        ((10**12, 1, 0, 0.0, 0, 1, 2, ""), "more than memory holds"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*are of no known skeleton")
def test_caliscope_bad_rows(row: tuple[Any, ...], text: str, tmp_path: Path) -> None:
    path = caliscope(tmp_path / "a.csv", [(0, 1, 0, 0.0, 0, 1, 2, ""), row])
    assert text in refused(path, format="caliscope_csv")


def test_caliscope_bad_tables(tmp_path: Path) -> None:
    assert "holds no rows" in refused(caliscope(tmp_path / "a.csv", []))
    (tmp_path / "b.csv").write_text("sync_index,cam_id,img_loc_x,img_loc_y\n0,1,2,3\n", encoding="utf-8")
    assert "lacks the columns keypoint_id or point_id" in refused(tmp_path / "b.csv", format="caliscope_csv")


def test_all_of_them_are_written_in_one_archive(tmp_path: Path) -> None:
    keypoints = read_keypoints(caliscope(tmp_path / "a.csv", rows_of()))
    write_keypoints(keypoints, tmp_path / "a.npz")
    assert read_keypoints(tmp_path / "a.npz").camera_names == keypoints.camera_names
