"""A crop around a box and back: the published affine map, its inverse, and its turns and mirrorings.

``tests/golden/detection_oracles.npz`` holds what published functions (HRNet, COCO suppression, OpenPose grouping)
answered on fixed made-up inputs.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.detection.person_crop import person_crop
from lift3d.errors import InputError

ORACLES = np.load(Path(__file__).parents[1] / "golden" / "detection_oracles.npz")
SIZE = (48, 64)


def picture(width=160, height=120):
    """Smooth; no two places look alike."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    waves = [torch.sin(x / 9 + y / 13), torch.cos(x / 7 - y / 11), torch.sin((x + 2 * y) / 17)]
    return (torch.stack(waves, dim=-1) * 100 + 128).byte()


@pytest.mark.parametrize("case", range(3))
def test_the_published_affine_map_and_its_inverse(case):
    name = "heatmap_decode"
    size = tuple(ORACLES[f"{name}/in/output_size"].tolist())
    middle, extent = ORACLES[f"{name}/in/center"][case], 200 * ORACLES[f"{name}/in/scale"][case] / 1.25
    box = (*(middle - extent / 2).tolist(), *extent.tolist())
    crop = person_crop(box, size, 1.25, rotation_deg=float(ORACLES[f"{name}/in/rotations"][case]))
    np.testing.assert_allclose(crop.matrix.numpy(), ORACLES[f"{name}/out/affine"][case], rtol=0, atol=2e-5)
    pixels = 100 * torch.rand(9, 2, dtype=torch.float64)
    back = ORACLES[f"{name}/out/affine_inv"][case]
    expected = pixels.numpy() @ back[:, :2].T + back[:, 2]
    np.testing.assert_allclose(crop.to_picture(pixels).numpy(), expected, rtol=0, atol=1e-3)


def test_there_and_back():
    crop = person_crop((13, 7, 40, 31), SIZE, 1.3, rotation_deg=37, mirrored=True, shift=(0.1, -0.2))
    pixels = torch.randn(4, 5, 2, dtype=torch.float64) * 50
    torch.testing.assert_close(crop.to_picture(crop.to_input(pixels)), pixels)
    assert crop.to_input(torch.full((2,), torch.nan)).isnan().all()


def test_the_shorter_side_grows_and_then_all():
    tall, wide = person_crop((10, 20, 10, 60), SIZE, 1.0), person_crop((10, 20, 60, 10), SIZE, 1.0)
    assert tall.matrix[0, 0].item() == pytest.approx(64 / 60)
    assert wide.matrix[0, 0].item() == pytest.approx(48 / 60)
    assert person_crop((10, 20, 10, 60), SIZE, 2.0).matrix[1, 1].item() == pytest.approx(64 / 120)
    middle = torch.tensor([15.0, 50.0])
    torch.testing.assert_close(tall.to_input(middle), torch.tensor([24.0, 32.0]))


def test_mirroring_exchanges_the_sides_about_the_middle():
    box, pixels = (13, 7, 40, 31), 50 * torch.rand(6, 2, dtype=torch.float64)
    plain, mirrored = person_crop(box, SIZE).to_input(pixels), person_crop(box, SIZE, mirrored=True).to_input(pixels)
    torch.testing.assert_close(mirrored, torch.stack([SIZE[0] - plain[:, 0], plain[:, 1]], dim=-1))


def test_turning_is_counter_clockwise_as_seen():
    crop = person_crop((0, 0, 48, 64), SIZE, 1.0, rotation_deg=90)
    right_of_middle = torch.tensor([34.0, 32.0])
    torch.testing.assert_close(crop.to_input(right_of_middle), torch.tensor([24.0, 22.0]))


def test_shifting_moves_the_crop_not_the_person():
    crop = person_crop((0, 0, 48, 64), SIZE, 1.0, shift=(0.25, -0.5))
    torch.testing.assert_close(crop.to_input(torch.tensor([24.0, 32.0])), torch.tensor([12.0, 64.0]))


@pytest.mark.parametrize("options", [{}, {"rotation_deg": 25.0}, {"mirrored": True}, {"shift": (0.6, -0.7)}])
def test_cutting_agrees_with_opencv(options):
    import cv2

    rgb = picture()
    crop = person_crop((70, 40, 50, 45), SIZE, 1.25, **options)
    theirs = cv2.warpAffine(rgb.numpy(), crop.matrix.numpy(), SIZE, flags=cv2.INTER_LINEAR)
    difference = np.abs(crop.cut(rgb).numpy().astype(int) - theirs.astype(int))
    assert difference.max() <= 6  # OpenCV's places are whole 32nds of a pixel
    assert difference.mean() < 0.5


def test_a_crop_that_changes_nothing_is_the_picture_itself():
    rgb = picture(48, 64)
    assert torch.equal(person_crop((0, 0, 48, 64), SIZE, 1.0).cut(rgb), rgb)


def test_beyond_the_picture_is_black():
    rgb = torch.full((64, 48, 3), 200, dtype=torch.uint8)
    half = person_crop((24, 0, 48, 64), SIZE, 1.0).cut(rgb)
    assert (half[:, :24] == 200).all()
    assert (half[:, 24:] == 0).all()
    for left in (-500, 500):
        assert (person_crop((left, 0, 48, 64), SIZE, 1.0).cut(rgb) == 0).all()


@pytest.mark.parametrize("box", [(0, 0, 0, 5), (0, 0, 5, -1), (float("nan"), 0, 5, 5)])
def test_a_box_without_area_is_refused(box):
    with pytest.raises(InputError, match="above 0"):
        person_crop(box, SIZE)
