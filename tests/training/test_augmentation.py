"""Looks at people: the plain one, and how far others go from it."""

import math

import pytest
import torch
from torch import Generator

from lift3d.datasets.labelled_pictures import LabelledPerson
from lift3d.detection.person_crop import person_crop
from lift3d.skeletons import get_skeleton
from lift3d.training.augmentation import AugmentationSettings, Look, look_at

COCO = get_skeleton("coco17")
NONE = AugmentationSettings(scale=0.0, turned=0.0, shift=0.0, mirror=0.0, half_body=0.0, light=0.0)
SIZE = (48, 64)


def _person(labelled: int = 17) -> LabelledPerson:
    """A person 100 x 200 pixels large, joints in rows from top to bottom."""
    rows = torch.arange(17.0)
    pixels = torch.stack([60 + 20 * (rows % 2), 50 + 12 * rows], dim=-1)
    seen = (torch.arange(17) < labelled).int() * 2
    return LabelledPerson(0, (20.0, 40.0, 100.0, 200.0), pixels, seen, 2e4, None, None)


def _looks(count: int = 400, **settings: float) -> list[Look]:
    generator = Generator().manual_seed(0)
    own = AugmentationSettings(**{**vars(NONE), **settings})
    return [look_at(_person(), COCO, SIZE, 1.25, own, generator) for _ in range(count)]


def _scales(looks: list[Look]) -> torch.Tensor:
    return torch.stack([torch.linalg.det(look.crop.matrix[:, :2]).abs().sqrt() for look in looks])


def test_the_plain_look_is_the_published_crop() -> None:
    plain = person_crop(_person().box, SIZE, 1.25).matrix
    for settings in (None, NONE):
        look = look_at(_person(), COCO, SIZE, 1.25, settings, Generator().manual_seed(1))
        torch.testing.assert_close(look.crop.matrix, plain)
        assert not look.mirrored
        assert look.gain.tolist() == [1.0, 1.0, 1.0]


def test_sizes_turns_and_shifts_spread_as_they_say() -> None:
    plain = _scales(_looks(1))
    factors = (plain / _scales(_looks(scale=0.2))).double()
    assert 0.8 - 1e-6 < factors.min() < 0.82
    assert 1.18 < factors.max() < 1.2 + 1e-6
    assert factors.log().std().item() == pytest.approx(0.15, abs=0.03)  # a normal of 0.2, cut at one deviation
    turns = torch.tensor([math.degrees(math.atan2(look.crop.matrix[0, 1], look.crop.matrix[0, 0]))
                          for look in _looks(1000, turned=0.6, turn_deg=20.0)])  # fmt: skip
    assert (turns == 0).float().mean().item() == pytest.approx(0.4, abs=0.05)
    assert turns.abs().max() <= 40.001
    assert turns[turns != 0].std().item() == pytest.approx(19, abs=2)
    middles = torch.stack([look.crop.to_picture(torch.tensor([24.0, 32.0])) for look in _looks(shift=0.1)])
    size = torch.tensor([187.5, 250.0])  # of the grown box
    spread = (middles - torch.tensor([70.0, 140.0])).std(0) / size
    torch.testing.assert_close(spread, torch.full((2,), 0.1), atol=0.01, rtol=0)


def test_half_of_a_body_is_above_or_below_the_hips() -> None:
    looks = _looks(half_body=1.0)
    middles = torch.stack([look.crop.to_picture(torch.tensor([24.0, 32.0]))[1] for look in looks])
    upper, lower = 50 + 12 * 10 / 2, 50 + 12 * (11 + 16) / 2  # joints 0 to 10, and 11 to 16
    assert sorted(set(middles.round().int().tolist())) == [int(upper), int(lower)]
    assert (middles < 150).float().mean().item() == pytest.approx(0.5, abs=0.08)
    few = look_at(_person(8), COCO, SIZE, 1.25, AugmentationSettings(**{**vars(NONE), "half_body": 1.0}), Generator())
    torch.testing.assert_close(few.crop.matrix, _looks(1)[0].crop.matrix)


def test_light_and_mirror() -> None:
    looks = _looks(2000, light=0.2, mirror=0.25)
    gains = torch.stack([look.gain for look in looks]).log()
    assert gains.mean().abs() < 0.02
    assert gains.std(0).mean().item() == pytest.approx(0.2 * math.sqrt(1.25), abs=0.02)
    assert torch.corrcoef(gains.T)[0, 1].item() == pytest.approx(0.8, abs=0.05)
    mirrored = torch.tensor([look.mirrored for look in looks])
    assert mirrored.float().mean().item() == pytest.approx(0.25, abs=0.04)
    signs = torch.stack([torch.linalg.det(look.crop.matrix[:, :2]).sign() for look in looks])
    assert ((signs < 0) == mirrored).all()
