"""The search for shapes: the same as fitting each by least squares, whatever is missing."""

import pytest
import torch

from lift3d.lifting.exemplar_search import ShapeIndex


def shapes(count, joints=9):
    return torch.randn(count, joints, 2)


def fitted_residuals(query, weights, candidates):
    """Weighted squares left when each candidate is moved and enlarged (not turned, not mirrored) onto a query."""
    residuals = []
    root = weights.sqrt().repeat_interleave(2)
    for candidate in candidates:
        moves = torch.eye(2).repeat(len(candidate), 1)
        columns = torch.cat([candidate.reshape(-1, 1), moves], dim=1) * root[:, None]
        scale_and_place = torch.linalg.lstsq(columns, query.reshape(-1) * root).solution
        left = (columns @ scale_and_place - query.reshape(-1) * root).square().sum()
        residuals.append(left if scale_and_place[0] > 0 else torch.tensor(torch.inf))
    return torch.stack(residuals)


@pytest.mark.parametrize("missing", [0, 3])
def test_the_nearest_are_those_that_fit_best(missing):
    candidates, queries = shapes(100), shapes(10)
    weights = torch.rand(10, 9) + 0.1
    weights[:, :missing] = 0
    found = ShapeIndex.of(candidates).nearest(queries, weights, 3, groups=1000)
    for query, weight, own in zip(queries, weights, found, strict=True):
        best = fitted_residuals(query, weight, candidates).argsort()[:3]
        assert own.tolist() == best.tolist()


def test_place_and_size_do_not_matter_but_turns_do():
    candidates = shapes(500)
    index, ones = ShapeIndex.of(candidates), torch.ones(500, 9)
    assert index.nearest(3 * candidates + torch.randn(500, 1, 2), ones)[:, 0].tolist() == list(range(500))
    upside_down = index.nearest(-candidates, ones)[:, 0]
    assert (upside_down != torch.arange(500)).all()


def test_what_is_missing_does_not_matter():
    candidates = shapes(300)
    weights = torch.ones(300, 9)
    weights[:, [0, 5]] = 0
    spoilt = candidates.clone()
    spoilt[:, [0, 5]] = 100 * torch.randn(300, 2, 2)
    index = ShapeIndex.of(candidates)
    assert index.nearest(spoilt, weights, groups=64)[:, 0].tolist() == list(range(300))
    torch.testing.assert_close(index.nearest(spoilt, weights, 4), index.nearest(candidates, weights, 4))


def test_few_groups_find_nearly_what_all_find():
    basis = torch.randn(5, 9, 2)
    candidates = torch.einsum("nk,kjc->njc", torch.randn(8000, 5), basis)  # of few dimensions, as poses are
    queries = torch.einsum("nk,kjc->njc", torch.randn(100, 5), basis)
    index, ones = ShapeIndex.of(candidates), torch.ones(100, 9)
    assert index.shapes.shape[1] <= 32 < len(index.shapes)
    few, all_of_them = index.nearest(queries, ones, groups=32)[:, 0], index.nearest(queries, ones, groups=1000)[:, 0]
    assert (few == all_of_them).float().mean() > 0.9


@pytest.mark.parametrize("count", [1, 2, 33, 97, 129])
def test_every_shape_is_in_a_group(count):
    index = ShapeIndex.of(shapes(count))
    assert set(index.numbers.flatten().tolist()) == set(range(count))
    assert index.nearest(shapes(0), torch.ones(0, 9), 1).shape[0] == 0
    assert index.nearest(shapes(2), torch.ones(2, 9), 500).shape[0] == 2
    assert torch.isfinite(index.means).all()


def test_a_query_without_joints_gets_some_answer():
    assert ShapeIndex.of(shapes(40)).nearest(torch.zeros(1, 9, 2), torch.zeros(1, 9), 2).shape == (1, 2)
