"""Every decoder finds what was drawn, each as finely as it should; the published numbers; what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.heatmaps import all_decoders, decode_heatmaps
from lift3d.heatmaps.cells import pixels_to_cells
from lift3d.heatmaps.decoders.dark import DarkSettings
from lift3d.heatmaps.decoders.integral import IntegralSettings
from lift3d.heatmaps.offsets import offset_votes
from lift3d.heatmaps.targets import gaussian_targets

# What published functions answered to fixed inputs; made by none of our code.
ORACLES = np.load(Path(__file__).parents[1] / "golden" / "heatmaps.npz")
SIZE = (192, 256)


def drawn(pixels, half_pixel, sigma=2.0, rounded=False, size=(64, 48)):
    """Gaussian maps of joints at pixels of a 192 x 256 input, float64."""
    cells = pixels_to_cells(pixels, size, SIZE, half_pixel=half_pixel)
    return gaussian_targets(cells, torch.ones(pixels.shape[:-1]).double(), size, sigma, rounded=rounded)[0]


def some_pixels(batch=8, joints=17, axes=2):
    """Far enough from the edges for their Gaussians, in depth around the root."""
    share = torch.rand(batch, joints, axes, dtype=torch.float64)
    return share * torch.tensor([110, 170, 80][:axes]) + torch.tensor([40, 40, -40][:axes])


@pytest.mark.parametrize("half_pixel", [True, False])
@pytest.mark.parametrize(
    ("name", "worst", "settings"),
    [
        ("argmax", 2.0, None),
        ("quarter", 1.0, None),
        ("dark", 0.05, None),
        ("dark", 1e-6, DarkSettings(kernel=1)),
        ("integral", 1e-3, IntegralSettings(normalisation="sum")),
        ("integral", 0.2, IntegralSettings(normalisation="sum", radius=6)),
    ],
)
def test_each_finds_a_drawn_joint_under_both_rules(name, worst, settings, half_pixel):
    pixels = some_pixels()
    maps = drawn(pixels, half_pixel)
    found, scores = decode_heatmaps(maps, name, SIZE, half_pixel=half_pixel, settings=settings)
    assert (found - pixels).abs().max() <= worst + 1e-9
    assert ((scores > 0) & (scores <= 1)).all()
    wrongly, _ = decode_heatmaps(maps, name, SIZE, half_pixel=not half_pixel, settings=settings)
    sign = 1 if half_pixel else -1
    torch.testing.assert_close(found - wrongly, torch.full_like(found, sign * 1.5))  # (stride - 1) / 2


@pytest.mark.parametrize(("name", "worst"), [("argmax", 3.0), ("quarter", 1.5), ("integral", 1e-2)])
def test_volumes_too(name, worst):
    pixels = some_pixels(2, 4, axes=3)
    maps = drawn(pixels, True, size=(32, 64, 48))
    settings = IntegralSettings(normalisation="sum") if name == "integral" else None
    found, _ = decode_heatmaps(maps, name, SIZE, settings=settings)
    assert (found - pixels).abs().max() <= worst + 1e-9


@pytest.mark.parametrize("name", sorted({*all_decoders()} - {"hourglass"}))
def test_mirrored_maps_give_mirrored_joints(name):
    maps = drawn(some_pixels(), True) + 0.01 * torch.rand(8, 17, 64, 48, dtype=torch.float64)
    found, scores = decode_heatmaps(maps, name, SIZE)
    mirrored, same = decode_heatmaps(maps.flip(-1), name, SIZE)
    torch.testing.assert_close(mirrored[..., 0], 191 - found[..., 0], rtol=0, atol=1e-6)
    torch.testing.assert_close(mirrored[..., 1], found[..., 1], rtol=0, atol=1e-6)
    torch.testing.assert_close(same, scores)


def test_dark_needs_its_blur_where_maps_are_noisy():
    pixels = some_pixels(20)
    maps = drawn(pixels, False, rounded=False)
    noisy = (maps + 0.03 * torch.randn(maps.shape, dtype=torch.float64)).clamp_min(1e-4)
    error = {
        kernel: (decode_heatmaps(noisy, "dark", SIZE, half_pixel=False, settings=DarkSettings(kernel))[0] - pixels)
        .norm(dim=-1).mean()
        for kernel in (1, 11)
    }  # fmt: skip
    quarter = (decode_heatmaps(noisy, "quarter", SIZE, half_pixel=False)[0] - pixels).norm(dim=-1).mean()
    assert error[11] < 0.5 * error[1]
    assert error[11] < 0.5 * quarter


def test_dark_goes_to_the_top_of_a_slanted_gaussian_in_one_step():
    centre = torch.tensor([20.3, 30.4], dtype=torch.float64)
    y, x = torch.meshgrid(torch.arange(64).double(), torch.arange(48).double(), indexing="ij")
    along, across = (x - centre[0] + y - centre[1]) / 2**0.5, (x - centre[0] - y + centre[1]) / 2**0.5
    maps = torch.exp(-(along**2) / 8 - across**2 / 18)[None, None]
    found, _ = decode_heatmaps(maps, "dark", SIZE, half_pixel=False, settings=DarkSettings(1))
    torch.testing.assert_close(found[0, 0], 4 * centre)


def test_dark_stays_at_the_peak_where_there_is_no_top():
    maps = torch.zeros(1, 3, 64, 48, dtype=torch.float64)
    maps[0, 0, 0, 5] = 1.0  # at the edge
    maps[0, 1, 30, :] = 1.0  # a ridge
    maps[0, 2] = -1.0  # nothing anywhere
    found, _ = decode_heatmaps(maps, "dark", SIZE, half_pixel=False, settings=DarkSettings(1))
    assert found[0].tolist() == [[20, 0], [0, 120], [0, 0]]


def test_published_numbers():
    """HRNet's highest cell, and its quarter shift, brought back into pictures with its rule for boxes."""
    maps = torch.from_numpy(ORACLES["heatmap_decode/in/heatmaps"])
    found, scores = decode_heatmaps(maps, "argmax", SIZE, half_pixel=False)
    np.testing.assert_array_equal(found.numpy() / 4, ORACLES["heatmap_decode/out/argmax"])
    np.testing.assert_array_equal(scores.numpy(), ORACLES["heatmap_decode/out/maxvals"][..., 0])
    quarter = decode_heatmaps(maps, "quarter", SIZE, half_pixel=False).places.numpy() / 4
    centre, scale = (ORACLES[f"heatmap_decode/in/{name}"][:, None] for name in ("center", "scale"))
    final = centre + (quarter - [24, 32]) * (200 * scale[..., :1] / 48)
    np.testing.assert_allclose(final, ORACLES["heatmap_decode/out/final"], rtol=0, atol=1e-3)


