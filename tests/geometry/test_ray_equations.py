"""Normal equations of rays: exact points, two routes, the covariance that they speak of, and gradients."""

import pytest
import torch

from lift3d.geometry.ray_equations import ray_equations, solve_near
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.triangulation.algebraic import triangulate_rays


@pytest.fixture
def scene():
    """Three cameras some 4 m from five points; everything in double precision."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    points = 0.5 * draw(1, 5, 3)
    rotation = rotvec_to_matrix(draw(1, 3, 3))
    translation = torch.tensor([0.0, 0.0, 4.0], dtype=torch.float64) + 0.2 * draw(1, 3, 3)
    local = points[:, None] @ rotation.mT + translation[:, :, None]
    return points, local[..., :2] / local[..., 2:], local[..., 2], rotation, translation


def test_exact_rays_meet_in_their_points(scene):
    points, rays, depth, rotation, translation = scene
    matrices, vectors = ray_equations(rays, torch.ones_like(depth), rotation, translation)
    far = torch.full_like(points, 3.0)
    once = solve_near(matrices.sum(1), vectors.sum(1), far)
    torch.testing.assert_close(once, points, rtol=0, atol=1e-4)  # the start counts for a millionth
    torch.testing.assert_close(solve_near(matrices.sum(1), vectors.sum(1), once), points, rtol=0, atol=1e-9)


def test_the_solution_is_that_of_the_fast_linear_triangulation(scene):
    points, rays, depth, rotation, translation = scene
    noise = torch.randn(rays.shape, generator=torch.Generator().manual_seed(1), dtype=rays.dtype)
    weights = torch.rand(depth.shape, generator=torch.Generator().manual_seed(2), dtype=rays.dtype) + 0.1
    rays = rays + 0.01 * noise
    matrices, vectors = ray_equations(rays, weights, rotation, translation)
    own = points
    for _ in range(3):
        own = solve_near(matrices.sum(1), vectors.sum(1), own)
    other = triangulate_rays(rays[0], weights[0], rotation[0], translation[0])
    torch.testing.assert_close(own[0], other, rtol=0, atol=1e-9)


def test_the_equations_are_the_information_of_the_rays(scene):
    points, rays, depth, rotation, translation = scene
    deviation = 0.002 * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)[None, :, None]

    def seen(point):
        local = point @ rotation[0].mT + translation[0]
        return (local[:, :2] / local[:, 2:] / deviation[0]).flatten()

    jacobian = torch.func.jacrev(seen)(points[0, 2])
    matrices, _ = ray_equations(rays, (deviation * depth).pow(-2), rotation, translation)
    torch.testing.assert_close(matrices.sum(1)[0, 2], jacobian.mT @ jacobian)


def test_along_the_one_ray_there_is_the_start_decides(scene):
    points, rays, depth, rotation, translation = scene
    alone = torch.zeros_like(depth)
    alone[:, 1] = 1.0
    matrices, vectors = ray_equations(rays, alone, rotation, translation)
    centre = -(rotation[:, 1].mT @ translation[:, 1, :, None])[..., 0]
    twice_as_far = centre[:, None] + 2 * (points - centre[:, None])
    found = solve_near(matrices.sum(1), vectors.sum(1), twice_as_far)
    torch.testing.assert_close(found, twice_as_far, rtol=0, atol=1e-6)


def test_where_nothing_is_known_the_start_stays():
    start = torch.tensor([[1.0, 2.0, 3.0]])
    assert torch.equal(solve_near(torch.zeros(1, 3, 3), torch.zeros(1, 3), start), start)


def test_gradients(scene):
    points, rays, depth, rotation, translation = scene

    def found(rays, weights, translation):
        matrices, vectors = ray_equations(rays, weights, rotation, translation)
        return solve_near(matrices.sum(1), vectors.sum(1), points)

    inputs = [value.clone().requires_grad_() for value in (rays[..., :2, :], depth[..., :2], translation)]
    points = points[:, :2]
    assert torch.autograd.gradcheck(found, inputs)
