"""Bringing one set of joints onto another: by root, by scale, rigidly, or by a similarity (Procrustes).

The rotation is Kabsch's (1976, "A solution for the best rotation to relate two sets of vectors", Acta Cryst. A32,
922), kept proper (det +1) and extended by the scale as in Umeyama (1991, "Least-squares estimation of
transformation parameters between two point patterns", IEEE PAMI 13(4), eqs. 38-43).

Everywhere: joints that are not finite in either set take no part and get no gradient; ``weights`` are not negative;
distances keep the caller's unit. Sums run in the caller's dtype (half precision in float32).

Gradients are exact and stay finite at degenerate input, where the best rotation is not unique (identical points,
points on a line, mirror images): the turn that the points do not determine is held fixed.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.geometry.rotations import cross_matrix

__all__ = [
    "Similarity",
    "align_rigid",
    "align_root",
    "align_scale",
    "align_similarity",
    "apply_similarity",
    "best_rotation",
    "best_scale",
    "best_similarity",
]


class Similarity(NamedTuple):
    """``y = scale * rotation @ x + translation``; scale and translation in the unit of the points."""

    scale: Float[Tensor, "*batch"]
    rotation: Float[Tensor, "*batch 3 3"]
    translation: Float[Tensor, "*batch 3"]


def align_root(points: Float[Tensor, "*batch joints 3"], root: int) -> Float[Tensor, "*batch joints 3"]:
    """The points relative to joint ``root``; all NaN where that joint is missing."""
    return points - points.narrow(-2, root % points.shape[-2], 1)


def best_rotation(
    source: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    prior: Float[Tensor, "*#batch 3 3"],
    trust: Float[Tensor, "*#batch"] | None = None,
) -> Float[Tensor, "*batch 3 3"]:
    """The proper rotation R about the origin that minimises the sum of ``|R x - y|^2``, plus ``trust * |R - prior|^2``.

    Kabsch's rotation (1976) of points that are not moved; the prior joins the points as three of them.

    Args:
        source: points x.
        target: points y, of the same joints.
        prior: a rotation; it always holds where the points leave the turn open.
        trust: its weight, in the squared unit of the points; by default it only decides what the points do not.
    """
    share, source, target = _shared(source, target, None)
    size = (source.norm(dim=-1) * target.norm(dim=-1)).sum(-1)
    least = size * torch.finfo(share.dtype).eps ** 0.5 + torch.finfo(share.dtype).tiny
    weight = least if trust is None else torch.maximum(trust.to(share.dtype), least)
    return _nearest_rotation((share * target).mT @ source + weight[..., None, None] * prior.to(share.dtype))


def best_scale(
    source: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    weights: Float[Tensor, "*#batch joints"] | None = None,
) -> Float[Tensor, "*batch"]:
    """The factor s that minimises the weighted sum of ``|s * source - target|^2``, about the origin.

    ``s = sum w <target, source> / sum w <source, source>``, as of N-MPJPE (Rhodin et al. 2018, eq. 6); 1 where the
    source has no extent.
    """
    share, source, target = _shared(source, target, weights)
    return _ratio((share * source * target).sum((-2, -1)), (share * source * source).sum((-2, -1)))


def align_scale(
    source: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    weights: Float[Tensor, "*#batch joints"] | None = None,
) -> Float[Tensor, "*batch joints 3"]:
    """The source scaled about the origin onto the target; missing joints of the source stay NaN."""
    return source * best_scale(source, target, weights).to(source.dtype)[..., None, None]


def align_rigid(
    source: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    weights: Float[Tensor, "*#batch joints"] | None = None,
) -> Float[Tensor, "*batch joints 3"]:
    """The source turned and moved onto the target, without scale; missing joints of the source stay NaN."""
    return apply_similarity(source, best_similarity(source, target, weights, with_scale=False))


def align_similarity(
    source: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    weights: Float[Tensor, "*#batch joints"] | None = None,
) -> Float[Tensor, "*batch joints 3"]:
    """The source scaled, turned and moved onto the target; missing joints of the source stay NaN."""
    return apply_similarity(source, best_similarity(source, target, weights))


def apply_similarity(
    points: Float[Tensor, "*batch joints 3"], similarity: Similarity
) -> Float[Tensor, "*batch joints 3"]:
    """``scale * rotation @ point + translation`` of each point; NaN stays NaN."""
    scale, rotation, translation = (part.to(points.dtype) for part in similarity)
    return scale[..., None, None] * (points @ rotation.mT) + translation[..., None, :]


def best_similarity(
    source: Float[Tensor, "*batch joints 3"],
    target: Float[Tensor, "*batch joints 3"],
    weights: Float[Tensor, "*#batch joints"] | None = None,
    *,
    with_scale: bool = True,
) -> Similarity:
    """The similarity that minimises the weighted sum of ``|s R x + t - y|^2`` with a proper rotation R.

    Umeyama (1991): R by eqs. 39, 40 and 43, s by eq. 42, t by eq. 41. Without any shared joint it is the identity;
    a source without extent keeps scale 1.

    Args:
        source: points x.
        target: points y, of the same joints.
        weights: of the joints, not negative; equal by default.
        with_scale: if not, s is 1 (Kabsch 1976).
    """
    share, source, target = _shared(source, target, weights)
    total = share.sum(-2).clamp_min(torch.finfo(share.dtype).tiny)
    source_mean, target_mean = (share * source).sum(-2) / total, (share * target).sum(-2) / total
    from_mean, to_mean = source - source_mean[..., None, :], target - target_mean[..., None, :]
    rotation = _nearest_rotation((share * to_mean).mT @ from_mean)
    turned = from_mean @ rotation.mT
    spread = (share * from_mean * from_mean).sum((-2, -1))
    scale = _ratio((share * turned * to_mean).sum((-2, -1)), spread) if with_scale else torch.ones_like(spread)
    moved = scale[..., None] * (rotation @ source_mean[..., None])[..., 0]
    return Similarity(scale, rotation, target_mean - moved)


def _shared(source: Tensor, target: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Weights (..., joints, 1) that are 0 for missing joints, and both sets with zeros there; at least float32."""
    seen: Bool[Tensor, "*batch joints 1"] = (torch.isfinite(source) & torch.isfinite(target)).all(-1, keepdim=True)
    dtype = torch.promote_types(torch.promote_types(source.dtype, target.dtype), torch.float32)
    share = seen.to(dtype) if weights is None else torch.where(seen, weights[..., None].to(dtype), 0.0)
    return share, torch.where(seen, source.to(dtype), 0.0), torch.where(seen, target.to(dtype), 0.0)


