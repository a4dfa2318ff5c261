"""PCK, PCKh and PCP: invariance, hand-computed cases, the published code's ways of averaging, matching of people."""

from pathlib import Path

import numpy as np
import pytest
import torch
from picture_people import labels, people_at, predictions

from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.evaluation import evaluate_pictures
from lift3d.evaluation.matched_people import matched_pixels
from lift3d.evaluation.pck import (
    box_sizes,
    grouped,
    heatmap_pck,
    joint_groups,
    joint_pck,
    pckh_mean,
    scaled_distances,
    torso_sizes,
)
from lift3d.evaluation.pcp import limb_hits, limbs_of
from lift3d.skeletons import get_skeleton, skeleton_names

MPII = get_skeleton("mpii16")
# the published accuracy of SimpleBaseline's and HRNet's training on fixed heatmaps of 48 x 64 cells (case pck_accuracy
# of the oracles): the cells of their maxima, and what came out
PUBLISHED = np.load(Path(__file__).parents[1] / "golden" / "pictures_pck_accuracy.npz")


def shifted(pixels, joint, pixels_right):
    moved = np.array(pixels)
    moved[:, joint, 0] += pixels_right
    return moved


def test_distances_scale_with_the_person_and_count_what_is_labelled():
    truth = torch.tensor([[[10.0, 10.0], [torch.nan, 3.0], [0.0, 0.0]], [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]])
    found = truth + torch.tensor([3.0, 4.0])
    found[0, 2] = torch.nan
    found[0, 1] = 0.0
    distances = scaled_distances(found, truth, torch.tensor([10.0, torch.nan]))
    assert distances[0].tolist()[0] == 0.5
    assert distances[0, 1].isnan()  # not labelled
    assert distances[0, 2].isinf()  # labelled and not found
    assert distances[1].isnan().all()  # no size
    assert joint_pck(distances, 0.5).nan_to_num(-1).tolist() == [1, -1, 0]
    grown = scaled_distances(7 * found, 7 * truth, 7 * torch.tensor([10.0, torch.nan]))
    torch.testing.assert_close(grown, distances, equal_nan=True)


def test_the_published_accuracy_of_heatmaps():
    found, truth = (torch.from_numpy(PUBLISHED[name]) for name in ("prediction", "truth"))
    shares, mean = heatmap_pck(found, truth, (48, 64))
    np.testing.assert_allclose(shares.nan_to_num(-1), PUBLISHED["accuracy"][1:], atol=1e-12)
    assert mean == pytest.approx(float(PUBLISHED["mean"]))
    assert int((~shares.isnan()).sum()) == int(PUBLISHED["joints"])
    true = torch.tensor([[[20.0, 20.0]] * 4])
    off = torch.tensor([[3.1, 0.0], [3.3, 0.0], [0.0, 2.3], [0.0, 2.5]])  # tenths: x of 64 rows, y of 48 columns
    assert heatmap_pck(true + off, true, (48, 64))[0].tolist() == [1, 0, 1, 0]


def published_pckh(found, truth, there, heads, threshold):
    """HRNet's way, written out joint by joint: counts, then 100 times the share, and the mean weighted by counts."""
    right, count = np.zeros(16), np.zeros(16)
    for person in range(len(truth)):
        for joint in range(16):
            if there[person, joint]:
                count[joint] += 1
                right[joint] += np.hypot(*(found[person, joint] - truth[person, joint])) / heads[person] <= threshold
    share = right / count
    kept = [joint for joint in range(16) if joint not in (6, 7)]
    return share, sum(share[joint] * count[joint] for joint in kept) / sum(count[kept])


