"""Filming keeps people as they are; a camera stands still while they move."""

import math

import torch
from torch import Generator

from lift3d import get_skeleton
from lift3d.synthetic import walk
from lift3d.training.virtual_cameras import ViewSettings, film

SKELETON = get_skeleton("human36m17")


def _people(frames: int = 40) -> torch.Tensor:
    """Windows (frames, 1, joints, 3) of one frame each."""
    return walk(frames=frames).positions.float()


def _filmed(people: torch.Tensor, settings: ViewSettings, seed: int) -> torch.Tensor:
    return film(people, SKELETON, settings, Generator().manual_seed(seed))


def test_filming_is_a_rigid_motion_of_the_whole_window() -> None:
    window = walk(frames=12).positions[:, 0].double()[None].expand(5, -1, -1, -1)
    filmed = _filmed(window, ViewSettings(), 1)
    before, after = window.flatten(1, 2), filmed.flatten(1, 2)  # all joints of all frames
    torch.testing.assert_close(torch.cdist(after, after), torch.cdist(before, before), atol=1e-5, rtol=0)
    turn = torch.linalg.lstsq(before - before[:, :1], after - after[:, :1]).solution.mT
    torch.testing.assert_close(torch.linalg.det(turn), torch.ones(5).double(), atol=1e-3, rtol=0)


def test_people_stand_upright_in_front_of_the_camera_within_the_distances() -> None:
    settings = ViewSettings(distance_m=(4.0, 6.0), roll_deg=0.0)
    filmed = _filmed(_people(), settings, 2)[:, 0]
    head, pelvis = SKELETON.index("head"), SKELETON.root
    assert (filmed[:, head, 1] < filmed[:, pelvis, 1] - 0.3).all()  # y points down
    assert (filmed[..., 2] > 2).all()
    distance = filmed[:, pelvis].norm(dim=-1)
    assert distance.min() >= 4.0
    assert distance.max() <= math.hypot(6.0, 2.6)


def test_yaw_covers_the_circle() -> None:
    filmed = _filmed(_people(1).expand(2000, -1, -1, -1), ViewSettings(), 3)[:, 0]
    across = filmed[:, SKELETON.index("left_hip")] - filmed[:, SKELETON.index("right_hip")]
    yaw = torch.atan2(across[:, 0], across[:, 2])
    counts = torch.histc(yaw, 8, -math.pi, math.pi)
    assert counts.min() > 150
