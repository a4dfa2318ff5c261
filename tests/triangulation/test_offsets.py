"""Offsets in time: a shift that was made is found exactly, undoes itself, and where nothing tells, that is said."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lift3d.cameras import CameraRig
from lift3d.errors import InputError
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.synthetic import observe, ring_rig, walk
from lift3d.triangulation import time_offsets


def scene(cameras: int = 4, frames: int = 200, seed: int = 0) -> tuple[Keypoints2D, CameraRig]:
    """A walk at 60 frames a second with noise, holes and outliers."""
    rig = ring_rig(cameras, seed=seed)
    poses = walk(frames, fps=60, seed=seed)
    return observe(poses, rig, noise_px=2.0, missing=0.1, outliers=0.03, seed=seed), rig


@pytest.mark.parametrize(
    ("cameras", "late"),
    [
        (2, {"cam1": 3}),
        (2, {"cam1": -1}),
        (3, {"cam2": -4}),
        (3, {"cam1": 1}),
        (4, {"cam3": 5}),
        (4, {"cam1": -5, "cam2": 2}),
        (4, {"cam1": 2, "cam3": 3}),
        (6, {"cam0": 1, "cam4": -3}),
    ],
)
def test_late_cameras_are_found_exactly_and_put_right(cameras: int, late: dict[str, int]) -> None:
    keypoints, rig = scene(cameras, seed=cameras)
    found = time_offsets(keypoints.shifted(late), rig)
    assert found.frames == {name: -frames for name, frames in late.items()}
    assert all(own.known for own in found.cameras)
    # what is moved back is what was there, but for the ends
    again = keypoints.shifted(late).shifted(found.frames)
    inside = slice(10, -10)
    assert torch.equal(again.scores[:, inside], keypoints.scores[:, inside])


def test_the_sign_is_that_of_shifted() -> None:
    """A camera that runs two frames late shows in frame 2 what the others show in frame 0, and needs -2."""
    poses, rig = walk(200, fps=60), ring_rig(4)
    kept = observe(poses, rig, noise_px=1.0)
    start, late = kept.between(10, 190), kept.between(8, 188)
    keypoints = replace(
        start,
        pixels=torch.cat([start.pixels[:3], late.pixels[3:]]),
        scores=torch.cat([start.scores[:3], late.scores[3:]]),
    )
    assert time_offsets(keypoints, rig).frames == {"cam3": -2}


@pytest.mark.parametrize("cameras", [2, 3, 4, 8])
def test_nobody_is_late(cameras: int) -> None:
    keypoints, rig = scene(cameras, seed=5)
    found = time_offsets(keypoints, rig)
    assert found.frames == {}
    assert all(own.known and own.uncertainty <= 1 for own in found.cameras)
    assert all(abs(own.exact) < 0.3 for own in found.cameras)


def test_fractions_of_a_frame_are_told() -> None:
    """A camera half a frame late: filmed from a walk at twice the rate."""
    poses, rig = walk(400, fps=120), ring_rig(4)
    fine = observe(poses, rig, noise_px=1.0)
    pixels, scores = fine.pixels[:, ::2].clone(), fine.scores[:, ::2].clone()
    pixels[2, 1:], scores[2, 1:] = fine.pixels[2, 1:-1:2], fine.scores[2, 1:-1:2]
    keypoints = replace(fine, pixels=pixels, scores=scores, times=fine.times[::2])
    own = time_offsets(keypoints, rig).cameras[2]
    assert own.exact == pytest.approx(-0.5, abs=0.15)


def test_where_nothing_moves_nothing_is_told() -> None:
    one = walk(1)
    still = Poses3D.of(one.positions.expand(120, -1, -1, -1), skeleton=one.skeleton, fps=60)
    rig = ring_rig(4)
    found = time_offsets(observe(still, rig, noise_px=2.0), rig)
    assert found.frames == {}
    assert {own.doubt for own in found.cameras} == {"nothing moves"}
    assert all(np.isnan(own.exact) for own in found.cameras)


def test_an_offset_beyond_the_search_is_not_guessed() -> None:
    keypoints, rig = scene()
    own = time_offsets(keypoints.shifted({"cam1": 7}), rig, most=4).cameras[1]
    assert own.frames == 0
    assert "the further it is moved" in own.doubt


def test_a_camera_that_sees_nobody_says_so() -> None:
    keypoints, rig = scene()
    pixels, scores = keypoints.pixels.clone(), keypoints.scores.clone()
    pixels[2], scores[2] = torch.nan, 0.0
    found = time_offsets(replace(keypoints, pixels=pixels, scores=scores).shifted({"cam1": 2}), rig)
    assert found.frames == {"cam1": -2}
    assert found.cameras[2].doubt == "it sees nobody"


@pytest.mark.parametrize("frames", [0, 1, 3])
def test_short_recordings_tell_nothing(frames: int) -> None:
    keypoints, rig = scene()
    found = time_offsets(keypoints.between(0, frames), rig)
    assert found.frames == {}
    assert not any(own.known for own in found.cameras)


def test_a_long_recording_is_sampled() -> None:
    keypoints, rig = scene(frames=6000)
    found = time_offsets(keypoints.shifted({"cam2": 1}), rig)
    assert found.frames == {"cam2": -1}
    assert found.sampled_frames <= 400


def test_wrong_input_is_refused() -> None:
    keypoints, rig = scene()
    with pytest.raises(InputError, match="most=0"):
        time_offsets(keypoints, rig, most=0)
    with pytest.raises(InputError, match="at least two cameras"):
        time_offsets(keypoints.only(["cam0"]), rig)
