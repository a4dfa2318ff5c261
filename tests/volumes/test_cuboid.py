"""Cells of cuboids: where they are, and back."""

from __future__ import annotations

import math

import pytest
import torch

from lift3d.errors import InputError
from lift3d.volumes import Cuboid


def test_cells_reach_from_face_to_face_along_x_y_and_z() -> None:
    cuboid = Cuboid.of(torch.tensor([[1.0, 2.0, 3.0]]), side=2.0, cells=5)
    positions = cuboid.positions()[0]
    assert positions.shape == (5, 5, 5, 3)
    torch.testing.assert_close(positions[0, 0, 0], torch.tensor([0.0, 1.0, 2.0]))
    torch.testing.assert_close(positions[4, 1, 2], torch.tensor([2.0, 1.5, 3.0]))
    torch.testing.assert_close(positions.mean((0, 1, 2)), torch.tensor([1.0, 2.0, 3.0]))
    assert cuboid.spacing == 0.5


def test_a_quarter_turn_about_z_brings_x_to_y() -> None:
    cuboid = Cuboid.of(torch.zeros(2, 3), 2.0, 3, torch.tensor([0.0, math.pi / 2]), axis=(0.0, 0.0, 7.0))
    still, turned = cuboid.positions()
    torch.testing.assert_close(still[2, 1, 1], torch.tensor([1.0, 0, 0]))
    torch.testing.assert_close(turned[2, 1, 1], torch.tensor([0.0, 1, 0]), rtol=0, atol=1e-6)
    torch.testing.assert_close(turned[1, 1, 2], torch.tensor([0.0, 0, 1]), rtol=0, atol=1e-6)


def test_places_in_cells_and_in_the_world_are_inverses() -> None:
    cuboid = Cuboid.of(torch.randn(3, 3).double(), 2.5, 64, torch.randn(3).double(), axis=(1.0, 2.0, -1.0))
    places = 63 * torch.rand(3, 7, 3).double()
    world = cuboid.to_world(places)
    torch.testing.assert_close(cuboid.to_cells(world), places)
    distances = [torch.cdist(one, one) for one in (world, places * cuboid.spacing)]
    torch.testing.assert_close(*distances)
    whole = torch.tensor([[5.0, 0, 62]]).double().expand(3, 1, 3)
    torch.testing.assert_close(cuboid.to_world(whole)[:, 0], cuboid.positions()[:, 5, 0, 62])


def test_cuboids_without_a_size_or_an_axis_are_refused() -> None:
    centre = torch.zeros(1, 3)
    for side, cells in ((0.0, 8), (-1.0, 8), (math.nan, 8), (1.0, 1)):
        with pytest.raises(InputError, match=r"expected a side above 0 and at least 2 cells"):
            Cuboid.of(centre, side, cells)
    for axis in ((0.0, 0.0, 0.0), (1.0, 0.0)):
        with pytest.raises(InputError, match=r"expected a direction \(x, y, z\)"):
            Cuboid.of(centre, 1.0, 8, axis=axis)
