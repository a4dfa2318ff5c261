"""Virtual rigs: their calibrations say what they film, and by how much not."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Generator

from lift3d import get_skeleton
from lift3d.errors import SettingsError
from lift3d.geometry.rotations import matrix_to_rotvec
from lift3d.training.virtual_rigs import Filmed, RigSettings, film_with_rigs

_SKELETON = get_skeleton("human36m17")


def _filmed(settings: RigSettings, views: int = 4, count: int = 50) -> Filmed:
    generator = Generator().manual_seed(0)
    positions = torch.tensor([30.0, -20.0, 1.0]) + 0.4 * torch.randn(count, 5, 17, 3, generator=generator)
    return film_with_rigs(positions, views, _SKELETON, settings, generator)


def test_the_calibration_takes_positions_to_what_the_cameras_see() -> None:
    filmed = _filmed(RigSettings())
    seen = filmed.positions[:, :, None] @ filmed.rotation.mT[:, None] + filmed.translation[:, None, :, None]
    assert torch.allclose(seen, filmed.joints, atol=1e-5)


def test_cameras_are_proper_and_look_at_the_person_who_is_at_the_origin() -> None:
    filmed = _filmed(RigSettings(aside_m=0.0, roll_deg=0.0))
    assert torch.allclose(filmed.rotation @ filmed.rotation.mT, torch.eye(3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(filmed.rotation), torch.ones(50, 4), atol=1e-5)
    root = filmed.positions[:, :, 0].mean(1)
    assert root[:, :2].abs().max() < 1e-4
    middle = filmed.joints[..., 0, :].mean(1)  # of the root, in each camera
    assert middle[..., :2].abs().max() < 1e-4
    assert middle[..., 2].min() > 1.0
    assert (filmed.rotation[..., 1, 2] < 0).all()  # the camera's y points down


def test_cameras_stand_evenly_or_anywhere_and_within_their_bounds() -> None:
    settings = RigSettings(even=1.0, unevenness_deg=0.0, distance_m=(3.0, 4.0), height_m=(1.0, 2.0))
    filmed = _filmed(settings, views=3)
    eye = -(filmed.rotation.mT @ filmed.translation[..., None])[..., 0]
    yaw = torch.atan2(eye[..., 1], eye[..., 0])
    apart = torch.remainder(yaw - yaw.roll(1, dims=1), 2 * math.pi)
    assert torch.allclose(apart, torch.full_like(apart, 2 * math.pi / 3), atol=1e-4)
    assert eye[..., 2].min() >= 1.0
    assert eye[..., 2].max() <= 2.0
    distance = eye[..., :2].norm(dim=-1)
    assert distance.min() > 2.999
    assert distance.max() < 4.0 + 4.0  # the person moves about
    anywhere = _filmed(replace(settings, even=0.0), views=3)
    other = -(anywhere.rotation.mT @ anywhere.translation[..., None])[..., 0]
    assert torch.atan2(other[..., 1], other[..., 0]).std() > 1.0


def test_a_bad_calibration_is_off_by_what_was_asked_for() -> None:
    settings = RigSettings()
    good = _filmed(settings, count=2000)
    bad = _filmed(replace(settings, turned_deg=0.5, moved_m=0.01), count=2000)
    assert torch.equal(good.joints, bad.joints)
    turned = matrix_to_rotvec(bad.rotation @ good.rotation.mT)
    assert turned.std().item() == pytest.approx(math.radians(0.5), rel=0.05)
    stands = [-(filmed.rotation.mT @ filmed.translation[..., None])[..., 0] for filmed in (good, bad)]
    assert (stands[1] - stands[0]).std().item() == pytest.approx(0.01, rel=0.05)


def test_rigs_of_one_camera_are_refused() -> None:
    with pytest.raises(SettingsError, match="fewest and the most"):
        RigSettings(views=(1, 4))
    with pytest.raises(SettingsError, match="fewest and the most"):
        RigSettings(views=(5, 4))
