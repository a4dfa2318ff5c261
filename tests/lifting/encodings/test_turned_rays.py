"""What the network sees does not depend on where in the picture a person is, and its answer lies on the rays."""

import torch

from lift3d.geometry.rotations import rotation_towards
from lift3d.lifting.encodings.turned_rays import (
    Encoding,
    TurnedRaysSettings,
    decode,
    encode,
    features_of,
    outputs_of,
)
from lift3d.synthetic import walk

_UNSURE = TurnedRaysSettings(uncertainty=True)


def _person(offset: tuple[float, float, float] = (0.0, 0.0, 5.0)) -> torch.Tensor:
    """A person in the camera frame (y down), metres."""
    upright = walk(frames=1).positions[0, 0].double()
    upright = upright - upright[0]
    return torch.stack([upright[:, 0], -upright[:, 2], upright[:, 1]], -1) + torch.tensor(offset, dtype=torch.float64)


def _rays(points: torch.Tensor) -> torch.Tensor:
    return (points[:, :2] / points[:, 2:])[None]


def _panned(points: torch.Tensor, angle: float) -> torch.Tensor:
    c, s = torch.cos(torch.tensor(angle)).double(), torch.sin(torch.tensor(angle)).double()
    turn = torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]], dtype=torch.float64)
    return points @ turn.T


def test_a_panned_camera_sees_the_same_features_and_decodes_to_the_panned_person() -> None:
    person, scores = _person(), torch.ones(1, 17, dtype=torch.float64)
    straight, panned = encode(_rays(person), scores), encode(_rays(_panned(person, 0.4)), scores)
    torch.testing.assert_close(straight.features, panned.features, atol=2e-3, rtol=0)
    answer = torch.randn(1, outputs_of(17), dtype=torch.float64)
    here, there = decode(answer, straight, 0).relative[0], decode(answer, panned, 0).relative[0]
    torch.testing.assert_close(_panned(here, 0.4), there, atol=2e-2, rtol=0)


def test_features_have_unit_spread_and_zero_mean() -> None:
    encoding = encode(_rays(_person((1.0, 0.3, 4.0))), torch.ones(1, 17, dtype=torch.float64))
    pose = encoding.features[:, :-1].unflatten(-1, (17, 3))
    assert encoding.features.shape == (1, features_of(17))
    torch.testing.assert_close(pose[0, :, :2].mean(0), torch.zeros(2, dtype=torch.float64))
    torch.testing.assert_close(pose[0, :, :2].square().sum(-1).mean(), torch.tensor(1.0, dtype=torch.float64))


def test_the_true_depths_give_the_true_person() -> None:
    """With the right depths and distance and no correction, seen joints come back exactly."""
    person = _person((0.8, -0.2, 6.0))
    encoding = encode(_rays(person), torch.ones(1, 17, dtype=torch.float64))
    turned = person @ encoding.turn[0].T
    behind = turned[1:, 2] - turned[0, 2]
    distance = 2 * torch.log(turned[:1, 2] * encoding.spread[0] / 0.5)
    answer = torch.cat([torch.zeros(16, 2).double(), behind[:, None]], -1).flatten()
    answer = torch.cat([answer, distance])[None]
    torch.testing.assert_close(decode(answer, encoding, 0).relative[0], person - person[0], atol=1e-9, rtol=0)


def test_missing_joints_do_not_change_the_others_features_scale_to_nan() -> None:
    rays, scores = _rays(_person()), torch.ones(1, 17, dtype=torch.float64)
    rays[0, 3], scores[0, 5] = torch.nan, 0
    encoding = encode(rays, scores)
    pose = encoding.features[:, :-1].unflatten(-1, (17, 3))[0]
    assert encoding.features.isfinite().all()
    assert pose[[3, 5]].abs().max() == 0
    assert encoding.seen[0].tolist() == [j not in (3, 5) for j in range(17)]


def test_nobody_gives_finite_numbers() -> None:
    encoding = encode(torch.full((2, 17, 2), torch.nan), torch.zeros(2, 17))
    assert encoding.features.isfinite().all()
    assert decode(torch.zeros(2, outputs_of(17)), encoding, 0).relative.isfinite().all()


def test_the_root_stays_at_the_origin_for_any_answer() -> None:
    encoding: Encoding = encode(torch.randn(8, 17, 2), torch.rand(8, 17))
    decoded = decode(torch.randn(8, outputs_of(17)), encoding, 0).relative
    assert decoded[:, 0].abs().max() == 0


