"""Losses: nothing where nothing is wrong, weights and masks, gradients, and the published numbers."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.errors import InputError, UnknownNameError
from lift3d.heatmaps.losses import (
    cell_cross_entropy,
    hardest_joints_mse,
    heatmap_mse,
    part_map_loss,
    place_loss,
    sum_of_stages,
)

# What published functions answered to fixed inputs; made by none of our code.
ORACLES = np.load(Path(__file__).parents[1] / "golden" / "heatmaps.npz")


def oracle(name):
    return torch.from_numpy(np.asarray(ORACLES[f"heatmap_losses/{name}"], dtype=np.float64))


def test_published_numbers():
    maps, targets, weights = (oracle(f"in/{name}") for name in ("output", "target", "weight"))
    weights = weights[..., 0]
    pairs = [
        (heatmap_mse(maps, targets, weights), "mse_weighted"),
        (heatmap_mse(maps, targets, torch.ones_like(weights)), "mse"),
        (hardest_joints_mse(maps, targets, weights, 8), "ohkm8"),
    ]
    labelled = oracle("in/mspn_valid")[..., 0]
    visible, there = (labelled > 1).double(), (labelled > 0).double()
    empty_where_hidden = targets * visible[..., None, None]
    pairs += [
        (2 * heatmap_mse(maps, empty_where_hidden, torch.ones_like(weights)), "mspn_l2"),
        (2 * hardest_joints_mse(maps, targets, there, 8), "mspn_ohkm8"),
    ]
    for found, name in pairs:
        torch.testing.assert_close(found, oracle(f"out/{name}"), rtol=0, atol=1e-6)


def test_the_hardest_of_all_joints_are_all():
    maps, targets, weights = torch.randn(3, 5, 4, 4), torch.randn(3, 5, 4, 4), torch.rand(3, 5)
    everything = hardest_joints_mse(maps, targets, weights, 5)
    torch.testing.assert_close(everything, heatmap_mse(maps, targets, weights))
    assert hardest_joints_mse(maps, targets, weights, 2) > everything
    with pytest.raises(InputError, match="expected 1 to 5"):
        hardest_joints_mse(maps, targets, weights, 8)


def test_cross_entropy_of_a_flat_map_is_the_logarithm_of_its_cells():
    logits = torch.zeros(2, 3, 4, 8)
    cells = torch.randint(32, (2, 3))
    assert cell_cross_entropy(logits, cells, torch.ones(2, 3)).item() == pytest.approx(math.log(32))
    logits.flatten(2).scatter_(2, cells[..., None], 50.0)
    assert cell_cross_entropy(logits, cells, torch.ones(2, 3)).item() == pytest.approx(0, abs=1e-6)
    own = torch.randn(2, 3, 4, 8)
    expected = torch.nn.functional.cross_entropy(own.flatten(2).flatten(0, 1), cells.flatten())
    torch.testing.assert_close(cell_cross_entropy(own, cells, torch.ones(2, 3)), expected)


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_coordinates_that_are_not_known_do_not_count(norm):
    places = torch.rand(2, 3, 3, dtype=torch.float64, requires_grad=True)
    targets = torch.rand(2, 3, 3, dtype=torch.float64)
    targets[0, :, 2] = torch.nan
    weights = torch.isfinite(targets).double()
    loss = place_loss(places, targets, weights, norm)
    power = 1 if norm == "l1" else 2
    torch.testing.assert_close(loss, (places - targets).abs().pow(power)[weights > 0].mean())
    loss.backward()
    assert places.grad is not None
    assert torch.equal(places.grad != 0, weights > 0)
    assert place_loss(places, targets, torch.zeros(2, 3, 3).double(), norm) == 0


def test_masked_cells_do_not_count_and_pictures_are_averaged():
    maps, targets = torch.randn(2, 5, 4, 4), torch.randn(2, 5, 4, 4)
    mask = torch.ones(2, 4, 4)
    full = part_map_loss(maps, targets, mask)
    torch.testing.assert_close(full, 0.5 * (maps - targets).square().sum() / 2)
    mask[:, :2] = 0
    torch.testing.assert_close(part_map_loss(maps, targets, mask), 0.5 * (maps - targets)[:, :, 2:].square().sum() / 2)
    twice = part_map_loss(torch.cat([maps, maps]), torch.cat([targets, targets]), torch.cat([mask, mask]))
    torch.testing.assert_close(twice, part_map_loss(maps, targets, mask))


def test_stages_are_summed():
    maps, targets, weights = torch.randn(3, 2, 5, 4, 4), torch.randn(2, 5, 4, 4), torch.ones(2, 5)
    total = sum_of_stages(list(maps), lambda stage: heatmap_mse(stage, targets, weights))
    torch.testing.assert_close(total, 0.5 * (maps - targets).square().mean((1, 2, 3, 4)).sum())


def test_gradients():
    maps, targets = torch.randn(2, 3, 3, 4, dtype=torch.float64, requires_grad=True), torch.randn(2, 3, 3, 4).double()
    weights, cells = torch.rand(2, 3).double(), torch.randint(12, (2, 3))
    assert torch.autograd.gradcheck(lambda x: heatmap_mse(x, targets, weights), maps)
    assert torch.autograd.gradcheck(lambda x: hardest_joints_mse(x, targets, weights, 2), maps)
    assert torch.autograd.gradcheck(lambda x: cell_cross_entropy(x, cells, weights), maps)
    assert torch.autograd.gradcheck(lambda x: part_map_loss(x, targets, weights.new_ones(2, 3, 4)), maps)


def test_an_unknown_norm_is_told():
    with pytest.raises(UnknownNameError, match="l1, l2"):
        place_loss(torch.zeros(1, 1, 2), torch.zeros(1, 1, 2), torch.ones(1, 1, 2), "l3")
