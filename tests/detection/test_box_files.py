"""Every layout of boxes gives the same boxes; what is wrong in a file is said in one line."""

import json

import numpy as np
import pytest

from lift3d.detection import boxes_by_person, boxes_of_cameras, read_boxes
from lift3d.detection.box import Box
from lift3d.detection.box_files import all_box_files
from lift3d.errors import FileError, InputError, UnknownNameError

# frame, left, top, width, height, score
ROWS = [(0, 10.0, 20.0, 30.5, 60.0, 0.9), (0, 200.0, 20.0, 31.0, 61.0, 0.2), (3, 12.0, 21.0, 30.0, 60.0, 0.8)]
EXPECTED = {0: [Box(10, 20, 30.5, 60)], 3: [Box(12, 21, 30, 60)]}


def write_coco_json(folder):
    found = [{"image_id": f, "category_id": 1, "bbox": list(box), "score": score} for f, *box, score in ROWS]
    car = {"image_id": 0, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 1.0}
    (folder / "boxes.json").write_text(json.dumps([car, *found]))
    return folder / "boxes.json"


def write_csv(folder):
    lines = [f"{score},left,{f},{h},{w},{y},{x}" for f, x, y, w, h, score in ROWS]
    (folder / "boxes.csv").write_text("score,camera,frame,height,width,top,left\n" + "\n".join(lines) + "\n")
    return folder / "boxes.csv"


def write_lift3d_npz(folder):
    boxes, scores = np.full((1, 4, 2, 4), np.nan), np.zeros((1, 4, 2))
    for place, (frame, *box, score) in enumerate(ROWS):
        boxes[0, frame, place % 2], scores[0, frame, place % 2] = box, score
    np.savez(folder / "boxes.npz", boxes=boxes, scores=scores, camera_names=np.array(["left"]))
    return folder / "boxes.npz"


WRITERS = {"coco_json": write_coco_json, "csv": write_csv, "lift3d_npz": write_lift3d_npz}


@pytest.mark.parametrize("layout", all_box_files())
def test_every_layout_holds_the_same_boxes(layout, tmp_path):
    found = read_boxes(WRITERS[layout](tmp_path)).of("left", 0.3)
    assert {frame: own for frame, own in found.items() if own} == EXPECTED
    assert len(read_boxes(WRITERS[layout](tmp_path)).of("left", 0.0)[0]) == 2


def test_of_one_camera_or_by_name(tmp_path):
    assert read_boxes(write_coco_json(tmp_path)).of("any", 0.5) == EXPECTED
    with pytest.raises(UnknownNameError, match=r"camera with boxes named 'right'.*Known: left"):
        read_boxes(write_csv(tmp_path)).of("right", 0.5)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "[{}]", 'entry 0 has no "image_id"'),
        ("a.json", "{}", "no list"),
        ("a.json", '[{"image_id": -1, "bbox": [1, 2, 3, 4]}]', "image_id is -1; expected the number of the frame"),
        ("a.json", '[{"image_id": 0, "bbox": [1, 2, 3, 0]}]', "entry 0: the box is .* width and height above 0"),
        ("a.json", '[{"image_id": 0, "bbox": [1, 2, "a", 4]}]', "entry 0: the box is"),
        ("a.json", '[{"image_id": 0, "bbox": [1, 2, 3, 4], "score": null}]', "its score None"),
        ("a.csv", "frame,left,top\n", "has no column width, height"),
        ("a.csv", "", "has no column frame"),
        ("a.csv", "frame,left,top,width,height\n0,1,2,3\n", "line 2 has 4 fields; expected 5"),
        ("a.csv", "frame,left,top,width,height\n0,1,2,3,x\n", "line 2: .*'x'.*expected numbers"),
        ("a.csv", "frame,left,top,width,height\n-1,1,2,3,4\n", "line 2: frame is -1"),
        ("a.csv", "frame,left,top,width,height,person\n0,1,2,3,4,-1\n", "line 2: person is -1"),
        ("a.csv", "frame,left,top,width,height\n0,1,nan,3,4\n", "line 2: the box is"),
        ("a.txt", "", "no file of boxes by its suffix. Expected .json"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(name, content, message, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(FileError, match=message) as caught:
        read_boxes(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"boxes": np.ones((1, 2, 3, 4))}, "lacks the arrays camera_names"),
        ({"boxes": np.ones((1, 2, 4)), "camera_names": np.array(["a"])}, "boxes have shape"),
        ({"boxes": np.ones((1, 2, 3, 4)), "camera_names": np.array(["a", "b"])}, r"camera_names \(2,\)"),
        ({"boxes": np.ones((1, 2, 3, 4)), "camera_names": np.array(["a"]), "scores": np.ones(2)}, "scores have shape"),
        ({"boxes": -np.ones((1, 2, 3, 4)), "camera_names": np.array(["a"])}, "camera a, frame 0: the box is"),
    ],
)
def test_wrong_arrays(arrays, message, tmp_path):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(FileError, match=message):
        read_boxes(tmp_path / "a.npz")


def test_people_who_are_the_same_in_all_cameras(tmp_path):
    """By place in an archive and by number in a table; nobody is NaN; of files that do not say, the surest is meant."""
    boxes = np.full((2, 3, 2, 4), np.nan)
    boxes[0, 0, 0], boxes[0, 0, 1], boxes[1, 2, 1] = [1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]
    np.savez(tmp_path / "boxes.npz", boxes=boxes, camera_names=np.array(["left", "right"]))
    found = boxes_by_person(boxes_of_cameras(tmp_path / "boxes.npz", ["right", "left"]))
    np.testing.assert_array_equal(found.numpy(), boxes[::-1])
    (tmp_path / "left.csv").write_text("frame,left,top,width,height,person\n0,5,6,7,8,1\n0,1,2,3,4,0\n")
    (tmp_path / "right.csv").write_text("frame,left,top,width,height,person\n2,9,10,11,12,1\n")
    tables = boxes_by_person(boxes_of_cameras([tmp_path / "left.csv", tmp_path / "right.csv"], ["left", "right"]))
    np.testing.assert_array_equal(tables.numpy(), boxes)
    files = boxes_of_cameras(write_coco_json(tmp_path), ["any"])
    alone = boxes_by_person(files, 0.1)
    assert alone.shape == (1, 4, 1, 4)
    assert alone[0, 0, 0].tolist() == [10.0, 20.0, 30.5, 60.0]
    assert alone[0, 1:3].isnan().all()
    with pytest.raises(InputError, match=r"no box with a score of at least 0\.95"):
        boxes_by_person(files, 0.95)
    with pytest.raises(InputError, match="There are 3 files of boxes for 2 videos"):
        boxes_of_cameras([tmp_path / "left.csv"] * 3, ["left", "right"])
    with pytest.raises(InputError, match="does not say which camera"):
        boxes_of_cameras(tmp_path / "left.csv", ["left", "right"])
