"""Linear triangulation, weighted by confidence (direct linear transform; Hartley and Zisserman 2004, section 12.2).

A camera with rotation rows r1, r2, r3 and translation t sees a point X along the ray (x, y)::

    (x r3 - r1) . X = t1 - x t3
    (y r3 - r2) . X = t2 - y t3

Two or more views give an overdetermined linear system. Its weighted least-squares solution needs one symmetric
3 x 3 system a point, solved in closed form for all points at once. The rays are free of lens distortion.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.cameras import CameraRig
from lift3d.errors import InputError
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D

__all__ = ["triangulate", "triangulate_rays"]

_CHUNK = 4096  # points at a time: the working arrays stay in the cache, and memory stays bounded


def triangulate(keypoints: Keypoints2D, rig: CameraRig, *, min_score: float = 0.0) -> Poses3D:
    """3D joints of all people by confidence-weighted linear triangulation.

    Cameras are matched by name; person p is taken to be the same person in every camera. Each view counts by the
    square of its score. A joint seen by fewer than two cameras is NaN with score 0; the score of the others is the
    mean score of the views that were used, times the share of the rig's cameras that saw it.

    Args:
        keypoints: distorted pixels.
        rig: cameras; must hold all of the keypoints' cameras. Lens distortion is undone.
        min_score: views with a lower score are left out.

    Returns:
        Poses in the rig's world, metres.

    Raises:
        InputError: fewer than two cameras, or a camera of the keypoints is not in the rig.
    """
    cameras = matching_cameras(keypoints, rig).to(torch.float64)
    shape = keypoints.scores.shape
    pixels = keypoints.pixels.reshape(shape[0], -1, 2)
    scores = keypoints.scores.reshape(shape[0], -1)
    scores = scores.masked_fill(scores < min_score, 0.0)
    points = pixels.new_empty(pixels.shape[1], 3)
    for start in range(0, len(points), _CHUNK):
        part = slice(start, start + _CHUNK)
        rays = cameras.normalise(pixels[:, part].to(torch.float64))
        weights = scores[:, part].to(torch.float64).square()
        points[part] = triangulate_rays(rays, weights, cameras.cameras.rotation, cameras.cameras.translation)
    seen = torch.isfinite(points).all(-1)
    mean = torch.where(seen, scores.mean(0), torch.zeros_like(scores[0]))
    return Poses3D(
        points.reshape(*shape[1:], 3), mean.reshape(shape[1:]), keypoints.times, keypoints.skeleton, up=rig.up
    )


def triangulate_rays(
    rays: Float[Tensor, "cameras *points 2"],
    weights: Float[Tensor, "cameras *points"],
    rotation: Float[Tensor, "cameras 3 3"],
    translation: Float[Tensor, "cameras 3"],
) -> Float[Tensor, "*points 3"]:
    """Points that lie nearest, in the weighted algebraic sense, to the rays of several cameras.

    Args:
        rays: (x/z, y/z) in each camera's frame, without lens distortion; NaN where missing.
        weights: how much each view counts; 0 leaves it out.
        rotation, translation: world to camera.

    Returns:
        Points in the world, in the translation's unit; NaN with fewer than two views, or where the rays are so
        nearly parallel that they fix no point.
    """
    seen = torch.isfinite(rays).all(-1) & (weights > 0)
    weights = weights.masked_fill(~seen, 0.0)
    rays = rays.masked_fill(~seen[..., None], 0.0)
    # numbers stay small, and the solution accurate, with the origin amid the cameras
    origin = -(rotation.mT @ translation[..., None])[..., 0].mean(0)
    shifted = translation + rotation @ origin
    system = [torch.zeros_like(weights[0]) for _ in range(9)]
    for camera in range(len(rays)):
        x, y = rays[camera].unbind(-1)
        for ray, row in ((x, 0), (y, 1)):
            _add_equation(system, ray, weights[camera], rotation[camera], shifted[camera], row)
    points = _solve_symmetric(system) + origin
    return points.masked_fill(seen.sum(0)[..., None] < 2, torch.nan)


def matching_cameras(keypoints: Keypoints2D, rig: CameraRig) -> CameraRig:
    """The rig's cameras in the order of the keypoints', matched by name.

    Raises:
        InputError: fewer than two cameras, or a camera of the keypoints is not in the rig.
    """
    if len(keypoints.camera_names) < 2:
        raise InputError("Triangulation needs keypoints of at least two cameras; got one. Use lifting for one camera.")
    strangers = [name for name in keypoints.camera_names if name not in rig.names]
    if strangers:
        raise InputError(
            f"The calibration has no camera {', '.join(map(repr, strangers))}; it has {', '.join(rig.names)}. "
            "Name the keypoints' cameras as the calibration does (camera_names=[...])."
        )
    return rig.only(keypoints.camera_names)


def _add_equation(
    system: list[Tensor], ray: Tensor, weight: Tensor, rotation: Tensor, translation: Tensor, row: int
) -> None:
    """Add one weighted equation a . X = b to the normal equations: the upper triangle of A^T A, then A^T b."""
    a = [ray * rotation[2, k] - rotation[row, k] for k in range(3)]
    b = translation[row] - ray * translation[2]
    weighted = [weight * value for value in a]
    products = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    for place, (i, j) in enumerate(products):
        system[place] = torch.addcmul(system[place], weighted[i], a[j])
    for k in range(3):
        system[6 + k] = torch.addcmul(system[6 + k], weighted[k], b)


def _solve_symmetric(system: list[Tensor]) -> Tensor:
    """Solutions of symmetric 3 x 3 systems by the adjugate; NaN where the matrix is singular to working precision."""
    a00, a01, a02, a11, a12, a22, b0, b1, b2 = system
    c00, c01, c02 = a11 * a22 - a12 * a12, a02 * a12 - a01 * a22, a01 * a12 - a02 * a11
    c11, c12, c22 = a00 * a22 - a02 * a02, a01 * a02 - a00 * a12, a00 * a11 - a01 * a01
    determinant = a00 * c00 + a01 * c01 + a02 * c02
    trace = a00 + a11 + a22
    singular = determinant <= 100 * torch.finfo(trace.dtype).eps * trace * trace * trace
    inverse = 1 / determinant.masked_fill(singular, torch.nan)
    return torch.stack(
        [
            (c00 * b0 + c01 * b1 + c02 * b2) * inverse,
            (c01 * b0 + c11 * b1 + c12 * b2) * inverse,
            (c02 * b0 + c12 * b1 + c22 * b2) * inverse,
        ],
        dim=-1,
    )
