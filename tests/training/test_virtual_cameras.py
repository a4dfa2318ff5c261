"""Filming keeps the person as it is; bodies vary without losing their bones' directions."""

import math

import torch
from torch import Generator

from lift3d import get_skeleton
from lift3d.synthetic import walk
from lift3d.training.virtual_cameras import ViewSettings, film, vary_bodies

SKELETON = get_skeleton("human36m17")


def _people(frames: int = 40) -> torch.Tensor:
    return walk(frames=frames).positions[:, 0].float()


def _bones(people: torch.Tensor) -> torch.Tensor:
    parents, children = (list(ends) for ends in zip(*SKELETON.bones, strict=True))
    return people[:, children] - people[:, parents]


def test_filming_is_a_rigid_motion() -> None:
    people = _people()
    filmed = film(people, ViewSettings(), Generator().manual_seed(1))
    torch.testing.assert_close(torch.cdist(filmed, filmed), torch.cdist(people, people), atol=1e-4, rtol=0)
    turn = torch.linalg.lstsq(people - people[:, :1], filmed - filmed[:, :1]).solution.mT
    torch.testing.assert_close(torch.linalg.det(turn), torch.ones(len(people)), atol=1e-3, rtol=0)


def test_people_stand_upright_in_front_of_the_camera_within_the_distances() -> None:
    people = _people()
    settings = ViewSettings(distance_m=(4.0, 6.0), roll_deg=0.0)
    filmed = film(people, settings, Generator().manual_seed(2))
    head, pelvis = SKELETON.index("head"), SKELETON.root
    assert (filmed[:, head, 1] < filmed[:, pelvis, 1] - 0.3).all()  # y points down
    assert (filmed[..., 2] > 2).all()
    distance = filmed[:, pelvis].norm(dim=-1)
    assert distance.min() >= 4.0
    assert distance.max() <= math.hypot(6.0, 2.6)


def test_yaw_covers_the_circle() -> None:
    people = _people(1).expand(2000, -1, -1)
    filmed = film(people, ViewSettings(), Generator().manual_seed(3))
    across = filmed[:, SKELETON.index("left_hip")] - filmed[:, SKELETON.index("right_hip")]
    yaw = torch.atan2(across[:, 0], across[:, 2])
    counts = torch.histc(yaw, 8, -math.pi, math.pi)
    assert counts.min() > 150


def test_bodies_vary_by_symmetric_factors() -> None:
    people = _people()
    settings = ViewSettings(mirror=0, tilt_deg=0, body_scale=0.1, bone_scale=0.1)
    varied = vary_bodies(people, SKELETON, settings, Generator().manual_seed(4))
    before, after = _bones(people), _bones(varied)
    factors = after.norm(dim=-1) / before.norm(dim=-1)
    torch.testing.assert_close(after / factors[..., None], before, atol=1e-4, rtol=0)
    bones = [child for _, child in SKELETON.bones]
    twin = [bones.index(SKELETON.flip_order[child]) for child in bones]
    torch.testing.assert_close(factors, factors[:, twin], atol=1e-4, rtol=0)
    assert factors.std(0).min() > 0.02


def test_the_mirror_exchanges_the_sides_and_keeps_the_root() -> None:
    people = _people()
    settings = ViewSettings(mirror=1, tilt_deg=0, body_scale=0, bone_scale=0)
    mirrored = vary_bodies(people, SKELETON, settings, Generator().manual_seed(5))
    left, right = SKELETON.indices("left_wrist", "right_wrist")
    root = people[:, SKELETON.root]
    expected = (people[:, right] - root) * torch.tensor([-1.0, 1.0, 1.0]) + root
    torch.testing.assert_close(mirrored[:, left], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(mirrored[:, SKELETON.root], root)
