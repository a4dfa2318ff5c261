"""Vertices -> MeshFit: a body's shape and poses from meshes of its own topology, such as registered scans.

Each joint's turn in closed form from the vertices that follow it (Kabsch 1976), then Levenberg and Marquardt's method
on the distances of the vertices, poses and shape at once: the shape is shared by a person's frames, and its equations
are what the frames leave of it (Schur complement). A spread of vertices is enough, so not all are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d._times import frame_times
from lift3d.bodies import BodyModel, BodyMotion
from lift3d.bodies.skinning import pose_corrections
from lift3d.errors import InputError, ShapeError
from lift3d.geometry.alignment import best_similarity
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import cross_matrix, matrix_to_rotvec, rotvec_to_matrix

__all__ = ["MeshFit", "fit_mesh"]

_USED = 2000  # vertices, at least, of those that a model has
_LEAST_SHARE = 0.2  # of these that must be there for a pose
_AT_ONCE = 16  # poses: their derivatives need 60 MB
_NOISE = 0.002  # metres, against which the prior of shapes is weighed: components are normal with deviation 1
_DAMPING = (1e-6, 10.0, 1e4)  # first, by which it changes, and the most
_MOST_STEPS, _SAVED = 40, 1e-7  # stop when a step saves less than this share, or (0.01 mm)^2 a number
_EXACT = 1e-10


@dataclass(frozen=True, eq=False)
class MeshFit:
    """Bodies fitted to meshes.

    Args:
        motion: the bodies; NaN where a person was not there.
        distances: of the vertices from the body's, metres; NaN where they are missing.
    """

    motion: BodyMotion
    distances: Float[Tensor, "frames people vertices"]


class _State(NamedTuple):
    """Poses of one person: (N, J, 3, 3), (N, 3) and (S)."""

    rotations: Tensor
    translation: Tensor
    betas: Tensor


class _Made(NamedTuple):
    """Vertices (N, V, 3), and what they change by with turns (N, V, 3, 3 J) and shape (N, V, 3, S)."""

    vertices: Tensor
    by_pose: Tensor
    by_shape: Tensor


def fit_mesh(
    vertices: Float[Tensor, "frames people vertices 3"],
    model: BodyModel,
    times: Float[Tensor, "frames"] | None = None,
    fps: float = 30.0,
    up: str = "+y",
) -> MeshFit:
    """Shape and poses of bodies from their vertices; one shape a person for the whole sequence.

    Args:
        vertices: metres, in the model's order; NaN where missing. A person of whom less than a fifth of them is there
            is missing in that frame.
        model: the body; with its pose corrections, if it has any.
        times: seconds; by default frame number divided by ``fps``.
        fps: frames a second, used where ``times`` is not given.
        up: the axis that points up in the world of the vertices.

    Raises:
        ShapeError: the vertices are not as many as the model's.
        InputError: somebody is nowhere there.
    """
    if vertices.ndim != 4 or vertices.shape[2:] != model.template.shape:
        raise ShapeError("vertices", tuple(vertices.shape), f"(frames, people, {len(model.template)}, 3)")
    exact, given = model.to(torch.float64), vertices.detach().cpu().double()
    slim = _thinned(exact)
    shape = (*given.shape[:2], len(model.parents), 3)
    turns, places = given.new_full(shape, torch.nan), given.new_full((*shape[:2], 3), torch.nan)
    betas = given.new_zeros(shape[1], model.shapes)
    for person in range(shape[1]):
        own = given[:, person, slim.chosen]
        there = torch.isfinite(own).all(-1).double().mean(-1) > _LEAST_SHARE
        if not bool(there.any()):
            raise InputError(f"fit_mesh: person {person + 1} is in no frame; expected a mesh in one at least.")
        found = _solved(slim, own[there])
        turns[there, person], places[there, person] = matrix_to_rotvec(found.rotations), found.translation
        betas[person] = found.betas
    motion = BodyMotion(exact, betas, turns, places, frame_times(times, len(given), fps), up=up)
    away = [
        (exact.with_shape(betas).with_pose(turn, place).mesh() - own).norm(dim=-1)
        for turn, place, own in zip(turns, places, given, strict=True)
    ]
    return MeshFit(motion, torch.stack(away))


@dataclass(frozen=True, eq=False)
class _Thinned:
    """A model's joints and some of its vertices, with all that moves them."""

    chosen: Tensor
    template: Tensor
    directions: Tensor
    pose_directions: Tensor | None
    weights: Tensor
    joints: Tensor
    joint_directions: Tensor
    parents: tuple[int, ...]
    below: Tensor  # (J, J) whether a joint, the column, hangs on another, the row, or is it


