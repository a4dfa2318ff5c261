"""Sub-pixel places: exact on a Gaussian, moved and mirrored with the map, smooth in the weights."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.errors import UnknownNameError
from lift3d.heatmaps.cells import cells_to_pixels
from lift3d.heatmaps.soft_argmax import cell_probabilities, soft_argmax
from lift3d.heatmaps.windows import heatmap_peak, local_soft_argmax, window_mean

# What published functions answered to fixed inputs; made by none of our code.
ORACLES = np.load(Path(__file__).parents[1] / "golden" / "heatmaps.npz")


def gaussian(centre, sigma=1.5, rows=24, columns=32):
    """Logarithm of a Gaussian at (x, y), float64."""
    y, x = torch.meshgrid(torch.arange(rows).double(), torch.arange(columns).double(), indexing="ij")
    centre = torch.as_tensor(centre, dtype=torch.float64)[..., None, None, :]
    return -((x - centre[..., 0]) ** 2 + (y - centre[..., 1]) ** 2) / (2 * sigma**2)


CENTRES = torch.tensor([[14.0, 11.0], [14.3, 11.0], [13.61, 12.37], [16.49, 10.5]], dtype=torch.float64)


def test_finds_a_gaussians_centre():
    torch.testing.assert_close(soft_argmax(gaussian(CENTRES)), CENTRES, rtol=0, atol=1e-6)
    near = local_soft_argmax(gaussian(CENTRES).exp(), radius=7)
    torch.testing.assert_close(near, CENTRES, rtol=0, atol=1e-3)


def test_a_small_window_is_drawn_to_its_middle_but_never_past_it():
    for radius in (1, 2, 3):
        found = local_soft_argmax(gaussian([14.3, 11.0]).exp(), radius)
        assert 14.0 < found[0] < 14.3
        assert found[1] == pytest.approx(11)


def test_local_does_not_see_another_peak_but_global_does():
    logits = torch.logaddexp(gaussian([8.2, 6.0]), gaussian([25.0, 18.0]) - 0.1)
    assert (local_soft_argmax(logits.exp(), 4) - torch.tensor([8.2, 6.0])).norm() < 0.1
    assert soft_argmax(logits)[0] > 12


def test_lower_temperature_comes_closer_to_the_highest_cell():
    logits = torch.randn(5, 9, 9, dtype=torch.float64)
    peak, _ = heatmap_peak(logits)
    torch.testing.assert_close(soft_argmax(logits, 1e-3), peak.double(), rtol=0, atol=1e-6)
    middle = torch.full((5, 2), 4.0, dtype=torch.float64)
    torch.testing.assert_close(soft_argmax(logits, 1e6), middle, rtol=0, atol=1e-4)


@pytest.mark.parametrize("find", [soft_argmax, lambda logits: local_soft_argmax(logits.exp(), 3)])
def test_moves_and_mirrors_with_the_map(find):
    logits = gaussian([10.3, 9.2], sigma=1.0) + 0.1 * torch.rand(24, 32, dtype=torch.float64) - 0.05
    logits = logits.clamp(min=-40)
    found = find(logits)
    moved = find(logits.roll((2, 3), (-2, -1)))
    torch.testing.assert_close(moved, found + torch.tensor([3.0, 2.0], dtype=torch.float64), rtol=0, atol=1e-6)
    mirrored = find(logits.flip(-1))
    torch.testing.assert_close(mirrored, torch.stack([31 - found[0], found[1]]), rtol=0, atol=1e-9)


def test_a_window_at_the_corner_stays_inside():
    weights = torch.zeros(6, 6, dtype=torch.float64)
    weights[0, 0], weights[0, 1] = 3.0, 1.0
    torch.testing.assert_close(local_soft_argmax(weights, 2), torch.tensor([0.25, 0.0], dtype=torch.float64))


def test_no_weight_at_all_gives_the_windows_middle():
    weights = torch.zeros(4, 5, dtype=torch.float64, requires_grad=True)
    found = local_soft_argmax(weights, 1, torch.tensor([3, 2]))
    torch.testing.assert_close(found, torch.tensor([3.0, 2.0], dtype=torch.float64))
    found.sum().backward()
    assert weights.grad is not None
    assert weights.grad.isfinite().all()


def test_peak_is_column_then_row_for_any_batch():
    heatmaps = torch.zeros(2, 3, 5, 7)
    heatmaps[1, 2, 4, 6] = 2.0
    cells, values = heatmap_peak(heatmaps)
    assert cells.shape == (2, 3, 2)
    assert cells[1, 2].tolist() == [6, 4]
    assert values[1, 2] == 2
    assert cells[0, 0].tolist() == [0, 0]


def test_window_mean_of_a_linear_field_is_the_field_at_the_mean_place():
    weights = torch.rand(2, 3, 8, 9, dtype=torch.float64)
    y, x = torch.meshgrid(torch.arange(8).double(), torch.arange(9).double(), indexing="ij")
    field = torch.stack([2 * x - y + 1, x + 0.5 * y], dim=-1).expand(2, 3, 8, 9, 2)
    middle, _ = heatmap_peak(weights)
    place = local_soft_argmax(weights, 2)
    expected = torch.stack([2 * place[..., 0] - place[..., 1] + 1, place[..., 0] + 0.5 * place[..., 1]], dim=-1)
    torch.testing.assert_close(window_mean(field, weights, middle, 2), expected)


def test_gradients():
    logits = torch.randn(2, 5, 6, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(2, 5, 6, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: soft_argmax(x, 0.7), logits)
    peak, _ = heatmap_peak(weights.detach())
    assert torch.autograd.gradcheck(lambda x: local_soft_argmax(x, 2, peak), weights)
    values = torch.randn(2, 5, 6, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v, w: window_mean(v, w, peak, 1), (values, weights))


def volume(centre, sigma=1.5, size=(14, 18, 22)):
    """Logarithm of a Gaussian at (x, y, z) in a volume (depth, rows, columns), float64."""
    grids = torch.meshgrid(*(torch.arange(cells).double() for cells in size), indexing="ij")
    return -sum((grid - place) ** 2 for grid, place in zip(grids, reversed(centre), strict=True)) / (2 * sigma**2)


def test_a_volume_gives_x_y_and_z_from_its_last_axis_to_its_first():
    found = soft_argmax(volume([10.2, 8.7, 6.4]), axes=3)
    torch.testing.assert_close(found, torch.tensor([10.2, 8.7, 6.4], dtype=torch.float64), rtol=0, atol=1e-3)
    near = local_soft_argmax(volume([10.2, 8.7, 6.4]).exp(), 6, axes=3)
    torch.testing.assert_close(near, found, rtol=0, atol=1e-3)
    peak, height = heatmap_peak(volume([10.2, 8.7, 6.4]), axes=3)
    assert peak.tolist() == [10, 9, 6]
    assert height == volume([10.2, 8.7, 6.4])[6, 9, 10]


def test_the_mean_by_marginals_is_the_mean_over_the_grid():
    for axes in (1, 2, 3):
        maps = torch.randn(2, 3, *(5, 6, 7)[-axes:], dtype=torch.float64)
        probabilities = cell_probabilities(maps, axes)
        grids = torch.meshgrid(*(torch.arange(size).double() for size in maps.shape[-axes:]), indexing="ij")
        expected = [(probabilities * grid).flatten(-axes).sum(-1) for grid in reversed(grids)]
        torch.testing.assert_close(soft_argmax(maps, axes=axes), torch.stack(expected, dim=-1))


def test_a_window_in_a_volume_does_not_see_another_peak():
    logits = torch.logaddexp(volume([5.2, 6.1, 4.0]), volume([17.0, 6.0, 10.0]) - 0.1)
    near = local_soft_argmax(logits.exp(), 4, axes=3)
    torch.testing.assert_close(near, torch.tensor([5.2, 6.1, 4.0], dtype=torch.float64), rtol=0, atol=0.1)
    assert soft_argmax(logits, axes=3)[0] > 9


@pytest.mark.parametrize("normalisation", ["softmax", "sum"])
def test_the_background_pulls_to_the_middle_and_is_taken_off(normalisation):
    """Gu et al., ICCV 2021: with empty cells at 0 and a peak of 6, the mean lies well inside of the joint."""
    truth = torch.tensor([[6.0, 5.0], [25.0, 18.0], [8.3, 12.6]], dtype=torch.float64)
    logits = 6 * gaussian(truth).exp()
    maps = logits if normalisation == "softmax" else logits + 0.2
    middle = torch.tensor([15.5, 11.5], dtype=torch.float64)
    plain = soft_argmax(maps, normalisation=normalisation)
    assert ((plain - middle).abs() < 0.6 * (truth - middle).abs() + 0.5).all()
    freed = soft_argmax(maps, normalisation=normalisation, correction="lowest")
    torch.testing.assert_close(freed, truth, rtol=0, atol=0.02)


def test_a_background_of_zero_is_taken_off_as_in_the_paper():
    logits = 6 * gaussian([6.0, 5.0]).exp()
    probabilities_of_empty = 24 * 32 / logits.exp().sum()
    middle = torch.tensor([15.5, 11.5], dtype=torch.float64)
    expected = (soft_argmax(logits) - probabilities_of_empty * middle) / (1 - probabilities_of_empty)
    torch.testing.assert_close(soft_argmax(logits, correction="zero"), expected)
    torch.testing.assert_close(expected, torch.tensor([6.0, 5.0], dtype=torch.float64), rtol=0, atol=0.02)
    halved = soft_argmax(logits / 2, 0.5, correction="zero")
    torch.testing.assert_close(halved, expected)
    beyond = soft_argmax(volume([5.0, 6.0, 4.0]).exp() * 8, axes=3, correction="zero")
    torch.testing.assert_close(beyond, torch.tensor([5.0, 6.0, 4.0], dtype=torch.float64), rtol=0, atol=0.02)


@pytest.mark.parametrize("normalisation", ["softmax", "sum"])
@pytest.mark.parametrize("correction", ["none", "zero", "lowest"])
def test_an_empty_map_gives_its_middle_and_finite_gradients(normalisation, correction):
    empty = torch.zeros(2, 5, 8, requires_grad=True)
    found = soft_argmax(empty, normalisation=normalisation, correction=correction)
    torch.testing.assert_close(found, torch.tensor([3.5, 2.0]).expand(2, 2))
    found.sum().backward()
    assert empty.grad is not None
    assert empty.grad.isfinite().all()


def test_the_sum_of_a_gaussian_of_height_one_gives_its_centre_exactly():
    found = soft_argmax(gaussian(CENTRES).exp(), normalisation="sum")
    torch.testing.assert_close(found, CENTRES, rtol=0, atol=1e-6)
    assert (soft_argmax(gaussian(CENTRES).exp()) - CENTRES).norm(dim=-1).min() > 0.5  # as logits, it is nearly flat


def test_published_numbers():
    """Learnable triangulation's 2D and 3D soft-argmax; it counts a volume's axes from the first to the last."""
    maps, volumes = (torch.from_numpy(ORACLES[f"soft_argmax/in/{name}"]) for name in ("heatmaps", "volumes"))
    multiplier = float(ORACLES["soft_argmax/in/multiplier"])
    for published, how in (("True", "softmax"), ("False", "sum")):
        flat = soft_argmax(maps, 1 / multiplier, normalisation=how)
        deep = soft_argmax(volumes, 1 / multiplier, axes=3, normalisation=how)
        for found, name in ((flat, "xy"), (deep.flip(-1), "xyz")):
            expected = torch.from_numpy(ORACLES[f"soft_argmax/out/{name}_{published}"]).double()
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_published_integral_labels_are_cells_over_cells_less_a_half():
    """Integral's label of a joint at pixel x of W is x / W - 1/2, and so is its answer of cell c of n."""
    cells = soft_argmax(torch.randn(4, 6, 8, 8, 8, dtype=torch.float64), axes=3)
    pixels = cells_to_pixels(cells, (8, 8, 8), (256, 256), half_pixel=False)
    labels = torch.stack([pixels[..., 0] / 256 - 0.5, pixels[..., 1] / 256 - 0.5, pixels[..., 2] / 256], dim=-1)
    torch.testing.assert_close(labels, cells / 8 - 0.5)


def test_gradients_of_volumes_and_corrections():
    volumes = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    for correction in ("none", "lowest", "zero"):
        assert torch.autograd.gradcheck(lambda x, how=correction: soft_argmax(x, axes=3, correction=how), volumes)
    positive = (torch.rand(2, 4, 5, dtype=torch.float64) + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: soft_argmax(x, normalisation="sum", correction="lowest"), positive)
    assert torch.autograd.gradcheck(lambda x: local_soft_argmax(x.exp(), 1, axes=3), volumes)


def test_unknown_names_are_told():
    with pytest.raises(UnknownNameError, match="Did you mean 'softmax'"):
        soft_argmax(torch.zeros(3, 4), normalisation="softmx")
    with pytest.raises(UnknownNameError, match="correction"):
        soft_argmax(torch.zeros(3, 4), correction="middle")
