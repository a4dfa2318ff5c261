"""What each filter does to waves, spikes, steps and polynomials, against theory."""

import math

import numpy as np
import pytest
import torch

from lift3d import Poses3D, filter_poses, get_skeleton
from lift3d.filtering import median, one_euro, savitzky_golay
from lift3d.filtering._windows import odd_frames

RATE = 100.0
SMPL = get_skeleton("smpl24")


def filtered(values: np.ndarray, name: str, rate: float = RATE, **settings: float) -> np.ndarray:
    """A wave (T) after a filter."""
    positions = torch.from_numpy(np.tile(values[:, None, None, None], (1, 1, len(SMPL), 3)))
    return filter_poses(Poses3D.of(positions, skeleton=SMPL, fps=rate), name, **settings).positions[:, 0, 5, 1].numpy()


def response(frequency: float, name: str, rate: float = RATE, **settings: float) -> complex:
    """What a filter makes of a wave: its amplitude and phase, measured amid a long one."""
    times = np.arange(2000) / rate
    inner = slice(500, 1500)
    waves = np.stack([np.cos(2 * np.pi * frequency * times), np.sin(2 * np.pi * frequency * times)], -1)
    parts = np.linalg.lstsq(waves[inner], filtered(waves[:, 0], name, rate, **settings)[inner], rcond=None)[0]
    return complex(parts[0], -parts[1])


@pytest.mark.parametrize("order", [2, 4, 8])
@pytest.mark.parametrize(("cutoff", "rate"), [(6.0, 30.0), (6.0, 100.0), (12.0, 30.0), (0.7, 100.0)])
def test_butterworth_halves_the_power_at_its_cutoff_without_delay(order: int, cutoff: float, rate: float) -> None:
    at = response(cutoff, "butterworth", rate, cutoff_hz=cutoff, order=order)
    assert 20 * math.log10(abs(at)) == pytest.approx(-10 * math.log10(2), abs=0.01)
    assert math.degrees(math.atan2(at.imag, at.real)) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("frequency", [1.0, 3.0, 6.0, 10.0, 20.0, 35.0])
def test_butterworth_follows_the_curve_of_two_passes(frequency: float) -> None:
    cutoff, order = 6.0, 4
    warped = math.tan(math.pi * frequency / RATE) / math.tan(math.pi * cutoff / RATE)
    warped *= (math.sqrt(2) - 1) ** (1 / order)
    at = response(frequency, "butterworth", cutoff_hz=cutoff, order=order)
    assert abs(at) == pytest.approx(1 / (1 + warped**order), abs=1e-4)
    assert abs(at.imag) < 1e-3


def test_butterworth_correction_is_winters() -> None:
    assert (math.sqrt(2) - 1) ** (1 / 4) == pytest.approx(0.802, abs=5e-4)


def test_butterworth_ends_do_not_ring() -> None:
    times = np.arange(120) / 60
    slow = np.sin(2 * np.pi * 0.4 * times + 0.3)  # far below the cutoff: passes, at its cut-off ends too
    assert np.abs(filtered(slow, "butterworth", 60.0) - slow).max() < 0.005


@pytest.mark.parametrize("cutoff", [1.0, 6.0])
@pytest.mark.parametrize("frequency", [0.5, 3.0, 12.0])
def test_one_euro_without_beta_is_an_exponential_filter(cutoff: float, frequency: float) -> None:
    share = one_euro.smoothing_factor(cutoff, RATE)
    expected = share / (1 - (1 - share) * np.exp(-2j * np.pi * frequency / RATE))
    at = response(frequency, "one_euro", min_cutoff_hz=cutoff, beta=0.0)
    assert abs(at - expected) < 1e-6


