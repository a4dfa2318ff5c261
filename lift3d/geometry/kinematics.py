"""Trees of joints: from rotations to places (forward kinematics), and from places back (inverse kinematics).

A joint j with parent i has an offset o and a rotation R, both in the frame of its parent, and so in the world

    orientation_j = orientation_i @ R_j,    place_j = place_i + orientation_i @ o_j;

the root's place is its offset. ``parents`` is -1 for a root; every parent comes before its children. Places are in
the caller's unit (metres, for the weights that are said below). Several roots are several trees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.errors import InputError
from lift3d.geometry.alignment import best_rotation
from lift3d.geometry.rotations import cross_matrix, least_rotation, rotvec_to_matrix

__all__ = ["Posed", "Turned", "forward_kinematics", "inverse_kinematics"]

_BEND_TRUST = 0.1  # squared sine of the bend from which on a hinge is trusted more than its parent
_FREEDOM = 0.2  # radians that a joint may turn from where it is carried to explain noise
_LEVERS = (0.02, 0.3)  # of the bones: a shorter one never, a longer one always decides how several bones are turned
_FAR = 0.05  # metres; what is farther away pulls no harder
_CHUNK = 512  # poses that are fitted at once


class Posed(NamedTuple):
    """Where the joints are and how they are turned, in the world."""

    places: Float[Tensor, "*batch joints 3"]
    orientations: Float[Tensor, "*batch joints 3 3"]


class Turned(NamedTuple):
    """Rotations of the joints, each in its parent's frame, and the place of the root."""

    rotations: Float[Tensor, "*batch joints 3 3"]
    root: Float[Tensor, "*batch 3"]


def forward_kinematics(
    rotations: Float[Tensor, "*batch joints 3 3"],
    offsets: Float[Tensor, "*#batch joints 3"],
    parents: Sequence[int],
) -> Posed:
    """Places and orientations of the joints of posed trees.

    Args:
        rotations: of each joint in its parent's frame.
        offsets: of each joint from its parent, in the parent's frame; a root's is its place.
        parents: index of each joint's parent, -1 for a root.

    Raises:
        InputError: a joint comes before its parent.
    """
    _check_order(parents)
    places: list[Tensor] = []
    orientations: list[Tensor] = []
    for joint, parent in enumerate(parents):
        own, offset = rotations[..., joint, :, :], offsets[..., joint, :].expand_as(rotations[..., joint, :, 0])
        places.append(offset if parent < 0 else places[parent] + (orientations[parent] @ offset[..., None])[..., 0])
        orientations.append(own if parent < 0 else orientations[parent] @ own)
    return Posed(torch.stack(places, dim=-2), torch.stack(orientations, dim=-3))


def inverse_kinematics(
    places: Float[Tensor, "*batch joints 3"],
    offsets: Float[Tensor, "joints 3"],
    parents: Sequence[int],
    start: Float[Tensor, "*#batch 3 3"] | None = None,
    hinges: Float[Tensor, "joints 3"] | None = None,
    iterations: int = 4,
) -> Turned:
    """Rotations that bring a tree of rigid bones closest to given places, in least squares; float64.

    First from the root outward: a joint with one child turns by the least rotation that aims at it, one with several
    by the best rotation for all (Kabsch), and what this leaves open - the twist of a bone - stays as in the parent.
    Then Levenberg-Marquardt steps on all joints at once share out what rigid bones cannot reach; a joint farther away
    than 5 cm pulls no harder (Huber 1964, "Robust estimation of a location parameter"). The damping is the
    mean squared distance left (Yamashita and Fukushima 2001, "On the rate of convergence of the Levenberg-Marquardt
    method") over a squared angle, and holds on to the first guess: places that a tree can reach are met exactly, and
    turns that only noise would decide are left alone.

    The result follows the places without a jump, except where a bone points opposite to its rest.

    Args:
        places: of the joints, metres; NaN where one is not known. Of a joint whose offset is zero, only turned between
            two others, it does not count. A root must be known.
        offsets: of each joint from its parent in the rest pose; a root's does not count.
        parents: index of each joint's parent, -1 for the one root.
        start: orientation that the root turns from where its children leave something open; by default the world's.
        hinges: of joints that bend about one axis, such as knees: that axis in the rest pose, square to the bone that
            ends in the joint; zero for all others. It gives the bone above its twist: fully where the joint is bent,
            fading out where it is straight or bent the wrong way, so that nothing flips.
        iterations: steps at most.

    Raises:
        InputError: a joint comes before its parent.
    """
    _check_order(parents)
    places, offsets = places.double(), offsets.double()
    batch = places.shape[:-2]
    first = torch.eye(3, dtype=torch.float64, device=places.device) if start is None else start.double()
    flat = places.reshape(-1, *places.shape[-2:])
    starts = first.expand(*batch, 3, 3).reshape(-1, 3, 3)
    axes = torch.zeros_like(offsets) if hinges is None else hinges.double()
    parts = [_aimed(one, offsets, parents, turn, axes)
             for one, turn in zip(flat.split(_CHUNK), starts.split(_CHUNK), strict=True)]  # fmt: skip
    fitted = [_fitted(part, one, offsets, parents, iterations)
              for part, one in zip(parts, flat.split(_CHUNK), strict=True)]  # fmt: skip
    rotations, roots = (torch.cat(list(one)) for one in zip(*fitted, strict=True))
    return Turned(rotations.reshape(*batch, len(parents), 3, 3), roots.reshape(*batch, 3))


