"""Feet that stand, stand still."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_up_body import bony_body, poses_of

from lift3d.errors import InputError
from lift3d.fitting import FitSettings, fit_body
from lift3d.fitting.contact import foot_points, standing
from lift3d.fitting.start import Seen
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import rotvec_to_matrix

MODEL = bony_body()
ANKLES = MODEL.skeleton.indices("left_ankle", "right_ankle")
UP = np.array([0.0, 1.0, 0.0])


def seen_of(frames: int, people: int = 1, seconds: float = 1 / 30) -> Seen:
    runs = tuple(slice(person * frames, (person + 1) * frames) for person in range(people))
    whose = np.repeat(np.arange(people), frames)
    nothing = np.zeros((people * frames, 1, 3))
    return Seen(nothing, np.ones((people * frames, 1), bool), whose, np.tile(np.arange(frames), people), runs, seconds)


def steps(frames: int = 60) -> np.ndarray:
    """A foot (frames, 1, 3) that stands at x = 0, swings forward from frame 20 to 40, and stands at x = 0.6."""
    swing = np.clip((np.arange(frames) - 20) / 20, 0, 1)
    return np.stack([0.6 * swing, 0.08 + 0.15 * np.sin(np.pi * swing), 0 * swing], axis=-1)[:, None]


def test_a_foot_stands_before_and_after_its_swing():
    noise = np.random.default_rng(0).normal(0, 0.004, (60, 1, 3))
    places, stands = standing(steps() + noise, np.array([True]), seen_of(60), UP)
    assert stands[2:18, 0].all()
    assert stands[43:58, 0].all()
    assert not stands[23:37, 0].any()
    np.testing.assert_allclose(places[5, 0], [0, 0.08, 0], atol=0.01)
    np.testing.assert_allclose(places[50, 0], [0.6, 0.08, 0], atol=0.01)
    assert (places[2:18] == places[2]).all()


def test_a_foot_that_glides_or_hangs_still_in_the_air_does_not_stand():
    glides = steps()
    glides[..., 1] = 0.08
    _, stands = standing(glides, np.array([True]), seen_of(60), UP)
    assert not stands[23:37].any()
    hangs = steps()
    hangs[30:] = hangs[30]
    assert not standing(hangs, np.array([True]), seen_of(60), UP)[1][25:].any()
    assert not standing(steps(), np.array([False]), seen_of(60), UP)[1].any()


def test_what_is_near_the_floor_depends_on_up_and_on_the_person():
    both = np.concatenate([steps(), steps() + np.array([0, 0.5, 0])])  # the second on a step
    _, stands = standing(both, np.array([True]), seen_of(60, people=2), UP)
    np.testing.assert_array_equal(stands[:60], stands[60:])
    turned = steps()[..., [2, 0, 1]]
    _, other = standing(turned, np.array([True]), seen_of(60), np.array([0.0, 0.0, 1.0]))
    np.testing.assert_array_equal(other, stands[:60])


def test_points_of_feet_are_known_by_name():
    assert foot_points(("left_ankle", "right_big_toe", "left_heel", "left_foot", "left_knee")).tolist() == [
        True, True, True, True, False,
    ]  # fmt: skip


def test_feet_skate_less_and_the_rest_of_the_body_is_no_worse():
    """Somebody bends the knees while both feet stand; joints are seen with noise."""
    frames = 40
    rotations = torch.zeros(frames, 24, 3, dtype=torch.float64)
    bend = 0.3 + 0.3 * torch.sin(torch.linspace(0, 6, frames, dtype=torch.float64))
    for side in ("left", "right"):
        hip, knee = MODEL.skeleton.indices(f"{side}_hip", f"{side}_knee")
        rotations[:, hip, 0], rotations[:, knee, 0] = -bend, 2 * bend
    rest = MODEL.with_shape()
    posed = forward_kinematics(rotvec_to_matrix(rotations), rest.offsets.expand(frames, -1, -1), MODEL.parents)
    translation = -posed.places[:, ANKLES[0]]
    exact = poses_of(MODEL, torch.zeros(10), rotations, translation)
    noisy = replace(poses_of(MODEL, torch.zeros(10), rotations, translation, noise=0.015), up="+y")

    def skating(fit) -> float:
        return float(fit.joints().positions[:, 0, ANKLES].diff(dim=0).norm(dim=-1).mean())

    free, held = (fit_body(noisy, MODEL, FitSettings(contact=still)) for still in (None, 0.003))
    assert skating(held) < 0.35 * skating(free)
    errors = [float((fit.joints().positions - exact.positions).norm(dim=-1).mean()) for fit in (free, held)]
    assert errors[1] < 1.02 * errors[0]
    with pytest.raises(InputError, match="contact"):
        FitSettings(contact=0.0)
