"""Rotations: agreement with scipy, inverses, exactness near 0 and pi, gradients."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lift3d.geometry.rotations import (
    cross_matrix,
    matrix_to_quaternion,
    matrix_to_rotvec,
    quaternion_to_matrix,
    rotation_towards,
    rotvec_to_matrix,
)


def rotvecs(count, longest=math.pi - 1e-3):
    directions = torch.nn.functional.normalize(torch.randn(count, 3, dtype=torch.float64), dim=-1)
    return directions * longest * torch.rand(count, 1, dtype=torch.float64)


def test_cross_matrix_takes_the_cross_product():
    a, b = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    torch.testing.assert_close((cross_matrix(a) @ b[..., None])[..., 0], torch.linalg.cross(a, b))


def test_rotation_vectors_equal_scipy():
    vectors = rotvecs(200)
    theirs = Rotation.from_rotvec(vectors.numpy()).as_matrix()
    np.testing.assert_allclose(rotvec_to_matrix(vectors).numpy(), theirs, atol=1e-12)
    np.testing.assert_allclose(matrix_to_rotvec(torch.from_numpy(theirs)).numpy(), vectors.numpy(), atol=1e-9)


def test_quaternions_equal_scipy_up_to_their_sign():
    matrices = rotvec_to_matrix(rotvecs(200))
    w, x, y, z = matrix_to_quaternion(matrices).unbind(-1)
    theirs = Rotation.from_matrix(matrices.numpy()).as_quat()  # x, y, z, w
    products = (torch.stack([x, y, z, w], dim=-1) * torch.from_numpy(theirs)).sum(-1)
    torch.testing.assert_close(products.abs(), torch.ones_like(products), rtol=0, atol=1e-12)
    torch.testing.assert_close(quaternion_to_matrix(matrix_to_quaternion(matrices)), matrices, rtol=0, atol=1e-12)


def test_a_quarter_turn_about_z_takes_x_to_y():
    quarter = rotvec_to_matrix(torch.tensor([0.0, 0.0, math.pi / 2]))
    torch.testing.assert_close(quarter @ torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0]))


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-8, 1e-5, 1e-4, 1.0, 3.0, math.pi - 1e-5, math.pi - 1e-9, math.pi])
def test_matrices_come_back_from_every_angle(angle):
    vectors = torch.nn.functional.normalize(torch.randn(50, 3, dtype=torch.float64), dim=-1) * angle
    matrices = rotvec_to_matrix(vectors)
    identity = torch.eye(3, dtype=torch.float64).expand(50, 3, 3)
    torch.testing.assert_close(matrices @ matrices.mT, identity, atol=1e-12, rtol=0)
    torch.testing.assert_close(torch.linalg.det(matrices), torch.ones(50, dtype=torch.float64))
    found = matrix_to_rotvec(matrices)
    assert found.norm(dim=-1).max() <= math.pi + 1e-9
    torch.testing.assert_close(rotvec_to_matrix(found), matrices, atol=1e-9, rtol=0)
    if angle < math.pi - 1e-6:
        torch.testing.assert_close(found, vectors, atol=1e-9, rtol=1e-6)


def test_half_turns_about_the_axes():
    for axis in range(3):
        vector = torch.zeros(3, dtype=torch.float64)
        vector[axis] = math.pi
        torch.testing.assert_close(matrix_to_rotvec(rotvec_to_matrix(vector)).abs(), vector, atol=1e-9, rtol=0)


def test_quaternions_equal_scipy_and_need_no_unit_length():
    quaternions = torch.randn(50, 4, dtype=torch.float64)
    theirs = Rotation.from_quat(quaternions[:, [1, 2, 3, 0]].numpy()).as_matrix()  # scipy: x, y, z, w
    np.testing.assert_allclose(quaternion_to_matrix(quaternions).numpy(), theirs, atol=1e-12)
    torch.testing.assert_close(quaternion_to_matrix(-3 * quaternions), quaternion_to_matrix(quaternions))


def test_looking_along_a_direction():
    directions = torch.randn(50, 3, dtype=torch.float64)
    turned = rotation_towards(directions)
    ahead = (turned @ directions[..., None])[..., 0] / directions.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(ahead, torch.tensor([0.0, 0, 1], dtype=torch.float64).expand(50, 3))
    torch.testing.assert_close(torch.linalg.det(turned), torch.ones(50, dtype=torch.float64))
    assert turned[:, 0, 1].abs().max() == 0  # the new x axis is level
    assert (turned[:, 1, 1] > 0).all()  # down stays down
    torch.testing.assert_close(rotation_towards(torch.tensor([0.0, 0.0, 3.0])), torch.eye(3))


def test_gradients_are_exact():
    vectors = rotvecs(4).requires_grad_()
    assert torch.autograd.gradcheck(rotvec_to_matrix, vectors)
    assert torch.autograd.gradcheck(lambda v: matrix_to_rotvec(rotvec_to_matrix(v)), vectors)
    assert torch.autograd.gradcheck(quaternion_to_matrix, torch.randn(4, 4, dtype=torch.float64, requires_grad=True))
    assert torch.autograd.gradcheck(rotation_towards, torch.randn(4, 3, dtype=torch.float64, requires_grad=True))
    assert torch.autograd.gradcheck(rotvec_to_matrix, torch.zeros(1, 3, dtype=torch.float64, requires_grad=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_are_finite_where_there_is_no_rotation(dtype):
    vectors = torch.zeros(2, 3, dtype=dtype, requires_grad=True)
    matrix_to_rotvec(rotvec_to_matrix(vectors)).sum().backward()
    assert torch.isfinite(vectors.grad).all()


@pytest.mark.parametrize("batch", [(), (2,), (2, 3), (0,)])
def test_any_batch_shape(batch):
    assert rotvec_to_matrix(torch.zeros(*batch, 3)).shape == (*batch, 3, 3)
    assert matrix_to_rotvec(torch.eye(3).expand(*batch, 3, 3)).shape == (*batch, 3)
    assert quaternion_to_matrix(torch.ones(*batch, 4)).shape == (*batch, 3, 3)
