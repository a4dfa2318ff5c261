"""What can be said of a detection by holding it against those of the other views."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.geometry.ray_equations import project_rays, ray_equations, solve_near

__all__ = ["FEATURES", "Evidence", "evidence_of"]

FEATURES = 16
_ROUNDS = 3
_KERNEL = 0.015  # residual, relative to the person's extent, at which a view counts half
_FINE = 0.01  # residuals of which size are told apart best
_LOWEST_SCORE = 0.03


@dataclass(frozen=True, eq=False)
class Evidence:
    """A first triangulation, and how each detection looks beside it.

    Args:
        features: residual, signed and its size; the same against a point made without this view, and whether there is
            one; the point from amid the body in the camera's axes, metres; score; whether it was seen, and the joint
            by two views; quarters of the number of views; logarithm of the person's size, metres; minus the logarithm
            of the score, last.
        seen: whether there is a detection.
        extent: of the person in each view, rays.
        points: of robust weighted least squares, world.
        depth: of the points in each view, metres.
    """

    features: Float[Tensor, "batch views joints features"]
    seen: Bool[Tensor, "batch views joints"]
    extent: Float[Tensor, "batch views 1"]
    points: Float[Tensor, "batch joints 3"]
    depth: Float[Tensor, "batch views joints"]

    @property
    def fixed(self) -> Bool[Tensor, "batch joints"]:
        """Whether two views or more see a joint."""
        return self.seen.sum(1) >= 2


def evidence_of(
    rays: Float[Tensor, "batch views joints 2"],
    scores: Float[Tensor, "batch views joints"],
    rotation: Float[Tensor, "batch views 3 3"],
    translation: Float[Tensor, "batch views 3"],
) -> Evidence:
    """Triangulate by iteratively reweighted least squares, weights scores squared, and compare.

    Args:
        rays: of the detections, without lens distortion; missing ones anything finite.
        scores: 0 where missing.
        rotation, translation: world to camera, metres. The origin should lie amid the cameras.
    """
    seen = scores > 0
    count = seen.sum(1, keepdim=True)
    known = (count >= 2).expand_as(seen)
    weights, depth = scores.square(), torch.ones_like(scores)
    points = rays.new_zeros(len(rays), rays.shape[2], 3)
    used, extent, residual = weights, rays.new_ones(*rays.shape[:2], 1), torch.zeros_like(rays)
    matrices, vectors = ray_equations(rays, used, rotation, translation)
    for _ in range(_ROUNDS):
        points = solve_near(matrices.sum(1), vectors.sum(1), points)
        projected, depth = project_rays(points[:, None], rotation, translation)
        extent = _extent(projected, known)
        residual = ((rays - projected) / extent[..., None]).masked_fill(~(seen & known)[..., None], 0.0)
        used = weights / (1 + residual.square().sum(-1) / _KERNEL**2)
        matrices, vectors = ray_equations(rays, used / depth.square(), rotation, translation)
    others = matrices.sum(1, keepdim=True) - matrices, vectors.sum(1, keepdim=True) - vectors
    without = solve_near(*others, points[:, None].expand(-1, rays.shape[1], -1, -1))
    apart = (rays - project_rays(without, rotation, translation)[0]) / extent[..., None]
    apart = apart.masked_fill(~(seen & (count >= 3))[..., None], 0.0)
    size = torch.log(depth * extent)[..., None]
    from_mean = _in_camera_axes(points, known[:, 0], rotation)
    unsure = -torch.log(scores.clamp_min(_LOWEST_SCORE))[..., None]
    numbers = [
        _fine(residual), _fine(apart), _flag(seen & (count >= 3)), from_mean, scores[..., None], _flag(seen),
        _flag(known), count.expand_as(seen)[..., None] / 4, size, unsure,
    ]  # fmt: skip
    return Evidence(torch.cat([value.to(rays) for value in numbers], dim=-1), seen, extent, points, depth)


def _extent(
    projected: Float[Tensor, "batch views joints 2"], known: Bool[Tensor, "batch views joints"]
) -> Float[Tensor, "batch views 1"]:
    """The longer side of the box around what is known of a person; 0.3 of nobody."""
    largest = torch.where(known[..., None], projected, -torch.inf).amax(2)
    side = (largest - torch.where(known[..., None], projected, torch.inf).amin(2)).amax(-1, keepdim=True)
    return torch.where(side.isfinite(), side, 0.3).clamp(0.02, 3.0)


def _in_camera_axes(
    points: Float[Tensor, "batch joints 3"],
    known: Bool[Tensor, "batch joints"],
    rotation: Float[Tensor, "batch views 3 3"],
) -> Float[Tensor, "batch views joints 3"]:
    """Points from the mean of those that are known; 0 of others."""
    count = known.sum(1).clamp_min(1)[:, None, None]
    mean = points.masked_fill(~known[..., None], 0.0).sum(1, keepdim=True) / count
    from_mean = (points - mean).masked_fill(~known[..., None], 0.0)
    return (from_mean[:, None] @ rotation.mT).clamp(-3, 3)


def _fine(residual: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 3"]:
    """A residual and its length, small ones told apart, large ones like logarithms."""
    length = residual.norm(dim=-1, keepdim=True)
    return torch.cat([torch.asinh(residual / _FINE), torch.log1p(length / (2 * _FINE))], dim=-1)


def _flag(values: Tensor) -> Tensor:
    return values[..., None].float()
