"""IUV pictures: charts that are charts, triangles where they are seen, pixels that say where they are on the body."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lift3d.bodies import BodyModel, BodyMotion
from lift3d.cameras import Camera, CameraRig
from lift3d.compiled.rasterising import nearest_triangles
from lift3d.errors import InputError
from lift3d.formats import read_body
from lift3d.surfaces import PARTS, Charts, body_charts, render_iuv, save_iuv


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return read_body().to(torch.float64)


@pytest.fixture(scope="module")
def charts(body: BodyModel) -> Charts:
    return body_charts(body)


def camera(
    yaw: float, focal: float = 1500, size: tuple[int, int] = (900, 1400), lens: tuple[float, ...] = ()
) -> Camera:
    """A camera 3 m from the origin in a world with y up, looking at it; from where +z is, for a yaw of 0."""
    forward = torch.tensor([-math.sin(yaw), 0.0, -math.cos(yaw)], dtype=torch.float64)
    down = torch.tensor([0.0, -1.0, 0.0], dtype=torch.float64)
    rotation = torch.stack([torch.linalg.cross(down, forward), down, forward])
    middle = [(side - 1) / 2 for side in size]
    intrinsics = [[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1]]
    return Camera.of(intrinsics, lens, rotation, rotation @ forward * 3, image_size=size)


# --- charts


def test_every_triangle_has_a_part_and_all_parts_occur(body: BodyModel, charts: Charts) -> None:
    assert charts.parts.unique().tolist() == list(range(1, 25))
    assert len(PARTS) == 25
    assert charts.parts.shape == (len(body.faces),)
    for part in range(1, 25):
        uv = charts.uv[charts.parts == part]
        assert uv.flatten(0, 1).amin(0).tolist() == pytest.approx([0, 0], abs=1e-6)
        assert uv.flatten(0, 1).amax(0).tolist() == pytest.approx([1, 1], abs=1e-6)


def test_parts_lie_where_their_numbers_say(body: BodyModel, charts: Charts) -> None:
    """By DensePose's numbers: x is the body's left, y up, z forward."""
    centres = body.template[body.faces].mean(1)
    places = {part: centres[charts.parts == part].mean(0) for part in range(1, 25)}
    for right, left in (
        (3, 4),
        (6, 5),
        (7, 8),
        (9, 10),
        (11, 12),
        (13, 14),
        (16, 15),
        (18, 17),
        (20, 19),
        (22, 21),
        (23, 24),
    ):
        assert places[right][0] < 0 < places[left][0]
        assert places[right][1:].tolist() == pytest.approx(places[left][1:].tolist(), abs=0.01)
    for back, front in ((1, 2), (7, 9), (8, 10), (11, 13), (12, 14), (17, 15), (18, 16), (21, 19), (22, 20)):
        assert places[back][2] < places[front][2]
    heights = [places[part][1] for part in (24, 2, 10, 14, 5)]
    assert heights == sorted(heights, reverse=True)
    assert places[15][0] < places[19][0] < places[4][0]


def test_neighbours_within_a_part_have_the_same_coordinates(body: BodyModel, charts: Charts) -> None:
    """A vertex has one (u, v) in all triangles of a part: a chart is in one piece, but for where hands are cut open."""
    cut = [PARTS.index(f"{side}_{limb}") for side in ("left", "right") for limb in ("hand", "foot")]
    flat, parts = body.faces.flatten(), charts.parts.repeat_interleave(3)
    keys = flat * 25 + parts
    order = keys.argsort()
    same = keys[order][1:] == keys[order][:-1]
    away = (charts.uv.flatten(0, 1)[order].diff(dim=0)).abs().amax(-1)[same]
    of_cut = torch.isin(parts[order][1:][same], torch.tensor(cut))
    assert int((away[~of_cut] > 0.02).sum()) <= 1  # in the middle of the crotch, where the trunk's axis comes out
    assert (away[of_cut] > 0.02).float().mean() < 0.03


def test_no_triangle_spans_a_chart(charts: Charts) -> None:
    """Corners are close to each other, but for the few triangles around the point where an axis comes out."""
    spans = (charts.uv.amax(1) - charts.uv.amin(1)).amax(-1)
    for part in range(1, 25):
        assert (spans[charts.parts == part] > 0.3).float().mean() < 0.02, PARTS[part]


def test_both_sides_have_mirrored_charts(body: BodyModel, charts: Charts) -> None:
    """U and V of the left and right lower leg run alike: at mirrored places they are the same."""
    centres, uv = body.template[body.faces].mean(1), charts.uv.mean(1)
    left, right = (charts.parts == PARTS.index(f"{side}_lower_leg_front") for side in ("left", "right"))
    mirrored = centres[right] * torch.tensor([-1.0, 1.0, 1.0])
    nearest = torch.cdist(mirrored, centres[left]).min(1)
    assert nearest.values.max() < 0.01
    assert (uv[right] - uv[left][nearest.indices]).abs().mean() < 0.03


# --- the picture


def drawn(pixels: Sequence[Sequence[float]], depths: list[float], faces: list[list[int]]) -> tuple[np.ndarray, ...]:
    buffers = np.zeros((8, 10)), np.full((8, 10), -1), np.zeros((8, 10, 3))
    nearest_triangles(np.array(pixels, float), np.array(depths), np.array(faces), *buffers)
    return buffers


def test_a_triangle_covers_the_pixels_inside_it() -> None:
    nearness, seen, shares = drawn([[1, 1], [7, 1], [1, 6]], [2, 2, 2], [[0, 1, 2]])
    inside = {
        (x, y) for y in range(8) for x in range(10) if x >= 1 and y >= 1 and (x - 1) / 6 + (y - 1) / 5 <= 1 + 1e-9
    }
    assert {(int(x), int(y)) for y, x in np.argwhere(seen == 0)} == inside
    assert nearness[1, 1] == pytest.approx(0.5)
    assert shares[1, 4].tolist() == pytest.approx([0.5, 0.5, 0])


def test_the_nearer_triangle_is_seen_whatever_the_order_and_winding() -> None:
    pixels = [[0, 0], [9, 0], [0, 7], [0, 0], [0, 7], [9, 0]]
    for faces in ([[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]]):
        _, seen, _ = drawn(pixels, [3, 3, 3, 2, 2, 2], faces)
        assert faces[seen[2, 2]] == [3, 4, 5]


def test_between_corners_perspective_is_kept() -> None:
    """Half-way in the picture between depths 1 and 3 is a quarter of the way on the surface."""
    _, _, shares = drawn([[0, 0], [8, 0], [0, 6]], [1, 3, 1], [[0, 1, 2]])
    assert shares[0, 4].tolist() == pytest.approx([0.75, 0.25, 0])


def test_corners_behind_the_camera_are_left_out() -> None:
    _, seen, _ = drawn([[math.nan, math.nan], [8, 0], [0, 6]], [-1, 3, 1], [[0, 1, 2]])
    assert (seen == -1).all()


@pytest.mark.parametrize("yaw", [0.0, 2.2])
@pytest.mark.parametrize("lens", [(), (-0.3, 0.1, 0.002, -0.001)])
def test_a_visible_vertex_is_seen_with_its_own_part_and_coordinates(
    body: BodyModel, charts: Charts, yaw: float, lens: tuple[float, ...]
) -> None:
    """Of a posed body; of vertices inside a part, whose pixel has nothing but that part around it."""
    rotations = torch.zeros(24, 3, dtype=torch.float64)
    rotations[:, 0] = 0.15
    rotations[body.skeleton.index("left_shoulder"), 2] = -0.8
    mesh = body.with_shape(torch.tensor([1.0])).with_pose(rotations).mesh()
    own = camera(yaw, lens=lens)
    picture = render_iuv(mesh[None], body.faces, charts, own)
    first = torch.zeros(len(mesh), dtype=torch.int64)
    first[body.faces.flatten()] = torch.arange(3 * len(body.faces))  # one triangle's corner at each vertex
    parts, uv = charts.parts[first // 3], charts.uv.flatten(0, 1)[first]
    inside = torch.ones(len(mesh), dtype=torch.bool)
    inside[body.faces[(parts[body.faces] != charts.parts[:, None]).any(1)]] = False
    pixels, depth = own.project(mesh), own.world_to_camera(mesh)[:, 2]
    checked, off = 0, []
    for vertex, (x, y) in enumerate(pixels.round().long().tolist()):
        around = picture.parts[y - 2 : y + 3, x - 2 : x + 3]
        hidden = (picture.depth[y, x] - depth[vertex]).abs() > 0.004
        if hidden or not inside[vertex] or len(around.unique()) > 1:  # or close to another part
            continue
        checked += 1
        assert picture.parts[y, x] == parts[vertex]
        off.append(float((picture.uv[y, x] - uv[vertex]).abs().max()))
    assert checked > 1000
    assert np.median(off) < 0.01
    assert np.quantile(off, 0.97) < 0.05


def test_people_hide_each_other(body: BodyModel, charts: Charts) -> None:
    mesh = body.with_shape().with_pose(torch.zeros(24, 3)).mesh()
    behind = mesh - torch.tensor([0.3, 0.0, 1.0])
    gone = torch.full_like(mesh, math.nan)
    picture = render_iuv(torch.stack([behind, gone, mesh]), body.faces, charts, camera(0.0))
    assert picture.people.unique().tolist() == [0, 1, 3]
    alone = render_iuv(mesh[None], body.faces, charts, camera(0.0))
    assert torch.equal(picture.people == 3, alone.people == 1)  # nothing of who stands in front is hidden
    assert torch.equal(picture.parts[picture.people == 3], alone.parts[alone.people == 1])
    assert bool(torch.isinf(picture.depth[picture.people == 0]).all())


def test_files_have_densepose_channels(body: BodyModel, charts: Charts, tmp_path: Path) -> None:
    rotations, places = torch.zeros(2, 1, 24, 3), torch.zeros(2, 1, 3)
    motion = BodyMotion(body, torch.zeros(1, 10), rotations, places, torch.arange(2).double(), up="+y")
    small = camera(0.0, 200, (150, 200))
    rig = CameraRig.of({"front": small, "../b": camera(3.0, 200, (150, 200))}, up="+y")
    save_iuv(motion, rig, tmp_path / "iuv")
    names = sorted(str(one.relative_to(tmp_path / "iuv")) for one in (tmp_path / "iuv").rglob("*.png"))
    assert names == [
        f"{name}/00000{i}_{kind}.png" for name in ("_b", "front") for i in (0, 1) for kind in ("INDS", "IUV")
    ]
    picture = render_iuv(motion.mesh(0), body.faces, charts, small)
    read = np.asarray(Image.open(tmp_path / "iuv" / "front" / "000000_IUV.png"))
    assert np.array_equal(read[..., 2], picture.parts.numpy())  # red, green, blue: the last is what OpenCV reads first
    assert np.array_equal(read[..., 1], (255 * picture.uv[..., 0]).round().numpy())
    assert np.array_equal(
        np.asarray(Image.open(tmp_path / "iuv" / "front" / "000001_INDS.png")), picture.people.numpy()
    )


def test_another_world_and_unknown_sizes_are_refused(body: BodyModel, tmp_path: Path) -> None:
    motion = BodyMotion(
        body, torch.zeros(1, 10), torch.zeros(1, 1, 24, 3), torch.zeros(1, 1, 3), torch.zeros(1), up="+y"
    )
    with pytest.raises(InputError, match="need bodies in the cameras' world"):
        save_iuv(motion, CameraRig.of({"a": camera(0.0)}, up="+z"), tmp_path / "iuv")
    nowhere = replace(camera(0.0), image_size=torch.full((2,), math.nan, dtype=torch.float64))
    unknown = CameraRig.of({"a": nowhere}, up="+y")
    with pytest.raises(InputError, match="picture size"):
        save_iuv(motion, unknown, tmp_path / "iuv")
    assert not list(tmp_path.iterdir())
