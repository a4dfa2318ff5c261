"""Robust triangulation through which gradients flow: the points of the fast path, on tensors of any device and dtype.

A point is where the cost of its views, ``kernel^2 / 2 log(1 + |r|^2 / (variance kernel^2))`` each (Cauchy), is least.
It is found without gradients, by Newton's method from the linear solution (Triggs et al. 2000). The gradient g of the
cost is 0 there, and stays 0 when pixels or cameras change; so the point moves by ``-H^-1`` times what g would change,
with H the Hessian (implicit function theorem; Krantz and Parks 2003, 1.3). One more Newton step, from a solution and
with a Hessian that are held fixed, has just that derivative. Which views take part has none: the consensus of the fast
path says it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.cameras import Camera, CameraRig
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.triangulation.algebraic import triangulate_rays
from lift3d.triangulation.consensus import ConsensusSettings
from lift3d.triangulation.reprojection import matching_cameras
from lift3d.triangulation.result import Triangulation
from lift3d.triangulation.settings import TriangulationSettings
from lift3d.triangulation.triangulate import triangulate_in_detail

__all__ = ["information_used", "point_covariances", "triangulate_pixels", "triangulate_with_gradients"]

_MOST_STEPS = 30
_DEFAULTS = TriangulationSettings()


def triangulate_with_gradients(
    keypoints: Keypoints2D, rig: CameraRig, settings: TriangulationSettings = _DEFAULTS
) -> Poses3D:
    """As ``triangulate(keypoints, rig, "robust", settings)``, with gradients for the pixels and the rig's numbers.

    The fast path says which views take part, which sides were exchanged and how noisy the detections are; these are
    taken as given. Positions and covariance are then found again, differentiably.

    Args:
        keypoints: distorted pixels, which may require gradients; of any device.
        rig: cameras, whose numbers may require gradients; must hold all of the keypoints' cameras.
        settings: of the fast path.

    Returns:
        Poses in the rig's world, metres, with covariance, of the pixels' device and dtype; NaN where fewer than two
        views agree, with a gradient of 0.

    Raises:
        InputError: fewer than two cameras, or a camera of the keypoints is not in the rig.
    """
    cameras = matching_cameras(keypoints, rig).cameras
    found = triangulate_in_detail(_in_main_memory(keypoints), rig, "robust", settings)
    pixels, cameras = keypoints.pixels, cameras.to(keypoints.pixels.device)
    twins = pixels[..., list(keypoints.skeleton.flip_order), :]
    pixels = torch.where(found.swapped[..., None].to(pixels.device), twins, pixels).to(cameras.rotation.dtype)
    information = information_used(found).to(pixels)
    positions = triangulate_pixels(pixels, information, cameras, settings.consensus.kernel)
    return replace(
        found.poses,
        positions=positions.to(keypoints.pixels.dtype),
        scores=found.poses.scores.to(pixels.device),
        times=keypoints.times,
        covariance=point_covariances(positions, information, cameras).to(keypoints.pixels.dtype),
    )


def information_used(found: Triangulation) -> Float[Tensor, "cameras frames people joints"]:
    """1 / variance of the detections that points were made from, 1 / px^2; 0 where a view took no part."""
    camera = np.arange(len(found.used)).reshape(-1, 1, 1, 1)
    information = found.noise.information(camera, found.keypoints.scores.detach().cpu().double().numpy())
    return torch.from_numpy(information).masked_fill(~found.used, 0.0)


def triangulate_pixels(
    pixels: Float[Tensor, "cameras *points 2"],
    information: Float[Tensor, "cameras *points"],
    cameras: Camera,
    kernel: float = ConsensusSettings.kernel,
) -> Float[Tensor, "*points 3"]:
    """Points that fit the pixels of several cameras best, lens and noise accounted for, with exact gradients.

    Gradients flow to pixels, information and every number of the cameras: first derivatives only, the Hessian being
    held fixed. They are 0, never NaN, for what is missing.

    Args:
        pixels: distorted; NaN where missing.
        information: 1 / variance of each pixel's coordinates, 1 / px^2; 0 leaves a view out.
        cameras: with one leading axis, such as ``rig.cameras``; of the pixels' device and dtype.
        kernel: standard deviations at which a view counts half; ``math.inf`` is plain least squares.

    Returns:
        Points in the world, metres; NaN with fewer than two views, or where the rays fix no point. A view counts
        where there is information, the lens maps something to the pixel and the point is in front of the camera.
    """
    flat, weights = pixels[:, None].flatten(1, -2), information[:, None].flatten(1)
    with torch.no_grad():
        rays = cameras.normalise(flat)
        seen = (weights > 0) & torch.isfinite(rays).all(-1)
        start = triangulate_rays(rays, weights, cameras.rotation, cameras.translation)
    flat, weights = flat.masked_fill(~seen[..., None], 0.0), weights.masked_fill(~seen, 0.0)
    found = torch.nonzero(torch.isfinite(start).all(-1))[:, 0]
    with torch.no_grad():
        least, sound = _least(start[found], flat[:, found], weights[:, found], cameras, kernel)
    found, least = found[sound], least[sound]
    points = torch.full_like(start, torch.nan)
    points[found] = _with_gradient(least, flat[:, found], weights[:, found], cameras, kernel)
    return points.reshape(*pixels.shape[1:-1], 3)


def point_covariances(
    points: Float[Tensor, "*points 3"], information: Float[Tensor, "cameras *points"], cameras: Camera
) -> Float[Tensor, "*points 3 3"]:
    """How sure points are: the inverse of the sum of ``J^T J / variance`` over their views, with exact gradients.

    Args:
        points: in the world, metres; NaN where missing.
        information: 1 / variance of each pixel's coordinates, 1 / px^2; 0 where a view was left out.
        cameras: with one leading axis.

    Returns:
        Square metres; NaN where the point is missing, or fewer than two views or parallel ones see it.
    """
    flat, weights = points[None].flatten(0, -2), information[:, None].flatten(1)
    with torch.no_grad():
        seen = _see(flat, weights > 0, cameras)
        sound = _fixes_a_point(_sum_of_squares(seen.slopes, weights * seen.visible), seen.visible)
    found = torch.nonzero(sound)[:, 0]
    seen = _see(flat[found], weights[:, found] > 0, cameras)
    covariances = flat.new_full((*flat.shape, 3), torch.nan)
    covariances[found] = torch.linalg.inv(_sum_of_squares(seen.slopes, weights[:, found] * seen.visible))
    return covariances.reshape(*points.shape, 3)


@dataclass(frozen=True, eq=False)
class _Seen:
    """Where cameras see points, in distorted pixels; the slopes along the world's axes; and whether they do at all.

    A point that a camera does not see has some pixel and slopes, which mean nothing but are finite.
    """

    pixels: Float[Tensor, "cameras points 2"]
    slopes: Float[Tensor, "cameras points 2 3"]
    visible: Bool[Tensor, "cameras points"]


def _see(points: Float[Tensor, "points 3"], wanted: Bool[Tensor, "cameras points"], cameras: Camera) -> _Seen:
    """What the cameras see of the points wanted of them; with gradients if there is anything to have them."""
    graph = torch.is_grad_enabled() and _any_requires_gradient(cameras, points)
    with torch.enable_grad():
        spread = points.expand(len(wanted), -1, -1)
        spread = spread if spread.requires_grad else spread.detach().requires_grad_()
        local = cameras.world_to_camera(spread)
        visible = wanted & (local[..., 2] > 0)
        ahead = torch.tensor([0.0, 0.0, 1.0], dtype=local.dtype, device=local.device)
        pixels = cameras.project_camera(torch.where(visible[..., None], local, ahead))
        slopes = [
            torch.autograd.grad(pixels[..., axis].sum(), spread, create_graph=graph, retain_graph=True)[0]
            for axis in (0, 1)
        ]
    return _Seen(pixels if graph else pixels.detach(), torch.stack(slopes, dim=-2), visible)


def _sum_of_squares(
    slopes: Float[Tensor, "cameras points 2 3"], weights: Float[Tensor, "cameras points"]
) -> Float[Tensor, "points 3 3"]:
    """``w J^T J``, added up over the cameras."""
    return torch.einsum("cp,cpij,cpik->pjk", weights, slopes, slopes)


def _fixes_a_point(
    matrix: Float[Tensor, "points 3 3"], visible: Bool[Tensor, "cameras points"]
) -> Bool[Tensor, "points"]:
    """Whether two views or more see a point and their equations have one solution, as ``algebraic`` has it."""
    trace = torch.diagonal(matrix, dim1=-2, dim2=-1).sum(-1)
    definite = torch.linalg.det(matrix) > 100 * torch.finfo(matrix.dtype).eps * trace * trace * trace
    return definite & (trace > 0) & (visible.sum(0) >= 2)


def _pulls(
    seen: _Seen, pixels: Float[Tensor, "cameras points 2"], weights: Float[Tensor, "cameras points"], kernel: float
) -> tuple[Float[Tensor, "cameras points"], Float[Tensor, "cameras points 3"]]:
    """What each view counts, and the gradient of its cost: ``w = W / (1 + W r^2 / kernel^2)`` and ``w J^T r``."""
    residuals = (seen.pixels - pixels) * seen.visible[..., None]
    squared = weights * residuals.square().sum(-1)
    softened = weights * seen.visible / (1 + squared / kernel**2)
    return softened, torch.einsum("cp,cpij,cpi->cpj", softened, seen.slopes, residuals)


def _least(
    points: Float[Tensor, "points 3"],
    pixels: Float[Tensor, "cameras points 2"],
    weights: Float[Tensor, "cameras points"],
    cameras: Camera,
    kernel: float,
) -> tuple[Float[Tensor, "points 3"], Bool[Tensor, "points"]]:
    """Where the cost is least, by Newton's method from the points given, and whether the views fix it.

    The curvature of the projection is left out, as in ``lift3d.compiled.point_loops``; where what the kernel takes
    from the Hessian leaves it indefinite, that is left out too, which then always leads downhill.
    """
    enough = torch.finfo(points.dtype).eps ** 0.5
    matrix = visible = None
    for _ in range(_MOST_STEPS):
        seen = _see(points, weights > 0, cameras)
        softened, pulls = _pulls(seen, pixels, weights, kernel)
        squares, visible = _sum_of_squares(seen.slopes, softened), seen.visible
        matrix = squares - 2 / kernel**2 * torch.einsum("cpj,cpk->pjk", pulls, pulls)
        indefinite = torch.linalg.cholesky_ex(matrix).info > 0
        matrix = torch.where(indefinite[:, None, None], squares, matrix)
        step = torch.linalg.solve_ex(matrix, pulls.sum(0)).result
        points = points - step
        if not bool((step.norm(dim=-1) > enough).any()):  # NaN compares false: lost points do not hold up the rest
            break
    assert matrix is not None
    assert visible is not None
    return points, _fixes_a_point(matrix, visible) & torch.isfinite(points).all(-1)


def _with_gradient(
    least: Float[Tensor, "points 3"],
    pixels: Float[Tensor, "cameras points 2"],
    weights: Float[Tensor, "cameras points"],
    cameras: Camera,
    kernel: float,
) -> Float[Tensor, "points 3"]:
    """The points where the cost is least, after one more Newton step that gives them their derivative."""
    if not (torch.is_grad_enabled() and _any_requires_gradient(cameras, pixels, weights)):
        return least
    at = least.detach().requires_grad_()
    gradient = _pulls(_see(at, weights > 0, cameras), pixels, weights, kernel)[1].sum(0)
    rows = [torch.autograd.grad(gradient[:, axis].sum(), at, retain_graph=True)[0] for axis in range(3)]
    return least - torch.linalg.solve_ex(torch.stack(rows, dim=-2), gradient).result


def _any_requires_gradient(cameras: Camera, *values: Tensor) -> bool:
    numbers = (cameras.intrinsics, cameras.distortion, cameras.rotation, cameras.translation)
    return any(value.requires_grad for value in (*values, *numbers))


def _in_main_memory(keypoints: Keypoints2D) -> Keypoints2D:
    """Without gradients, on the CPU."""
    parts = {name: getattr(keypoints, name).detach().cpu() for name in ("pixels", "scores", "times", "image_sizes")}
    return replace(keypoints, **parts)
