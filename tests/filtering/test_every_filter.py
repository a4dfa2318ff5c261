"""Every filter, found as filter_poses finds it: what passes, what stays apart, what is kept."""

import math
from dataclasses import replace

import pytest
import torch

from lift3d import Poses3D, Skeleton, filter_poses
from lift3d.errors import InputError, SettingsError, UnknownNameError
from lift3d.filtering import all_filters
from lift3d.synthetic import walk

FILTERS = list(all_filters())
WITHOUT_DELAY = [name for name, entry in all_filters().items() if not entry.causal]
POINTS = Skeleton("points", ("a", "b"), (-1, 0))
RATE = 60.0


def track(values: torch.Tensor, rate: float = RATE) -> Poses3D:
    """One person whose joint a moves as values (T) along each axis, and whose joint b is still."""
    positions = torch.zeros(len(values), 1, 2, 3, dtype=values.dtype)
    positions[:, 0, 0] = values[:, None]
    return Poses3D.of(positions, skeleton=POINTS, fps=rate)


def noisy(frames: int = 80, people: int = 2) -> Poses3D:
    poses = walk(frames=frames, fps=RATE, people=people)
    return replace(poses, positions=poses.positions + 0.01 * torch.randn_like(poses.positions))


def same(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, atol=1e-12, rtol=0, equal_nan=True)


@pytest.mark.parametrize("name", FILTERS)
def test_constants_pass(name: str) -> None:
    poses = track(torch.full((50,), 1.7, dtype=torch.float64))
    torch.testing.assert_close(filter_poses(poses, name).positions, poses.positions, atol=1e-10, rtol=0)


@pytest.mark.parametrize("name", WITHOUT_DELAY)
@pytest.mark.parametrize("frames", [3, 4, 5, 16, 50])
def test_steady_motion_passes_up_to_its_ends(name: str, frames: int) -> None:
    poses = track(torch.linspace(-3, 5, frames, dtype=torch.float64))
    torch.testing.assert_close(filter_poses(poses, name).positions, poses.positions, atol=1e-10, rtol=0)


@pytest.mark.parametrize("name", FILTERS)
def test_the_noise_of_a_walk_becomes_less_and_no_end_rings(name: str) -> None:
    poses, truth = noisy(frames=240), walk(frames=240, fps=RATE, people=2).positions
    before, after = (p.positions - truth for p in (poses, filter_poses(poses, name)))
    assert after.diff(n=2, dim=0).norm() < 0.7 * before.diff(n=2, dim=0).norm()
    if name in WITHOUT_DELAY:
        assert after.norm() < 0.75 * before.norm()
        assert after[[0, 1, -2, -1]].norm() < 1.1 * before[[0, 1, -2, -1]].norm()


