"""Windows of pairs: pixels belong to the truth and to their own camera, ends are repeated, sides are mirrored."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from made_up_pairs import LENGTHS, SKELETON, pairs, pairs_file
from torch import Generator

from lift3d.datasets.pair_clips import gathered_pairs
from lift3d.errors import InputError, SettingsError, UnknownNameError
from lift3d.lifting.encodings import encoding_named
from lift3d.lifting.encodings.standardised import StandardisedSettings, decode, encode
from lift3d.training.detector_noise import NoiseSettings
from lift3d.training.lifter_settings import LifterTraining, PairData
from lift3d.training.loop import LoopSettings
from lift3d.training.named_settings import Named
from lift3d.training.pair_samples import PairSamples
from lift3d.training.standardisation import with_statistics

EXACT = NoiseSettings(exact=1, occluded=0, head_missing=0)


def _samples(
    path: Path, context: tuple[int, int] = (0, 0), noise: NoiseSettings | None = None, **data: object
) -> PairSamples:
    own = PairData(str(path), **{"hold_out": ("S9",), "mirror": 0.0, **data})  # type: ignore[arg-type]
    encoding = Named("screen", encoding_named("screen").settings())
    return PairSamples(LifterTraining("lifter", own, encoding, encoding, LoopSettings(1), noise=noise), context)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return pairs_file(tmp_path)


def test_gathered_frames_are_those_of_the_pairs_in_memory_and_mapped(path: Path) -> None:
    own = pairs()
    for most in (0, 10**9):
        clips = gathered_pairs(own, left_out=["neck_nose"], most_in_memory=most)
        assert len(clips.keypoint_skeleton) == 16
        for number, first in enumerate(clips.starts):
            frames = own.read(number)
            rows = slice(first, first + own.clips[number].frames)
            kept = [joint for joint in range(17) if joint != SKELETON.index("neck_nose")]
            torch.testing.assert_close(clips.seen[rows, :, :2], frames.pixels[:, kept])
            rays = frames.positions[..., :2] / frames.positions[..., 2:]
            torch.testing.assert_close(clips.seen[rows, :, 2:4], rays[:, kept], atol=1e-5, rtol=0)
            torch.testing.assert_close(clips.positions[rows], frames.positions)
            assert (clips.clip[rows] == number).all()
    with pytest.raises(UnknownNameError, match="tail"):
        gathered_pairs(own, left_out=["tail"])
    blind = replace(own, clips=tuple(replace(clip, camera=None) for clip in own.clips))
    with pytest.raises(InputError, match="S1/Walking/large' has no camera"):
        gathered_pairs(blind)


def test_windows_follow_the_frames_and_what_lies_beyond_the_ends_does_not_count(path: Path) -> None:
    """Held-out S9 is never drawn; cameras are mixed, each with its own size."""
    samples, own = _samples(path, context=(2, 2), frames=7), pairs()
    observed, truth = samples.draw(4000, Generator().manual_seed(0))
    sizes = observed.image_size[:, 0]
    assert {tuple(size) for size in sizes.tolist()} == {(1000.0, 800.0), (500.0, 400.0)}
    frames = [own.read(number) for number in (0, 1)]
    drawn = torch.where(sizes[:, 0] == 1000, 0, 1)
    middles = []
    for number in range(4000):
        pixels, positions = frames[drawn[number]].pixels, frames[drawn[number]].positions
        away = (pixels - observed.pixels[number, 3]).abs().sum((1, 2))
        middle = int(away.argmin())
        middles.append(middle)
        moment = torch.arange(7) + middle - 3
        inside = moment.clamp(0, LENGTHS["S1"] - 1)
        torch.testing.assert_close(observed.pixels[number], pixels[inside])
        expected = positions[inside] - positions[inside][:, :1]
        expected[moment != inside] = torch.nan
        torch.testing.assert_close(truth[number], expected, equal_nan=True)
    counts = torch.bincount(torch.tensor(middles), minlength=LENGTHS["S1"])
    assert counts.min() > 50  # every frame is the middle of some windows, the first and last too
    assert sum(len(part[1].scores) for part in samples.held(50)) == 50


@pytest.mark.parametrize(("context", "frames"), [((4, 0), 5), ((2, 2), 5), ((0, 0), 5), ((4, 0), 7)])
def test_the_answered_frames_lie_around_those_drawn(path: Path, context: tuple[int, int], frames: int) -> None:
    """So the first and the last frame of a clip are answered as often as any."""
    samples = _samples(path, context=context, frames=frames)
    _, truth = samples.draw(6000, Generator().manual_seed(0))
    answered = truth[:, context[0] : frames - context[1]]
    middle = answered[:, (answered.shape[1] - 1) // 2]
    assert middle.isfinite().all()
    assert len(torch.unique(middle[:, 3], dim=0)) == 2 * LENGTHS["S1"]


def test_mirrored_samples_are_seen_by_a_mirrored_camera(path: Path) -> None:
    plain, mirrored = (_samples(path, mirror=share).draw(500, Generator().manual_seed(0)) for share in (0.0, 1.0))
    twins = list(SKELETON.flip_order)
    flip = torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(mirrored[1], plain[1][:, :, twins] * flip)
    torch.testing.assert_close(mirrored[0].rays, plain[0].rays[:, :, twins] * flip[:2])
    width = plain[0].image_size[..., None, 0]
    torch.testing.assert_close(mirrored[0].pixels[..., 0], width - plain[0].pixels[:, :, twins, 0])
    some = _samples(path, mirror=0.3).draw(3000, Generator().manual_seed(0))[0]
    usual = _samples(path).draw(3000, Generator().manual_seed(0))[0]
    share = (some.rays != usual.rays).any(-1).any(-1).float().mean().item()
    assert share == pytest.approx(0.3, abs=0.03)


def test_more_noise_moves_rays_as_pixels_and_keeps_missing_joints_missing(tmp_path: Path) -> None:
    path = pairs_file(tmp_path, without="left_knee")
    plain, _ = _samples(path).draw(300, Generator().manual_seed(0))
    exact, _ = _samples(path, noise=EXACT).draw(300, Generator().manual_seed(0))
    torch.testing.assert_close(exact.pixels, plain.pixels, equal_nan=True)
    torch.testing.assert_close(exact.scores, plain.scores)
    noise = NoiseSettings(exact=0, occluded=0.5, jitter=0.01, drift=0.0, tail=0.0, swap=0.0)
    noisy, _ = _samples(path, noise=noise).draw(300, Generator().manual_seed(0))
    missing = plain.scores == 0
    assert missing.any()
    assert (noisy.scores[missing] == 0).all()
    assert noisy.pixels[noisy.scores == 0].isnan().all()
    assert (noisy.scores == 0).float().mean() > missing.float().mean() + 0.01
    moved = (noisy.pixels - plain.pixels)[noisy.scores > 0]
    assert 1 < moved.std() < 10
    focal = plain.intrinsics[:, :, None, [0, 1], [0, 1]].expand_as(plain.pixels)[noisy.scores > 0]
    torch.testing.assert_close((noisy.rays - plain.rays)[noisy.scores > 0] * focal, moved, atol=2e-3, rtol=0)


def test_statistics_are_those_of_all_frames_and_cameras(tmp_path: Path) -> None:
    own = pairs(without="left_knee")
    known = _samples(pairs_file(tmp_path, without="left_knee"), left_out=("neck_nose",))
    found = with_statistics(StandardisedSettings((), (), (), ()), known.everything(), known.input_skeleton, SKELETON)
    frames = [own.read(number) for number in (0, 1)]
    kept = [joint for joint in range(17) if joint != SKELETON.index("neck_nose")]
    pixels = torch.cat([one.pixels for one in frames])[:, kept].flatten(1).double()
    for axis in range(32):
        values = pixels[:, axis][pixels[:, axis].isfinite()]
        assert found.mean_2d[axis] == pytest.approx(values.mean().item(), rel=1e-5)
        assert found.std_2d[axis] == pytest.approx(values.std(correction=0).item(), rel=1e-4)
    truth = torch.cat([one.positions - one.positions[:, :1] for one in frames])[:, 1:].flatten(1).double()
    torch.testing.assert_close(torch.tensor(found.mean_3d).double(), 1000 * truth.mean(0), rtol=1e-4, atol=1e-2)
    torch.testing.assert_close(
        torch.tensor(found.std_3d).double(), 1000 * truth.std(0, correction=0), rtol=1e-3, atol=0
    )
    observed, relative = next(known.everything())
    features = encode(observed, found).features
    assert features.nanmean(0).abs().max() < 1e-3
    normal = ((1000 * relative[..., 1:, :].flatten(-2)) - torch.tensor(found.mean_3d)) / torch.tensor(found.std_3d)
    again = decode(normal, encode(observed, found), SKELETON, found).relative
    torch.testing.assert_close(again, relative, atol=1e-4, rtol=0)


def test_who_is_not_there_is_said(path: Path) -> None:
    with pytest.raises(SettingsError, match="no subject S5; known: S1, S9, test, train"):
        _samples(path, hold_out=("S5",))
    with pytest.raises(SettingsError, match="no subject is left"):
        _samples(path, hold_out=("S1",))
    held = _samples(path, splits=(), hold_out=("test",))
    assert held.about == "80 frames of 1 subjects"
    assert len(next(held.held(7))[2]) == 7
    assert _samples(path, splits=(), hold_out=()).about == "140 frames of 2 subjects"
    assert _samples(path, splits=(), hold_out=(), subjects=("S9",)).about == "60 frames of 1 subjects"