def test_one_euro_follows_its_algorithm_step_by_step() -> None:
    values = np.cumsum(np.random.default_rng(0).normal(0, 0.02, 60))
    kept, speed, expected = values[0], 0.0, [values[0]]
    for value in values[1:]:  # algorithm 1 and 2 of the paper, one number at a time
        change = (value - kept) * RATE
        alpha = 1 / (1 + RATE / (2 * math.pi * 1.5))
        speed = alpha * change + (1 - alpha) * speed
        alpha = 1 / (1 + RATE / (2 * math.pi * (0.8 + 3.0 * abs(speed))))
        kept = alpha * value + (1 - alpha) * kept
        expected.append(kept)
    got = filtered(values, "one_euro", min_cutoff_hz=0.8, beta=3.0, derivative_cutoff_hz=1.5)
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_one_euro_lags_less_when_beta_is_more() -> None:
    ramp = 2.0 * np.arange(200) / RATE
    lags = [(ramp - filtered(ramp, "one_euro", beta=beta))[-1] for beta in (0.0, 1.0, 5.0)]
    assert lags[0] > 3 * lags[1] > 3 * lags[2] > 0


@pytest.mark.parametrize(("window", "order"), [(0.05, 1), (0.11, 2), (0.11, 3), (0.25, 5)])
def test_savitzky_golay_keeps_polynomials_of_its_order_and_no_higher(window: float, order: int) -> None:
    times = np.linspace(-1, 1, 40)
    kept = np.polynomial.Polynomial(np.random.default_rng(order).normal(size=order + 1))(times)
    np.testing.assert_allclose(filtered(kept, "savitzky_golay", window=window, order=order), kept, atol=1e-10)
    bent = times ** (order + 2 - order % 2)  # even: an odd one's next power is kept too, by symmetry
    assert np.abs(filtered(bent, "savitzky_golay", window=window, order=order) - bent).max() > 1e-6


def test_savitzky_golay_takes_the_windows_weights() -> None:
    """The impulse response of a quadratic over five frames: (-3, 12, 17, 12, -3) / 35 (Savitzky and Golay 1964)."""
    impulse = np.zeros(41)
    impulse[20] = 35
    got = filtered(impulse, "savitzky_golay", window=0.05, order=2)
    np.testing.assert_allclose(got[17:24], [0, -3, 12, 17, 12, -3, 0], atol=1e-10)


@pytest.mark.parametrize("frames", [3, 5, 9])
def test_the_median_takes_out_spikes_and_keeps_steps(frames: int) -> None:
    ramp = 0.01 * np.arange(60.0)
    for width in range(1, frames // 2 + 1):
        for start in range(frames // 2, 60 - frames // 2 - width):
            spiked = np.zeros(60)
            spiked[start : start + width] = 3.0
            assert not filtered(spiked, "median", window=frames / RATE).any()
    step = np.where(np.arange(60) < 25, 0.0, 1.0)
    np.testing.assert_array_equal(filtered(step, "median", window=frames / RATE), step)
    for frame in range(60):  # at the ends as well
        spiked = ramp.copy()
        spiked[frame] += 5.0
        assert np.abs(filtered(spiked, "median", window=frames / RATE) - ramp).max() < 0.05


@pytest.mark.parametrize("frames", range(3, 12))
def test_the_median_is_that_of_the_window_however_short_the_run(frames: int) -> None:
    values = np.random.default_rng(frames).normal(size=frames)
    got = filtered(values, "median", window=0.07)
    for frame in range(1, frames - 1):
        half = min(3, frame, frames - 1 - frame)
        assert got[frame] == np.median(values[frame - half : frame + half + 1])
    inner = np.concatenate([values[:1], got[1:-1], values[-1:]])
    for end, near, far in ((0, 1, 2), (-1, -2, -3)):
        assert got[end] == np.median([values[end], inner[near], 3 * inner[near] - 2 * inner[far]])


def test_windows_are_the_nearest_odd_number_of_frames() -> None:
    assert [odd_frames(seconds, 29.99999) for seconds in (0.001, 0.1, 0.16, 0.24)] == [1, 3, 5, 7]
    assert median.shortest(median.MedianSettings(), 30.0) == 3
    assert savitzky_golay.shortest(savitzky_golay.SavitzkyGolaySettings(), 60.0) == 15


def test_a_butterworth_run_that_is_too_short_stays_and_one_more_frame_does_not() -> None:
    values = np.random.default_rng(0).normal(size=5)
    np.testing.assert_array_equal(filtered(values[:4], "butterworth", 60.0, cutoff_hz=6.0), values[:4])
    assert np.abs(filtered(values, "butterworth", 60.0, cutoff_hz=6.0) - values).max() > 0.01
