"""Shape and poses from vertices."""

import math
from dataclasses import replace

import pytest
import torch
from made_up_body import dance

from lift3d.errors import InputError, ShapeError
from lift3d.fitting import fit_mesh
from lift3d.fitting.fit_mesh import _made, _State, _thinned, _turned
from lift3d.formats import read_body
from lift3d.geometry.rotations import rotvec_to_matrix

MODEL = read_body("makehuman").to(torch.float64)
BETAS = torch.tensor([[1.2, -0.7, 0.5, 0.3], [-1.0, 0.4, 0.0, -0.8]], dtype=torch.float64)


def meshes(frames: int = 3, betas: torch.Tensor = BETAS, model=MODEL):
    """Vertices (frames, people, V, 3) of a dance, and what they were made of."""
    rotations, translation = dance(frames)
    turns, places = rotations[:, None].repeat(1, len(betas), 1, 1), translation[:, None].repeat(1, len(betas), 1)
    places[:, 1:, 0] += 1.5
    return model.with_shape(betas).with_pose(turns, places).mesh(), turns, places


def test_truth_comes_back():
    vertices, turns, places = meshes()
    found = fit_mesh(vertices, MODEL)
    assert float(found.distances.max()) < 1e-4
    torch.testing.assert_close(found.motion.betas[:, :4], BETAS, atol=0.01, rtol=0)
    torch.testing.assert_close(rotvec_to_matrix(found.motion.rotations), rotvec_to_matrix(turns), atol=5e-3, rtol=0)
    torch.testing.assert_close(found.motion.translation, places, atol=1e-3, rtol=0)


def test_bodies_with_pose_corrections_come_back_too():
    generator = torch.Generator().manual_seed(0)
    posing = 0.002 * torch.randn(len(MODEL.template), 3, 207, generator=generator, dtype=torch.float64)
    model = replace(MODEL, pose_directions=posing)
    vertices, _, _ = meshes(2, BETAS[:1], model)
    found = fit_mesh(vertices, model)
    assert float(found.distances.max()) < 2e-3
    torch.testing.assert_close(found.motion.betas[:, :4], BETAS[:1], atol=0.05, rtol=0)


def test_noise_and_missing_vertices_do_little_harm():
    vertices, _, _ = meshes(2, BETAS[:1])
    generator = torch.Generator().manual_seed(0)
    noisy = vertices + 0.003 * torch.randn(vertices.shape, generator=generator, dtype=torch.float64)
    noisy[:, :, torch.rand(vertices.shape[2], generator=generator) < 0.3] = math.nan
    found = fit_mesh(noisy, MODEL)
    own = found.motion.model.with_shape(found.motion.betas).with_pose(found.motion.rotations, found.motion.translation)
    assert float((own.mesh() - vertices).norm(dim=-1).mean()) < 0.002
    assert torch.isnan(found.distances).double().mean() == pytest.approx(0.3, abs=0.03)


def test_a_person_who_leaves_is_missing():
    vertices, _, _ = meshes(2)
    vertices[1, 0] = math.nan
    found = fit_mesh(vertices, MODEL, up="+z")
    assert torch.isnan(found.motion.rotations[1, 0]).all()
    assert torch.isfinite(found.motion.rotations[0]).all()
    assert found.motion.up == "+z"
    vertices[0, 0] = math.nan
    with pytest.raises(InputError, match="person 1 is in no frame"):
        fit_mesh(vertices, MODEL)
    with pytest.raises(ShapeError, match="vertices"):
        fit_mesh(vertices[:, :, :100], MODEL)


def test_derivatives_are_those_of_finite_differences():
    slim = _thinned(MODEL)
    rotations, translation = dance(1)
    state = _State(rotvec_to_matrix(rotations), translation, 0.3 * torch.ones(MODEL.shapes, dtype=torch.float64))
    made, size = _made(slim, state), 1e-6
    for column in (0, 4, 13, 40, 56, 71):
        step = torch.zeros(1, 75, dtype=torch.float64)
        step[0, column] = size
        ends = [_made(slim, _turned(slim, state, sign * step), False).vertices for sign in (1, -1)]
        torch.testing.assert_close((ends[0] - ends[1]) / (2 * size), made.by_pose[..., column], atol=1e-7, rtol=1e-5)
    for component in (0, 3):
        step = torch.zeros(MODEL.shapes, dtype=torch.float64)
        step[component] = size
        ends = [_made(slim, state._replace(betas=state.betas + sign * step), False).vertices for sign in (1, -1)]
        torch.testing.assert_close(
            (ends[0] - ends[1]) / (2 * size), made.by_shape[..., component], atol=1e-7, rtol=1e-5
        )
