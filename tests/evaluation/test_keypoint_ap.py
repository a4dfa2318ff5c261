"""COCO's AP: hand-computed cases, a plain reference, what crowds and sizes do, and the files of results."""

import json
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from picture_people import labels, people_at, predictions

from lift3d import write_keypoints
from lift3d.errors import FileError, InputError, MissingPackageError, UnknownNameError
from lift3d.evaluation import (
    evaluate_pictures,
    keypoint_ap,
    predicted_in_pictures,
    read_predicted_people,
    write_coco_results,
)
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import get_skeleton
from lift3d.skeletons.joint_sigmas import borrowed_sigmas, joint_sigmas

pytest.importorskip("faster_coco_eval")
COCO = get_skeleton("coco17")
SIGMAS = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000


def off_by(truth, areas, oks):
    """Every joint moved so far that each person's OKS is just this."""
    distance = SIGMAS * 2 * np.sqrt(-2 * np.log(oks) * np.asarray(areas)[:, None])
    return truth + np.stack([distance, np.zeros_like(distance)], axis=-1)


def test_perfect_is_one_and_sizes_are_told_apart():
    truth = people_at(3, 17)
    small = keypoint_ap(labels(truth, "coco17", areas=np.full(3, 50.0**2)), predictions(truth, "coco17"))
    large = keypoint_ap(labels(truth, "coco17", areas=np.full(3, 100.0**2)), predictions(truth, "coco17"))
    assert small["AP"] == small["AR"] == small["AP (M)"] == pytest.approx(1)
    assert math.isnan(small["AP (L)"])
    assert math.isnan(large["AP (M)"])
    assert large["AR (L)"] == pytest.approx(1)


@pytest.mark.parametrize(("oks", "share"), [(0.52, 0.1), (0.76, 0.6), (0.88, 0.8), (0.49, 0.0)])
def test_one_similarity_passes_so_many_thresholds(oks, share):
    truth, areas = people_at(4, 17), np.array([40.0, 60, 120, 200]) ** 2
    found = keypoint_ap(labels(truth, "coco17", areas=areas), predictions(off_by(truth, areas, oks), "coco17"))
    assert found["AP"] == found["AR"] == pytest.approx(share)  # thresholds 0.50, 0.55, ... up to the similarity
    assert found["AP50"] == (oks > 0.5)
    assert found["AP75"] == (oks > 0.75)
    assert found["AP (M)"] == pytest.approx(share)
    assert found["AP (L)"] == pytest.approx(share)


def test_a_surer_mistake_costs_precision_by_hand():
    truth, areas = people_at(2, 17), np.full(2, 2500.0)
    found = np.concatenate([truth, truth[:1] + 5000])
    labelled = labels(truth, "coco17", areas=areas)
    picture = [0, 1, 0]
    last = keypoint_ap(labelled, predictions(found, "coco17", picture, scores=[0.9, 0.8, 0.1]))
    assert last["AP"] == pytest.approx(1)  # what comes after all are found costs nothing
    first = keypoint_ap(labelled, predictions(found, "coco17", picture, scores=[0.8, 0.7, 0.9]))
    # precision 0, 1/2, 2/3 at recall 0, 1/2, 1; the envelope is 2/3 everywhere
    assert first["AP"] == pytest.approx(2 / 3)
    middle = keypoint_ap(labelled, predictions(found, "coco17", picture, scores=[0.9, 0.7, 0.8]))
    # 1 up to recall 1/2 (51 of the 101 points), then 2/3
    assert middle["AP"] == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert first["AR"] == middle["AR"] == pytest.approx(1)