def _check_order(parents: Sequence[int]) -> None:
    if any(parent >= joint for joint, parent in enumerate(parents)):
        raise InputError("kinematics: a joint comes before its parent; order the joints from the root outward.")


def _aimed(
    places: Float[Tensor, "poses joints 3"],
    offsets: Float[Tensor, "joints 3"],
    parents: Sequence[int],
    start: Float[Tensor, "poses 3 3"],
    hinges: Float[Tensor, "joints 3"],
) -> Turned:
    """From the root outward, each joint aims from where it is posed at where its children should be."""
    posed: list[Tensor] = []
    orientations: list[Tensor] = []
    rotations: list[Tensor] = []
    for joint, parent in enumerate(parents):
        carrier = start if parent < 0 else orientations[parent]
        posed.append(places[:, joint] if parent < 0 else posed[parent] + carrier @ offsets[joint])
        bones = _bones_of(joint, parents, offsets)
        orientation = _aimed_joint(carrier, offsets[bones], places[:, bones] - posed[joint][:, None])
        if len(bones) == 1 and bool(hinges[bones[0]].any()):
            beyond = _bones_of(bones[0], parents, offsets)[:1]
            lower = (places[:, beyond] - places[:, bones]).nan_to_num(0.0).sum(-2)
            orientation = _twisted(orientation, offsets[bones[0]], hinges[bones[0]], lower)
        orientations.append(orientation)
        rotations.append(orientation if parent < 0 else carrier.mT @ orientation)
    return Turned(torch.stack(rotations, dim=1), places[:, 0])


def _bones_of(joint: int, parents: Sequence[int], offsets: Tensor) -> list[int]:
    """Children with an offset: those that a joint can aim at."""
    return [child for child, parent in enumerate(parents) if parent == joint and bool(offsets[child].any())]


def _aimed_joint(
    carrier: Float[Tensor, "poses 3 3"], rest: Float[Tensor, "bones 3"], wanted: Float[Tensor, "poses bones 3"]
) -> Float[Tensor, "poses 3 3"]:
    """Orientation of a joint whose bones, at rest along ``rest``, should point along ``wanted``; NaN has no say."""
    if not len(rest):
        return carrier
    if len(rest) == 1:
        return least_rotation(carrier @ rest[0], wanted[:, 0].nan_to_num(0.0)) @ carrier
    rest = rest.expand_as(wanted)
    free = best_rotation(rest, wanted, carrier)
    left = (rest @ free.mT - wanted).nan_to_num(0.0).square().sum((-2, -1))
    size = (rest.norm(dim=-1) * wanted.norm(dim=-1)).nan_to_num(0.0).sum(-1)
    low, high = (share**2 * size for share in _LEVERS)
    return best_rotation(rest, wanted, carrier, torch.clamp(left / (2 * _FREEDOM**2), low, high))


def _twisted(
    orientation: Float[Tensor, "poses 3 3"],
    bone: Float[Tensor, "3"],
    hinge: Float[Tensor, "3"],
    lower: Float[Tensor, "poses 3"],
) -> Float[Tensor, "poses 3 3"]:
    """The orientation of an upper bone, twisted about the bone so that ``hinge`` lies where the joint bends."""
    along = torch.nn.functional.normalize(orientation @ bone, dim=-1)
    bend = torch.linalg.cross(along, torch.nn.functional.normalize(lower, dim=-1))
    axis = torch.nn.functional.normalize(orientation @ hinge, dim=-1)
    size, cosine = bend.norm(dim=-1), (axis * bend).sum(-1)
    sine = (along * torch.linalg.cross(axis, bend)).sum(-1)
    rightly = (size + cosine) / (2 * size.clamp_min(1e-12))  # 1 where it bends the right way, 0 the wrong way
    weight = size * rightly  # with the bend itself: its squared sine
    angle = torch.atan2(weight * sine, weight * cosine + _BEND_TRUST)
    return rotvec_to_matrix(angle[:, None] * along) @ orientation


