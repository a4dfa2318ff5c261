"""Targets: what is drawn is found again, lines and volumes are consistent, and the published maps, cell by cell."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lift3d.heatmaps.cells import cells_to_pixels, pixels_to_cells
from lift3d.heatmaps.kernel_targets import kernel_targets
from lift3d.heatmaps.kernels import gaussian_kernel
from lift3d.heatmaps.part_field_targets import joint_map_targets, part_field_targets
from lift3d.heatmaps.soft_argmax import soft_argmax
from lift3d.heatmaps.targets import gaussian_targets, hourglass_targets, nearest_cell
from lift3d.heatmaps.windows import heatmap_peak

# What published functions answered to fixed inputs; made by none of our code.
ORACLES = np.load(Path(__file__).parents[1] / "golden" / "heatmaps.npz")
# Lightweight OpenPose's limbs in the order of their channels.
LIMBS = [
    (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 2), (2, 3), (3, 4), (2, 16),
    (1, 5), (5, 6), (6, 7), (5, 17), (1, 0), (0, 14), (0, 15), (14, 16), (15, 17),
]  # fmt: skip


def ones(cells):
    return torch.ones_like(cells[..., 0])


def test_the_unrounded_gaussian_has_its_mean_and_its_height_at_the_joint():
    cells = torch.rand(4, 5, 3, dtype=torch.float64) * 4 + 10
    maps, weights = gaussian_targets(cells, ones(cells), (24, 24, 24), 2.0, rounded=False)
    torch.testing.assert_close(soft_argmax(maps, axes=3, normalisation="sum"), cells, rtol=0, atol=1e-5)
    whole, _ = gaussian_targets(cells.round(), ones(cells), (24, 24, 24), 2.0, rounded=False)
    assert (whole.amax((-3, -2, -1)) == 1).all()
    assert (weights == 1).all()


def test_the_rounded_gaussian_is_around_the_nearest_cell_and_ends_at_three_sigma():
    cells = torch.tensor([[10.4, 7.6]], dtype=torch.float64)
    maps, _ = gaussian_targets(cells, ones(cells), (24, 32), 2.0)
    assert heatmap_peak(maps)[0].tolist() == [[10, 8]]
    assert maps[0, 8, 16] == pytest.approx(np.exp(-4.5))
    assert maps[0, 8, 17] == 0
    assert maps[0, 14, 16] == pytest.approx(np.exp(-9))  # the window is square


def test_a_volume_seen_from_the_front_is_the_map():
    cells = torch.rand(3, 2, 3, dtype=torch.float64).mul(8).round() + 4
    volume, _ = gaussian_targets(cells, ones(cells), (16, 16, 16), 1.0)
    plane, _ = gaussian_targets(cells[..., :2], ones(cells), (16, 16), 1.0)
    line, _ = gaussian_targets(cells[..., 2:], ones(cells), (16,), 1.0)
    torch.testing.assert_close(volume.amax(-3), plane)
    torch.testing.assert_close(volume.amax((-2, -1)), line)


@pytest.mark.parametrize("rounded", [True, False])
def test_what_is_unknown_unweighted_or_far_outside_is_empty_and_weighs_nothing(rounded):
    cells = torch.tensor([[5.0, 5.0], [torch.nan, 5.0], [5.0, 5.0], [5.0, 90.0], [-7.6, 5.0]], dtype=torch.float64)
    weights = torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0], dtype=torch.float64)
    maps, kept = gaussian_targets(cells, weights, (16, 16), 2.0, rounded=rounded)
    assert kept.tolist() == [1, 0, 0, 0, 1.0 * rounded]  # as published, one cell too far out still counts
    assert not maps[1:].any()
    assert maps[0].max() == 1
    assert gaussian_targets(cells[:1], weights[:1] * 1.5, (16, 16), 2.0)[1].tolist() == [1.5]


@pytest.mark.parametrize("size", [(7,), (6, 7), (5, 6, 7)])
def test_the_nearest_cell_is_where_the_gaussian_is_highest(size):
    cells = torch.rand(50, len(size), dtype=torch.float64) * (torch.tensor(size[::-1]) - 1)
    maps, _ = gaussian_targets(cells, ones(cells), size, 1.0, rounded=False)
    place, inside = nearest_cell(cells, size)
    assert torch.equal(place, maps.flatten(1).argmax(-1))
    assert inside.all()


def test_the_nearest_cell_of_what_is_outside_is_none():
    cells = torch.tensor([[-0.6, 2.0], [-0.4, 2.0], [6.6, 2.0], [torch.nan, 2.0]])
    place, inside = nearest_cell(cells, (6, 7))
    assert inside.tolist() == [False, True, False, False]
    assert place.tolist() == [0, 14, 0, 0]


def test_published_gaussians_of_simplebaseline_and_hrnet():
    joints, seen = ORACLES["heatmap_target/in/joints"], ORACLES["heatmap_target/in/vis"]
    cells = torch.from_numpy(joints[:, :2]) / 4  # the published rule: cell = pixel / stride
    given = pixels_to_cells(torch.from_numpy(joints[:, :2]), (64, 48), (192, 256), half_pixel=False)
    torch.testing.assert_close(given, cells)
    sigma = float(ORACLES["heatmap_target/in/sigma"])
    maps, weights = gaussian_targets(cells, torch.from_numpy(seen[:, 0]), (64, 48), sigma)
    np.testing.assert_allclose(maps.numpy(), ORACLES["heatmap_target/out/target"], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(weights.numpy(), ORACLES["heatmap_target/out/weight"][:, 0])


def test_published_gaussians_of_the_hourglass():
    joints = torch.from_numpy(ORACLES["hourglass_target/in/keypoints"][..., :2])
    maps = hourglass_targets(joints, (64, 64))
    np.testing.assert_allclose(maps.numpy(), ORACLES["hourglass_target/out/heatmaps"], rtol=0, atol=1e-6)


def test_of_two_people_the_hourglass_is_shown_the_higher_one():
    people = torch.tensor([[[20.0, 20.0]], [[23.0, 20.0]]])
    both = hourglass_targets(people, (64, 64), 2.0)
    alone = [hourglass_targets(person[None], (64, 64), 2.0) for person in people]
    assert torch.equal(both, torch.maximum(*alone))
    assert torch.equal(hourglass_targets(torch.full((1, 1, 2), torch.nan), (64, 64)), torch.zeros(1, 64, 64))


@pytest.mark.parametrize("cell", [(20, 30), (0, 0), (47, 63), (3, 61), (46, 1)])
def test_kernel_targets_are_opencvs_blur(cell):
    """Against OpenCV, also at the edges."""
    one = np.zeros((64, 48))
    one[cell[1], cell[0]] = 1
    widths = (23, 15, 11, 7, 5, 3)
    maps = kernel_targets(torch.tensor([cell], dtype=torch.float64), (64, 48), widths)
    for width, found in zip(widths, maps, strict=True):
        blurred = cv2.GaussianBlur(one, (width, width), 0)
        np.testing.assert_allclose(found[0].numpy(), 255 * blurred / blurred.max(), rtol=0, atol=1e-4)


def test_kernel_targets_outside_or_unknown_are_empty():
    cells = torch.tensor([[torch.nan, 3.0], [48.0, 3.0], [3.0, -1.0]])
    assert all(not found.any() for found in kernel_targets(cells, (64, 48)))


@pytest.mark.parametrize("width", [3, 5, 7, 11, 17])
def test_kernels_are_opencvs(width):
    np.testing.assert_allclose(gaussian_kernel(width), cv2.getGaussianKernel(width, 0)[:, 0], atol=1e-9)


def people_of_the_oracle():
    people = np.stack([ORACLES[f"paf_training_maps/in/{who}"] for who in ("person", "other")])
    return torch.from_numpy(people[..., :2]), torch.from_numpy(people[..., 2] <= 1)  # 2: not in the picture


def test_published_maps_of_lightweight_openpose():
    pixels, seen = people_of_the_oracle()
    maps = joint_map_targets(pixels, seen, (32, 32))
    np.testing.assert_allclose(maps.numpy(), ORACLES["paf_training_maps/out/keypoint_maps"], rtol=0, atol=1e-6)
    fields = part_field_targets(pixels, seen, LIMBS, (32, 32))
    np.testing.assert_allclose(fields.numpy(), ORACLES["paf_training_maps/out/paf_maps"], rtol=0, atol=1e-6)


def test_part_maps_take_batches():
    pixels, seen = people_of_the_oracle()
    alone = pixels[:1], seen[:1] & False
    batch = torch.stack([pixels, pixels.flip(0)]), torch.stack([seen, seen & False])
    fields = part_field_targets(*batch, LIMBS, (32, 32))
    torch.testing.assert_close(fields[0], part_field_targets(pixels, seen, LIMBS, (32, 32)))
    assert not fields[1].any()
    maps = joint_map_targets(*batch, (32, 32))
    torch.testing.assert_close(maps[0], joint_map_targets(pixels, seen, (32, 32)))
    assert torch.equal(maps[1], joint_map_targets(*alone, (32, 32)))
    assert (maps[1, -1] == 1).all()  # nothing but background


def test_a_field_points_from_one_end_to_the_other():
    pixels = torch.tensor([[[20.0, 30.0], [60.0, 60.0]]], dtype=torch.float64)
    field = part_field_targets(pixels, torch.ones(1, 2, dtype=torch.bool), [(0, 1)], (16, 16), stride=8)
    inside = field.norm(dim=0) > 0
    torch.testing.assert_close(field[:, inside], torch.tensor([[0.8], [0.6]]).double().expand(2, int(inside.sum())))
    rows, columns = torch.nonzero(inside, as_tuple=True)
    along = torch.stack([columns, rows], dim=-1).double() * 8 - pixels[0, 0]
    assert (along @ torch.tensor([-0.6, 0.8]).double()).abs().max() <= 8
    backwards = part_field_targets(pixels, torch.ones(1, 2, dtype=torch.bool), [(1, 0)], (16, 16), stride=8)
    torch.testing.assert_close(backwards, -field)


def test_the_joint_maps_peak_is_at_the_joint():
    pixels = cells_to_pixels(torch.tensor([[[9.0, 11.0]]]).double(), (16, 16), (128, 128))
    maps = joint_map_targets(pixels, torch.ones(1, 1, dtype=torch.bool), (16, 16))
    assert maps[0, 11, 9] == 1
    assert maps[1, 11, 9] == 0