def test_the_hourglass_adds_half_a_cell():
    maps = torch.randn(2, 5, 64, 48)
    quarter = decode_heatmaps(maps, "quarter", SIZE, half_pixel=False).places
    assert torch.equal(decode_heatmaps(maps, "hourglass", SIZE, half_pixel=False).places, quarter + 2)


def test_direct_places_are_fractions():
    places, scores = decode_heatmaps(torch.tensor([[[0.0, 1.0, 0.5]]]), "direct", SIZE, depth=100.0)
    assert places.tolist() == [[[-0.5, 255.5, 0.0]]]
    assert scores.tolist() == [[1.0]]


def test_the_integrals_score_is_the_probability_around_its_peak():
    logits = torch.full((1, 2, 9, 9), -50.0)
    logits[0, 0, 4, 4] = 50.0
    logits[0, 1, 1, 1] = logits[0, 1, 7, 7] = 50.0
    _, scores = decode_heatmaps(logits, "integral", (36, 36))
    torch.testing.assert_close(scores, torch.tensor([[1.0, 0.5]]))


def test_offsets_vote_for_the_joint():
    """Every cell's offset leads to one place, so that the cell that is chosen does not matter."""
    truth = torch.tensor([10.3, 7.8], dtype=torch.float64)
    y, x = torch.meshgrid(torch.arange(12).double(), torch.arange(16).double(), indexing="ij")
    offsets = (truth[:, None, None] - torch.stack([x, y]))[None, None]
    probabilities = torch.rand(1, 1, 12, 16, dtype=torch.float64)
    for radius in (0, 1, 3):
        for cell in ([10, 8], [3, 2], [15, 11]):
            found = offset_votes(probabilities, offsets, torch.tensor([[cell]]), radius)
            torch.testing.assert_close(found, truth[None, None])


def test_what_does_not_fit_is_refused():
    maps = torch.zeros(1, 2, 8, 8)
    with pytest.raises(UnknownNameError, match="Did you mean 'quarter'"):
        decode_heatmaps(maps, "quarters", SIZE)
    with pytest.raises(ShapeError, match="direct head"):
        decode_heatmaps(maps, "direct", SIZE)
    with pytest.raises(ShapeError, match="rows, columns"):
        decode_heatmaps(maps[:, :, None], "dark", SIZE)
    with pytest.raises(InputError, match="expected IntegralSettings"):
        decode_heatmaps(maps, "integral", SIZE, settings=DarkSettings())
    with pytest.raises(InputError, match="odd"):
        DarkSettings(4)
    with pytest.raises(InputError, match="above 0"):
        IntegralSettings(temperature=0.0)
    with pytest.raises(UnknownNameError, match="lowest"):
        IntegralSettings(correction="low")
