"""Mirrored answers turned back: exact where cells lie as they should, and what the published shift does where not."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.heatmaps import decode_heatmaps, flip_averaged, unmirrored
from lift3d.heatmaps.cells import pixels_to_cells, pixels_to_fractions
from lift3d.heatmaps.decoders.integral import IntegralSettings
from lift3d.heatmaps.targets import gaussian_targets

# What published functions answered to fixed inputs; made by none of our code.
ORACLES = np.load(Path(__file__).parents[1] / "golden" / "heatmaps.npz")
ORDER = [0, 2, 1]  # a nose, and two eyes


def perfect_network(pixels, half_pixel, stride=4, depth=0):
    """Maps of a network that makes no mistake, for joints of a 192 x 256 input."""
    size = (depth,) * (depth > 0) + (256 // stride, 192 // stride)
    cells = pixels_to_cells(pixels, size, (192, 256), half_pixel=half_pixel)
    return gaussian_targets(cells, torch.ones_like(pixels[..., 0]), size, 2.0, rounded=False)[0]


def mirrored_joints(pixels):
    """The joints in the mirrored picture, left and right by their names there."""
    turned = pixels[:, ORDER].clone()
    turned[..., 0] = 191 - turned[..., 0]
    return turned


def read(maps, half_pixel):
    return decode_heatmaps(
        maps, "integral", (192, 256), half_pixel=half_pixel, settings=IntegralSettings(normalisation="sum")
    ).places


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_without_a_shift_it_is_exact_where_cells_lie_as_they_should(stride):
    pixels = torch.rand(5, 3, 2, dtype=torch.float64) * 40 + 75
    maps = perfect_network(pixels, True, stride)
    turned = unmirrored(perfect_network(mirrored_joints(pixels), True, stride), ORDER)
    torch.testing.assert_close(turned, maps)
    torch.testing.assert_close(flip_averaged(maps, turned.flip(-1)[:, ORDER], ORDER), maps)
    shifted = read(unmirrored(turned.flip(-1)[:, ORDER], ORDER, shift=True), True) - read(maps, True)
    torch.testing.assert_close(shifted[..., 0], torch.full((5, 3), float(stride)).double(), rtol=0, atol=1e-3)


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_the_published_rule_is_off_by_a_cell_less_a_pixel_and_the_shift_leaves_a_pixel(stride):
    pixels = torch.rand(5, 3, 2, dtype=torch.float64) * 40 + 75
    mirrored = perfect_network(mirrored_joints(pixels), False, stride)
    for shift, off in ((False, -(stride - 1)), (True, 1)):
        found = read(unmirrored(mirrored, ORDER, shift=shift), False)
        expected = pixels + torch.tensor([float(off), 0.0], dtype=torch.float64)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-3)


def test_volumes_are_mirrored_in_x_alone():
    pixels = torch.rand(2, 3, 3, dtype=torch.float64) * 40 + torch.tensor([75.0, 75.0, -20.0]).double()
    turned = unmirrored(perfect_network(mirrored_joints(pixels), True, depth=16), ORDER)
    torch.testing.assert_close(turned, perfect_network(pixels, True, depth=16))


def test_direct_places_are_mirrored_in_x_alone_and_never_shifted():
    pixels = torch.rand(2, 3, 3, dtype=torch.float64) * 40
    direct, mirrored = (pixels_to_fractions(own, (192, 256)) for own in (pixels, mirrored_joints(pixels)))
    torch.testing.assert_close(unmirrored(mirrored, ORDER, shift=True), direct)
    torch.testing.assert_close(flip_averaged(direct, mirrored, ORDER), direct)


@pytest.mark.parametrize("shift", [False, True])
def test_the_shift_moves_one_column_and_keeps_the_first(shift):
    maps = torch.rand(1, 3, 4, 6)
    turned = unmirrored(maps, ORDER, shift=shift)
    plain = maps[:, ORDER].flip(-1)
    assert torch.equal(turned[..., 0], plain[..., 0])
    assert torch.equal(turned[..., 1:], plain[..., :-1] if shift else plain[..., 1:])


def test_published_numbers():
    maps = torch.from_numpy(ORACLES["heatmap_decode/in/flipped"])[None]
    expected = torch.from_numpy(ORACLES["heatmap_decode/out/flip_back"])
    assert torch.equal(unmirrored(maps, ORDER), expected)
