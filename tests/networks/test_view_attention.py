"""Detections that judge each other: what must not matter does not, and untrained it is weighted triangulation."""

import pytest
import torch
from made_up_rigs import BATCH, JOINTS, chosen, made_up, numbers

from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.networks._view_evidence import FEATURES, evidence_of
from lift3d.networks.view_attention import ViewAttention, ViewAttentionSettings
from lift3d.triangulation.algebraic import triangulate_rays


@pytest.fixture
def trained():
    """Not trained, but with weights everywhere, as if it had been."""
    torch.manual_seed(0)
    network = ViewAttention(ViewAttentionSettings(JOINTS, width=16, layers=2, heads=2)).double().eval()
    for parameter in network.leave.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return network


def answer(network, samples, order=None):
    given = (samples.rays, samples.scores, samples.rotation, samples.translation)
    with torch.no_grad():
        return network(*given, numbers(len(samples.rays)) if order is None else order)


def test_exact_detections_give_exact_points():
    samples = made_up(noise=0.0)
    network = ViewAttention(ViewAttentionSettings(JOINTS)).double()
    torch.testing.assert_close(answer(network, samples).positions, samples.positions, rtol=0, atol=1e-6)


def test_untrained_each_view_counts_by_its_score_and_distance():
    samples = made_up(noise=0.01)
    judged = answer(ViewAttention(ViewAttentionSettings(JOINTS)).double(), samples)
    assert torch.equal(judged.rays, samples.rays)
    evidence = evidence_of(*samples[:4])
    weights = (samples.scores / (evidence.extent * evidence.depth)).square()
    for one in range(BATCH):
        own = (samples.rays[one], weights[one], samples.rotation[one], samples.translation[one])
        torch.testing.assert_close(judged.positions[one], triangulate_rays(*own), rtol=0, atol=1e-5)


def test_deviations_are_larger_for_poorer_scores_and_infinite_for_what_is_missing():
    samples = made_up()
    scores = samples.scores.clone()
    scores[0, 0] = torch.tensor([0.0, 0.1, 0.3, 0.5, 0.7, 0.9])
    judged = answer(ViewAttention(ViewAttentionSettings(JOINTS)).double(), samples._replace(scores=scores))
    deviation = judged.deviation[0, 0]
    assert torch.isinf(deviation[0])
    assert bool((deviation[1:].diff() < 0).all())
    assert bool(judged.deviation[1:].isfinite().all())


def test_order_of_views_does_not_matter(trained):
    samples, order = made_up(), [2, 0, 3, 1]
    own, other = (
        answer(trained, samples),
        answer(trained, chosen(samples, order)),
    )
    torch.testing.assert_close(own.positions, other.positions)
    torch.testing.assert_close(own.rays[:, order], other.rays)
    torch.testing.assert_close(own.information, other.information)


def test_a_missing_view_is_as_if_there_were_none_but_for_its_number(trained):
    """What is in a missing detection must not matter."""
    samples = made_up()
    scores = samples.scores.clone()
    scores[:, 1] = 0
    rays = samples.rays.clone()
    rays[:, 1] = 77.0
    own = answer(trained, samples._replace(scores=scores))
    other = answer(trained, samples._replace(scores=scores, rays=rays))
    torch.testing.assert_close(own.positions, other.positions)
    torch.testing.assert_close(own.information, other.information)
    left = [0, 2, 3]
    without = answer(trained, chosen(samples, left))
    torch.testing.assert_close(own.positions, without.positions)


def test_order_of_joints_does_not_matter(trained):
    samples, order = made_up(), [5, 3, 0, 1, 4, 2]
    moved = samples._replace(rays=samples.rays[:, :, order], scores=samples.scores[:, :, order])
    other = answer(trained, moved, torch.tensor(order).expand(BATCH, -1))
    torch.testing.assert_close(answer(trained, samples).positions[:, order], other.positions)


def test_joints_are_told_apart_and_unknown_ones_are_all_alike(trained):
    samples = made_up()
    unknown = torch.full((BATCH, JOINTS), -1)
    own = answer(trained, samples).positions
    nameless = answer(trained, samples, unknown).positions
    assert float((own - nameless).abs().max()) > 1e-5
    order = [1, 0, 2, 3, 4, 5]
    moved = samples._replace(rays=samples.rays[:, :, order], scores=samples.scores[:, :, order])
    torch.testing.assert_close(answer(trained, moved, unknown).positions, nameless[:, order])


def test_points_move_with_the_world(trained):
    samples = made_up()
    turn = rotvec_to_matrix(torch.tensor([0.3, -0.8, 0.5], dtype=torch.float64))
    turned = samples._replace(rotation=samples.rotation @ turn.mT)
    own, other = answer(trained, samples), answer(trained, turned)
    torch.testing.assert_close(own.positions @ turn.mT, other.positions)
    torch.testing.assert_close(turn @ own.information @ turn.mT, other.information)
    shift = torch.tensor([0.2, -0.1, 0.3], dtype=torch.float64)
    moved = samples._replace(translation=samples.translation - samples.rotation @ shift)
    torch.testing.assert_close(own.positions + shift, answer(trained, moved).positions, rtol=0, atol=1e-5)


def test_a_detection_far_off_is_marked_as_such():
    samples = made_up(noise=0.0)
    rays = samples.rays.clone()
    rays[0, 1, 2] += 0.1
    evidence = evidence_of(rays, samples.scores, samples.rotation, samples.translation)
    sizes = evidence.features[..., 2]  # of the residuals
    assert evidence.features.shape[-1] == FEATURES
    assert int(sizes[0, :, 2].argmax()) == 1
    assert float(sizes[0, 1, 2]) > 5 * float(sizes[1:].max())
    torch.testing.assert_close(evidence.points[1:], samples.positions[1:], rtol=0, atol=1e-6)
    assert float((evidence.points[0, 2] - samples.positions[0, 2]).norm()) < 0.05  # of 0.4 m in that view


def test_fewer_than_two_views_fix_nothing(trained):
    samples = made_up()
    scores = samples.scores.clone()
    scores[0, 1:, 3] = 0
    scores[1, :, 2] = 0
    judged = answer(trained, samples._replace(scores=scores))
    expected = torch.ones(BATCH, JOINTS, dtype=torch.bool)
    expected[0, 3] = expected[1, 2] = False
    assert torch.equal(judged.fixed, expected)
    assert bool(judged.positions.isfinite().all())


def test_gradients_reach_detections_and_weights(trained):
    samples = made_up()
    rays = samples.rays.clone().requires_grad_()
    judged = trained(rays, samples.scores, samples.rotation, samples.translation, numbers())
    (judged.positions - samples.positions).square().sum().backward()
    assert rays.grad is not None
    assert bool((rays.grad.norm(dim=-1) > 0).all())
    weights = [parameter for name, parameter in trained.named_parameters() if "joints.weight" not in name]
    assert all(parameter.grad is not None and float(parameter.grad.norm()) > 0 for parameter in weights)
