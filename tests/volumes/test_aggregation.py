"""Views made one: what each rule means, and that missing views leave no trace."""

from __future__ import annotations

import pytest
import torch

from lift3d.errors import InputError, UnknownNameError
from lift3d.volumes import AGGREGATIONS, aggregate_views

VOLUMES = torch.randn(2, 5, 3, 4, 4, 4, generator=torch.Generator().manual_seed(1)).double()
CONFIDENCES = torch.rand(2, 5, 3, generator=torch.Generator().manual_seed(2)).double()


def test_each_rule_by_hand() -> None:
    cell = VOLUMES[1, :, 2, 0, 1, 3]
    shares = cell.exp() / cell.exp().sum()
    expected = {
        "sum": cell.sum(),
        "mean": cell.mean(),
        "max": cell.max(),
        "softmax": (shares * cell).sum(),
        "confidence": (CONFIDENCES[1, :, 2] * cell).sum(),
    }
    assert set(expected) == set(AGGREGATIONS)
    for name, value in expected.items():
        found = aggregate_views(VOLUMES, name, confidences=CONFIDENCES)
        assert found.shape == (2, 3, 4, 4, 4)
        torch.testing.assert_close(found[1, 2, 0, 1, 3], value)


@pytest.mark.parametrize("views", [1, 2, 16])
@pytest.mark.parametrize("name", AGGREGATIONS)
def test_missing_views_are_as_if_they_were_not_there(name: str, views: int) -> None:
    volumes = torch.randn(1, views + 2, 3, 2, 2, 2, dtype=torch.float64)
    confidences = torch.rand(1, views + 2, 3, dtype=torch.float64)
    volumes[:, views:], confidences[:, views:] = torch.nan, torch.nan
    seen = torch.arange(views + 2)[None] < views
    expected = aggregate_views(volumes[:, :views], name, None, confidences[:, :views])
    torch.testing.assert_close(aggregate_views(volumes, name, seen, confidences), expected)


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_no_view_at_all_gives_zeros_and_gradients_that_are_numbers(name: str) -> None:
    volumes = VOLUMES.clone().requires_grad_()
    seen = torch.ones(2, 5, dtype=torch.bool)
    seen[1], seen[0, 2] = False, False
    found = aggregate_views(volumes, name, seen, CONFIDENCES)
    assert (found[1] == 0).all()
    (gradient,) = torch.autograd.grad(found.sum(), volumes)
    assert gradient.isfinite().all()
    assert (gradient[1] == 0).all()
    assert (gradient[0, 2] == 0).all()


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_gradients_are_right(name: str) -> None:
    volumes, confidences = VOLUMES[:1, :3, :, :1].clone().requires_grad_(), CONFIDENCES[:1, :3].clone().requires_grad_()
    seen = torch.tensor([[True, False, True]])
    assert torch.autograd.gradcheck(lambda a, b: aggregate_views(a, name, seen, b), (volumes, confidences))


def test_what_is_not_known_is_told() -> None:
    with pytest.raises(UnknownNameError, match=r"No aggregation of views named 'softmin'\. Did you mean 'softmax'"):
        aggregate_views(VOLUMES, "softmin")
    with pytest.raises(InputError, match="'confidence' needs confidences"):
        aggregate_views(VOLUMES, "confidence")
