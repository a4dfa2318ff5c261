"""Measures of bodies: known solids, scale, and the body in the box as people are."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from lift3d.bodies import BodyModel, measure
from lift3d.bodies.sections import section, tape_length
from lift3d.errors import InputError
from lift3d.formats import read_body


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return read_body()


def tube(radius: float, sides: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """A tube along y from 0 to 1."""
    angle = np.arange(sides) * 2 * math.pi / sides
    ring = np.stack([radius * np.cos(angle), np.zeros(sides), radius * np.sin(angle)], axis=1)
    here, after = np.arange(sides), (np.arange(sides) + 1) % sides
    faces = [np.stack([here, here + sides, after], 1), np.stack([after, here + sides, after + sides], 1)]
    return np.concatenate([ring, ring + np.array([0, 1, 0])]), np.concatenate(faces)


def test_a_level_section_of_a_tube_is_a_circle_and_a_slanted_one_an_ellipse() -> None:
    vertices, faces = tube(0.1)
    level = np.array([0.0, 1.0, 0.0])
    cut = section(vertices, faces, np.array([0, 0.3, 0]), level)
    assert np.abs(cut[:, 1] - 0.3).max() < 1e-12
    assert tape_length(cut, level) == pytest.approx(2 * math.pi * 0.1, rel=1e-4)
    slanted = np.array([1.0, 1.0, 0.0])
    cut = section(vertices, faces, np.array([0, 0.5, 0]), slanted)
    a, b = 0.1 * math.sqrt(2), 0.1
    ramanujan = math.pi * (3 * (a + b) - math.sqrt((3 * a + b) * (a + 3 * b)))
    assert tape_length(cut, slanted) == pytest.approx(ramanujan, rel=1e-4)


def test_a_tape_does_not_go_into_a_dent() -> None:
    star = np.array([[1, 0, 1], [0.1, 0, 0], [1, 0, -1], [-1, 0, -1], [-0.1, 0, 0], [-1, 0, 1]])
    assert tape_length(star, np.array([0.0, 1.0, 0.0])) == pytest.approx(8)
    assert math.isnan(tape_length(star[:2], np.array([0.0, 1.0, 0.0])))


def test_a_larger_body_measures_larger(body: BodyModel) -> None:
    larger = replace(body, template=1.1 * body.template, shape_directions=1.1 * body.shape_directions)
    betas = torch.tensor([0.5, -1.0, 1.0])
    first, second = measure(body.with_shape(betas)), measure(larger.with_shape(betas))
    for one in fields(first):
        factor = 1.1**3 if one.name == "volume" else 1.1
        assert getattr(second, one.name) == pytest.approx(factor * getattr(first, one.name), rel=1e-3), one.name


def test_people_are_as_people_are() -> None:
    """Means of adults in surveys, within a tenth: heads 54-58 cm, chests 95-105 cm, waists 75-95 cm, ..."""
    male, female = (measure(read_body(gender=gender).with_shape()) for gender in ("male", "female"))
    for found, wanted in {
        (male.height, 1.75), (female.height, 1.63), (male.head_girth, 0.57), (female.head_girth, 0.55),
        (male.neck_girth, 0.38), (female.neck_girth, 0.32), (male.chest_girth, 1.03), (female.chest_girth, 0.94),
        (male.waist_girth, 0.92), (female.waist_girth, 0.80), (male.hips_girth, 1.02), (female.hips_girth, 1.03),
        (male.thigh_girth, 0.59), (female.calf_girth, 0.37), (male.wrist_girth, 0.165), (female.inside_leg, 0.75),
        (male.upper_arm_girth, 0.33), (male.ankle_girth, 0.225), (male.weight_estimate, 80),
        (female.weight_estimate, 63),
    }:  # fmt: skip
        assert found == pytest.approx(wanted, rel=0.12)


def test_lengths_are_those_of_the_joints(body: BodyModel) -> None:
    shaped = body.with_shape(torch.tensor([1.0, 0.0, 2.0]))
    left, right = (
        shaped.joints[body.skeleton.index(f"{side}_elbow")] - shaped.joints[body.skeleton.index(f"{side}_wrist")]
        for side in ("left", "right")
    )
    assert measure(shaped).forearm == pytest.approx(float(left.norm() + right.norm()) / 2, rel=1e-5)
    assert measure(shaped).height == pytest.approx(float(shaped.vertices[:, 1].max() - shaped.vertices[:, 1].min()))


def test_one_body_at_a_time(body: BodyModel) -> None:
    with pytest.raises(InputError, match="takes one body"):
        measure(body.with_shape(torch.zeros(2, 3)))


def test_measures_are_told_with_their_units(body: BodyModel) -> None:
    rows = dict(measure(body.with_shape()).rows())
    assert rows["height"] == "168.7 cm"
    assert rows["weight at 985 kg/m3"].endswith(" kg")