def test_the_camera_is_turned_as_by_the_general_formula() -> None:
    encoding = encode(torch.randn(5, 4, 17, 2, dtype=torch.float64), torch.ones(5, 4, 17, dtype=torch.float64))
    middle = encoding.turn[..., 2, :]
    torch.testing.assert_close(encoding.turn, rotation_towards(middle))
    torch.testing.assert_close(encoding.turn @ encoding.turn.mT, torch.eye(3).double().expand(5, 4, 3, 3))


def test_leading_axes_are_only_carried_along() -> None:
    rays, scores = torch.randn(3, 5, 17, 2, dtype=torch.float64), torch.rand(3, 5, 17, dtype=torch.float64)
    answer, settings = torch.randn(3, 5, outputs_of(17, _UNSURE), dtype=torch.float64), _UNSURE
    together = decode(answer, encode(rays, scores), 0, settings)
    single = decode(answer[2, 1], encode(rays[2, 1], scores[2, 1]), 0, settings)
    torch.testing.assert_close(together.relative[2, 1], single.relative)
    torch.testing.assert_close(together.covariance[2, 1], single.covariance)


def test_deviations_are_sideways_and_along_the_line_of_sight() -> None:
    """Samples drawn in the turned camera with the deviations that were said have the covariance that is told."""
    encoding = encode(_rays(_person((2.0, 0.5, 4.0))), torch.ones(1, 17, dtype=torch.float64))
    said = torch.tensor([0.03, 0.2], dtype=torch.float64).log().expand(16, 2).flatten()
    answer = torch.cat([torch.zeros(outputs_of(17), dtype=torch.float64), said])[None]
    covariance = decode(answer, encoding, 0, _UNSURE).covariance
    assert covariance is not None
    assert covariance[0, 0].abs().max() == 0  # the root, relative to itself
    drawn = torch.randn(200_000, 3, dtype=torch.float64) * torch.tensor([0.03, 0.03, 0.2], dtype=torch.float64)
    sampled = torch.cov((drawn @ encoding.turn[0]).T)
    torch.testing.assert_close(covariance[0, 5], sampled, atol=3e-4, rtol=0)
    forward = encoding.turn[0, 2]
    torch.testing.assert_close(forward @ covariance[0, 9] @ forward, torch.tensor(0.04, dtype=torch.float64))


def test_impossible_deviations_stay_finite() -> None:
    encoding = encode(_rays(_person()), torch.ones(1, 17, dtype=torch.float64))
    answer = torch.full((1, outputs_of(17, _UNSURE)), 300.0, dtype=torch.float64)
    answer[:, : outputs_of(17)] = 0
    covariance = decode(answer, encoding, 0, _UNSURE).covariance
    assert covariance is not None
    assert covariance.isfinite().all()


def test_networks_over_time_are_told_where_a_person_is_in_units_of_their_size() -> None:
    """A person who steps 1 m to the right, 5 m away, moves by 0.2 in the plane."""
    settings = TurnedRaysSettings(temporal=True)
    window = torch.stack([_rays(_person((x, 0.0, 5.0)))[0] for x in (0.0, 1.0, -1.0)])
    scores = torch.ones(3, 17, dtype=torch.float64)
    encoding = encode(window, scores, settings)
    assert encoding.features.shape == (3, features_of(17, settings))
    torch.testing.assert_close(encoding.features[:, :-2], encode(window, scores).features)
    middle = encoding.features[:, -2:] * encoding.spread
    expected = torch.tensor([0.2, -0.2], dtype=torch.float64)
    torch.testing.assert_close(middle[1:, 0] - middle[0, 0], expected, atol=5e-3, rtol=0)
    torch.testing.assert_close(middle[:, 1], window[..., 1].mean(-1))


def test_gradients_agree_with_finite_differences() -> None:
    rays, scores = torch.randn(2, 5, 2, dtype=torch.float64) * 0.2, torch.rand(2, 5, dtype=torch.float64) + 0.2
    outputs = torch.randn(2, outputs_of(5, _UNSURE), dtype=torch.float64) * 0.3

    def both(rays: torch.Tensor, outputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        answer = decode(outputs, encode(rays, scores), 0, _UNSURE)
        assert answer.covariance is not None
        return answer.relative, answer.covariance

    assert torch.autograd.gradcheck(both, (rays.requires_grad_(), outputs.requires_grad_()))
