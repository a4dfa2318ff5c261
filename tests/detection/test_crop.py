"""A place in a crop is the place in the picture: no half pixel is lost, whatever the scale."""

import pytest
import torch

from lift3d.detection.box import Box
from lift3d.detection.crop import Crop, cut, square_crop


def ramps(width=240, height=200):
    """Red is the column, green the row."""
    rgb = torch.zeros(height, width, 3, dtype=torch.uint8)
    rgb[..., 0], rgb[..., 1] = torch.arange(width), torch.arange(height)[:, None]
    return rgb


@pytest.mark.parametrize("side", [48, 70, 97, 150])
@pytest.mark.parametrize("size", [32, 64, 128])
def test_what_is_cut_says_where_it_came_from(side, size):
    crop = Crop(31, 17, side)
    seen = (cut(ramps(), crop, size) + 1) * 127.5
    places = (torch.arange(size) + 0.5) / size
    expected = crop.to_picture(torch.stack([places, places], dim=-1))
    inner = slice(size // 8, -size // 8)  # at the very edge the filter has but one side
    errors = torch.stack([seen[0].mean(0) - expected[:, 0], seen[1].mean(1) - expected[:, 1]])[:, inner]
    assert errors.abs().max() <= 0.51  # colours are whole numbers
    assert errors.mean().abs() < 0.05


def test_edges_of_the_crop_are_edges_of_pixels():
    corners = Crop(10, 20, 100).to_picture(torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    assert corners.tolist() == [[9.5, 19.5], [109.5, 119.5]]


def test_whole_picture_is_seen_and_the_rest_is_black():
    white = torch.full((40, 80, 3), 255, dtype=torch.uint8)
    crop = square_crop(Box.whole(white))
    seen = cut(white, crop, 80)
    assert (crop.side, crop.left, crop.top) == (80, 0, -20)
    assert (seen[:, 20:60] == 1).all()
    assert (seen[:, :20] == -1).all()
    assert (seen[:, 60:] == -1).all()


def test_a_crop_beside_the_picture_is_black():
    assert (cut(ramps(), Crop(-300, 0, 100), 32) == -1).all()


def test_fine_stripes_turn_grey_not_into_a_false_pattern():
    stripes = torch.zeros(256, 256, 3, dtype=torch.uint8)
    stripes[:, ::2] = 255
    seen = cut(stripes, Crop(0, 0, 256), 40)
    assert seen[:, 5:-5, 5:-5].abs().max() < 0.05


def test_a_square_holds_the_box_in_its_middle():
    joints = torch.tensor([[100.0, 50.0], [140.0, 250.0], [120.0, 90.0]])
    crop = square_crop(Box.around(joints).grown(1.25))
    assert crop.side == 250
    middle = crop.to_picture(torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(middle, torch.tensor([120.0, 150.0]), rtol=0, atol=0.51)
    assert square_crop(Box.around(joints[:1])).side == 32


def test_a_box_on_the_way_to_another():
    here, there = Box(0, 0, 10, 20), Box(8, 4, 30, 40)
    assert here.towards(there, 0.25) == Box(2, 1, 15, 25)
    assert here.towards(there, 1) == there
    assert here.grown(3) == Box(-10, -20, 30, 60)


def test_from_the_picture_and_back():
    crop, pixels = Crop(-7, 12, 50), 60 * torch.rand(4, 3, 2, dtype=torch.float64)
    torch.testing.assert_close(crop.to_picture(crop.from_picture(pixels)), pixels)
    torch.testing.assert_close(crop.from_picture(torch.tensor([-7.5, 11.5])), torch.zeros(2))  # the top-left edge
