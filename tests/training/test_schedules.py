"""Schedules begin, end and fall as they say."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from lift3d.errors import UnknownNameError
from lift3d.training.schedules import SCHEDULES, learning_rate_factor, set_norm_momentum


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_linear_rise_then_never_up_again(schedule: str) -> None:
    factors = [learning_rate_factor(schedule, step, 200, 20, 0.01, (0.5, 0.8)) for step in range(201)]
    assert factors[:20] == pytest.approx([(step + 1) / 20 for step in range(20)])
    assert factors[20] == pytest.approx(1)
    assert factors[200] == pytest.approx(1.0 if schedule == "constant" else 0.01)
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(factors[20:]))


def test_half_way_the_cosine_is_in_the_middle_and_the_exponential_at_the_root() -> None:
    assert learning_rate_factor("cosine", 110, 200, 20, 0.04) == pytest.approx(0.52)
    assert learning_rate_factor("exponential", 110, 200, 20, 0.04) == pytest.approx(0.2)


def test_the_exponential_is_what_a_factor_an_epoch_gives() -> None:
    """0.95 an epoch of 30 steps over 80 epochs is one share every step, down to 0.95^80."""
    steps, last = 80 * 30, 0.95**80
    for epoch in (1, 7, 79):
        factor = learning_rate_factor("exponential", 30 * epoch, steps, 0, last)
        assert factor == pytest.approx(0.95**epoch)


def test_drops_are_by_ten_where_two_of_them_make_a_hundredth() -> None:
    """HRNet's 170 and 200 of 210 epochs."""
    factors = [learning_rate_factor("drops", epoch, 210, 0, 0.01, (170 / 210, 200 / 210)) for epoch in range(210)]
    assert factors == pytest.approx([1.0] * 170 + [0.1] * 30 + [0.01] * 10)


def test_an_unknown_schedule_is_named() -> None:
    with pytest.raises(UnknownNameError, match="constant, cosine, drops, exponential"):
        learning_rate_factor("linear", 0, 1, 0, 0)


def test_the_memory_of_batch_norm_grows_by_the_same_share() -> None:
    network = nn.Sequential(nn.Conv1d(2, 3, 1), nn.BatchNorm1d(3), nn.Sequential(nn.BatchNorm1d(3)))
    found = []
    for step in range(101):
        set_norm_momentum(network, (0.1, 0.001), step, 101)
        found.append([module.momentum for module in network.modules() if isinstance(module, nn.BatchNorm1d)])
    assert all(first == second for first, second in found)
    momenta = torch.tensor(found)[:, 0]
    assert [momenta[0].item(), momenta[50].item(), momenta[100].item()] == pytest.approx([0.1, 0.01, 0.001])
