"""Cells, pixels and fractions: inverse to each other, and where a picture that is made smaller puts a pixel."""

import pytest
import torch

from lift3d.heatmaps.cells import cells_to_pixels, fractions_to_pixels, pixels_to_cells, pixels_to_fractions


@pytest.mark.parametrize("half_pixel", [True, False])
@pytest.mark.parametrize("size", [(64, 48), (16, 64, 48)])
def test_there_and_back(half_pixel, size):
    cells = 40 * torch.randn(5, 17, len(size), dtype=torch.float64)
    pixels = cells_to_pixels(cells, size, (192, 256), half_pixel=half_pixel)
    back = pixels_to_cells(pixels, size, (192, 256), half_pixel=half_pixel)
    torch.testing.assert_close(back, cells)
    fractions = pixels_to_fractions(pixels, (192, 256), depth=300.0)
    torch.testing.assert_close(fractions_to_pixels(fractions, (192, 256), depth=300.0), pixels)


def test_a_cell_is_where_the_mean_of_its_pixels_is():
    pixels = torch.arange(192).double()
    means = pixels.unflatten(0, (48, 4)).mean(-1)
    cells = torch.stack([torch.arange(48).double(), torch.zeros(48).double()], dim=-1)
    torch.testing.assert_close(cells_to_pixels(cells, (64, 48), (192, 256))[:, 0], means)


def test_the_published_rule_is_stride_times_cell():
    cells = torch.tensor([[0.0, 0.0], [10.0, 20.5]])
    assert cells_to_pixels(cells, (64, 48), (192, 256), half_pixel=False).tolist() == [[0, 0], [40, 82]]
    assert cells_to_pixels(cells, (64, 48), (192, 256)).tolist() == [[1.5, 1.5], [41.5, 83.5]]


def test_depth_has_the_root_in_its_middle_and_reaches_as_far_as_the_picture_is_wide():
    cells = torch.tensor([[0.0, 0.0, 7.5], [0.0, 0.0, -0.5], [0.0, 0.0, 15.5]])
    assert cells_to_pixels(cells, (16, 64, 48), (192, 256))[:, 2].tolist() == [0, -96, 96]
    assert cells_to_pixels(cells, (16, 64, 48), (192, 256), depth=80.0)[:, 2].tolist() == [0, -40, 40]
    whole = torch.tensor([[0.0, 0.0, 8.0], [0.0, 0.0, 0.0]])
    assert cells_to_pixels(whole, (16, 64, 48), (192, 256), half_pixel=False)[:, 2].tolist() == [0, -96]


def test_fractions_run_from_edge_to_edge():
    corners = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.5, 0.5, 0.5]])
    expected = [[-0.5, -0.5, -96], [191.5, 255.5, 96], [95.5, 127.5, 0]]
    assert fractions_to_pixels(corners, (192, 256)).tolist() == expected


def test_missing_stays_missing():
    cells = torch.tensor([[3.0, 4.0, torch.nan]])
    pixels = cells_to_pixels(cells, (16, 64, 48), (192, 256))
    assert pixels[0, :2].isfinite().all()
    assert pixels[0, 2].isnan()
