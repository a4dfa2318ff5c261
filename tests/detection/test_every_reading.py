"""Every reading finds what is drawn where it is drawn, in the colours and cells that its checkpoint says.

The networks here are made up: they find dots by their colour.
"""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from drawn_crowd import crowd, crowd_maps, in_order

from lift3d.checkpoints import Checkpoint
from lift3d.detection.box import Box
from lift3d.detection.readings import Model, all_readings, check_detector, open_reading
from lift3d.errors import InputError, SettingsError
from lift3d.settings import to_mapping
from lift3d.skeletons import Skeleton, get_skeleton

FACE = Skeleton("face", ("nose", "left_eye", "right_eye"), (-1, 0, 0))
COLOURS = torch.eye(3)  # the nose is red, the left eye green, the right eye blue
MEAN, STD = (0.4, 0.3, 0.2), (0.2, 0.1, 0.3)


@dataclass(frozen=True)
class NoSettings:
    """Of a made-up network."""


def checkpoint(skeleton, **encoding: Any):
    return Checkpoint(torch.nn.Identity(), NoSettings(), "made_up", skeleton, skeleton, encoding)


def drawn(dots, width, height):
    """A picture with a soft dot (radius 4) of each joint's colour."""
    y, x = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
    away = (x - dots[:, 0, None, None]) ** 2 + (y - dots[:, 1, None, None]) ** 2
    return (255 * torch.einsum("jhw,jc->hwc", torch.exp(-away / 32), COLOURS.double())).clamp(0, 255).byte()


def finds_dots(colour, half_pixel, mirror):
    """A network that undoes the normalisation; each joint's heatmap is its colour, in cells of 4 pixels.

    With ``mirror`` it knows left from right in the second half of the pictures, which are mirrored.
    """
    mean, std = (torch.tensor(own)[:, None, None] for own in (MEAN, STD))

    def run(images):
        values = images * std + mean
        values = values.flip(1) if colour == "bgr" else values
        maps = F.avg_pool2d(values, 4) if half_pixel else F.avg_pool2d(values, 5, stride=4, padding=2)  # around 4 c
        if mirror:
            plain, mirrored = maps.chunk(2)
            maps = torch.cat([plain, mirrored[:, list(FACE.flip_order)]])
        return (maps.clamp(min=0),)

    return run


@pytest.mark.parametrize("half_pixel", [True, False])
@pytest.mark.parametrize("colour", ["rgb", "bgr"])
@pytest.mark.parametrize("mirror", [True, False])
def test_top_down(colour, half_pixel, mirror):
    dots = torch.tensor([[150.0, 130.0], [171.0, 105.0], [132.0, 108.0]]).double()
    own = checkpoint(
        FACE, name="top_down", image_size=[96, 128], colour=colour, mean=list(MEAN), std=list(STD),
        decoding="dark", half_pixel=half_pixel, flip_shift=not half_pixel,
    )  # fmt: skip
    reading = open_reading(Model(own, finds_dots(colour, half_pixel, mirror), mirror))
    assert (reading.search, reading.box_scale) == (None, 1.25)
    picture, boxes = drawn(dots, 320, 240), [Box(105, 70, 90, 100), Box(100, 60, 110, 130)]
    quarter_cell_left = mirror and not half_pixel  # as lift3d.heatmaps.flips says; the mean has half of it
    for found in reading.look([picture, picture], boxes, [None, None]):
        torch.testing.assert_close(found.pixels, dots, rtol=0, atol=0.65 if quarter_cell_left else 0.1)
        assert (found.scores > 0.5).all()


def test_top_down_of_places_from_0_to_1():
    own = checkpoint(FACE, name="top_down", image_size=[96, 128], decoding="direct")
    places = torch.tensor([[0.5, 0.5], [0.75, 0.25], [0.25, 0.25]])
    run = lambda images: (places.expand(len(images), 3, 2),)  # noqa: E731
    reading = open_reading(Model(own, run, mirror=True))
    (found,) = reading.look([torch.zeros(240, 320, 3).byte()], [Box(52, 26, 96, 128)], [None])
    expected = torch.tensor([[99.5, 89.5], [123.5, 57.5], [75.5, 57.5]])  # a pixel of the input is one of the picture
    torch.testing.assert_close(found.pixels, expected.double(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("mirror", [True, False])
def test_bottom_up(mirror):
    truth = crowd(3)  # in an input of 720 x 880; the picture is twice as large
    maps = crowd_maps(truth)
    turned = torch.stack([720 - 1 - truth[..., 0], truth[..., 1]], dim=-1)[:, list(get_skeleton("body18").flip_order)]
    both = [torch.stack(parts) for parts in zip(maps, crowd_maps(turned), strict=True)]
    seen = []

    def run(images):
        seen.append(images)
        return tuple(own[: len(images)] for own in both)

    own = checkpoint(get_skeleton("body18"), name="bottom_up", image_height=880, mean=list(MEAN), std=list(STD))
    reading = open_reading(Model(own, run, mirror))
    assert reading.look is None
    picture = torch.tensor([255, 0, 128]).byte().expand(1760, 1440, 3)
    (found,) = reading.search([picture])
    pixels = torch.stack([joints.pixels for joints in found])
    torch.testing.assert_close(in_order(pixels / 2), in_order(2 * truth + 0.5) / 2, rtol=0, atol=0.2)
    assert seen[0].shape == (1 + mirror, 3, 880, 720)
    bgr = (torch.tensor([128 / 255, 0.0, 1.0]) - torch.tensor(MEAN)) / torch.tensor(STD)
    torch.testing.assert_close(seen[0][0, :, 5, 5], bgr)


def test_bottom_up_fills_up_to_whole_cells():
    sizes = []

    def run(images):
        sizes.append(tuple(images.shape[-2:]))
        rows, columns = (side // 8 for side in sizes[-1])
        return torch.zeros(len(images), 19, rows, columns), torch.zeros(len(images), 38, rows, columns)

    own = checkpoint(get_skeleton("body18"), name="bottom_up")
    for picture in (torch.zeros(512, 600, 3), torch.zeros(256, 3, 3)):
        assert open_reading(Model(own, run, mirror=False)).search([picture.byte()]) == [[]]
    assert sizes == [(256, 304), (256, 8)]


@pytest.mark.parametrize("name", all_readings())
def test_defaults_are_complete_settings_of_their_own(name):
    entry = all_readings()[name]
    assert entry.about.endswith(".")
    assert to_mapping(entry.settings()) is not None
    check_detector(checkpoint(FACE, name=name))


def test_what_is_no_detector_or_for_another_version_is_refused():
    with pytest.raises(InputError, match="made_up, which is no detector"):
        check_detector(checkpoint(FACE, name="window"))
    with pytest.raises(InputError, match="no detector"):
        open_reading(Model(checkpoint(FACE), torch.relu, mirror=False))
    with pytest.raises(SettingsError, match=r"'top_down'.*box_size"):
        open_reading(Model(checkpoint(FACE, name="top_down", box_size=3), torch.relu, mirror=False))
    for wrong in (
        {"image_size": [3]},
        {"box_scale": 0.0},
        {"mean": [0.5]},
        {"std": [1.0, 1.0, 0.0]},
        {"colour": "bgx"},
    ):
        with pytest.raises((InputError, SettingsError)):
            open_reading(Model(checkpoint(FACE, name="top_down", **wrong), torch.relu, mirror=False))
