"""Alignment: invariances, agreement with scipy, gradients, degenerate and missing input."""

import time

import numpy as np
import pytest
import scipy.linalg
import torch
from scipy.spatial.transform import Rotation

from lift3d.geometry.alignment import (
    Similarity,
    align_rigid,
    align_root,
    align_scale,
    align_similarity,
    apply_similarity,
    best_scale,
    best_similarity,
)
from lift3d.geometry.rotations import rotvec_to_matrix

MIRROR = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)


def cloud(*shape, dtype=torch.float64):
    return torch.randn(*shape, 3, dtype=dtype)


def some_similarity(*batch):
    scale = 0.5 + torch.rand(batch, dtype=torch.float64)
    return Similarity(scale, rotvec_to_matrix(2 * cloud(*batch)), cloud(*batch))


def test_a_similarity_is_found_again():
    points, truth = cloud(4, 5, 17), some_similarity(4, 5)
    found = best_similarity(points, apply_similarity(points, truth))
    for ours, wanted in zip(found, truth, strict=True):
        torch.testing.assert_close(ours, wanted)


def test_a_rigid_motion_is_found_again_and_a_scale_is_not_removed():
    points = cloud(6, 17)
    truth = some_similarity(6)._replace(scale=torch.ones(6, dtype=torch.float64))
    moved = apply_similarity(points, truth)
    torch.testing.assert_close(align_rigid(points, moved), moved)
    assert (align_rigid(points, 1.5 * moved) - 1.5 * moved).abs().max() > 0.1
    torch.testing.assert_close(best_similarity(points, 2 * moved, with_scale=False).scale, truth.scale)


def test_rotations_are_proper_even_for_mirror_images():
    points = cloud(50, 17)
    found = best_similarity(points, points * MIRROR)
    torch.testing.assert_close(torch.linalg.det(found.rotation), torch.ones(50, dtype=torch.float64))
    assert (align_similarity(points, points * MIRROR) - points * MIRROR).norm(dim=-1).mean() > 0.2


def test_scale_alignment_ignores_scale_only():
    points = cloud(3, 17)
    torch.testing.assert_close(align_scale(0.3 * points, points), points)
    torch.testing.assert_close(best_scale(points, 4 * points), torch.full((3,), 4.0, dtype=torch.float64))
    assert (align_scale(points + 1, points) - points).abs().max() > 0.1


def test_root_alignment_puts_the_root_at_the_origin():
    points = cloud(3, 17)
    assert align_root(points, 4)[:, 4].abs().max() == 0
    torch.testing.assert_close(align_root(points, -1), align_root(points, 16))
    torch.testing.assert_close(align_root(points + 5, 2), align_root(points, 2))


def test_agrees_with_scipy_rotations():
    source, target, weights = cloud(20, 9), cloud(20, 9), torch.rand(20, 9, dtype=torch.float64)
    ours = best_similarity(source, target, weights, with_scale=False).rotation
    for i in range(20):
        mass = weights[i] / weights[i].sum()
        a, b = source[i] - mass @ source[i], target[i] - mass @ target[i]
        theirs = Rotation.align_vectors(b.numpy(), a.numpy(), weights=weights[i].numpy())[0].as_matrix()
        np.testing.assert_allclose(ours[i].numpy(), theirs, atol=1e-9)


def test_agrees_with_scipy_procrustes_where_no_reflection_is_better():
    source = cloud(17)
    target = apply_similarity(source, some_similarity()) + 0.05 * cloud(17)
    a, b = (source - source.mean(0)).numpy(), (target - target.mean(0)).numpy()
    theirs, total = scipy.linalg.orthogonal_procrustes(a, b)
    found = best_similarity(source, target)
    np.testing.assert_allclose(found.rotation.numpy(), theirs.T, atol=1e-9)
    np.testing.assert_allclose(found.scale.item(), total / (a * a).sum(), rtol=1e-9)


def test_nothing_nearby_is_better():
    source, target, weights = cloud(17), cloud(17), torch.rand(17, dtype=torch.float64)
    found = best_similarity(source, target, weights)

    def cost(similarity):
        return (weights[:, None] * (apply_similarity(source, similarity) - target) ** 2).sum()

    for _ in range(50):
        near = Similarity(
            found.scale * (1 + 0.01 * torch.randn(())),
            found.rotation @ rotvec_to_matrix(0.01 * cloud()),
            found.translation + 0.01 * cloud(),
        )
        assert cost(near) > cost(found)


