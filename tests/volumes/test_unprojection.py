"""Unprojection: points land in their cells, two routes agree, gradients are right, and the published numbers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_views import ring_projections
from torch import Tensor

from lift3d.errors import InputError
from lift3d.volumes import (
    AGGREGATIONS,
    Cuboid,
    map_projections,
    project_positions,
    sample_maps,
    unproject_maps,
    unproject_points,
    unprojection,
)

# Learnable triangulation's own functions on fixed inputs (unprojection, triangulation); numbers only.
ORACLES = {
    key: torch.from_numpy(value)
    for key, value in np.load(Path(__file__).parents[1] / "golden" / "learnable_triangulation_oracles.npz").items()
}
SIZE = (96, 80)  # width and height of the maps
PROJECTIONS = ring_projections(4, 4.0, SIZE, dtype=torch.float64)[None]


def drawn(pixels: Tensor, sigma: float, size: tuple[int, int] = SIZE) -> Tensor:
    """Gaussian maps (..., rows, columns) around pixels (..., 2)."""
    x, y = (torch.arange(side, dtype=pixels.dtype) for side in size)
    across = (x - pixels[..., 0, None]).square()[..., None, :]
    down = (y - pixels[..., 1, None]).square()[..., None]
    return torch.exp(-(across + down) / (2 * sigma**2))


def joints(count: int = 3) -> Tensor:
    return torch.rand(1, count, 3, dtype=torch.float64) - 0.5


def peak(volumes: Tensor) -> Tensor:
    """The highest cell (batch, channels, 3), along x, y, z."""
    size = volumes.shape[2:]
    flat = volumes.flatten(2).argmax(-1)
    return torch.stack(torch.unravel_index(flat, size), dim=-1)


def test_points_land_in_the_cells_that_they_are_in() -> None:
    """A joint at a cell's middle, not symmetric in x, y, z; the peak is there in the sum of the views alone."""
    cuboid = Cuboid.of(torch.tensor([[0.1, -0.2, 0.05]]).double(), 1.5, 16, torch.tensor([0.4]).double())
    cells = torch.tensor([[[3.0, 9, 12], [8, 5, 4]]]).double()
    maps = drawn(project_positions(cuboid.to_world(cells), PROJECTIONS), 2.0)
    volumes = unproject_maps(maps, PROJECTIONS, cuboid.positions())
    assert torch.equal(peak(volumes), cells.long())
    assert volumes[0, 0, 3, 9, 12] == pytest.approx(4.0, abs=0.3)


