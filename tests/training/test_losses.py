"""Losses are 0 at the truth, have the right gradients, and do not see what they are not to see."""

from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor

from lift3d import get_skeleton
from lift3d.training import losses
from lift3d.training.losses import LossSettings, deviation_loss, pose_loss

SKELETON = get_skeleton("human36m17")
OTHERS = [joint for joint in range(17) if joint != SKELETON.root]
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "joint": lambda predicted, truth: losses.joint_loss(predicted, truth, SKELETON),
    "square": lambda predicted, truth: losses.square_loss(predicted, truth, SKELETON, 0.2),
    "scale_free": lambda predicted, truth: losses.scale_free_loss(predicted, truth, SKELETON),
    "bone": lambda predicted, truth: losses.bone_loss(predicted, truth, SKELETON),
    "all_pairs": losses.all_pairs_loss,
    "velocity": losses.velocity_loss,
}


def _poses(seed: int, frames: int = 3) -> Tensor:
    poses = torch.randn(2, frames, 17, 3, generator=Generator().manual_seed(seed), dtype=torch.float64)
    return poses - poses[:, :, SKELETON.root : SKELETON.root + 1]


@pytest.mark.parametrize("name", LOSSES)
def test_zero_at_the_truth_only_with_finite_gradients_there(name: str) -> None:
    truth, other = _poses(0), _poses(1)
    predicted = truth.clone().requires_grad_()
    loss = LOSSES[name](predicted, truth)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert predicted.grad is not None
    assert predicted.grad.isfinite().all()
    assert LOSSES[name](other, truth) > 0.1


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_right(name: str) -> None:
    truth = _poses(0, 2)
    assert torch.autograd.gradcheck(lambda predicted: LOSSES[name](predicted, truth), _poses(1, 2).requires_grad_())


@pytest.mark.parametrize("name", LOSSES)
def test_unknown_truth_takes_no_part(name: str) -> None:
    """What is predicted there changes nothing, and what is known counts as if it were all there is."""
    truth, predicted = _poses(0), _poses(1).requires_grad_()
    gone = truth.clone()
    gone[0, :, 5] = torch.nan
    loss = LOSSES[name](predicted, gone)
    loss.backward()
    assert predicted.grad is not None
    assert (predicted.grad[0, :, 5] == 0).all()
    assert predicted.grad.isfinite().all()
    assert (predicted.grad[1, :, 5] != 0).all()
    whole = truth.clone()
    whole[0] = torch.nan
    assert LOSSES[name](predicted, whole).item() == pytest.approx(LOSSES[name](predicted[1:], truth[1:]).item())
    assert LOSSES[name](predicted, torch.full_like(truth, torch.nan)).item() == 0


def test_the_joint_loss_is_the_mean_distance_without_the_root() -> None:
    truth, predicted = _poses(0), _poses(1)
    expected = (predicted - truth).norm(dim=-1)[..., OTHERS].mean()
    torch.testing.assert_close(losses.joint_loss(predicted, truth, SKELETON), expected)


def test_squares_are_of_coordinates_in_their_units() -> None:
    truth = _poses(0)
    unit = 0.1 + torch.rand(16, 3, dtype=torch.float64)
    predicted = truth.clone()
    predicted[..., OTHERS, :] += 3 * unit
    assert losses.square_loss(predicted, truth, SKELETON, unit).item() == pytest.approx(9)


def test_scale_free_ignores_the_scale_and_nothing_else() -> None:
    truth, predicted = _poses(0), _poses(1)
    loss = losses.scale_free_loss(predicted, truth, SKELETON)
    torch.testing.assert_close(losses.scale_free_loss(7 * predicted, truth, SKELETON), loss)
    assert losses.scale_free_loss(predicted.roll(1, -1), truth, SKELETON) != pytest.approx(loss.item())


def test_bones_and_pairs_ignore_where_the_person_is_and_steps_ignore_a_constant_error() -> None:
    truth, predicted = _poses(0), _poses(1)
    moved = predicted + torch.tensor([0.3, -0.2, 5.0])
    for name in ("bone", "all_pairs", "velocity"):
        torch.testing.assert_close(LOSSES[name](moved, truth), LOSSES[name](predicted, truth))
    assert losses.velocity_loss(truth + _poses(1, 1), truth).item() == pytest.approx(0, abs=1e-12)
    assert losses.velocity_loss(predicted[:, :1], truth[:, :1]).item() == 0