def test_pckh_is_weighted_as_published():
    random = np.random.default_rng(1)
    truth = people_at(40)
    there = random.uniform(size=(40, 16)) < np.linspace(0.3, 1, 16)
    heads = random.uniform(20, 60, 40)
    found = truth + random.normal(0, 20, truth.shape)
    labelled = labels(np.where(there[..., None], truth, np.nan), head_sizes=heads)
    report = evaluate_pictures(labelled, predictions(found), "pckh")
    share, mean = published_pckh(found, truth, there, heads, 0.5)
    for column, joints in (("Head", [9]), ("Shoulder", [12, 13]), ("Elbow", [11, 14]), ("Wrist", [10, 15]),
                           ("Hip", [2, 3]), ("Knee", [1, 4]), ("Ankle", [0, 5])):  # fmt: skip
        assert report.columns[column] == pytest.approx(100 * share[joints].mean()), column
    assert report.columns["Mean"] == pytest.approx(100 * mean)
    assert report.columns["Mean"] != pytest.approx(100 * share.mean())
    fine = 100 * published_pckh(found, truth, there, heads, np.arange(0, 0.51, 0.01)[11])[1]
    exact = 100 * published_pckh(found, truth, there, heads, 0.1)[1]
    assert report.columns["Mean@0.1"] == pytest.approx(fine)
    assert any(line.endswith(f"at 0.1 itself it is {exact:.1f}") for line in report.choices)
    assert list(report.columns) == ["Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "Mean", "Mean@0.1"]
    assert report.per_joint["pelvis"] == pytest.approx(100 * share[6])  # in the list, not in the mean


def test_a_distance_of_just_the_threshold_is_right():
    truth = np.round(people_at(1))
    labelled = labels(truth, head_sizes=np.array([40.0]))
    exact = evaluate_pictures(labelled, predictions(truth + np.array([20.0, 0.0])), "pckh")
    above = evaluate_pictures(labelled, predictions(truth + np.array([20.01, 0.0])), "pckh")
    assert exact.columns["Mean"] == 100
    assert above.columns["Mean"] == 0


def test_pelvis_and_thorax_are_not_in_the_mean():
    truth = people_at(3)
    labelled = labels(truth, head_sizes=np.full(3, 40.0))
    for joint in ("pelvis", "thorax"):
        found = shifted(truth, MPII.index(joint), 500)
        assert evaluate_pictures(labelled, predictions(found), "pckh").columns["Mean"] == 100
    found = shifted(truth, MPII.index("upper_neck"), 500)
    assert evaluate_pictures(labelled, predictions(found), "pckh").columns["Mean"] == pytest.approx(100 * 13 / 14)


def test_pck_divides_by_the_torso_or_the_box():
    pixels = np.tile(np.arange(16.0)[:, None], (2, 1, 2)) * 5  # joints on a line, 5 px apart in x and in y
    labelled = labels(pixels)
    torso = np.hypot(5, 5) * abs(MPII.index("left_shoulder") - MPII.index("right_hip"))
    np.testing.assert_allclose(torso_sizes(labelled.people, MPII), torso, rtol=1e-6)
    np.testing.assert_allclose(box_sizes(labelled.people), 75)
    wrist = MPII.index("left_wrist")
    for size, length in (("torso", torso), ("box", 75.0)):
        within = predictions(shifted(pixels, wrist, 0.199 * length))
        beyond = predictions(shifted(pixels, wrist, 0.201 * length))
        assert evaluate_pictures(labelled, within, "pck", size=size).columns["Mean"] == 100
        report = evaluate_pictures(labelled, beyond, "pck", size=size)
        assert report.columns["Wrist"] == 50
        assert report.columns["Mean"] == pytest.approx(100 * 15 / 16)
        assert report.metric == "PCK@0.2"
        assert evaluate_pictures(labelled, beyond, "pck", size=size, threshold=0.3).columns["Mean"] == 100


def test_people_without_a_torso_are_left_out_and_counted():
    pixels = people_at(3)
    pixels[1, MPII.index("left_shoulder")] = np.nan
    found = pixels + 1000 * (np.arange(3) == 1)[:, None, None]
    report = evaluate_pictures(labels(pixels), predictions(np.nan_to_num(found)), "pck")
    assert report.columns["Mean"] == 100
    assert "people with both ends of the torso: 2; the others are left out" in report.choices


def test_who_is_not_found_counts_as_wrong():
    truth = people_at(4)
    found = predictions(truth[:3])
    report = evaluate_pictures(labels(truth, head_sizes=np.full(4, 30.0)), found, "pckh")
    assert report.columns["Mean"] == 75
    assert (report.people, report.predictions) == (4, 3)
    assert evaluate_pictures(labels(truth), found, "pcp").columns["Mean"] == 75


def test_strict_and_loose_limbs_by_hand():
    truth = torch.tensor([[[0.0, 0.0], [10.0, 0.0]]]).expand(5, 2, 2).clone()
    found = truth.clone()
    found[1, 1] += torch.tensor([0.0, 5.0])  # one end off by half of the limb: right
    found[2, 1] += torch.tensor([0.0, 5.1])  # a little more: strictly wrong, loosely right
    found[3] += torch.tensor([0.0, 6.0])  # both ends: wrong
    truth[4, 0] = torch.nan
    ends = ((0,), (1,))
    assert limb_hits(found, truth, ends).nan_to_num(-1).tolist() == [1, 1, 0, 0, -1]
    assert limb_hits(found, truth, ends, strict=False).nan_to_num(-1).tolist() == [1, 1, 1, 0, -1]
    found[0, 0] = torch.nan
    assert limb_hits(found, truth, ends)[0] == 0
    turned = torch.tensor([[0.0, 3.0], [-3.0, 0.0]])  # a quarter turn and 3 times as large
    assert torch.equal(limb_hits(found @ turned, truth @ turned, ends)[:4], limb_hits(found, truth, ends)[:4])


def test_limbs_are_those_of_the_field():
    limbs = limbs_of(MPII)
    assert list(limbs) == ["Torso", "Upper leg", "Lower leg", "Upper arm", "Forearm", "Head"]
    assert sum(map(len, limbs.values())) == 10  # sticks
    (hips, shoulders) = limbs["Torso"][0]
    assert {MPII.joints[i] for i in hips} == {"left_hip", "right_hip"}
    assert {MPII.joints[i] for i in shoulders} == {"left_shoulder", "right_shoulder"}
    assert "Head" not in limbs_of(get_skeleton("coco17"))


@pytest.mark.parametrize("name", skeleton_names())
def test_every_skeleton_has_columns_and_limbs(name):
    skeleton = get_skeleton(name)
    assert {"Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle"} <= set(joint_groups(skeleton))
    for column, joints in joint_groups(skeleton).items():
        assert len(joints) == (1 if column == "Head" else 2), column
    for pairs in limbs_of(skeleton).values():
        assert {skeleton.side(ends[0][0]) for ends in pairs} in ({"left", "right"}, {"middle"}, {"left"})


def test_a_moved_joint_changes_only_its_own_column():
    truth = people_at(2)
    labelled = labels(truth, head_sizes=np.full(2, 30.0))
    for column, joints in joint_groups(MPII).items():
        found = shifted(truth, joints[0], 300)
        shares = grouped(joint_pck(scaled_distances(torch.from_numpy(found), labelled.people.pixels.double(),
                                                    labelled.people.head_sizes), 0.5), MPII)  # fmt: skip
        assert shares == {name: (1 - 1 / len(joints) if name == column else 1) for name in shares}


def test_people_are_matched_by_their_rows_or_by_the_nearest():
    truth = people_at(4)
    labelled = labels(truth, picture=[0, 0, 0, 1])
    order = [2, 0, 1, 3]
    found = truth[order] + 1
    pixels, how = matched_pixels(labelled, predictions(found, picture=[0, 0, 0, 1]))
    np.testing.assert_allclose(pixels, truth + 1, atol=1e-3)
    assert "favours the predictions" in how
    wrong = predictions(found, picture=[0, 0, 0, 1], rows=[0, 1, 2, 3])
    pixels, how = matched_pixels(labelled, wrong)
    np.testing.assert_allclose(pixels, found)
    assert "names the labelled person" in how
    twice = predictions(truth[[0, 0]] + np.array([0.0, 9.0])[:, None, None], scores=[0.9, 0.2], rows=[0, 0])
    np.testing.assert_allclose(matched_pixels(labelled, twice)[0][0], truth[0])  # the surer one
    pixels, how = matched_pixels(labels(truth), predictions(truth[:2], picture=[0, 3]))
    assert torch.isnan(pixels[1:3]).all()
    assert "at most one predicted" in how
    with pytest.raises(ShapeError, match="joints of 'mpii16'"):
        matched_pixels(labelled, predictions(people_at(4, 17), "coco17"))


def test_one_person_is_never_taken_twice():
    truth = people_at(2)
    pixels, _ = matched_pixels(labels(truth, picture=[0, 0]), predictions(truth[:1], picture=[0]))
    np.testing.assert_allclose(pixels[0], truth[0], atol=1e-3)
    assert torch.isnan(pixels[1]).all()


def test_other_joints_are_mapped_and_it_is_said():
    truth = people_at(3, 17)
    labelled = labels(people_at(3), head_sizes=np.full(3, 30.0))
    text = str(evaluate_pictures(labelled, predictions(truth, "coco17"), "pckh"))
    assert "joints: coco17, mapped to mpii16 of the labels" in text
    assert "midpoints or other points stand for" in text


def test_wrong_use_is_one_line():
    labelled, found = labels(people_at(1)), predictions(people_at(1))
    with pytest.raises(UnknownNameError, match="Known: coco, pck, pckh, pcp"):
        evaluate_pictures(labelled, found, "ap")
    with pytest.raises(UnknownNameError, match="Known: box, torso"):
        evaluate_pictures(labelled, found, "pck", size="head")
    with pytest.raises(InputError, match="have no head sizes"):
        evaluate_pictures(labelled, found, "pckh")
    for threshold in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="positive number"):
            evaluate_pictures(labelled, found, "pck", threshold=threshold)
    assert pckh_mean(torch.zeros(1, 16), MPII) == 1
