"""Labelled pictures: labels lie where the pictures show them, layouts agree, what is wrong is said."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up import SERIALS, mmpose_rows, recordings, with_ones, write_calibrations, write_mmpose_npz
from made_up_pictures import (
    SIZE,
    camera_frame,
    joints_at,
    marked,
    mpii_people,
    write_coco,
    write_integral,
    write_mpii,
    write_mpii_h5,
    write_multiview,
)
from PIL import Image

from lift3d.datasets.labelled_pictures import LabelledPeople, LabelledPictures, picture_formats, read_labelled_pictures
from lift3d.errors import FileError, InputError, ShapeError, UnknownNameError
from lift3d.skeletons import get_skeleton


def lit(labelled: LabelledPictures, person: int) -> list[int]:
    """What the picture shows where the person's joints are labelled: the numbers of the joints."""
    own = labelled.people[person]
    x, y = own.pixels[own.visibility > 0].round().long().T
    shown = labelled.read(own.picture)[y, x]
    assert (shown[:, 2] == 200).all()
    return (shown[:, 0] // 10).tolist()


def test_coco_labels_lie_where_the_pictures_show_them(tmp_path: Path) -> None:
    path, images, pixels = write_coco(tmp_path)
    labelled = read_labelled_pictures(path, images)
    assert labelled.skeleton.name == "coco17"
    assert len(labelled.people) == 2  # neither the crowd nor the one without joints
    assert [labelled.picture_id(one.picture) for one in labelled.people] == [3, 7]
    assert lit(labelled, 0) == list(range(16))
    assert lit(labelled, 1) == list(range(17))
    first = labelled.people[0]
    assert first.visibility.tolist() == [2] * 15 + [1, 0]
    assert first.area == 900.5
    assert first.head_size is None
    assert first.joints_3d is None
    assert first.pixels[16].isnan().all()
    np.testing.assert_array_equal(first.pixels[:16], pixels[1, :16])


def test_coco_boxes_are_cut_as_hrnet_cuts_them(tmp_path: Path) -> None:
    labelled = read_labelled_pictures(*write_coco(tmp_path)[:2])
    assert labelled.people[0].box == (10, 5, 29, 39)  # one pixel less: from the first pixel's centre to the last's
    assert labelled.people[1].box == (0, 20, 63, 27)  # by hand: x from 0 to min(63, 89), y from 20 to min(47, 59)
    table = json.loads((tmp_path / "person_keypoints_val2017.json").read_text())
    table["annotations"][0]["bbox"] = [70, 5, 30, 40]  # outside of the picture
    (tmp_path / "outside.json").write_text(json.dumps(table))
    assert len(read_labelled_pictures(tmp_path / "outside.json").people) == 1


def test_other_skeletons_in_cocos_layout(tmp_path: Path) -> None:
    path, images, _ = write_coco(tmp_path)
    table = json.loads(path.read_text())
    for one in table["annotations"]:
        one["keypoints"] = one["keypoints"][:48]
    path.write_text(json.dumps(table))
    with pytest.raises(FileError, match=r"people have 16 joints; known are .*Pass skeleton"):
        read_labelled_pictures(path, images)
    assert read_labelled_pictures(path, images, skeleton="mpii16").skeleton.name == "mpii16"
    table["categories"][0]["keypoints"] = list(get_skeleton("mpii16").joints)
    path.write_text(json.dumps(table))
    assert read_labelled_pictures(path, images).skeleton.name == "mpii16"


def test_mpii_counts_from_one_and_labels_lie_where_the_pictures_show_them(tmp_path: Path) -> None:
    path, images = write_mpii(tmp_path)
    labelled = read_labelled_pictures(path, images)
    assert list(labelled.pictures) == ["b.png", "a.png"]
    assert labelled.people.picture.tolist() == [0, 1, 0]
    assert lit(labelled, 0) == list(range(16))
    assert lit(labelled, 1) == [joint for joint in range(16) if joint != 6]
    assert labelled.people[1].visibility.tolist() == [2] * 6 + [0] + [2] * 9
    assert [one.head_size for one in labelled.people] == pytest.approx([3, 6, 12])  # 0.6 of 5, 10 and 20
    # centre (30, 21) moved down by 15 * 0.15 and counted from 0; 200 * 0.15 pixels wide
    assert labelled.people[1].box == pytest.approx((29 - 15, 21 + 2.25 - 1 - 15, 30, 30))
    (path.parent / "gt_valid.mat").unlink()
    assert read_labelled_pictures(path, images).people[0].head_size is None


def test_the_hourglass_file_of_mpii_gives_the_same_people(tmp_path: Path) -> None:
    path, _ = write_mpii(tmp_path)
    a, b = (read_labelled_pictures(one).people for one in (path, write_mpii_h5(tmp_path)))
    for name in ("picture", "boxes", "pixels", "head_sizes", "areas"):
        torch.testing.assert_close(getattr(a, name), getattr(b, name), equal_nan=True)
    assert b.visibility[0].tolist() == [2, 2, 2, 1] + [2] * 12


def test_three_layouts_of_human36m_give_the_same_people(tmp_path: Path) -> None:
    made = recordings()
    integral = read_labelled_pictures(write_integral(tmp_path / "hm36", made))
    mmpose = read_labelled_pictures(write_mmpose_npz(tmp_path, made)[0])
    multiview = read_labelled_pictures(write_multiview(tmp_path, made))
    assert {one.skeleton.name for one in (integral, mmpose, multiview)} == {"human36m17"}
    for number, one in enumerate(made):
        for place, camera in enumerate(SERIALS):
            truth, pixels = camera_frame(one, camera), one.pixels[place]
            sequence = f"s_{int(one.subject[1:]):02d}_act_{number + 2:02d}_subact_01_ca_{place + 1:02d}"
            own = integral.matching(f"{sequence}/*").people
            np.testing.assert_allclose(own.joints_3d, truth, atol=2e-6)
            np.testing.assert_allclose(own.pixels, pixels, atol=1e-3)
            assert integral.pictures[int(own.picture[1])] == f"{sequence}/{sequence}_000002.jpg"

            own = mmpose.matching(f"{one.subject}/*{one.sequence.split()[0][-3:]}*.{camera}_*").people
            np.testing.assert_allclose(own.joints_3d, truth[::5], atol=2e-6)
            np.testing.assert_allclose(own.pixels, pixels[::5], atol=1e-3)

            own = multiview.matching(f"{one.subject}/Action-{number}/*/{camera}/*").people
            missing = int(place == 0 and one is made[-1])
            np.testing.assert_allclose(own.joints_3d, truth[missing:], atol=2e-6)
            straight = one.rig[camera].undistorted().project_camera(torch.from_numpy(truth).reshape(-1, 3))
            np.testing.assert_allclose(own.pixels, straight.reshape(-1, 17, 2)[missing:], atol=2e-3)
            assert own[0].box == (20, 10, 300, 300)  # left, top, width, height of top 10, left 20, bottom, right


def test_the_box_of_the_integral_layout_is_metric(tmp_path: Path) -> None:
    made = recordings()[:1]
    labelled = read_labelled_pictures(write_integral(tmp_path, made))
    person, camera = labelled.people[0], made[0].rig[SERIALS[0]]
    assert person.joints_3d is not None
    left, top, width, height = person.box
    corners = person.joints_3d[0].double() + torch.tensor([[-0.8, -0.8, 0], [0.8, 0.8, 0]])
    expected = camera.undistorted().project_camera(corners)
    np.testing.assert_allclose([[left, top], [left + width, top + height]], expected, atol=1e-3)


def test_pictures_as_filmed_get_pixels_as_filmed(tmp_path: Path) -> None:
    made = recordings()[:1]
    path = write_multiview(tmp_path, made)
    marked(tmp_path / f"processed/S1/Action-0/imageSequence/{SERIALS[1]}/img_000001.jpg", joints_at(0))
    labelled = read_labelled_pictures(path, tmp_path / "processed")
    own = labelled.matching(f"S1/*/imageSequence/{SERIALS[1]}/*").people
    np.testing.assert_allclose(own.pixels, made[0].pixels[1], atol=2e-3)
    assert labelled.read(0).shape == (SIZE[1], SIZE[0], 3)


def test_mmposes_coco_file_has_the_camera_frame_with_cameras(tmp_path: Path) -> None:
    made = recordings()
    rows = mmpose_rows(made)
    table = {
        "images": [{"id": n, "file_name": row[0], "width": 1000, "height": 1000} for n, row in enumerate(rows)],
        "annotations": [
            {"id": n, "image_id": n, "bbox": [5, 6, 700, 800], "area": 1.0, "iscrowd": 0,
             "keypoints": with_ones(row[1]).reshape(-1).tolist(), "keypoints_3d": with_ones(row[3]).tolist()}
            for n, row in enumerate(rows)
        ],
    }  # fmt: skip
    path = tmp_path / "h36m_coco.json"
    path.write_text(json.dumps(table))
    assert read_labelled_pictures(path).people.joints_3d is None
    labelled = read_labelled_pictures(path, cameras=write_calibrations(tmp_path / "cameras", made))
    assert labelled.skeleton.name == "human36m17"
    np.testing.assert_allclose(labelled.people.joints_3d, np.stack([row[2] for row in rows]), atol=1e-5)
    np.testing.assert_allclose(labelled.people.pixels, np.stack([row[1] for row in rows]), atol=1e-3)


def test_people_are_a_sequence_that_can_be_cut_and_sent(tmp_path: Path) -> None:
    path, images = write_mpii(tmp_path)
    labelled = read_labelled_pictures(path, images)
    assert [one.picture for one in labelled.people] == [0, 1, 0]
    own = labelled.matching("b.*")
    assert own.people.boxes.tolist() == labelled.people.boxes[[0, 2]].tolist()
    assert labelled.only([2, 0]).people[1].head_size == pytest.approx(3)
    again = pickle.loads(pickle.dumps(labelled))
    assert torch.equal(again.read(1), labelled.read(1))


def test_a_note_how_to_turn_a_picture_is_not_followed(tmp_path: Path) -> None:
    path, images, _ = write_coco(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter
    with Image.open(images / "000000000003.png") as picture:
        picture.save(images / "000000000003.png", exif=exif)
    assert lit(read_labelled_pictures(path, images), 0) == list(range(16))


def test_what_does_not_fit_together_is_refused() -> None:
    boxes, pixels = np.ones((2, 4)), np.ones((2, 17, 2))
    people = LabelledPeople.of(np.array([0, 3]), boxes, pixels)
    with pytest.raises(InputError, match="not among the 2"):
        LabelledPictures(get_skeleton("coco17"), people, ["a", "b"], lambda _: torch.zeros(1))
    with pytest.raises(ShapeError, match="16 joints of 'mpii16'"):
        LabelledPictures(get_skeleton("mpii16"), people, ["a"] * 4, lambda _: torch.zeros(1))


def test_wrong_files_are_one_line(tmp_path: Path) -> None:
    path, images, _ = write_coco(tmp_path)
    good = json.loads(path.read_text())

    def bad(change) -> str:
        table = json.loads(json.dumps(good))
        change(table)
        path.write_text(json.dumps(table))
        with pytest.raises(FileError) as caught:
            read_labelled_pictures(path, images)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "labelled annotation 1 (id 4) has 50 numbers" in bad(lambda t: t["annotations"][3]["keypoints"].pop())
    assert "of image 99, which is not listed" in bad(lambda t: t["annotations"][0].update(image_id=99))
    assert "has the box [1, 2]" in bad(lambda t: t["annotations"][0].update(bbox=[1, 2]))
    assert "no table with a list of keypoints" in bad(lambda t: t["annotations"][0].update(keypoints="all"))
    assert "holds what is no number" in bad(lambda t: t["annotations"][0].update(bbox=["a", 1, 2, 3]))
    assert "nobody in it has a labelled joint" in bad(lambda t: t.update(annotations=[]))
    assert "annotations is no list" in bad(lambda t: t.pop("annotations"))
    assert "two images have the same id" in bad(lambda t: t["images"][0].update(id=3))
    assert "an entry of images" in bad(lambda t: t["images"][0].pop("file_name"))
    path.write_text(json.dumps(good)[:-40])
    with pytest.raises(FileError, match="cut short"):
        read_labelled_pictures(path)


def test_other_wrong_files_and_choices_are_one_line(tmp_path: Path) -> None:
    path, images, _ = write_coco(tmp_path)
    with pytest.raises(FileError, match="nobody said where its pictures are"):
        read_labelled_pictures(path).read(0)
    with pytest.raises(FileError, match=r"does not hold 000000000007\.png"):
        read_labelled_pictures(path, tmp_path)
    (images / "000000000003.png").write_bytes(b"no picture")
    with pytest.raises(FileError, match="cannot be read as a picture"):
        read_labelled_pictures(path, images).read(1)
    with pytest.raises(UnknownNameError, match="Did you mean 'coco_json'"):
        read_labelled_pictures(path, format="cocojson")
    with pytest.raises(FileError, match="has no keypoints_3d"):
        read_labelled_pictures(path, cameras=recordings()[0].rig)
    (tmp_path / "other.txt").write_text("nothing")
    with pytest.raises(FileError, match=r"is of no known layout.*coco_json, .*recording"):
        read_labelled_pictures(tmp_path / "other.txt")
    mpii, _ = write_mpii(tmp_path)
    with pytest.raises(InputError, match="take no cameras"):
        read_labelled_pictures(mpii, cameras=recordings()[0].rig)
    people = mpii_people()
    mpii.write_text(json.dumps(people[:2]))
    with pytest.raises(FileError, match=r"shape \(2, 2, 3\); valid.json has 2 people"):
        read_labelled_pictures(mpii)
    people[0]["joints"].pop()
    mpii.write_text(json.dumps(people))
    with pytest.raises(FileError, match="an entry is not as MPII's are"):
        read_labelled_pictures(mpii)


def test_wrong_files_of_human36m_are_one_line(tmp_path: Path) -> None:
    made = recordings()[:1]
    root = write_integral(tmp_path / "hm36", made)
    file = sorted(root.glob("annot/*/matlab_meta.txt"))[0]
    text = file.read_text()
    for change, match in (
        (lambda t: t.replace("12\n", "13\n", 1), "announces 13 frames and holds 12"),
        (lambda t: t[:-400], "is not as it should be"),
        (lambda t: "\n".join(t.split("\n")[:5]), "is not as it should be"),
        (lambda t: "\n".join(["0", *t.split("\n")[1:8], "x " + "40 " * 17]), "17 numbers from 1 to 32"),
    ):
        file.write_text(change(text))
        with pytest.raises(FileError, match=match):
            read_labelled_pictures(root)
    labels = write_multiview(tmp_path, made)
    content = np.load(labels, allow_pickle=True).item()
    content["table"]["subject_idx"] = 3
    np.save(labels, content, allow_pickle=True)
    with pytest.raises(FileError, match="subject_idx is not within the 1 names"):
        read_labelled_pictures(labels)
    del content["cameras"]
    np.save(labels, content, allow_pickle=True)
    with pytest.raises(FileError, match="lacks one of"):
        read_labelled_pictures(labels)
    labels.write_bytes(labels.read_bytes()[:3000])
    with pytest.raises(FileError, match="damaged or holds what is not allowed"):
        read_labelled_pictures(labels, format="human36m_multiview_npy")


def test_every_layout_says_what_it_is() -> None:
    assert all(name == entry.name and entry.about.endswith(".") for name, entry in picture_formats().items())