def test_one_wrong_joint_counts_once_for_each_bone_and_pair_that_ends_there() -> None:
    truth = _poses(0)
    predicted = truth.clone()
    predicted[..., SKELETON.index("left_knee"), 2] += 0.5
    assert losses.bone_loss(predicted, truth, SKELETON).item() == pytest.approx(0.5 * 2 / 16)
    assert losses.all_pairs_loss(predicted, truth).item() == pytest.approx(0.5 * 16 / (17 * 16 / 2))
    assert losses.joint_loss(predicted, truth, SKELETON).item() == pytest.approx(0.5 / 16)


def test_symmetry_is_between_the_sides_of_one_pose() -> None:
    person = _poses(0)
    mirrored = person[..., list(SKELETON.flip_order), :] * torch.tensor([-1.0, 1.0, 1.0])
    loss = losses.symmetry_loss(person, SKELETON)
    torch.testing.assert_close(losses.symmetry_loss(mirrored, SKELETON), loss)
    assert loss > 0.1
    even = 0.5 * (person + mirrored)
    assert losses.symmetry_loss(even, SKELETON).item() == pytest.approx(0, abs=1e-12)
    longer = even.clone()
    longer[..., SKELETON.index("left_wrist"), :] += 0.7 * torch.nn.functional.normalize(
        even[..., SKELETON.index("left_wrist"), :] - even[..., SKELETON.index("left_elbow"), :], dim=-1
    )
    assert losses.symmetry_loss(longer, SKELETON).item() == pytest.approx(0.7 / 6)
    assert torch.autograd.gradcheck(lambda one: losses.symmetry_loss(one, SKELETON), person[:1].requires_grad_())


def test_the_deviation_is_best_where_it_holds_68_percent_whatever_the_errors_are_like() -> None:
    """Heavy tails included: the least loss is at the 68.27 % quantile of the sizes of the errors."""
    normal = torch.randn(4000, 1, 17, 3, generator=Generator().manual_seed(0), dtype=torch.float64)
    error = 0.05 * normal * (1 + 0.5 * normal.square())
    size = error[..., OTHERS, :].abs()
    quantile = size.flatten().sort().values[int(0.6827 * size.numel())]
    factors = torch.linspace(0.8, 1.2, 41, dtype=torch.float64)
    found = [
        deviation_loss(error, ((factor * quantile) ** 2 * torch.eye(3)).expand(*error.shape[:3], 3, 3), SKELETON)
        for factor in factors
    ]
    assert factors[torch.stack(found).argmin()].item() == pytest.approx(1, abs=0.011)


def test_the_deviation_teaches_the_deviation_only() -> None:
    error = (0.1 * _poses(0)).requires_grad_()
    covariance = (0.01 * torch.eye(3, dtype=torch.float64)).expand(2, 3, 17, 3, 3).clone().requires_grad_()
    deviation_loss(error, covariance, SKELETON).backward()
    assert error.grad is None
    assert covariance.grad is not None
    assert covariance.grad.diagonal(dim1=-2, dim2=-1)[..., OTHERS, :].ne(0).all()
    gone = error.detach().clone()
    gone[..., 5, :] = torch.nan
    assert deviation_loss(gone, covariance, SKELETON).isfinite()


def test_the_parts_add_up_by_their_weights() -> None:
    truth, predicted = _poses(0), _poses(1)
    weights = dict.fromkeys([*LOSSES, "symmetry"], 0.0)
    assert pose_loss(predicted, truth, SKELETON, LossSettings(**weights)).item() == 0
    expected = 2 * LOSSES["joint"](predicted, truth) + 3 * LOSSES["square"](predicted, truth)
    expected = expected + 0.5 * losses.symmetry_loss(predicted, SKELETON)
    settings = LossSettings(**{**weights, "joint": 2.0, "square": 3.0, "symmetry": 0.5})
    torch.testing.assert_close(pose_loss(predicted, truth, SKELETON, settings, 0.2), expected)