def _thinned(model: BodyModel) -> _Thinned:
    chosen = torch.arange(0, len(model.template), max(1, len(model.template) // _USED))
    below = torch.eye(len(model.parents), dtype=torch.float64)
    for joint in range(len(model.parents) - 1, 0, -1):
        below[model.parents[joint]] += below[joint]
    posing = None if model.pose_directions is None else model.pose_directions[chosen]
    return _Thinned(
        chosen, model.template[chosen], model.shape_directions[chosen], posing, model.weights[chosen],
        model.joint_template, model.joint_directions, model.parents, below,
    )  # fmt: skip


def _solved(slim: _Thinned, targets: Tensor) -> _State:
    """Poses and shape nearest to vertices (N, V, 3)."""
    state, damping = _first(slim, targets), _DAMPING[0]
    cost = _cost(slim, state, targets)
    for _ in range(_MOST_STEPS):
        new = _stepped(slim, state, targets, damping)
        found = _cost(slim, new, targets)
        if found >= cost:
            damping *= _DAMPING[1]
            if damping > _DAMPING[2]:
                break
            continue
        saved, state, cost, damping = cost - found, new, found, damping / _DAMPING[1]
        if saved <= _SAVED * cost + _EXACT * targets.numel():
            break
    return state


def _first(slim: _Thinned, targets: Tensor) -> _State:
    """Each joint turned as the vertices are that follow it, of the mean shape."""
    source = slim.template.expand_as(targets)
    turned = torch.stack(
        [
            best_similarity(source, targets, weights.square().expand(targets.shape[:-1]), with_scale=False).rotation
            for weights in slim.weights.T
        ],
        dim=1,
    )
    above = turned[:, [max(parent, 0) for parent in slim.parents]]
    rotations = torch.cat([turned[:, :1], (above.mT @ turned)[:, 1:]], dim=1)
    state = _State(rotations, targets.new_zeros(len(targets), 3), targets.new_zeros(slim.directions.shape[-1]))
    made = torch.cat([_made(slim, part, False).vertices for part, _ in _parts(state, targets)])
    return state._replace(translation=(targets - made).nanmean(1))


def _parts(state: _State, targets: Tensor) -> Iterator[tuple[_State, Tensor]]:
    """A few poses at a time."""
    for start in range(0, len(targets), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        yield _State(state.rotations[part], state.translation[part], state.betas), targets[part]


def _made(slim: _Thinned, state: _State, slopes: bool = True) -> _Made:
    """The vertices of a state, and their derivatives by turns about the joints in the world's axes, and by shape."""
    joints = slim.joints + slim.joint_directions @ state.betas
    parents = [max(parent, 0) for parent in slim.parents]
    bones = torch.cat([joints[:1], (joints - joints[parents])[1:]])
    posed = forward_kinematics(state.rotations, bones.expand(len(state.rotations), -1, 3), slim.parents)
    turns, places = posed.orientations, posed.places + state.translation[:, None]
    rest = slim.template + slim.directions @ state.betas
    rest = rest.expand(len(turns), -1, 3)
    if slim.pose_directions is not None:
        rest = rest + pose_corrections(slim.pose_directions, state.rotations)
    carried = (rest[:, None] - joints[:, None]) @ turns.mT + places[:, :, None]
    shares = slim.weights.T[..., None] * carried
    vertices = shares.sum(1)
    if not slopes:
        return _Made(vertices, vertices, vertices)
    reached = (slim.below @ slim.weights.T)[..., None]
    moved = torch.einsum("kj,njvc->nkvc", slim.below, shares) - reached * places[:, :, None]
    by_pose = -cross_matrix(moved).permute(0, 2, 3, 1, 4).flatten(-2)
    ways = [slim.joint_directions[0].expand(len(turns), -1, -1)]
    for joint, parent in enumerate(slim.parents[1:], 1):
        ways.append(ways[parent] + turns[:, parent] @ (slim.joint_directions[joint] - slim.joint_directions[parent]))
    steps = torch.stack(ways, dim=1) - turns @ slim.joint_directions
    blended = torch.einsum("vj,njab->nvab", slim.weights, turns)
    return _Made(vertices, by_pose, blended @ slim.directions + torch.einsum("vj,njcs->nvcs", slim.weights, steps))


def _cost(slim: _Thinned, state: _State, targets: Tensor) -> float:
    """Half the squared distances, and what the shape costs."""
    total = _NOISE**2 * state.betas.square().sum()
    for part, own in _parts(state, targets):
        total = total + (own - _made(slim, part, False).vertices).square().nansum()
    return float(total) / 2


def _stepped(slim: _Thinned, state: _State, targets: Tensor, damping: float) -> _State:
    """The state after one damped step of Gauss and Newton's."""
    shapes = len(state.betas)
    system = _NOISE**2 * torch.eye(shapes, dtype=torch.float64)
    right, solutions = -(_NOISE**2) * state.betas, []
    for part, own in _parts(state, targets):
        made = _made(slim, part)
        left = own - made.vertices
        there = torch.isfinite(left)
        eye = torch.eye(3, dtype=torch.float64).expand(*left.shape, 3)
        whole = torch.cat([made.by_pose, eye, made.by_shape], dim=-1) * there[..., None]
        flat = whole.flatten(1, 2)
        normal = flat.mT @ flat
        asked = (flat.mT @ left.nan_to_num(0.0).flatten(1)[..., None])[..., 0]
        count = normal.shape[-1] - shapes
        own_block = normal[:, :count, :count]
        own_block = own_block + torch.diag_embed(damping * own_block.diagonal(dim1=-2, dim2=-1) + _EXACT)
        known = torch.cat([normal[:, :count, count:], asked[:, :count, None]], dim=-1)
        solved = torch.linalg.solve(own_block, known)
        system = system + (normal[:, count:, count:] - normal[:, count:, :count] @ solved[..., :-1]).sum(0)
        right = right + (asked[:, count:] - (normal[:, count:, :count] @ solved[..., -1:])[..., 0]).sum(0)
        solutions.append(solved)
    shape_step = torch.linalg.solve(system + torch.diag(damping * system.diagonal()), right)
    solved = torch.cat(solutions)
    step = solved[..., -1] - solved[..., :-1] @ shape_step
    return _turned(slim, state._replace(betas=state.betas + shape_step), step)


def _turned(slim: _Thinned, state: _State, step: Tensor) -> _State:
    """Joints turned about themselves, in the world's axes, and moved: step (N, 3 J + 3)."""
    turns = forward_kinematics(
        state.rotations, state.rotations.new_zeros(*state.rotations.shape[:2], 3), slim.parents
    ).orientations
    still = torch.eye(3, dtype=turns.dtype).expand(len(turns), 1, 3, 3)
    above = torch.cat([still, turns[:, list(slim.parents[1:])]], dim=1)
    own = rotvec_to_matrix(step[:, :-3].unflatten(-1, (-1, 3)))
    return state._replace(
        rotations=above.mT @ own @ above @ state.rotations, translation=state.translation + step[:, -3:]
    )
