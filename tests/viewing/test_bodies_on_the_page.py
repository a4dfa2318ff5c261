"""Bodies on the page: what is sent is the motion, to two millimetres; and, in a browser, drawn where it is."""

from __future__ import annotations

import base64
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from test_page_in_browser import CHROMIUM, picture_frame, screenshot

from lift3d.bodies import BodyMotion
from lift3d.cameras import Camera, CameraRig
from lift3d.errors import InputError
from lift3d.formats import read_body
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.viewing import view
from lift3d.viewing._body_data import lens_grid


@pytest.fixture(scope="module")
def motion() -> BodyMotion:
    """Five frames of a body that turns about itself in a world with z up, one of them missing."""
    random = torch.Generator().manual_seed(5)
    rotations = 0.3 * torch.randn(5, 1, 24, 3, generator=random, dtype=torch.float64)
    rotations[:, :, 0] = torch.tensor([1.2, 1.2, 1.2]) + torch.linspace(0, 1, 5)[:, None, None]
    translation = torch.tensor([0.1, -0.2, 1.0]).double() + 0.01 * torch.arange(5)[:, None, None]
    translation = translation.expand(5, 1, 3).clone()
    translation[3] = math.nan
    betas = torch.tensor([[1.0, -1.0]], dtype=torch.float64)
    return BodyMotion(read_body().to(torch.float64), betas, rotations, translation, torch.arange(5).double() / 30)


def numbers(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)


def data_of(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_what_is_sent_gives_the_mesh_back(motion: BodyMotion) -> None:
    """Posed and skinned from the page's numbers alone, by the formula in the script."""
    (group,) = data_of(view(motion=motion).html())["bodies"]
    (person,) = group["people"]
    assert person["there"] == [1, 1, 1, 0, 1]
    rest = numbers(person["rest"], "<i2").reshape(-1, 3) / 1e4
    vectors = torch.from_numpy(numbers(person["rotations"], "<i2").reshape(4, 24, 3) * math.pi / 32767)
    places = numbers(person["places"], "<i4").reshape(4, 3) / 1e4
    offsets = torch.tensor(person["offsets"], dtype=torch.float64)
    at_rest = forward_kinematics(torch.eye(3, dtype=torch.float64).expand(24, 3, 3), offsets, group["parents"]).places
    joints, weights = (numbers(group[name], "u1").reshape(-1, 4) for name in ("joints", "weights"))
    for row, frame in enumerate((0, 1, 2, 4)):
        own = offsets.clone()
        own[0] = torch.from_numpy(places[row])
        posed = forward_kinematics(rotvec_to_matrix(vectors[row]), own, group["parents"])
        turns = posed.orientations.numpy()
        moves = posed.places.numpy() - np.einsum("jab,jb->ja", turns, at_rest.numpy())
        carried = np.einsum("vkab,vb->vka", turns[joints], rest) + moves[joints]
        mesh = (carried * weights[..., None] / 255).sum(1)
        assert np.abs(mesh - motion.mesh(frame)[0].numpy()).max() < 2e-3
    faces = numbers(group["faces"], "<u2").reshape(-1, 3)
    assert np.array_equal(faces, motion.model.faces.numpy())


def test_a_frame_more_costs_little(motion: BodyMotion) -> None:
    """The surface is sent once; of a frame its rotations: 24 x 3 x 2 bytes, a place and the time."""
    one, two = (
        replace(motion, rotations=motion.rotations[:1].repeat(n, 1, 1, 1), translation=motion.translation[:1].repeat(
            n, 1, 1), times=torch.arange(n).double() / 30) for n in (100, 200)
    )  # fmt: skip
    added = len(view(motion=two).html()) - len(view(motion=one).html())
    assert added / 100 < 4 / 3 * 156 + 16
    assert len(view(motion=one).html()) < 450_000


def test_a_lens_is_sent_as_a_grid(make_camera) -> None:
    camera = make_camera(0.4)
    assert lens_grid(camera, (640, 480)) is None
    bent = Camera.of(camera.intrinsics, (-0.3, 0.1, 0.001, 0.002), camera.rotation, camera.translation)
    grid = lens_grid(bent, (640, 480))
    assert grid is not None
    moved = np.array(grid["moved"]).reshape(25, 25, 2)
    straight = np.array([grid["low"][0] + 7 * grid["step"][0], grid["low"][1] + 11 * grid["step"][1]])
    x, y = (straight - [319.5, 239.5]) / 600
    pixel = bent.project_camera(torch.tensor([[x, y, 1.0]]).double())[0].numpy()
    assert np.abs(straight + moved[11, 7] - pixel).max() < 0.01


def test_bodies_must_stand_in_the_rigs_world(motion: BodyMotion, rig: CameraRig) -> None:
    with pytest.raises(InputError, match="'motion' has up"):
        view(rig=rig, motion=replace(motion, up="+y"))
    with pytest.raises(InputError, match="nothing to show"):
        view()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_the_page_draws_the_body_where_the_camera_sees_it(motion: BodyMotion, rig: CameraRig, tmp_path: Path) -> None:
    page = view(rig=rig, motion=motion).save(tmp_path / "page.html")
    shown, without = (screenshot(page, tmp_path, f"frame=1&camera=cam01&bodies={one}") for one in (1, 0))
    top, left, width = picture_frame(shown)
    scale = width / 640
    right, bottom = round(left + width), round(top + 480 * scale)
    changed = (np.abs(shown - without).sum(-1) > 30)[round(top) + 2 : bottom - 2, left + 2 : right - 2]
    rows, columns = np.nonzero(changed)
    pixels = (rig["cam01"].project(motion.mesh(1)[0]).numpy() + 0.5) * scale - 2
    assert (columns.min(), rows.min()) == pytest.approx(pixels.min(0), abs=3)
    assert (columns.max(), rows.max()) == pytest.approx(pixels.max(0), abs=3)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_page_in_a_frame_without_a_size_waits(motion: BodyMotion, tmp_path: Path) -> None:
    """As a notebook's output has before it is laid out; the picture fails where the console holds an error."""
    frame = view(motion=motion)._repr_html_()
    page = tmp_path / "page.html"
    page.write_text(f'<meta charset="utf-8"><div style="display:none">{frame}</div>', encoding="utf-8")
    screenshot(page, tmp_path, "")
