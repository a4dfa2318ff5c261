"""What the network sees does not depend on where in the picture a person is, and its answer lies on the rays."""

import torch

from lift3d.lifting.encoding import Encoding, decode, encode, features_of, outputs_of
from lift3d.synthetic import walk


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
    here, there = decode(answer, straight, 0)[0], decode(answer, panned, 0)[0]
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
    torch.testing.assert_close(decode(answer, encoding, 0)[0], person - person[0], atol=1e-9, rtol=0)


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
    assert decode(torch.zeros(2, outputs_of(17)), encoding, 0).isfinite().all()


def test_the_root_stays_at_the_origin_for_any_answer() -> None:
    encoding: Encoding = encode(torch.randn(8, 17, 2), torch.rand(8, 17))
    decoded = decode(torch.randn(8, outputs_of(17)), encoding, 0)
    assert decoded[:, 0].abs().max() == 0
