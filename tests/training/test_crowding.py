"""Other people are rigidly moved bodies; a detector takes their joints for the person's, or lies between two peaks."""

import pytest
import torch
from torch import Generator, Tensor

from lift3d import get_skeleton
from lift3d.synthetic import walk
from lift3d.training.crowding import CrowdSettings, led_astray, somebody_beside
from lift3d.training.detector_noise import extent_of, limbs_of

H36M = get_skeleton("human36m17")
TWIN = list(H36M.flip_order)
MIDDLE = [joint for joint in range(17) if TWIN[joint] == joint]


def person(seed: int, count: int = 200) -> Tensor:
    rays = torch.rand(count, 3, 17, 2, generator=Generator().manual_seed(seed))
    rays[:, :, 0], rays[:, :, 1] = 0.0, 1.0  # the extent is 1 exactly
    return rays


def astray(settings: CrowdSettings, scores: Tensor | None = None, there: bool = True) -> tuple[Tensor, ...]:
    """Detections, with scores; the person's and the other one's before."""
    rays, other = person(0), person(1)
    scores = torch.full(rays.shape[:3], 0.9) if scores is None else scores
    theirs = torch.full(rays.shape[:3], 0.8 if there else 0.0)
    other = other.masked_fill(theirs[..., None] == 0, torch.nan)
    own = rays.masked_fill(scores[..., None] == 0, torch.nan)
    return *led_astray(own, scores, other, theirs, rays, H36M, settings, Generator().manual_seed(2)), rays, other


def test_the_other_one_is_the_next_person_turned_about_the_vertical_and_put_beside() -> None:
    people = walk(frames=30, seed=1).positions.float() + torch.tensor([5.0, -2.0, 0.3])
    other = somebody_beside(people, H36M, CrowdSettings(apart_m=(0.5, 2.0)), Generator().manual_seed(0))
    next_one = people.roll(1, 0)
    torch.testing.assert_close(torch.cdist(other, other), torch.cdist(next_one, next_one), atol=2e-3, rtol=0)
    torch.testing.assert_close(other[..., 2], next_one[..., 2])  # as high above the ground
    chirality = torch.linalg.det((other - other[:, :, :1])[:, 0, [1, 4, 8]])
    torch.testing.assert_close(
        chirality, torch.linalg.det((next_one - next_one[:, :, :1])[:, 0, [1, 4, 8]]), atol=1e-5, rtol=0
    )
    apart = (other - people)[:, 0, H36M.root, :2].norm(dim=-1)
    assert 0.5 <= apart.min() < 0.8
    assert 1.7 < apart.max() <= 2.0
    across = (other[:, 0, 4] - other[:, 0, 1])[:, :2]
    assert torch.atan2(*across.unbind(-1)).std() > 1  # faces anywhere


@pytest.mark.parametrize("settings", [CrowdSettings(), CrowdSettings(jump=1, limb_jump=1, person_jump=1)])
def test_without_confusion_or_without_anybody_else_detections_stay(settings: CrowdSettings) -> None:
    rays, scores, exact, _ = astray(settings, there=settings == CrowdSettings())
    torch.testing.assert_close(rays, exact, rtol=0, atol=0)
    assert (scores == 0.9).all()


def test_joints_that_are_near_in_the_picture_jump_with_the_other_ones_score() -> None:
    rays, scores, exact, other = astray(CrowdSettings(jump=1, near=0.3))
    near = (other - exact).norm(dim=-1) < 0.3
    torch.testing.assert_close(rays, torch.where(near[..., None], other, exact), rtol=0, atol=0)
    torch.testing.assert_close(scores, torch.where(near, 0.8, 0.9))
    assert 0.1 < near.double().mean() < 0.5


def test_near_is_relative_to_the_extent() -> None:
    rays, other, scores = 0.1 * person(0), 0.1 * person(1), torch.ones(200, 3, 17)
    settings = CrowdSettings(jump=1, near=0.3)
    small, _ = led_astray(rays, scores, other, scores, rays, H36M, settings, Generator())
    torch.testing.assert_close(small, 0.1 * astray(settings)[0])
    torch.testing.assert_close(extent_of(rays), torch.full((200, 3), 0.1))


def test_limbs_jump_whole_and_each_view_by_itself() -> None:
    rays, _, exact, _ = astray(CrowdSettings(limb_jump=0.05, near=10))
    jumped = (rays != exact).any(-1)
    forearm, arm = limbs_of(H36M)[1], limbs_of(H36M)[3]
    assert (jumped[..., forearm[0]] == jumped[..., forearm[1]]).all()  # elbow and wrist
    assert (jumped[..., arm[0]] <= jumped[..., forearm[0]]).all()  # with the shoulder, or without
    assert jumped[..., arm[0]].double().mean().item() == pytest.approx(0.05, abs=0.02)
    assert not jumped[..., MIDDLE].any()
    assert (jumped[:, 0] != jumped[:, 1]).any()


def test_all_of_the_person_may_be_somebody_else_wherever_they_are() -> None:
    rays, scores, _, other = astray(CrowdSettings(person_jump=1, near=0))
    torch.testing.assert_close(rays, other, rtol=0, atol=0)
    assert (scores == 0.8).all()


@pytest.mark.parametrize("near", [0.0, 10.0])
def test_two_peaks_are_seen_between_them_with_the_score_of_the_higher(near: float) -> None:
    rays, scores, exact, other = astray(CrowdSettings(double=1, near=near))
    second, sure = (other, 0.8) if near else (exact[..., TWIN, :], 0.9)
    moved, length = (rays - exact).norm(dim=-1), (second - exact).norm(dim=-1)
    torch.testing.assert_close(moved + (rays - second).norm(dim=-1), length, atol=1e-5, rtol=0)  # on the line
    share = (moved / length)[..., 2:7]
    torch.testing.assert_close(
        scores[..., 2:7], torch.maximum((1 - share) * 0.9, share * sure).nan_to_num(0.9), atol=1e-3, rtol=0
    )
    assert share.quantile(0.05) < 0.1
    assert share.quantile(0.95) > 0.9  # anywhere
    if not near:
        torch.testing.assert_close(rays[..., MIDDLE, :], exact[..., MIDDLE, :])  # have no twin


def test_a_missing_joint_has_no_peaks_but_is_found_on_the_other_one() -> None:
    seen = torch.full((200, 3, 17), 0.9)
    seen[..., 3] = 0
    for share, found in ((0.0, 0.0), (1.0, 0.8)):
        rays, scores, _, other = astray(CrowdSettings(double=1, jump=share, near=10), seen)
        assert (scores[..., 3] == found).all()
        expected = other[..., 3, :] if share else torch.full_like(other[..., 3, :], torch.nan)
        torch.testing.assert_close(rays[..., 3, :], expected, equal_nan=True)
