"""The distance is smooth, polynomials stay as they are, and only the line of sight is moved along."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lift3d.errors import InputError
from lift3d.lifting import steady_distance, with_steady_distance
from lift3d.poses import Poses3D
from lift3d.synthetic import ring_rig, walk

CAMERA = ring_rig(cameras=1)["cam0"]


def _seen(frames: int = 90, people: int = 1) -> Poses3D:
    """People in the camera frame."""
    world = walk(frames, people=people)
    camera = CAMERA.world_to_camera(world.positions.reshape(-1, 3)).reshape(world.positions.shape)
    return replace(world, positions=camera, frame="camera", up="-y")


def _trembling(poses: Poses3D, factor: torch.Tensor) -> Poses3D:
    """The poses with the root's distance times a factor (frames, people)."""
    root = poses.positions[:, :, :1]
    return replace(poses, positions=poses.positions + root * (factor[..., None, None] - 1))


def _distance(poses: Poses3D) -> torch.Tensor:
    return poses.positions[:, :, poses.skeleton.root].norm(dim=-1)


def test_a_distance_that_is_already_smooth_stays_and_noise_is_taken_away() -> None:
    truth = _seen(people=2)
    noise = torch.exp(0.03 * torch.randn(90, 2, dtype=torch.float64))
    smooth = with_steady_distance(_trembling(truth, noise))
    assert (_distance(with_steady_distance(truth)) / _distance(truth) - 1).abs().max() < 7e-3
    error = (_distance(smooth) / _distance(truth)).log()
    assert error.square().mean().sqrt() < 0.45 * 0.03


def test_outliers_do_not_pull() -> None:
    truth = _seen()
    factor = torch.ones(90, 1, dtype=torch.float64)
    factor[[20, 41, 42, 77]] = 1.6
    assert (_distance(with_steady_distance(_trembling(truth, factor))) / _distance(truth) - 1).abs().max() < 7e-3


def test_a_straight_line_is_kept_exactly_and_the_fit_is_numpys() -> None:
    times = torch.arange(40, dtype=torch.float64) / 20
    values = torch.log(3 + torch.rand(40, 1, dtype=torch.float64))
    line = (0.3 - 0.2 * times)[:, None]
    everything = torch.ones(40, 1, dtype=torch.float64)
    kept = steady_distance._fitted(line, everything, times, 1.0, slice(0, 40))
    torch.testing.assert_close(kept, line, atol=1e-6, rtol=0)
    fitted = steady_distance._fitted(values, everything, times, 1.0, slice(0, 40))
    for frame in (0, 5, 25, 39):
        near = np.arange(max(0, frame - 10), min(40, frame + 11))
        place = (near - frame) / 11
        weights = np.sqrt((1 - np.abs(place) ** 3) ** 3)
        expected = np.polyval(np.polyfit(place, values[near, 0].numpy(), 1, w=weights), 0.0)
        np.testing.assert_allclose(fitted[frame, 0], expected, atol=1e-6)


def test_people_are_moved_along_the_line_of_sight_and_keep_their_pose() -> None:
    trembling = _trembling(_seen(), torch.exp(0.05 * torch.randn(90, 1, dtype=torch.float64)))
    smooth = with_steady_distance(trembling)
    before, after = (poses.positions[:, :, 0] for poses in (trembling, smooth))
    cosine = torch.nn.functional.cosine_similarity(before, after, dim=-1)
    torch.testing.assert_close(cosine, torch.ones_like(cosine))
    torch.testing.assert_close(smooth.root_relative().positions, trembling.root_relative().positions)


def test_nothing_crosses_a_jump_in_time_and_the_missing_stay_missing() -> None:
    poses = _trembling(_seen(), torch.exp(0.05 * torch.randn(90, 1, dtype=torch.float64)))
    poses.positions[30:33] = torch.nan
    times = poses.times.clone()
    times[50:] += 5
    smooth = with_steady_distance(replace(poses, times=times))
    parts = [with_steady_distance(poses.between(*part)) for part in ((0, 50), (50, 90))]
    expected = torch.cat([part.positions for part in parts])
    torch.testing.assert_close(smooth.positions, expected, equal_nan=True)
    assert torch.equal(smooth.positions.isnan(), poses.positions.isnan())


def test_the_size_of_the_batches_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    poses = _trembling(_seen(people=2), torch.exp(0.05 * torch.randn(90, 2, dtype=torch.float64)))
    whole = with_steady_distance(poses)
    monkeypatch.setattr(steady_distance, "_FRAMES_AT_ONCE", 7)
    torch.testing.assert_close(with_steady_distance(poses).positions, whole.positions)


@pytest.mark.parametrize("frames", [0, 1, 2, 5])
def test_few_frames_are_left_alone(frames: int) -> None:
    poses = _seen().between(0, frames)
    torch.testing.assert_close(with_steady_distance(poses).positions, poses.positions, atol=1e-4, rtol=0)


def test_wrong_input_is_said_in_one_line() -> None:
    with pytest.raises(InputError, match=r"poses in the 'world' frame, window=0.6; expected 'camera'"):
        with_steady_distance(walk(3))
    with pytest.raises(InputError, match=r"window=0; expected 'camera' and more than 0 seconds"):
        with_steady_distance(_seen(3), window=0.0)