def plain_ap(truth, areas, truth_picture, found, found_picture, scores):
    """COCO's rules written out for people who are all labelled: mean precision over thresholds, and recall."""
    precisions, recalls = [], []
    for threshold in np.linspace(0.5, 0.95, 10):
        taken, hits = set(), []
        for one in np.argsort(-scores, kind="mergesort"):
            alike = [
                np.exp(-((found[one] - truth[p]) ** 2).sum(-1) / (2 * areas[p] * (2 * SIGMAS) ** 2)).mean()
                if truth_picture[p] == found_picture[one] and p not in taken else -1.0
                for p in range(len(truth))
            ]  # fmt: skip
            best = int(np.argmax(alike))
            hits.append(alike[best] >= threshold)
            taken |= {best} if hits[-1] else set()
        right = np.cumsum(hits)
        recall, precision = right / len(truth), right / np.arange(1, len(hits) + 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        at = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
        precisions.append(np.append(envelope, 0.0)[np.minimum(at, len(envelope))].mean())
        recalls.append(recall[-1])
    return np.mean(precisions), np.mean(recalls)


def test_a_plain_reference_agrees():
    random = np.random.default_rng(0)
    truth, areas = people_at(30, 17), random.uniform(1100, 40000, 30)
    picture = np.sort(random.integers(0, 12, 30))
    picture[-1] = 12
    found = truth + random.normal(0, 1, truth.shape) * random.uniform(1, 25, 30)[:, None, None]
    found = np.concatenate([found[:-4], people_at(8, 17, seed=5)])
    found_picture = np.concatenate([picture[:-4], random.integers(0, 12, 8)])
    scores = random.uniform(size=len(found))
    labelled = labels(truth, "coco17", picture, areas=areas)
    ours = keypoint_ap(labelled, predictions(found, "coco17", found_picture, scores))
    ap, ar = plain_ap(truth, areas, picture, found, found_picture, scores)
    assert 0.1 < ap < 0.9
    assert (ours["AP"], ours["AR"]) == (pytest.approx(ap, abs=1e-6), pytest.approx(ar, abs=1e-6))


def annotations(tmp_path, crowd):
    truth = people_at(1, 17)[0]
    flat = np.concatenate([truth, np.full((17, 1), 2)], axis=1).reshape(-1).tolist()
    table = {
        "images": [{"id": 5, "file_name": "5.jpg", "width": 400, "height": 400}],
        "annotations": [
            {"id": 1, "image_id": 5, "bbox": [0, 0, 400, 400], "area": 4e4, "iscrowd": 0, "keypoints": flat,
             "num_keypoints": 17, "category_id": 1},
            {"id": 2, "image_id": 5, "bbox": [500, 500, 100, 100], "area": 1e4, "iscrowd": crowd,
             "keypoints": [0] * 51, "num_keypoints": 0, "category_id": 1},
        ],
        "categories": [{"id": 1, "name": "person"}],
    }  # fmt: skip
    path = tmp_path / "person_keypoints.json"
    path.write_text(json.dumps(table))
    return path, truth


@pytest.mark.parametrize("crowd", [0, 1])
def test_crowds_are_neither_missed_nor_mistaken(crowd, tmp_path):
    from lift3d.datasets import read_labelled_pictures

    path, truth = annotations(tmp_path, crowd)
    found = predictions(np.stack([truth, truth * 0 + 550]), "coco17", picture=[5, 5], scores=[0.5, 0.9])
    assert keypoint_ap(path, found)["AP"] == pytest.approx(1)
    labelled = read_labelled_pictures(path)
    assert keypoint_ap(labelled, found)["AP"] == pytest.approx(0.5)  # the labels alone do not know the crowd
    report = evaluate_pictures(labelled, found, "coco", annotations=path)
    assert report.columns["AP"] == pytest.approx(100)
    assert any("neither missed nor mistaken" in line for line in report.choices)
    assert any("is a mistake" in line for line in evaluate_pictures(labelled, found, "coco").choices)


def test_a_crowd_takes_any_number_and_a_person_one(tmp_path):
    for crowd, ap in ((1, 1.0), (0, 0.5)):
        path, truth = annotations(tmp_path, crowd)
        inside = np.full((17, 2), 550.0)
        found = predictions(np.stack([truth, inside, inside]), "coco17", picture=[5, 5, 5], scores=[0.5, 0.8, 0.9])
        assert keypoint_ap(path, found)["AP"] == pytest.approx(ap)


def test_sigmas_by_name_are_cocos_and_may_be_ones_own():
    np.testing.assert_allclose(joint_sigmas(COCO), SIGMAS)
    assert borrowed_sigmas(COCO) == {}
    human36m = get_skeleton("human36m17")
    assert borrowed_sigmas(human36m)["pelvis"] == "hip"
    own = joint_sigmas(human36m, {"pelvis": 0.5})
    assert own[human36m.index("pelvis")] == 0.5
    assert own[human36m.index("right_hip")] == 0.107
    with pytest.raises(UnknownNameError, match="joint of coco17"):
        joint_sigmas(COCO, {"pelvis": 0.1})
    with pytest.raises(InputError, match="positive"):
        joint_sigmas(COCO, {"nose": 0.0})


def test_own_sigmas_change_the_number_and_are_printed():
    truth, areas = people_at(2, 17), np.full(2, 2500.0)
    labelled, found = labels(truth, "coco17", areas=areas), predictions(off_by(truth, areas, 0.62), "coco17")
    tight = evaluate_pictures(labelled, found, "coco", sigmas=dict(zip(COCO.joints, SIGMAS / 3, strict=True)))
    assert evaluate_pictures(labelled, found, "coco").columns["AP"] == pytest.approx(30)
    assert tight.columns["AP"] == 0
    assert "sigma of nose: 0.00866667" in tight.choices
    human36m = evaluate_pictures(labels(truth, "human36m17"), predictions(truth, "human36m17"), "coco")
    assert human36m.columns["AP"] == pytest.approx(100)
    assert any("borrowed: pelvis of hip" in line for line in human36m.choices)


def test_nobody_found_is_zero():
    labelled = labels(people_at(2, 17), "coco17", areas=np.full(2, 2500.0))
    nobody = predictions(np.zeros((0, 17, 2)), "coco17", picture=np.zeros(0, dtype=int))
    assert keypoint_ap(labelled, nobody)["AP"] == 0
    assert evaluate_pictures(labelled, nobody, "pck", size="box").columns["Mean"] == 0


def test_results_come_back_as_they_were_written(tmp_path):
    truth = people_at(3, 17)
    truth[1, 4] = np.nan
    labelled = labels(people_at(3, 17), "coco17")
    labelled = replace(labelled, ids=[11, 7, 30])
    for rows in (None, [2, 0, 1]):
        made = predictions(truth, "coco17", picture=[7, 30, 11], scores=[0.5, 2.0, -1.0], rows=rows)
        write_coco_results(made, tmp_path / "results.json")
        back = read_predicted_people(tmp_path / "results.json", labelled)
        for name in ("picture_ids", "pixels", "joint_scores", "scores"):
            torch.testing.assert_close(getattr(back, name), getattr(made, name), equal_nan=True, msg=name)
        assert back.skeleton.name == "coco17"
        assert (back.rows is None) == (rows is None)
        assert rows is None or back.rows.tolist() == rows
    entry = json.loads((tmp_path / "results.json").read_text())[1]
    assert entry["keypoints"][12:15] == [0, 0, 0]
    assert entry["category_id"] == 1


def test_keypoints_of_frames_are_people_in_pictures(tmp_path):
    truth = people_at(12, 17)
    labelled = labels(truth, "coco17")  # pictures 0.png, 1.png, ..., 11.png: natural order
    seen = np.stack([truth, truth + 1000], axis=1)[None]
    seen[0, 3] = np.nan
    keypoints = Keypoints2D.of(seen, np.full(seen.shape[:-1], 0.25), skeleton=COCO)
    found = predicted_in_pictures(keypoints, labelled)
    assert found.picture_ids.tolist() == [number for number in range(12) if number != 3 for _ in range(2)]
    np.testing.assert_allclose(found.pixels[20], truth[11])
    np.testing.assert_allclose(found.scores, 0.25)
    write_keypoints(keypoints, tmp_path / "keypoints.npz")
    assert len(read_predicted_people(tmp_path / "keypoints.npz", labelled)) == 22
    short = labels(truth[:5], "coco17")
    with pytest.raises(FileError, match="12 frames; the labels have 5 pictures"):
        read_predicted_people(tmp_path / "keypoints.npz", short)
    for number in range(12):
        (tmp_path / f"{number}.png").touch()
    found = read_predicted_people(tmp_path / "keypoints.npz", short, images=tmp_path)
    assert found.picture_ids.tolist() == [0, 0, 1, 1, 2, 2, 4, 4]
    recording = replace(labelled, pictures=[f"cam{number // 6}/{number % 6}" for number in range(12)])
    two = Keypoints2D.of(seen.reshape(2, 6, 2, 17, 2), skeleton=COCO, camera_names=["cam0", "cam1"])
    assert predicted_in_pictures(two, recording).picture_ids.tolist() == [n for n in range(12) if n != 3 for _ in "ab"]
    with pytest.raises(InputError, match="2 cameras; the labels are of single pictures"):
        predicted_in_pictures(two, labelled)


def test_wrong_results_are_one_line(tmp_path):
    labelled, path = labels(people_at(2, 17), "coco17"), tmp_path / "results.json"
    good = {"image_id": 1, "category_id": 1, "keypoints": [1.0] * 51, "score": 0.5}
    for entries, match in (
        ([good | {"image_id": 9}], "has results of image 9, which is not labelled"),
        ([good, good | {"keypoints": [1.0] * 48}], "an entry is no result of COCO's"),
        ([good | {"keypoints": [1.0] * 33}], "people have 11 joints"),
        ([{"image_id": 1, "bbox": [1, 2, 3, 4]}], "an entry is no result of COCO's"),
        ([good | {"person": 2}], "not among the 2 labelled ones"),
    ):
        path.write_text(json.dumps(entries))
        with pytest.raises(FileError, match=match) as caught:
            read_predicted_people(path, labelled)
        assert "\n" not in str(caught.value)
    path.write_text(
        json.dumps([good | {"image_id": "0.jpg", "keypoints": [1.0] * 78}])
    )  # AlphaPose: keypoints of frames
    with pytest.raises(FileError, match="1 frames; the labels have 2 pictures"):
        read_predicted_people(path, labelled)
    path.write_text("[]")
    assert len(read_predicted_people(path, labelled)) == 0


def test_without_the_library_one_line_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "faster_coco_eval", None)
    truth = people_at(1, 17)
    with pytest.raises(MissingPackageError, match="pip install faster-coco-eval"):
        keypoint_ap(labels(truth, "coco17"), predictions(truth, "coco17"))
