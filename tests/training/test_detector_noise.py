"""The noise is what its settings say, relative to the person's extent."""

import pytest
import torch
from torch import Generator

from lift3d import get_skeleton
from lift3d.training.detector_noise import NoiseSettings, detect_like

SKELETON = get_skeleton("human36m17")
QUIET = {"exact": 0.0, "occluded": 0.0, "tail": 0.0, "swap": 0.0, "head_missing": 0.0}


def _rays(count: int, extent: float = 2.0, frames: int = 1) -> torch.Tensor:
    rays = torch.rand(count, frames, 17, 2)
    rays[:, :, 0], rays[:, :, 1] = 0.0, 1.0  # the extent is 1 exactly
    return rays * extent


@pytest.mark.parametrize("extent", [0.1, 2.0])
def test_jitter_is_relative_to_the_extent(extent: float) -> None:
    rays = _rays(4000, extent)
    settings = NoiseSettings(jitter=0.01, drift=0.0, **QUIET)
    noisy, scores = detect_like(rays, SKELETON, settings, Generator().manual_seed(0))
    assert ((noisy - rays) / extent).std().item() == pytest.approx(0.01, rel=0.02)
    assert scores.min() >= 0.05
    assert scores.max() <= 1


def test_scores_fall_with_the_error() -> None:
    rays = _rays(4000)
    settings = NoiseSettings(**{**QUIET, "tail": 0.3})
    noisy, scores = detect_like(rays, SKELETON, settings, Generator().manual_seed(0))
    error = (noisy - rays).norm(dim=-1).flatten()
    far = error > error.quantile(0.9)
    assert scores.flatten()[far].mean() < 0.7 * scores.flatten()[~far].mean()


def test_exact_people_are_exact_with_full_scores() -> None:
    rays = _rays(100)
    noisy, scores = detect_like(rays, SKELETON, NoiseSettings(exact=1, occluded=0, head_missing=0), Generator())
    torch.testing.assert_close(noisy, rays, rtol=0, atol=0)
    assert (scores == 1).all()


def test_swaps_exchange_whole_limbs() -> None:
    rays = _rays(3000)
    settings = NoiseSettings(**{**QUIET, "swap": 0.1}, jitter=0, drift=0)
    noisy, _ = detect_like(rays, SKELETON, settings, Generator().manual_seed(0))
    left, right = SKELETON.indices("left_wrist", "right_wrist")
    swapped = (noisy[:, :, left] == rays[:, :, right]).all(-1)
    assert swapped.double().mean().item() == pytest.approx(0.1, abs=0.02)
    assert (noisy[swapped][..., right, :] == rays[swapped][..., left, :]).all()


def test_missing_joints_are_nan_with_score_zero_and_six_stay() -> None:
    rays = _rays(3000)
    settings = NoiseSettings(exact=0, occluded=1, joint_missing=0.3, limb_missing=0.1)
    noisy, scores = detect_like(rays, SKELETON, settings, Generator().manual_seed(0))
    assert (noisy.isnan().all(-1) == (scores == 0)).all()
    assert (scores == 0).double().mean() > 0.2
    assert (scores > 0).sum(-1).min() >= 6


def test_drift_lasts_and_jitter_does_not() -> None:
    def steps(settings: NoiseSettings) -> torch.Tensor:
        rays = _rays(300, frames=33)
        error = detect_like(rays, SKELETON, settings, Generator().manual_seed(0))[0] - rays
        return torch.diff(error, dim=1).std() / error.std()

    assert steps(NoiseSettings(jitter=0.01, drift=0.0, **QUIET)) == pytest.approx(2**0.5, rel=0.02)
    assert steps(NoiseSettings(jitter=0.0, drift=0.01, **QUIET)) < 0.3


def test_the_noise_of_recordings_differs_in_strength() -> None:
    rays = _rays(400, frames=20)
    settings = NoiseSettings(spread=0.5, **QUIET)
    noisy, _ = detect_like(rays, SKELETON, settings, Generator().manual_seed(0))
    strength = (noisy - rays).flatten(1).std(-1).log()
    assert strength.std().item() == pytest.approx(0.5, rel=0.15)


def test_limbs_stay_away_for_their_time() -> None:
    rays = _rays(500, frames=60)
    settings = NoiseSettings(exact=1, occluded=1, joint_missing=0, limb_missing=0.05, limb_frames=15, head_missing=0)
    gone = detect_like(rays, SKELETON, settings, Generator().manual_seed(0))[1][..., SKELETON.index("left_elbow")] == 0
    begins, ends = (gone[:, 1:] & ~gone[:, :-1]).sum(), gone.sum()
    assert 10 < ends / begins < 20


def test_missing_joints_stay_missing_and_do_not_count_in_the_extent() -> None:
    rays = _rays(4000, 2.0)
    rays[:, :, 5] = torch.nan
    noisy, scores = detect_like(
        rays, SKELETON, NoiseSettings(jitter=0.01, drift=0.0, **QUIET), Generator().manual_seed(0)
    )
    assert (scores[:, :, 5] == 0).all()
    assert noisy[:, :, 5].isnan().all()
    others = [joint for joint in range(17) if joint != 5]
    assert ((noisy - rays)[:, :, others] / 2).std().item() == pytest.approx(0.01, rel=0.02)
    nobody, scores = detect_like(torch.full_like(rays[:3], torch.nan), SKELETON, NoiseSettings(), Generator())
    assert nobody.isnan().all()
    assert (scores == 0).all()


def test_detectors_of_other_joints_know_nothing_between_left_and_right() -> None:
    rays = _rays(400, frames=5)
    settings = NoiseSettings(exact=1, occluded=0, head_missing=0, middle_missing=0.3)
    gone = detect_like(rays, SKELETON, settings, Generator().manual_seed(0))[1] == 0
    middle = SKELETON.indices("pelvis", "spine", "thorax", "neck_nose", "head")
    sides = [joint for joint in range(17) if joint not in middle]
    assert not gone[:, :, sides].any()
    hit = gone[:, :1, middle[:1]].expand(-1, 5, 5)
    assert torch.equal(gone[:, :, middle], hit)  # all of them, in all frames, or none
    assert 0.2 < hit[:, 0, 0].float().mean() < 0.4
