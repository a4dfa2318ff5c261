"""Sub-pixel places: exact on a Gaussian, moved and mirrored with the map, smooth in the weights."""

import pytest
import torch

from lift3d.heatmaps.soft_argmax import soft_argmax
from lift3d.heatmaps.windows import heatmap_peak, local_soft_argmax, window_mean


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
