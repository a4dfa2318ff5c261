"""Grouping gives back the people that maps were drawn of, without enlarging them; enlarged, what is published.

``tests/golden/detection_oracles.npz``: see test_person_crop.
"""

from pathlib import Path

import numpy as np
import openpose_grouping
import pytest
import torch
from drawn_crowd import crowd, crowd_maps, in_order

from lift3d.detection.part_grouping import GroupingSettings, Limb, group_parts
from lift3d.errors import ShapeError, UnknownNameError
from lift3d.skeletons import get_skeleton

ORACLES = np.load(Path(__file__).parents[1] / "golden" / "detection_oracles.npz")
BODY = get_skeleton("body18")
AS_PUBLISHED = GroupingSettings(refine=False)


def test_the_published_grouping():
    heatmaps, fields = (
        torch.from_numpy(ORACLES[f"paf_grouping/in/{name}"]).permute(2, 0, 1) for name in ("heatmaps", "pafs")
    )
    people = group_parts(heatmaps, fields, settings=AS_PUBLISHED)
    entries, peaks = ORACLES["paf_grouping/out/pose_entries"], ORACLES["paf_grouping/out/all_keypoints"]
    assert np.array_equal(people.places.numpy(), peaks[entries[:, :18].astype(int)][..., :2])
    np.testing.assert_allclose(people.scores, peaks[entries[:, :18].astype(int)][..., 2])
    np.testing.assert_allclose(people.person_scores, entries[:, 18], rtol=1e-6)
    assert np.array_equal(people.joint_counts, entries[:, 19])


@pytest.mark.parametrize("seed", range(4))
def test_the_plain_reference_on_noise_and_crowds(seed):
    random = np.random.default_rng(seed)
    heatmaps = random.random((19, 40, 50)).astype("f4") ** 8
    fields = random.normal(0.3, 0.4, (38, 40, 50)).astype("f4")
    people = group_parts(torch.from_numpy(heatmaps), torch.from_numpy(fields), settings=AS_PUBLISHED)
    entries, peaks = openpose_grouping.group(heatmaps.transpose(1, 2, 0), fields.transpose(1, 2, 0))
    assert len(entries) > 3
    expected = np.where(entries[:, :18, None] >= 0, peaks[entries[:, :18].astype(int)][..., :2], np.nan)
    np.testing.assert_array_equal(people.places, expected)
    np.testing.assert_allclose(people.person_scores, entries[:, 18], rtol=1e-5)


@pytest.mark.parametrize("count", [1, 5, 20])
def test_people_are_given_back_to_a_fraction_of_a_cell(count):
    truth = crowd(count)
    people = group_parts(*crowd_maps(truth))
    assert people.places.shape == (count, 18, 2)
    errors = in_order(8 * people.places + 3.5) - in_order(truth)
    assert errors.norm(dim=-1).max() < 0.05  # of 8 pixels to a cell
    assert (people.joint_counts == 18).all()


def test_hidden_joints_are_missing_and_the_rest_is_kept():
    truth = crowd(2)
    truth[0, BODY.indices("left_wrist", "right_knee", "right_ankle")] = torch.nan
    people = in_order(group_parts(*crowd_maps(truth)).places)
    assert torch.equal(people.isnan(), in_order(truth).isnan())


def test_mirrored_maps_give_mirrored_people():
    heatmaps, fields = crowd_maps(crowd(3))
    turned = fields.flip(-1).clone()
    turned[0::2] *= -1
    people, mirrored = (
        in_order(group_parts(*parts).places) for parts in ((heatmaps, fields), (heatmaps.flip(-1), turned))
    )
    back = torch.stack([heatmaps.shape[-1] - 1 - mirrored[..., 0], mirrored[..., 1]], dim=-1)
    torch.testing.assert_close(in_order(back), people, rtol=0, atol=1e-4)


def test_fields_that_point_the_other_way_connect_nobody():
    heatmaps, fields = crowd_maps(crowd(2))
    assert len(group_parts(heatmaps, -fields).places) == 0


def test_nobody():
    people = group_parts(torch.zeros(19, 8, 9), torch.zeros(38, 8, 9))
    assert people.places.shape == (0, 18, 2)


def test_wrong_input():
    with pytest.raises(ShapeError, match="18 or more"):
        group_parts(torch.zeros(17, 8, 9), torch.zeros(38, 8, 9))
    with pytest.raises(ShapeError, match=r"38 or more, 8, 9"):
        group_parts(torch.zeros(18, 8, 9), torch.zeros(38, 9, 8))
    with pytest.raises(UnknownNameError, match="tail"):
        group_parts(torch.zeros(18, 8, 9), torch.zeros(38, 8, 9), limbs=[Limb("neck", "tail", 0)])
