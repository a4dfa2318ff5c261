"""Volumes of judged detections: what must not matter does not, and logits move a Gaussian as they should."""

from dataclasses import replace

import pytest
import torch
from made_up_rigs import BATCH, JOINTS, chosen, made_up, numbers

from lift3d.errors import InputError
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.networks.v2v import V2VSettings
from lift3d.networks.view_attention import ViewAttentionSettings
from lift3d.networks.view_volumes import ViewVolumes, ViewVolumesSettings, _moved

SETTINGS = ViewVolumesSettings(
    ViewAttentionSettings(JOINTS, width=16, layers=1, heads=2),
    V2VSettings(JOINTS, JOINTS, front_kernel=3, front_units=1, channels=(8, 16)),
    cells=12, side=3.0, facing=(0, 1, 2, 3),
)  # fmt: skip


@pytest.fixture
def network():
    """Not trained, but with weights in the last layer, as if it had been."""
    torch.manual_seed(0)
    network = ViewVolumes(SETTINGS).double().eval()
    for parameter in list(network.v2v.parameters())[-2:]:
        torch.nn.init.normal_(parameter, std=3.0)
    return network


def answer(network, samples, order=None):
    with torch.no_grad():
        return network(*samples[:4], numbers() if order is None else order).positions


def test_untrained_it_is_the_judges_answer():
    samples = made_up()
    network = ViewVolumes(SETTINGS).double().eval()
    with torch.no_grad():
        judged = network.judge(*samples[:4], numbers())
    torch.testing.assert_close(answer(network, samples), judged.positions, rtol=0, atol=1e-4)


def test_volumes_move_points(network):
    samples = made_up()
    with torch.no_grad():
        judged = network.judge(*samples[:4], numbers())
    assert float((answer(network, samples) - judged.positions).abs().max()) > 1e-3


def test_order_of_views_and_of_joints_does_not_matter(network):
    samples, views, joints = made_up(), [2, 0, 3, 1], [5, 3, 0, 1, 4, 2]
    own = answer(network, samples)
    other = answer(network, chosen(samples, views))
    torch.testing.assert_close(own, other)
    moved = samples._replace(rays=samples.rays[:, :, joints], scores=samples.scores[:, :, joints])
    other = answer(network, moved, torch.tensor(joints).expand(BATCH, -1))
    torch.testing.assert_close(own[:, joints], other)


def test_points_move_with_a_world_that_is_moved_and_turned_about_its_vertical(network):
    samples = made_up()
    turn = rotvec_to_matrix(torch.tensor([0.0, 0.0, 0.9], dtype=torch.float64))
    shift = torch.tensor([0.2, -0.1, 0.3], dtype=torch.float64)
    rotation = samples.rotation @ turn.mT
    moved = samples._replace(rotation=rotation, translation=samples.translation - rotation @ shift)
    expected = answer(network, samples) @ turn.mT + shift
    torch.testing.assert_close(answer(network, moved), expected, rtol=0, atol=1e-5)


def test_joints_that_are_not_known_stay_where_the_views_have_them(network):
    samples, order = made_up(), numbers().clone()
    order[:, 4] = -1
    with torch.no_grad():
        judged = network.judge(*samples[:4], order)
    found = answer(network, samples, order)
    torch.testing.assert_close(found[:, 4], judged.positions[:, 4], rtol=0, atol=1e-4)
    assert float((found[:, 0] - judged.positions[:, 0]).abs().max()) > 1e-4


def test_a_joint_that_no_view_sees_is_in_the_cube(network):
    samples = made_up()
    scores = samples.scores.clone()
    scores[:, :, 2] = 0
    found = answer(network, samples._replace(scores=scores))
    assert bool(found.isfinite().all())
    assert float((found[:, 2] - samples.positions.median(1).values).norm(dim=-1).max()) < SETTINGS.side


def cells(count=24, side=3.0):
    steps = torch.linspace(-side / 2, side / 2, count, dtype=torch.float64)
    return torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij"), dim=-1)[None]


def test_a_slope_moves_a_gaussian_by_its_covariance():
    """Exp of a Gaussian and of g x is the Gaussian moved by its covariance times g."""
    places, soft = cells(), 0.2
    start = torch.tensor([[[0.1, -0.2, 0.05]]], dtype=torch.float64)
    root = torch.tensor([[0.1, 0.0, 0.0], [0.05, 0.2, 0.0], [0.0, -0.05, 0.15]], dtype=torch.float64)
    covariance, slope = (root @ root.mT)[None, None], torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    move = _moved(start, covariance, places, soft, (places @ slope)[:, None])
    expected = (covariance[0, 0] + soft**2 * torch.eye(3, dtype=torch.float64)) @ slope
    torch.testing.assert_close(move[0, 0], expected, rtol=0, atol=1e-4)


def test_logits_that_are_the_same_everywhere_move_nothing():
    start, covariance = torch.zeros(1, 2, 3, dtype=torch.float64), torch.zeros(1, 2, 3, 3, dtype=torch.float64)
    logits = torch.full((1, 2, 24, 24, 24), 5.0, dtype=torch.float64)
    assert float(_moved(start, covariance, cells(), 0.2, logits).abs().max()) < 1e-12


def test_only_the_volumes_learn_unless_the_judge_is_to(network):
    samples = made_up()
    network.train()
    network(*samples[:4], numbers()).positions.square().sum().backward()
    assert all(parameter.grad is None for parameter in network.judge.parameters())
    assert all(parameter.grad is not None for parameter in network.v2v.parameters())
    both = ViewVolumes(replace(SETTINGS, judge_learns=True))
    assert all(parameter.requires_grad for parameter in both.parameters())


def test_settings_that_do_not_go_together_are_refused():
    with pytest.raises(InputError, match="channels; expected 6"):
        replace(SETTINGS, v2v=V2VSettings(17, 17))
    with pytest.raises(InputError, match="pairs of joints"):
        replace(SETTINGS, facing=(0, 1, 2))
