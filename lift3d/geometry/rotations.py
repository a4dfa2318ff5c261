"""Rotations as vectors (axis times angle, radians), quaternions (w, x, y, z) and matrices."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = [
    "cross_matrix",
    "least_rotation",
    "matrix_to_quaternion",
    "matrix_to_rotvec",
    "quaternion_to_matrix",
    "rotation_towards",
    "rotvec_to_matrix",
]


def cross_matrix(vectors: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The matrix that takes the cross product: ``cross_matrix(a) @ b == a x b``."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))


def rotvec_to_matrix(rotvec: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation matrix of a rotation vector (Rodrigues' formula); gradients are finite at zero."""
    square = (rotvec * rotvec).sum(-1)[..., None, None]
    small = square < 1e-8
    angle = torch.sqrt(torch.where(small, torch.ones_like(square), square))
    sine = torch.where(small, 1 - square / 6, torch.sin(angle) / angle)
    cosine = torch.where(small, 0.5 - square / 24, (1 - torch.cos(angle)) / (angle * angle))
    cross = cross_matrix(rotvec)
    identity = torch.eye(3, dtype=rotvec.dtype, device=rotvec.device)
    return identity + sine * cross + cosine * (cross @ cross)


def matrix_to_rotvec(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3"]:
    """Rotation vector, with an angle of at most pi, of a rotation matrix; exact near 0 and near pi too."""
    quaternion = matrix_to_quaternion(matrix)
    quaternion = torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    imaginary = quaternion[..., 1:]
    sine = imaginary.norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(sine, quaternion[..., :1])
    scale = torch.where(sine < 1e-12, 2 * torch.ones_like(sine), angle / sine.clamp_min(1e-12))
    return imaginary * scale


def least_rotation(source: Float[Tensor, "*batch 3"], target: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The rotation of the smallest angle that carries one direction onto another: about their common normal.

    Lengths do not matter. Opposite directions turn by pi about some normal; if a vector is zero, nothing is turned.
    """
    unit_source, unit_target = (torch.nn.functional.normalize(one, dim=-1) for one in (source, target))
    halfway = unit_source + unit_target
    w = (halfway * halfway).sum(-1, keepdim=True) / 2  # 1 + cos, exact near -1
    quaternion = torch.cat([w, torch.linalg.cross(unit_source, unit_target)], dim=-1)
    least = torch.nn.functional.one_hot(unit_source.abs().argmin(-1), 3).to(source.dtype)
    normal = torch.linalg.cross(unit_source, least)
    opposite = torch.cat([torch.zeros_like(w), normal], dim=-1)
    quaternion = torch.where(w < torch.finfo(w.dtype).eps, opposite, quaternion)
    still = ((unit_source == 0).all(-1) | (unit_target == 0).all(-1))[..., None]
    return quaternion_to_matrix(torch.where(still, torch.eye(4, dtype=w.dtype, device=w.device)[0], quaternion))


def quaternion_to_matrix(quaternion: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation matrix of a quaternion (w, x, y, z), which need not have length 1."""
    w, x, y, z = (quaternion / quaternion.norm(dim=-1, keepdim=True)).unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def matrix_to_quaternion(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 4"]:
    """Quaternion (w, x, y, z) of length 1, of either sign, of a rotation matrix.

    By the largest of its four components (Shepperd 1978), so that no division is by a small number.
    """
    m = matrix
    trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    off = {(i, j): m[..., i, j] for i in range(3) for j in range(3)}
    candidates = torch.stack(
        [
            torch.stack([1 + trace, off[2, 1] - off[1, 2], off[0, 2] - off[2, 0], off[1, 0] - off[0, 1]], -1),
            torch.stack(
                [off[2, 1] - off[1, 2], 1 + 2 * off[0, 0] - trace, off[1, 0] + off[0, 1], off[0, 2] + off[2, 0]], -1
            ),
            torch.stack(
                [off[0, 2] - off[2, 0], off[1, 0] + off[0, 1], 1 + 2 * off[1, 1] - trace, off[2, 1] + off[1, 2]], -1
            ),
            torch.stack(
                [off[1, 0] - off[0, 1], off[0, 2] + off[2, 0], off[2, 1] + off[1, 2], 1 + 2 * off[2, 2] - trace], -1
            ),
        ],
        dim=-2,
    )
    best = torch.diagonal(candidates, dim1=-2, dim2=-1).argmax(-1)
    chosen = torch.gather(candidates, -2, best[..., None, None].expand(*best.shape, 1, 4))[..., 0, :]
    return chosen / chosen.norm(dim=-1, keepdim=True)


def rotation_towards(direction: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The rotation without roll that turns a camera to look along ``direction``.

    Returns R such that ``R @ direction`` is along +z, whose x axis stays in the camera's x-z plane (pan, then tilt).

    Args:
        direction: a direction in the camera frame (x right, y down, z forward), of any length, not along y.
    """
    forward = direction / direction.norm(dim=-1, keepdim=True)
    right = torch.stack([forward[..., 2], torch.zeros_like(forward[..., 0]), -forward[..., 0]], dim=-1)
    right = right / right.norm(dim=-1, keepdim=True)
    down = torch.linalg.cross(forward, right)
    return torch.stack([right, down, forward], dim=-2)