@pytest.mark.parametrize("name", FILTERS)
def test_filters_do_not_know_where_the_origin_is(name: str) -> None:
    poses = noisy()
    moved = replace(poses, positions=poses.positions + torch.tensor([3.0, -2.0, 1.0]))
    expected = filter_poses(poses, name).positions + torch.tensor([3.0, -2.0, 1.0])
    torch.testing.assert_close(filter_poses(moved, name).positions, expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("name", WITHOUT_DELAY)
def test_time_turned_round_gives_the_same_turned_round(name: str) -> None:
    poses = noisy()
    turned = replace(poses, positions=poses.positions.flip(0))
    expected = filter_poses(poses, name).positions.flip(0)
    torch.testing.assert_close(filter_poses(turned, name).positions, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", [name for name in FILTERS if name not in WITHOUT_DELAY])
def test_what_is_causal_does_not_know_the_future(name: str) -> None:
    poses = noisy()
    changed = poses.positions.clone()
    changed[50:] += 1.0
    same(filter_poses(replace(poses, positions=changed), name).positions[:50], filter_poses(poses, name).positions[:50])


@pytest.mark.parametrize("name", FILTERS)
def test_people_and_joints_and_axes_are_filtered_alone(name: str) -> None:
    poses = noisy()
    together = filter_poses(poses, name).positions
    one = replace(poses, positions=poses.positions[:, 1:], scores=poses.scores[:, 1:])
    same(filter_poses(one, name).positions, together[:, 1:])
    changed = poses.positions.clone()
    changed[:, 0] += 5 * torch.rand(80, 17, 3, dtype=torch.float64)
    changed[:, 1, 3:] += 5 * torch.rand(80, 14, 3, dtype=torch.float64)
    changed[:, 1, 2, 0] += 1.0
    after = filter_poses(replace(poses, positions=changed), name).positions
    same(after[:, 1, :2], together[:, 1, :2])
    same(after[:, 1, 2, 1:], together[:, 1, 2, 1:])


@pytest.mark.parametrize("name", FILTERS)
def test_nothing_crosses_a_gap_and_the_gap_stays(name: str) -> None:
    poses = noisy()
    positions = poses.positions.clone()
    positions[30:33, 0, 4] = torch.nan
    positions[0, 1, 5] = torch.nan
    positions[79, 1, 6] = torch.nan
    positions[:, 1, 7] = torch.nan
    holed = filter_poses(Poses3D.of(positions, skeleton=poses.skeleton, times=poses.times), name)
    assert torch.equal(holed.positions.isnan(), positions.isnan())
    whole = filter_poses(poses, name).positions
    for part in (slice(0, 30), slice(33, 80)):
        alone = filter_poses(poses.between(part.start, part.stop), name).positions
        same(holed.positions[part, 0, 4], alone[:, 0, 4])
    same(holed.positions[1:, 1, 5], filter_poses(poses.between(1, 80), name).positions[:, 1, 5])
    same(holed.positions[:79, 1, 6], filter_poses(poses.between(0, 79), name).positions[:, 1, 6])
    same(holed.positions[:, 1, 8:], whole[:, 1, 8:])


@pytest.mark.parametrize("name", FILTERS)
def test_nothing_crosses_from_clip_to_clip(name: str) -> None:
    poses = noisy()
    times = poses.times.clone()
    times[45:] += 2.0
    after = filter_poses(replace(poses, times=times), name).positions
    for part in (slice(0, 45), slice(45, 80)):
        same(after[part], filter_poses(poses.between(part.start, part.stop), name).positions)
    assert not torch.allclose(after[45], filter_poses(poses, name).positions[45], atol=1e-4)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("frames", [0, 1, 2, 3])
def test_a_few_frames_are_no_mishap(name: str, frames: int) -> None:
    poses = noisy(frames=80).between(0, frames)
    after = filter_poses(poses, name)
    assert after.positions.isfinite().all()
    assert after.positions.shape == poses.positions.shape
    if frames <= 1 or (frames == 2 and name in WITHOUT_DELAY):
        assert torch.equal(after.positions, poses.positions)


@pytest.mark.parametrize("name", FILTERS)
def test_everything_missing(name: str) -> None:
    poses = Poses3D.of(torch.full((20, 2, 2, 3), torch.nan), skeleton=POINTS)
    assert filter_poses(poses, name).positions.isnan().all()


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_kept_and_what_is_dropped(name: str, dtype: torch.dtype) -> None:
    poses = noisy()
    scores = torch.rand(80, 2, 17).to(dtype)
    scores[7, 1, 3] = 0  # filled in: filtered as the others are
    covariance = torch.eye(3).expand(80, 2, 17, 3, 3)
    poses = Poses3D.of(poses.positions.to(dtype), scores, skeleton=poses.skeleton, fps=RATE, covariance=covariance)
    before = poses.positions.clone()
    after = filter_poses(poses, name)
    assert after.positions.dtype == dtype
    assert after.covariance is None
    assert torch.equal(after.scores, poses.scores)
    assert torch.equal(after.times, poses.times)
    assert after.skeleton == poses.skeleton
    assert torch.equal(poses.positions, before)
    assert after.positions[7, 1, 3].isfinite().all()
    assert not torch.equal(after.positions[7, 1, 3], before[7, 1, 3])


@pytest.mark.parametrize("name", FILTERS)
def test_settings_are_in_seconds_so_more_frames_a_second_are_smoothed_more(name: str) -> None:
    values = 0.01 * torch.randn(200, dtype=torch.float64)
    slow, fast = (filter_poses(track(values, rate), name).positions for rate in (25.0, 100.0))
    assert fast.diff(dim=0).norm() < 0.8 * slow.diff(dim=0).norm()


@pytest.mark.parametrize("name", FILTERS)
def test_names_and_settings_and_changes_to_them_are_one(name: str) -> None:
    entry = all_filters()[name]
    poses = noisy()
    assert torch.equal(filter_poses(poses, name).positions, filter_poses(poses, entry.settings()).positions)
    with pytest.raises(SettingsError, match="No setting named 'cutof'"):
        filter_poses(poses, name, cutof=3)
    with pytest.raises(SettingsError, match="expected"):
        filter_poses(poses, name, **{next(iter(entry.settings.__dataclass_fields__)): "much"})


def test_settings_are_laid_over_settings() -> None:
    from lift3d.filtering.butterworth import ButterworthSettings

    poses = noisy()
    one = filter_poses(poses, ButterworthSettings(cutoff_hz=9.0), order=2)
    assert torch.equal(one.positions, filter_poses(poses, "butterworth", cutoff_hz=9.0, order=2).positions)
    assert not torch.equal(one.positions, filter_poses(poses, "butterworth", cutoff_hz=9).positions)


def test_unknown_filters_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'butterworth'"):
        filter_poses(noisy(), "butterwort")
    with pytest.raises(UnknownNameError, match="No filter named 6"):
        filter_poses(noisy(), 6.0)


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("butterworth", {"cutoff_hz": 31}, "less than 30, half the frame rate"),
        ("butterworth", {"cutoff_hz": 0}, "more than 0"),
        ("butterworth", {"cutoff_hz": math.nan}, "more than 0"),
        ("butterworth", {"order": 3}, "two passes"),
        ("butterworth", {"order": 0}, "two passes"),
        ("one_euro", {"min_cutoff_hz": 0}, "min_cutoff_hz=0"),
        ("one_euro", {"derivative_cutoff_hz": -1}, "derivative_cutoff_hz=-1"),
        ("one_euro", {"beta": -1}, "beta=-1"),
        ("savitzky_golay", {"window": 0}, "window above 0"),
        ("savitzky_golay", {"order": -1}, "at least 0"),
        ("savitzky_golay", {"window": 0.05}, "3 frames at 60 a second; a polynomial of order 3 needs at least 5"),
        ("savitzky_golay", {"window": 0.05, "order": 2}, "needs at least 5"),
        ("median", {"window": 0}, "more than 0 seconds"),
    ],
)
def test_settings_out_of_range_are_refused(name: str, settings: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        filter_poses(noisy(), name, **settings)
