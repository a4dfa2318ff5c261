"""Bodies in motion: turned worlds, gaps, parts; on a made-up body."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_bodies import tiny_body

from lift3d.bodies import BodyMotion
from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix


def tiny_motion(frames: int = 7, people: int = 2) -> BodyMotion:
    random = torch.Generator().manual_seed(3)

    def normal(*shape: int, scale: float) -> torch.Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64) * scale

    return BodyMotion(
        tiny_body(), normal(people, 3, scale=1.0), normal(frames, people, 5, 3, scale=0.5),
        normal(frames, people, 3, scale=1.0), torch.arange(frames).double() / 10,
    )  # fmt: skip


def test_joints_and_meshes_of_a_turned_world_are_the_turned_ones() -> None:
    motion = tiny_motion()
    turn = rotvec_to_matrix(torch.tensor([0.3, -1.1, 2.0], dtype=torch.float64))
    turned = motion.turned(turn, "+x")
    assert turned.up == "+x"
    assert (turned.joints().positions - motion.joints().positions @ turn.T).abs().max() < 1e-12
    assert (turned.mesh(3) - motion.mesh(3) @ turn.T).abs().max() < 1e-12
    assert (turned.turned(turn.T, "+z").rotations - motion.rotations).abs().max() < 1e-9


def test_parts_are_parts() -> None:
    motion = tiny_motion()
    part = motion.only(1).between(2, 5)
    assert (part.joints().positions - motion.joints().positions[2:5, 1:]).abs().max() < 1e-12
    assert part.times.tolist() == pytest.approx([0.2, 0.3, 0.4])
    assert (part.mesh(0) - motion.mesh(2)[1:]).abs().max() < 1e-12


def test_a_gap_is_filled_along_the_shortest_turn_at_a_steady_speed() -> None:
    """A joint that turns steadily about one axis is put back exactly, past 180 degrees too; so is a straight way."""
    motion = tiny_motion(frames=9, people=1)
    axis = torch.nn.functional.normalize(torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64), dim=0)
    angles = torch.linspace(2.0, 4.0, 9, dtype=torch.float64)
    rotations = matrix_to_rotvec(rotvec_to_matrix(angles[:, None] * axis))[:, None, None].expand(9, 1, 5, 3).clone()
    translation = torch.linspace(0, 1, 9, dtype=torch.float64)[:, None, None].expand(9, 1, 3).clone()
    whole = BodyMotion(motion.model, motion.betas, rotations, translation, motion.times)
    rotations, translation = rotations.clone(), translation.clone()
    rotations[3:7], translation[3:7] = math.nan, math.nan
    filled = BodyMotion(motion.model, motion.betas, rotations, translation, motion.times).filled()
    assert (filled.joints().positions - whole.joints().positions).abs().max() < 1e-9
    assert bool(filled.seen.all())


def test_before_and_after_a_person_stays_as_seen() -> None:
    motion = tiny_motion()
    rotations, translation = motion.rotations.clone(), motion.translation.clone()
    rotations[[0, 1, 6], 0], translation[[0, 1, 6], 0] = math.nan, math.nan
    broken = BodyMotion(motion.model, motion.betas, rotations, translation, motion.times)
    assert broken.seen[:, 0].tolist() == [False, False, True, True, True, True, False]
    assert bool(broken.joints().positions[0, 0].isnan().all())
    filled = broken.filled().joints().positions
    assert (filled[0, 0] - filled[2, 0]).abs().max() < 1e-9
    assert (filled[6, 0] - filled[5, 0]).abs().max() < 1e-9
    assert torch.equal(filled[:, 1], motion.joints().positions[:, 1])


def test_what_is_no_motion_is_refused() -> None:
    motion = tiny_motion()
    with pytest.raises(ShapeError, match="rotations"):
        BodyMotion(motion.model, motion.betas, motion.rotations[:, :, 1:], motion.translation, motion.times)
    with pytest.raises(UnknownNameError, match="axis"):
        BodyMotion(motion.model, motion.betas, motion.rotations, motion.translation, motion.times, up="z")
    nobody = torch.full_like(motion.translation, math.nan)
    with pytest.raises(InputError, match="person 1 is missing"):
        BodyMotion(motion.model, motion.betas, motion.rotations, nobody, motion.times).filled()
