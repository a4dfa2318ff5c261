"""Skin that follows bones, and what the pose alone changes of its form."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.geometry.kinematics import Posed

__all__ = ["linear_blend_skinning", "pose_corrections"]


def linear_blend_skinning(
    vertices: Float[Tensor, "*#batch vertices 3"],
    joints: Float[Tensor, "*#batch joints 3"],
    weights: Float[Tensor, "vertices joints"],
    posed: Posed,
) -> Float[Tensor, "*batch vertices 3"]:
    """Vertices carried along by the joints: each goes where the weighted mean of its joints' motions takes it.

    A joint that stood at j and is now at p, turned by G, takes a vertex v to ``G (v - j) + p`` (Magnenat-Thalmann,
    Laperriere and Thalmann 1988, "Joint-dependent local deformations").

    Args:
        vertices: at rest.
        joints: at rest, in the same unit.
        weights: of the joints for each vertex; a vertex's sum to 1.
        posed: where the joints are and how they are turned.
    """
    turns = posed.orientations
    moves = posed.places - (turns @ joints[..., None])[..., 0]
    blended = (weights @ turns.flatten(-2)).unflatten(-1, (3, 3))
    return (blended @ vertices[..., None])[..., 0] + weights @ moves


def pose_corrections(
    directions: Float[Tensor, "vertices 3 posing"], rotations: Float[Tensor, "*batch joints 3 3"]
) -> Float[Tensor, "*batch vertices 3"]:
    """What a pose adds to the vertices at rest, before the joints carry them (Loper et al. 2015, equation 9).

    Args:
        directions: what each entry of all rotations but the root's, less the identity, adds to each vertex.
        rotations: of each joint in its parent's frame.
    """
    bent = rotations[..., 1:, :, :] - torch.eye(3, dtype=rotations.dtype, device=rotations.device)
    return (bent.flatten(-3) @ directions.flatten(0, 1).mT).unflatten(-1, (-1, 3))