def test_volumes_turn_with_the_rig() -> None:
    """The same pictures, the world and the cuboid turned and moved: the same volumes."""
    angle = 0.7
    turn = torch.tensor([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
    shift = torch.tensor([0.5, -2, 0.3]).double()
    to_old = torch.eye(4).double()
    to_old[:3, :3], to_old[:3, 3] = turn.T, -(turn.T.double() @ shift)
    maps = torch.rand(1, 4, 2, 80, 96, dtype=torch.float64)
    before = Cuboid.of(torch.zeros(1, 3).double(), 1.0, 6)
    after = Cuboid.of(shift[None], 1.0, 6, torch.tensor([angle]).double())
    volumes = unproject_maps(maps, PROJECTIONS, before.positions())
    turned = unproject_maps(maps, PROJECTIONS @ to_old, after.positions())
    torch.testing.assert_close(turned, volumes, rtol=0, atol=1e-6)  # turn is float32


def test_the_sum_over_views_is_the_sum_of_single_views() -> None:
    maps, positions = torch.rand(1, 4, 2, 80, 96).double(), Cuboid.of(torch.zeros(1, 3).double(), 2.0, 5).positions()
    single = [unproject_maps(maps[:, [v]], PROJECTIONS[:, [v]], positions) for v in range(4)]
    torch.testing.assert_close(unproject_maps(maps, PROJECTIONS, positions), sum(single))
    stacked = torch.stack(single)
    torch.testing.assert_close(unproject_maps(maps, PROJECTIONS, positions, "max"), stacked.amax(0))


def test_pixels_of_maps_are_counted_from_the_middle_of_the_first_cell() -> None:
    """A map whose value is its column plus 100 times its row; beyond the outer cells it falls to 0."""
    maps = (torch.arange(6.0) + 100 * torch.arange(4.0)[:, None])[None, None, None]
    pixels = torch.tensor([[0.0, 0.0], [2.25, 1.5], [5.0, 3.0], [5.5, 3.0], [6.0, 3.0], [3.0, -1.0], [torch.nan, 0]])
    found = sample_maps(maps, pixels[None, None])
    torch.testing.assert_close(found[0, 0, 0], torch.tensor([0.0, 152.25, 305, 152.5, 0, 0, 0]))


def test_behind_the_camera_and_far_away_is_nothing() -> None:
    positions = torch.tensor([[[0.0, 0, 0], [8.0, 2.5, 1.7], [1e12, 0, 0], [0, 0, 1e12]]]).double()
    projections = ring_projections(1, 4.0, SIZE, dtype=torch.float64)[None]
    pixels = project_positions(positions, projections)
    assert pixels[0, 0].isnan().any(-1).tolist()[:2] == [False, True]
    volumes = unproject_maps(torch.ones(1, 1, 1, 80, 96).double(), projections, positions)
    assert volumes[0, 0].tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_missing_views_leave_no_trace(aggregation: str) -> None:
    """By mask or by NaN projection, with NaN in their maps; with none at all, 0."""
    maps, positions = torch.rand(1, 4, 2, 80, 96).double(), Cuboid.of(torch.zeros(1, 3).double(), 2.0, 5).positions()
    confidences = torch.rand(1, 4, 2).double()
    expected = unproject_maps(
        maps[:, :3], PROJECTIONS[:, :3], positions, aggregation, confidences=confidences[:, :3]
    )  # fmt: skip
    maps[:, 3] = torch.nan
    gone = PROJECTIONS.clone()
    gone[:, 3] = torch.nan
    seen = torch.tensor([[True, True, True, False]])
    by_mask = unproject_maps(maps, PROJECTIONS, positions, aggregation, seen=seen, confidences=confidences)
    by_projection = unproject_maps(maps, gone, positions, aggregation, confidences=confidences)
    nothing = unproject_maps(maps, gone * torch.nan, positions, aggregation, confidences=confidences)
    torch.testing.assert_close(by_mask, expected)
    torch.testing.assert_close(by_projection, expected)
    assert (nothing == 0).all()


@pytest.mark.parametrize("gradients", [True, False])
def test_parts_make_no_difference(gradients: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    maps, positions = torch.rand(1, 4, 2, 80, 96).double(), Cuboid.of(torch.zeros(1, 3).double(), 2.0, 5).positions()
    pixels, weights = project_positions(positions, PROJECTIONS), torch.rand(1, 4, 3).double()
    seen_at = project_positions(joints(), PROJECTIONS)
    whole = unproject_maps(maps, PROJECTIONS, positions, "softmax"), unproject_points(pixels, seen_at, weights, 3.0)
    monkeypatch.setattr(unprojection, "PART", 1 << 6)
    with torch.set_grad_enabled(gradients):
        again = unproject_maps(maps, PROJECTIONS, positions, "softmax"), unproject_points(pixels, seen_at, weights, 3.0)
    torch.testing.assert_close(again, whole)


@pytest.mark.parametrize("half_pixel", [True, False])
def test_maps_see_what_pictures_see(half_pixel: bool) -> None:
    """The corners of the picture, and where the two rules put them; s cells of 1/s."""
    image, maps = (96, 80), (20, 24)
    points = joints(6)
    in_picture = project_positions(points, PROJECTIONS)
    in_maps = project_positions(points, map_projections(PROJECTIONS, image, maps, half_pixel=half_pixel))
    published = in_picture * torch.tensor([23 / 96, 19 / 80])
    expected = (in_picture + 0.5) / 4 - 0.5 if half_pixel else published
    torch.testing.assert_close(in_maps, expected)


def test_a_map_of_any_size_shows_a_point_where_it_is() -> None:
    """A picture of its own columns, and of its own rows, made small by averaging, still says where a point is."""
    x, y = torch.arange(96).double(), torch.arange(80).double()
    fine = torch.stack([x.expand(80, 96), y[:, None].expand(80, 96)]).expand(4, 2, 80, 96)
    small = torch.nn.functional.avg_pool2d(fine, 4)[None]
    points = joints()
    pixels = project_positions(points, PROJECTIONS)
    for half_pixel in (True, False):
        to_maps = map_projections(PROJECTIONS, SIZE, (20, 24), half_pixel=half_pixel)
        found = sample_maps(small, project_positions(points, to_maps)).mT
        assert bool(((found - pixels).abs() < 1e-9).all()) == half_pixel


def test_detections_and_their_finely_drawn_maps_agree() -> None:
    """Two routes to the same volumes: by formula, and sampled from Gaussians drawn at 8 times the resolution."""
    cuboid = Cuboid.of(torch.zeros(1, 3).double(), 1.5, 8, torch.tensor([0.2]).double())
    detections = project_positions(joints(), PROJECTIONS) + torch.randn(1, 4, 3, 2).double()
    weights = torch.rand(1, 4, 3).double()
    exact = unproject_points(project_positions(cuboid.positions(), PROJECTIONS), detections, weights, 3.0)
    size = (8 * SIZE[0], 8 * SIZE[1])
    fine = map_projections(PROJECTIONS, SIZE, (size[1], size[0]))
    maps = drawn(8 * detections + 3.5, 24.0, size) * weights[..., None, None]
    inside = project_positions(cuboid.positions(), PROJECTIONS)
    assert ((inside > 0) & (inside < torch.tensor([95, 79]))).all()  # a picture has edges, a formula has none
    sampled = unproject_maps(maps, fine, cuboid.positions())
    assert exact.max() > 0.9
    torch.testing.assert_close(exact, sampled, rtol=0, atol=2e-3)


def test_missing_detections_and_cells_that_are_not_seen_count_nothing() -> None:
    pixels = torch.tensor([[[[10.0, 10.0], [torch.nan, torch.nan], [14.0, 13.0]]]])
    detections = torch.tensor([[[[10.0, 10.0], [torch.nan, torch.nan]]]])
    found = unproject_points(pixels, detections, torch.tensor([[[0.5, 1.0]]]), 5.0)
    torch.testing.assert_close(found[0, 0], torch.tensor([0.5, 0.0, 0.5 * math.exp(-0.5)]), rtol=1e-6, atol=1e-30)
    torch.testing.assert_close(found[0, 1], torch.zeros(3), rtol=0, atol=1e-30)
    each = unproject_points(pixels, detections, torch.tensor([[[0.5, 1.0]]]), torch.tensor([[[2.5, 1.0]]]))
    assert each[0, 0, 2] == pytest.approx(0.5 * math.exp(-2))
    for sigma in (0.0, -1.0, math.nan):
        with pytest.raises(InputError, match=r"sigma of .* px; expected more than 0"):
            unproject_points(pixels, detections, torch.ones(1, 1, 2), sigma)


def test_gradients_of_maps() -> None:
    cuboid = Cuboid.of(torch.zeros(1, 3).double(), 3.0, 3)
    maps = torch.rand(1, 4, 2, 10, 12, dtype=torch.float64, requires_grad=True)
    projections = map_projections(PROJECTIONS, SIZE, (10, 12)).requires_grad_()
    positions = (cuboid.positions() + 0.01).requires_grad_()
    for aggregation in ("sum", "softmax"):
        assert torch.autograd.gradcheck(
            lambda a, b, c, how=aggregation: unproject_maps(a, b, c, how), (maps, projections, positions), eps=1e-7
        )


def test_gradients_of_detections() -> None:
    """Finite, too, for cells behind a camera."""
    positions = torch.tensor([[[0.0, 0, 0], [0.1, 0.2, 0], [8.0, 2.5, 1.7]]]).double().requires_grad_()
    detections = project_positions(joints(2), PROJECTIONS).requires_grad_()
    weights = torch.rand(1, 4, 2, dtype=torch.float64, requires_grad=True)
    sigma = (torch.rand(1, 4, 2, dtype=torch.float64) * 5 + 10).requires_grad_()

    def volumes(*given: Tensor) -> Tensor:
        return unproject_points(project_positions(given[0], PROJECTIONS), *given[1:])

    assert torch.autograd.gradcheck(volumes, (positions, detections, weights, sigma))


def test_published_numbers() -> None:
    """24 x 24 maps of three views, with projections to their pixels, which the published code samples its own way."""
    given = {name: ORACLES[f"unprojection/in/{name}"] for name in ("heatmaps", "P", "grid", "conf")}
    projections = map_projections(given["P"], (24, 24), (24, 24), half_pixel=False)
    for name in ("sum", "max", "softmax", "conf"):
        found = unproject_maps(
            given["heatmaps"], projections, given["grid"].float()[None], name.replace("conf", "confidence"),
            confidences=given["conf"],
        )  # fmt: skip
        expected = ORACLES[f"unprojection/out/{name}"]
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
