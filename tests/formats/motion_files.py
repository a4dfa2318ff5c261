"""A short motion of the body in the box, for tests of files."""

from __future__ import annotations

import math
from functools import cache

import torch

from lift3d.bodies import BodyMotion
from lift3d.formats import read_body


@cache
def made_motion(people: int = 1, frames: int = 6, up: str = "+z") -> BodyMotion:
    """People who turn once around while their joints swing; every joint about every axis, by different amounts."""
    model = read_body("makehuman", gender="female").to(torch.float64)
    random = torch.Generator().manual_seed(11)
    size = (1, people, 24, 3)
    swing = 0.5 * torch.randn(size, generator=random, dtype=torch.float64)
    phase = 6 * torch.rand(size, generator=random, dtype=torch.float64)
    times = torch.arange(frames, dtype=torch.float64) / 25
    rotations = swing * torch.sin(20 * times[:, None, None, None] + phase)
    rotations[:, :, 22:] = 0  # hands, which SMPL-H and SMPL-X do not have
    rotations[:, :, 0] = torch.tensor([0.2, 1.0, 0.1]) * (2 * math.pi * times / max(times[-1], 0.04))[:, None, None]
    translation = torch.randn(frames, people, 3, generator=random, dtype=torch.float64)
    betas = torch.randn(people, model.shapes, generator=random, dtype=torch.float64)
    return BodyMotion(model, betas, rotations, translation, times, up=up)