def _fitted(
    first: Turned,
    places: Float[Tensor, "poses joints 3"],
    offsets: Float[Tensor, "joints 3"],
    parents: Sequence[int],
    iterations: int,
) -> Turned:
    """Levenberg-Marquardt from a first guess; a step that makes a pose worse is not taken there."""
    seen = torch.isfinite(places).all(-1) & offsets.any(-1)
    seen[:, 0] = True
    below = _below(parents, places.device)
    movers = torch.nonzero(below.any(-1))[:, 0]
    turned, total = first, torch.zeros(len(places), 3 * len(movers) + 3, dtype=places.dtype, device=places.device)
    posed = _posed(turned, offsets, parents)
    weights, distance = _weighed(posed, places, seen)
    for _ in range(iterations):
        damping = (distance / (3 * seen.sum(-1)) / _FREEDOM**2).clamp_min(1e-12)
        step = _step(posed, places, weights, below[movers], movers, damping, total)
        moved = _moved(turned, posed, parents, movers, step)
        moved_posed = _posed(moved, offsets, parents)
        moved_weights, moved_distance = _weighed(moved_posed, places, seen)
        better = moved_distance < distance
        turned = Turned(*(_choose(better, *pair) for pair in zip(moved, turned, strict=True)))
        posed = Posed(*(_choose(better, *pair) for pair in zip(moved_posed, posed, strict=True)))
        total = total + _choose(better, step, torch.zeros_like(step))
        weights, distance = _choose(better, moved_weights, weights), torch.minimum(moved_distance, distance)
        if not bool(better.any()):
            break
    return turned


def _below(parents: Sequence[int], device: torch.device) -> Bool[Tensor, "joints joints"]:
    """Whether the second joint is carried by the first."""
    below = torch.zeros(len(parents), len(parents), dtype=torch.bool, device=device)
    for joint, parent in enumerate(parents):
        if parent >= 0:
            below[:, joint] = below[:, parent]
            below[parent, joint] = True
    return below


def _posed(turned: Turned, offsets: Float[Tensor, "joints 3"], parents: Sequence[int]) -> Posed:
    rest = offsets.expand(len(turned.root), -1, -1)
    return forward_kinematics(turned.rotations, torch.cat([turned.root[:, None], rest[:, 1:]], dim=1), parents)


def _weighed(
    posed: Posed, places: Float[Tensor, "poses joints 3"], seen: Bool[Tensor, "poses joints"]
) -> tuple[Float[Tensor, "poses joints"], Float[Tensor, "poses"]]:
    """Weight of each joint, 0 where it does not count, and the sum of their distances: squared, and Huber's (1964)."""
    away = torch.where(seen, (posed.places - places).norm(dim=-1), 0.0)
    far = away > _FAR
    loss = torch.where(far, (2 * away - _FAR) * _FAR, away * away)
    return torch.where(far, _FAR / away, seen.to(away.dtype)), loss.sum(-1)


def _step(
    posed: Posed,
    places: Float[Tensor, "poses joints 3"],
    weights: Float[Tensor, "poses joints"],
    carried: Bool[Tensor, "movers joints"],
    movers: Tensor,
    damping: Float[Tensor, "poses"],
    total: Float[Tensor, "poses unknowns"],
) -> Float[Tensor, "poses unknowns"]:
    """Rotation vectors of the movers in the world, and the root's way: one damped Gauss-Newton step.

    A turn w of joint j moves what it carries by ``w x (place - place_j)``. ``total`` is what was turned so far.
    """
    lever = posed.places[:, :, None] - posed.places[:, None, movers]
    root = weights.sqrt()[:, :, None, None]
    turns = torch.where(carried.T[..., None, None], -cross_matrix(lever), 0.0)  # poses joints movers 3 3
    moves = torch.eye(3, dtype=lever.dtype, device=lever.device).expand(*lever.shape[:2], 3, 3)
    flat = turns.transpose(-3, -2).flatten(-2)  # poses joints 3 (movers 3)
    jacobian = (root * torch.cat([flat, moves], dim=-1)).flatten(1, 2)
    residual = (root[..., 0] * (places - posed.places).nan_to_num(0.0)).flatten(1)
    turning = total.new_ones(total.shape[-1])
    turning[-3:] = 0.0  # the root is free to move
    held = damping[:, None] * turning
    normal = jacobian.mT @ jacobian + torch.diag_embed(held + 1e-12)
    gradient = (jacobian.mT @ residual[..., None])[..., 0] - held * total
    return torch.linalg.solve(normal, gradient)


def _moved(
    turned: Turned, posed: Posed, parents: Sequence[int], movers: Tensor, step: Float[Tensor, "poses unknowns"]
) -> Turned:
    """The pose after a step: world rotations brought into each joint's parent's frame."""
    rotations = turned.rotations.clone()
    turns = rotvec_to_matrix(step[:, :-3].unflatten(-1, (-1, 3)))
    for place, joint in enumerate(movers.tolist()):
        turn, parent = turns[:, place], parents[joint]
        if parent >= 0:
            carrier = posed.orientations[:, parent]
            turn = carrier.mT @ turn @ carrier
        rotations[:, joint] = turn @ rotations[:, joint]
    return Turned(rotations, turned.root + step[:, -3:])


def _choose(where: Bool[Tensor, "poses"], first: Tensor, second: Tensor) -> Tensor:
    return torch.where(where.reshape(-1, *[1] * (first.ndim - 1)), first, second)