def _ratio(above: Tensor, below: Tensor) -> Tensor:
    """``above / below``, and 1 where there is nothing to divide by."""
    empty = below <= torch.finfo(below.dtype).tiny
    return torch.where(empty, torch.ones_like(above), above / torch.where(empty, torch.ones_like(below), below))


def _nearest_rotation(correlation: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The proper rotation R that maximises ``trace(R.T @ correlation)`` (Umeyama 1991, eqs. 40 and 43).

    The value comes from a singular value decomposition. The gradient does not, since it is infinite where two
    singular values meet: with R.T M = S symmetric at the best R, a change dM turns R by the vector w that solves
    ``(trace(S) - S) w = vee(R.T dM - dM.T R)``. Turns with a (nearly) zero eigenvalue are undetermined and left out.
    """
    with torch.no_grad():
        left, values, right = torch.linalg.svd(correlation)
        values = values.clone()
        handed = torch.where(torch.linalg.det(left @ right) < 0, -1.0, 1.0).to(values.dtype)
        left = torch.cat([left[..., :2], left[..., 2:] * handed[..., None, None]], dim=-1)
        values[..., 2] *= handed
        rotation = left @ right
    if not (torch.is_grad_enabled() and correlation.requires_grad):
        return rotation
    stiffness = values.sum(-1, keepdim=True) - values
    limit = torch.finfo(values.dtype).eps ** 0.75 * values[..., :1] + torch.finfo(values.dtype).tiny
    loose = stiffness <= limit
    inverse = torch.where(loose, torch.zeros_like(stiffness), 1 / torch.where(loose, 1.0, stiffness))
    skew = rotation.mT @ correlation
    skew = skew - skew.mT
    torque = torch.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], dim=-1)
    turn = (right.mT @ (inverse[..., None] * (right @ torque[..., None])))[..., 0]
    return rotation + rotation @ cross_matrix(turn - turn.detach())
