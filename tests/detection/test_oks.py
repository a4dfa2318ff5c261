"""Similarity of people does not depend on place, size or order; suppression gives the published order.

``tests/golden/detection_oracles.npz``: see test_person_crop.
"""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.detection.oks import areas_of, oks, oks_suppressed, soft_oks_suppressed
from lift3d.errors import InputError
from lift3d.skeletons import get_skeleton
from lift3d.skeletons.joint_sigmas import joint_sigmas

ORACLES = np.load(Path(__file__).parents[1] / "golden" / "detection_oracles.npz")
SIGMAS = torch.tensor(joint_sigmas(get_skeleton("coco17")), dtype=torch.float64)


def oracle(name):
    return torch.from_numpy(ORACLES[f"coco_oks/{name}"])


def crowd():
    return oracle("in/keypoints")[..., :2], oracle("in/score"), oracle("in/area")


def test_the_published_constants():
    tenths = [0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89]
    assert SIGMAS.tolist() == pytest.approx([own / 10 for own in tenths])
    of_18 = [0.26, 0.79, 0.79, 0.72, 0.62, 0.79, 0.72, 0.62, 1.07, 0.87, 0.89, 1.07, 0.87, 0.89]
    of_18 += [0.25, 0.25, 0.35, 0.35]
    assert joint_sigmas(get_skeleton("body18")) == pytest.approx([own / 10 for own in of_18])
    mpii = get_skeleton("mpii16")
    own = dict(zip(mpii.joints, joint_sigmas(mpii), strict=True))
    assert [own[joint] for joint in ("left_hip", "pelvis", "thorax", "head_top")] == [0.107, 0.107, 0.079, 0.035]


def test_similarity_is_the_published_one():
    pixels, _, areas = crowd()
    found = oks(pixels[:1], pixels[1:], (areas[0] + areas[1:]) / 2, SIGMAS)
    torch.testing.assert_close(found, oracle("out/oks_iou"), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("threshold", "name"), [(0.9, "09"), (0.5, "05")])
def test_suppression_is_the_published_one(threshold, name):
    kept = oks_suppressed(*crowd(), SIGMAS, threshold)
    assert kept.tolist() == oracle(f"out/oks_nms_{name}").tolist()


def test_soft_suppression_is_the_published_one():
    kept, scores = soft_oks_suppressed(*crowd(), SIGMAS, 0.9)
    assert kept.tolist() == oracle("out/soft_oks_nms_09").tolist()
    assert (scores[:-1] >= scores[1:]).all()
    assert scores[0] == crowd()[1].max()


def test_one_joint_by_hand():
    here, there = torch.zeros(1, 2, dtype=torch.float64), torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    area, sigma = torch.tensor(100.0, dtype=torch.float64), torch.tensor([0.1], dtype=torch.float64)
    assert oks(here, there, area, sigma).item() == pytest.approx(math.exp(-25 / (2 * 100 * 0.04)))


def test_place_and_size_do_not_matter_and_oneself_is_one():
    pixels, _, areas = crowd()
    plain = oks(pixels[0], pixels[4], areas[0], SIGMAS)
    torch.testing.assert_close(oks(3 * pixels[0] + 7, 3 * pixels[4] + 7, 9 * areas[0], SIGMAS), plain)
    torch.testing.assert_close(oks(pixels, pixels, areas, SIGMAS), torch.ones(6, dtype=torch.float64))


def test_only_joints_that_both_have_count():
    pixels, _, areas = crowd()
    first, second = pixels[0].clone(), pixels[4].clone()
    first[:9], second[12:] = torch.nan, torch.nan
    expected = oks(first[9:12], second[9:12], areas[0], SIGMAS[9:12])
    torch.testing.assert_close(oks(first, second, areas[0], SIGMAS), expected)
    assert oks(torch.full_like(first, torch.nan), second, areas[0], SIGMAS) == 0


def test_the_order_of_people_does_not_matter():
    pixels, scores, areas = crowd()
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    kept = oks_suppressed(pixels[order], scores[order], areas[order], SIGMAS, 0.5)
    assert order[kept].tolist() == oracle("out/oks_nms_05").tolist()


def test_nobody():
    none = torch.zeros(0, 17, 2, dtype=torch.float64), torch.zeros(0), torch.zeros(0)
    assert oks_suppressed(*none, SIGMAS).shape == (0,)
    assert soft_oks_suppressed(*none, SIGMAS)[1].shape == (0,)


def test_areas_leave_out_what_is_missing():
    pixels = torch.tensor([[0.0, 0.0], [torch.nan, torch.nan], [4.0, 5.0]])
    assert areas_of(pixels).item() == 20
    assert areas_of(torch.full((2, 3, 2), torch.nan)).tolist() == [1, 1]


def test_a_score_that_is_no_number_is_refused():
    pixels, scores, areas = crowd()
    with pytest.raises(InputError, match="NaN"):
        oks_suppressed(pixels, scores * torch.nan, areas, SIGMAS)