def test_zero_weights_and_missing_joints_take_no_part():
    source, target = cloud(8, 17), cloud(8, 17)
    kept = best_similarity(source[:, 3:], target[:, 3:])
    weights = torch.ones(8, 17, dtype=torch.float64)
    weights[:, :3] = 0
    hole = source.clone()
    hole[:, 0] = torch.nan
    hole_target = target.clone()
    hole_target[:, 1:3] = torch.nan
    for found in (best_similarity(source, target, weights), best_similarity(hole, hole_target)):
        for ours, wanted in zip(found, kept, strict=True):
            torch.testing.assert_close(ours, wanted)
    aligned = align_similarity(hole, hole_target)
    assert torch.isnan(aligned[:, 0]).all()
    assert torch.isfinite(aligned[:, 1:]).all()


def test_without_shared_joints_it_is_the_identity():
    nothing = torch.full((2, 17, 3), torch.nan, dtype=torch.float64)
    found = best_similarity(cloud(2, 17), nothing)
    torch.testing.assert_close(found.rotation, torch.eye(3, dtype=torch.float64).expand(2, 3, 3))
    assert (found.scale == 1).all()
    assert (found.translation == 0).all()


@pytest.mark.parametrize("align", [align_rigid, align_similarity, align_scale])
def test_gradients_are_exact(align):
    source, target = cloud(2, 6).requires_grad_(), cloud(2, 6).requires_grad_()
    weights = (0.1 + torch.rand(2, 6, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(align, (source, target, weights))


def test_gradients_are_exact_for_mirror_images():
    source = cloud(1, 6)
    target = (source * MIRROR + 0.1 * cloud(1, 6)).requires_grad_()
    assert torch.autograd.gradcheck(align_similarity, (source.requires_grad_(), target))


LINE = torch.linspace(-1, 1, 6, dtype=torch.float64)[:, None] * torch.tensor([[0.3, 0.5, -0.2]], dtype=torch.float64)
DEGENERATE = {
    "identical": torch.ones(6, 3, dtype=torch.float64),
    "origin": torch.zeros(6, 3, dtype=torch.float64),
    "line": LINE,
    "plane": torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [2, 1, 0], [0, 2, 0]], dtype=torch.float64),
    "cube": torch.tensor([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=torch.float64),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("align", [align_rigid, align_similarity, align_scale])
@pytest.mark.parametrize("kind", [*DEGENERATE, "missing"])
def test_gradients_are_finite_at_degenerate_input(kind, align, dtype):
    base = DEGENERATE.get(kind, torch.full((6, 3), torch.nan)).to(dtype)
    for other in (base, base * MIRROR.to(dtype), base[torch.arange(5, -1, -1)], cloud(6, dtype=dtype)):
        source, target = base.clone().requires_grad_(), other.clone().requires_grad_()
        aligned = align(source, target)
        loss = (aligned.nan_to_num() - target.detach().nan_to_num()).square().sum() + aligned.nan_to_num().sum()
        loss.backward()
        assert torch.isfinite(source.grad).all()
        if target.grad is not None:
            assert torch.isfinite(target.grad).all()
        if kind != "missing":
            assert torch.isfinite(aligned).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_keeps_the_dtype(dtype):
    points = cloud(2, 17, dtype=torch.float32).to(dtype)
    for align in (align_rigid, align_similarity, align_scale):
        assert align(points, points).dtype == dtype
        torch.testing.assert_close(align(points, points), points, rtol=1e-2, atol=2e-2)


@pytest.mark.parametrize("batch", [(), (3,), (2, 3), (0,)])
def test_any_batch_shape(batch):
    assert align_similarity(cloud(*batch, 17), cloud(*batch, 17)).shape == (*batch, 17, 3)


def test_weights_broadcast_over_the_batch():
    weights = torch.rand(17, dtype=torch.float64)
    source, target = cloud(4, 17), cloud(4, 17)
    torch.testing.assert_close(
        align_similarity(source, target, weights[None]), align_similarity(source, target, weights.expand(4, 17))
    )


def test_a_hundred_thousand_poses_take_seconds():
    points, target = cloud(100_000, 17, dtype=torch.float32), cloud(100_000, 17, dtype=torch.float32)
    start = time.perf_counter()
    align_similarity(points, target)
    assert time.perf_counter() - start < 20  # about one second on one core; the rest is for a busy machine
