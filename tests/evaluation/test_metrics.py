"""Metrics: what they ignore and what they do not, missing joints, and the published numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.evaluation.metrics import (
    ALIGNMENTS,
    AUC_THRESHOLDS,
    auc,
    coverage,
    joint_distances,
    joint_hits,
    joint_velocity_distances,
    mpjpe,
    mpjve,
    n_mpjpe,
    pa_mpjpe,
    pck3d,
    rigid_mpjpe,
)
from lift3d.geometry.alignment import Similarity, apply_similarity, best_similarity
from lift3d.geometry.rotations import rotvec_to_matrix

ORACLES = np.load(Path(__file__).parents[1] / "golden" / "evaluation_oracles.npz")
POSE_METRICS = [mpjpe, pa_mpjpe, rigid_mpjpe, n_mpjpe]


def poses(*shape):
    return torch.randn(*shape, 3, dtype=torch.float64)


def oracle(case, kind, name):
    return torch.from_numpy(np.asarray(ORACLES[f"{case}/{kind}/{name}"], dtype=np.float64))


def moved(points, scale=1.0):
    batch = points.shape[:-2]
    return apply_similarity(
        points,
        Similarity(torch.full(batch, scale, dtype=torch.float64), rotvec_to_matrix(poses(*batch)), poses(*batch)),
    )


@pytest.mark.parametrize("metric", POSE_METRICS)
def test_zero_for_equal_poses_and_only_for_those(metric):
    target = poses(5, 17)
    torch.testing.assert_close(metric(target, target), torch.zeros(5, dtype=torch.float64), atol=1e-12, rtol=0)
    assert (metric(target + 0.1 * poses(5, 17), target) > 0.01).all()


def test_mpjpe_is_a_distance():
    a, b, c = poses(5, 17), poses(5, 17), poses(5, 17)
    torch.testing.assert_close(mpjpe(a, b), mpjpe(b, a))
    assert (mpjpe(a, c) <= mpjpe(a, b) + mpjpe(b, c)).all()
    shifted = a + torch.tensor([0.3, 0.0, 0.4], dtype=torch.float64)
    torch.testing.assert_close(mpjpe(shifted, a), torch.full((5,), 0.5, dtype=torch.float64))  # metres in, metres out
    torch.testing.assert_close(mpjpe(shifted, a, root=3), torch.zeros(5, dtype=torch.float64), atol=1e-12, rtol=0)


def test_each_alignment_ignores_what_it_should_and_nothing_else():
    target = poses(20, 17)
    zero = torch.zeros(20, dtype=torch.float64)
    close = {"atol": 1e-9, "rtol": 0}
    torch.testing.assert_close(pa_mpjpe(moved(target, 1.7), target), zero, **close)
    torch.testing.assert_close(rigid_mpjpe(moved(target), target), zero, **close)
    torch.testing.assert_close(n_mpjpe(0.4 * target, target), zero, **close)
    torch.testing.assert_close(n_mpjpe(0.4 * target + 3, target, root=0), zero, **close)
    mirror = target * torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)
    assert (pa_mpjpe(mirror, target) > 0.1).all()
    assert (rigid_mpjpe(1.7 * target, target) > 0.1).all()
    assert (n_mpjpe(moved(target), target) > 0.1).all()


def test_more_freedom_never_gives_a_larger_square_error():
    prediction, target = poses(20, 17), poses(20, 17)
    squares = [joint_distances(prediction, target, name).square().sum(-1) for name in ("none", "rigid", "similarity")]
    assert (squares[1] <= squares[0] + 1e-9).all()
    assert (squares[2] <= squares[1] + 1e-9).all()


def test_missing_joints_are_left_out_and_counted():
    prediction, target = poses(2, 17), poses(2, 17)
    prediction[0, 4], target[0, 7], target[1, :5] = torch.nan, torch.nan, torch.nan
    keep = [j for j in range(17) if j not in (4, 7)]
    for metric in POSE_METRICS:
        torch.testing.assert_close(metric(prediction, target)[0], metric(prediction[0, keep], target[0, keep]))
    distances = joint_distances(prediction, target)
    assert torch.isnan(distances[0]).nonzero()[:, 0].tolist() == [4, 7]
    torch.testing.assert_close(coverage(prediction, target), torch.tensor([15 / 16, 1.0], dtype=torch.float64))
    assert torch.isnan(mpjpe(prediction, target, root=4)[0])
    assert torch.isnan(mpjpe(torch.full_like(target, torch.nan), target)).all()


def test_gradients_are_finite_with_missing_joints_and_at_the_solution():
    target = poses(3, 17)
    target[0, 2] = torch.nan
    for name in ("none", "scale", "rigid", "similarity"):
        prediction = target.nan_to_num(0.5).requires_grad_()
        joint_distances(prediction, target, name).nansum().backward()
        assert torch.isfinite(prediction.grad).all(), name


def test_velocity_sees_movement_not_place():
    target = poses(6, 17)
    torch.testing.assert_close(mpjve(target + 5, target), torch.zeros(5, dtype=torch.float64), atol=1e-12, rtol=0)
    drift = target + torch.arange(6, dtype=torch.float64)[:, None, None] * torch.tensor([0.0, 0.02, 0.0])
    torch.testing.assert_close(mpjve(drift, target), torch.full((5,), 0.02, dtype=torch.float64))
    torch.testing.assert_close(mpjve(drift, target, root=0), torch.zeros(5, dtype=torch.float64), atol=1e-12, rtol=0)
    assert joint_velocity_distances(poses(2, 6, 17), poses(2, 6, 17)).shape == (2, 5, 17)
    assert mpjve(poses(1, 17), poses(1, 17)).shape == (0,)


def test_pck_and_auc_count_in_millimetres():
    target = torch.zeros(1, 4, 3, dtype=torch.float64)
    prediction = target.clone()
    prediction[0, :, 0] = torch.tensor([0.0, 0.149, 0.150, 0.2])
    torch.testing.assert_close(pck3d(prediction, target), torch.tensor([0.5], dtype=torch.float64))
    assert pck3d(prediction, target, threshold=0.3).item() == 1
    hits = joint_hits(torch.tensor([0.149, 0.151, torch.nan], dtype=torch.float64))
    assert hits[:2].tolist() == [1, 0]
    assert torch.isnan(hits[2])
    assert len(AUC_THRESHOLDS) == 31
    assert AUC_THRESHOLDS[-1] == pytest.approx(0.150)
    assert auc(target, target).item() == pytest.approx(30 / 31)
    # thresholds above 0: 30; above 149 mm: 1; above 150 and 200 mm: none
    assert auc(prediction, target).item() == pytest.approx((30 + 1) / 31 / 4)


def test_wrong_input_is_refused():
    with pytest.raises(ShapeError, match=r"prediction has shape \(2, 16, 3\); expected \(2, 17, 3\)"):
        mpjpe(poses(2, 16), poses(2, 17))
    with pytest.raises(ShapeError, match="target has shape"):
        mpjpe(torch.zeros(2, 17, 2), torch.zeros(2, 17, 2))
    with pytest.raises(InputError, match="floating-point"):
        mpjpe(torch.zeros(17, 3, dtype=torch.int64), torch.zeros(17, 3, dtype=torch.int64))
    with pytest.raises(InputError, match="root=17"):
        mpjpe(poses(2, 17), poses(2, 17), root=17)
    with pytest.raises(InputError, match="needs the index"):
        joint_distances(poses(2, 17), poses(2, 17), "root")
    with pytest.raises(UnknownNameError, match="Did you mean 'similarity'"):
        joint_distances(poses(2, 17), poses(2, 17), "similar")
    with pytest.raises(ShapeError, match="frames"):
        mpjve(poses(17), poses(17))


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("batch", [(), (2,), (2, 3), (0,)])
def test_any_batch_shape(alignment, batch):
    root = 0 if alignment == "root" else None
    assert joint_distances(poses(*batch, 17), poses(*batch, 17), alignment, root).shape == (*batch, 17)


def test_published_metrics_of_videopose3d():
    case = "videopose3d_metrics"
    prediction, target = oracle(case, "in", "pred"), oracle(case, "in", "gt")
    results = {
        "mpjpe": mpjpe(prediction, target),
        "p_mpjpe": pa_mpjpe(prediction, target),
        "n_mpjpe": n_mpjpe(prediction, target),
        "mpjve": mpjve(prediction, target),
    }
    for name, values in results.items():
        torch.testing.assert_close(values.mean(), oracle(case, "out", name), rtol=1e-5, atol=1e-6)


def test_published_procrustes_where_a_reflection_would_fit_better():
    case = "videopose3d_pmpjpe_reflection"
    values = pa_mpjpe(oracle(case, "in", "pred"), oracle(case, "in", "gt"))
    torch.testing.assert_close(values.mean(), oracle(case, "out", "p_mpjpe"), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("with_scale", [True, False])
def test_published_procrustes_of_martinez(with_scale):
    case = "martinez_procrustes"
    source, target = oracle(case, "in", "input"), oracle(case, "in", "target")
    found = best_similarity(source, target, with_scale=with_scale)
    close = {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(found.rotation, oracle(case, "out", f"T_{with_scale}").T, **close)
    torch.testing.assert_close(found.scale, oracle(case, "out", f"b_{with_scale}").reshape(()), **close)
    torch.testing.assert_close(found.translation, oracle(case, "out", f"c_{with_scale}"), **close)
    torch.testing.assert_close(apply_similarity(source, found), oracle(case, "out", f"Z_{with_scale}"), **close)


def test_published_rigid_alignment_of_integral():
    case = "integral_rigid_align"
    source, target = oracle(case, "in", "pred"), oracle(case, "in", "gt")
    aligned = apply_similarity(source, best_similarity(source, target, with_scale=False))
    torch.testing.assert_close(aligned, oracle(case, "out", "aligned"), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        mpjpe(aligned, target, root=0), oracle(case, "out", "error_rerooted"), rtol=1e-4, atol=1e-5
    )


def test_published_losses_of_motionbert():
    case = "motionbert_losses"
    prediction, target = oracle(case, "in", "pred"), oracle(case, "in", "gt")
    close = {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(mpjpe(prediction, target).flatten(), oracle(case, "out", "mpjpe_per_frame"), **close)
    torch.testing.assert_close(
        pa_mpjpe(prediction, target).flatten(), oracle(case, "out", "p_mpjpe_per_frame"), **close
    )
    torch.testing.assert_close(n_mpjpe(prediction, target).mean(), oracle(case, "out", "n_mpjpe"), **close)
    torch.testing.assert_close(mpjve(prediction, target).mean(), oracle(case, "out", "velocity"), **close)
