"""Forward and inverse kinematics: each other's inverse, invariance, noise, what stays open."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.optimize import least_squares
from torch import Tensor

from lift3d.errors import InputError
from lift3d.geometry.alignment import best_rotation, best_similarity
from lift3d.geometry.kinematics import Turned, forward_kinematics, inverse_kinematics
from lift3d.geometry.rotations import least_rotation, matrix_to_rotvec, rotvec_to_matrix

# pelvis; right and left leg; spine, thorax, neck, head; left and right arm (as human36m17)
PARENTS = [-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15]
MIRROR = [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13]
REST = torch.tensor(
    [
        [0, 0, 0], [-0.13, -0.02, 0], [0, -0.44, 0], [0, -0.44, 0], [0.13, -0.02, 0], [0, -0.44, 0], [0, -0.44, 0],
        [0, 0.23, 0], [0, 0.25, 0], [0, 0.11, 0.05], [0, 0.12, 0], [0.15, -0.03, 0], [0.28, 0, 0], [0.25, 0, 0],
        [-0.15, -0.03, 0], [-0.28, 0, 0], [-0.25, 0, 0],
    ], dtype=torch.float64,
)  # fmt: skip
KNEES = torch.zeros(17, 3, dtype=torch.float64)
KNEES[[2, 5], 0] = 1.0


def posed(turned: Turned, rest: Tensor = REST, parents: list[int] = PARENTS) -> Tensor:
    offsets = torch.cat([turned.root[..., None, :], rest[1:].expand(*turned.root.shape[:-1], -1, -1)], dim=-2)
    return forward_kinematics(turned.rotations, offsets, parents).places


def some_turned(*batch: int, size: float = 0.5) -> Turned:
    rotations = rotvec_to_matrix(size * torch.randn(*batch, 17, 3, dtype=torch.float64))
    return Turned(rotations, torch.randn(*batch, 3, dtype=torch.float64))


def rotvec(*numbers: float) -> Tensor:
    return rotvec_to_matrix(torch.tensor(numbers, dtype=torch.float64))


# --- least rotation, best rotation


def test_least_rotation_carries_and_turns_no_more_than_the_angle_between() -> None:
    source, target = torch.randn(2, 200, 3, dtype=torch.float64)
    rotation = least_rotation(source, target)
    carried = (rotation @ source[..., None])[..., 0]
    cosine = torch.cosine_similarity(source, target)
    torch.testing.assert_close(torch.cosine_similarity(carried, target), torch.ones(200, dtype=torch.float64))
    torch.testing.assert_close(matrix_to_rotvec(rotation).norm(dim=-1), torch.arccos(cosine))
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3, dtype=torch.float64).expand(200, 3, 3))


@pytest.mark.parametrize("nearly", [0.0, 1e-12, 1e-9, 1e-6])
def test_least_rotation_of_opposite_and_of_zero_directions(nearly: float) -> None:
    source = torch.randn(50, 3, dtype=torch.float64)
    target = nearly * torch.randn(50, 3, dtype=torch.float64) - source
    rotation = least_rotation(source, target)
    assert ((rotation @ source[..., None])[..., 0] - target).abs().max() < 1e-5
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(50, dtype=torch.float64))
    still = least_rotation(source, torch.zeros_like(source))
    torch.testing.assert_close(still, torch.eye(3, dtype=torch.float64).expand(50, 3, 3), rtol=0, atol=0)


def test_best_rotation_is_kabschs_where_points_determine_it() -> None:
    source, target = torch.randn(2, 50, 6, 3, dtype=torch.float64)
    both, other = torch.cat([source, -source], -2), torch.cat([target, -target], -2)  # their mean is the origin
    best = best_rotation(source, target, torch.eye(3))
    torch.testing.assert_close(best, best_similarity(both, other, with_scale=False).rotation, rtol=0, atol=1e-6)


def test_best_rotation_takes_the_prior_where_points_are_silent() -> None:
    prior = rotvec_to_matrix(torch.randn(50, 3, dtype=torch.float64))
    line = torch.randn(50, 1, 3, dtype=torch.float64) * torch.tensor([1.0, -2.0])[:, None]
    target = line @ rotvec(0.3, 0.2, -0.4).mT
    best = best_rotation(line, target, prior)
    assert (line @ best.mT - target).abs().max() < 1e-6
    least = least_rotation((prior @ line[:, 0, :, None])[..., 0], target[:, 0]) @ prior
    torch.testing.assert_close(best, least, rtol=0, atol=1e-6)
    missing = torch.full_like(target, math.nan)
    torch.testing.assert_close(best_rotation(line, missing, prior), prior)
    trusting = best_rotation(line, target, prior, torch.full((50,), 1e9, dtype=torch.float64))
    torch.testing.assert_close(trusting, prior, rtol=0, atol=1e-6)


# --- forward


def test_forward_by_hand() -> None:
    """An arm of two bones: a quarter turn about z at the shoulder, then one about y at the elbow."""
    rotations = torch.stack([rotvec(0, 0, math.pi / 2), rotvec(0, math.pi / 2, 0), torch.eye(3).double()])
    offsets = torch.tensor([[5.0, 0, 0], [2.0, 0, 0], [1.0, 0, 0]], dtype=torch.float64)
    places, orientations = forward_kinematics(rotations, offsets, [-1, 0, 1])
    torch.testing.assert_close(places, torch.tensor([[5.0, 0, 0], [5.0, 2, 0], [5.0, 2, -1]], dtype=torch.float64))
    torch.testing.assert_close(orientations[2], rotations[0] @ rotations[1])


def test_forward_of_no_rotation_adds_the_offsets_up() -> None:
    rotations = torch.eye(3, dtype=torch.float64).expand(17, 3, 3)
    places = forward_kinematics(rotations, REST, PARENTS).places
    torch.testing.assert_close(places[16], REST[[0, 7, 8, 14, 15, 16]].sum(0))


def test_order_is_checked() -> None:
    with pytest.raises(InputError, match="before its parent"):
        forward_kinematics(torch.eye(3).expand(2, 3, 3), torch.zeros(2, 3), [1, -1])
    with pytest.raises(InputError, match="before its parent"):
        inverse_kinematics(torch.zeros(2, 3), torch.zeros(2, 3), [1, -1])


def test_forward_has_gradients() -> None:
    rotvecs = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    offsets = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda turns, rest: tuple(forward_kinematics(rotvec_to_matrix(turns), rest, [-1, 0, 0, 1])), (rotvecs, offsets)
    )


# --- inverse


@pytest.mark.parametrize("size", [0.1, 0.5, 1.5])
@pytest.mark.parametrize("hinges", [None, KNEES])
def test_forward_of_inverse_gives_the_places_back(size: float, hinges: Tensor | None) -> None:
    places = posed(some_turned(3, 100, size=size))
    turned = inverse_kinematics(places, REST, PARENTS, hinges=hinges)
    assert (posed(turned) - places).norm(dim=-1).max() < 1e-9
    identity = torch.eye(3, dtype=torch.float64).expand_as(turned.rotations)
    torch.testing.assert_close(turned.rotations @ turned.rotations.mT, identity)
    assert (torch.linalg.det(turned.rotations) > 0).all()


def test_batches_of_any_shape_agree() -> None:
    places = posed(some_turned(2, 3)) + 0.01 * torch.randn(2, 3, 17, 3)
    together = inverse_kinematics(places, REST, PARENTS)
    alone = inverse_kinematics(places[1, 2], REST, PARENTS)
    torch.testing.assert_close(together.rotations[1, 2], alone.rotations, rtol=0, atol=1e-12)
    assert inverse_kinematics(places[:, :0], REST, PARENTS).rotations.shape == (2, 0, 17, 3, 3)


def test_turning_the_world_turns_the_root_only() -> None:
    places = posed(some_turned(50)) + 0.01 * torch.randn(50, 17, 3)
    start = rotvec(0.2, -0.1, 0.4)
    turn, move = rotvec(0.5, 1.2, -0.8), torch.tensor([3.0, -1.0, 2.0])
    before = inverse_kinematics(places, REST, PARENTS, start, KNEES)
    after = inverse_kinematics(places @ turn.mT + move, REST, PARENTS, turn @ start, KNEES)
    torch.testing.assert_close(after.rotations[:, 0], turn @ before.rotations[:, 0], rtol=0, atol=1e-9)
    torch.testing.assert_close(after.rotations[:, 1:], before.rotations[:, 1:], rtol=0, atol=1e-9)
    torch.testing.assert_close(after.root, before.root @ turn.mT + move, rtol=0, atol=1e-9)


def test_mirrored_places_give_mirrored_rotations() -> None:
    """Mirrored across x = 0, a rotation vector keeps its x and changes the sign of y and z."""
    places = posed(some_turned(50)) + 0.01 * torch.randn(50, 17, 3)
    flip = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    before = matrix_to_rotvec(inverse_kinematics(places, REST, PARENTS, hinges=KNEES).rotations)
    after = matrix_to_rotvec(inverse_kinematics((places * flip)[:, MIRROR], REST, PARENTS, hinges=KNEES).rotations)
    torch.testing.assert_close(after, (-before * flip)[:, MIRROR], rtol=0, atol=1e-8)


def test_noise_is_met_as_closely_as_scipy_meets_it() -> None:
    places = posed(some_turned(4)) + 0.015 * torch.randn(4, 17, 3, dtype=torch.float64)
    turned = inverse_kinematics(places, REST, PARENTS)
    ours = (posed(turned) - places).square().sum((-2, -1))

    def residual(numbers, target):
        rotations = rotvec_to_matrix(torch.tensor(numbers[3:]).reshape(17, 3))
        return (posed(Turned(rotations, torch.tensor(numbers[:3]))) - target).flatten().numpy()

    for pose in range(4):
        start = torch.cat([turned.root[pose], matrix_to_rotvec(turned.rotations[pose]).flatten()]).numpy()
        least = 2 * least_squares(residual, start, args=(places[pose],)).cost
        assert math.sqrt(ours[pose].item()) <= 1.05 * math.sqrt(least)


def test_missing_places_have_no_say_and_their_joints_stay_at_rest() -> None:
    places = posed(some_turned(20))
    places[:, [3, 10]] = math.nan
    turned = inverse_kinematics(places, REST, PARENTS)
    assert torch.isfinite(turned.rotations).all()
    seen = [joint for joint in range(17) if joint not in (3, 10)]
    assert (posed(turned) - places)[:, seen].norm(dim=-1).max() < 1e-9
    identity = torch.eye(3, dtype=torch.float64).expand(20, 3, 3)
    torch.testing.assert_close(turned.rotations[:, 2], identity, rtol=0, atol=1e-9)


def test_a_single_bone_is_not_twisted() -> None:
    places = posed(some_turned(50))
    rotations = inverse_kinematics(places, REST, PARENTS).rotations
    for joint, bone in ((1, REST[2]), (12, REST[13])):
        along = matrix_to_rotvec(rotations[:, joint]) @ bone
        assert along.abs().max() < 1e-3


# --- hinges: a leg that hangs down, its knee turned about x


def leg(swing: Tensor, bend: float, about: float = 0.0) -> Tensor:
    """Hip, knee, ankle of a thigh turned by ``swing`` with a knee bent about an axis turned by ``about`` from x."""
    knee = rotvec(bend * math.cos(about), 0, bend * math.sin(about))
    rest = torch.tensor([[0.0, 0, 0], [0, -0.4, 0], [0, -0.4, 0]], dtype=torch.float64)
    rotations = torch.stack([swing, knee, torch.eye(3, dtype=torch.float64)])
    return forward_kinematics(rotations, rest, [-1, 0, 1]).places


def leg_rotations(places: Tensor) -> Tensor:
    rest = torch.tensor([[0.0, 0, 0], [0, -0.4, 0], [0, -0.4, 0]], dtype=torch.float64)
    hinges = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 0, 0]], dtype=torch.float64)
    return matrix_to_rotvec(inverse_kinematics(places, rest, [-1, 0, 1], hinges=hinges).rotations)


def test_a_bent_knee_turns_about_its_hinge_and_the_thigh_carries_the_twist() -> None:
    twisted = rotvec(-0.5, 0, 0) @ rotvec(0, 0.6, 0)  # forward, and turned outward about the thigh
    knee = leg_rotations(leg(twisted, bend=1.5))[1]
    assert knee[0].item() == pytest.approx(1.5, abs=0.02)
    assert knee[1:].abs().max() < 0.12


def test_a_straight_leg_is_not_twisted_by_noise() -> None:
    for about in torch.linspace(0, 2 * math.pi, 9).tolist():
        rotations = leg_rotations(leg(rotvec(-0.5, 0, 0.1), bend=0.01, about=about))
        assert abs(rotations[0, 1].item()) < 0.12


def test_twist_has_no_jump_as_the_knee_bends_any_way() -> None:
    turns = torch.linspace(0, 2 * math.pi, 721).tolist()
    for bend in (0.3, 1.5):
        around = torch.stack([leg_rotations(leg(rotvec(-0.5, 0, 0.1), bend, about)) for about in turns])
        steps = torch.diff(around[:, 0], dim=0).norm(dim=-1)
        assert steps.max() < 0.3
        assert steps.median() < 0.01


def test_a_joint_far_off_does_not_drag_the_others_along() -> None:
    places = posed(some_turned(20))
    wild = places.clone()
    wild[:, 13] += torch.tensor([2.0, 3.0, -4.0])
    away = (posed(inverse_kinematics(wild, REST, PARENTS)) - places).norm(dim=-1)
    assert away[:, [joint for joint in range(17) if joint not in (12, 13)]].max() < 0.05
