"""A rig's calibration mended with the people it films: small turns and shifts of the cameras that make views agree.

A camera that was nudged after the calibration sees every joint off by about the same. From joints that several cameras
see, the pose of every camera and every joint's place are improved together (bundle adjustment; Triggs et al. 2000), by
Levenberg-Marquardt with the joints eliminated (Schur complement), a Cauchy kernel on the reprojection error, and the
calibration itself as a prior: a turn of half a degree and a shift of two centimetres are as likely as one standard
deviation. Lenses stay as they are. The world stays where it was as far as the prior holds it: only what the cameras
disagree about can be seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.cameras import CameraRig
from lift3d.geometry.rotations import cross_matrix, rotvec_to_matrix
from lift3d.keypoints import Keypoints2D
from lift3d.triangulation.reprojection import matching_cameras
from lift3d.triangulation.result import Triangulation
from lift3d.triangulation.settings import TriangulationSettings
from lift3d.triangulation.triangulate import triangulate_in_detail

__all__ = ["RefinedRig", "RefinementSettings", "refine_rig"]

_POINTS = 2000  # joints that are used, spread evenly over the recording
_STEPS = 30
_ENOUGH = 1e-7  # radians and metres: the last step is shorter
_HOLD = 1e-6  # 1 / m^2 on points, so that none is singular


@dataclass(frozen=True)
class RefinementSettings:
    """How far cameras may be moved.

    Args:
        turn_deg: standard deviation of a camera's turn about each axis.
        shift: of its shift along each axis, metres.
        kernel: standard deviations at which a detection counts half.
        rounds: of triangulating anew and adjusting.
    """

    turn_deg: float = 0.5
    shift: float = 0.02
    kernel: float = 2.0
    rounds: int = 3


@dataclass(frozen=True, eq=False)
class RefinedRig:
    """A mended rig.

    Args:
        rig: the keypoints' cameras, moved.
        turn_deg: by how much each camera was turned.
        shift: by how much its centre was moved, metres.
        before_px, after_px: median reprojection error of each camera; NaN where it saw nothing.
    """

    rig: CameraRig
    turn_deg: Float[Tensor, "cameras"]
    shift: Float[Tensor, "cameras"]
    before_px: Float[Tensor, "cameras"]
    after_px: Float[Tensor, "cameras"]


DEFAULTS, TRIANGULATION = RefinementSettings(), TriangulationSettings()


def refine_rig(
    keypoints: Keypoints2D,
    rig: CameraRig,
    refinement: RefinementSettings = DEFAULTS,
    settings: TriangulationSettings = TRIANGULATION,
) -> RefinedRig:
    """The rig with its cameras' poses improved so that the views agree better.

    Use it where a report says that a calibration is off and it cannot be done again; then look at ``turn_deg`` and
    ``shift``: a camera that needs more than a degree or a few centimetres is better calibrated again. Detections with
    a bias of their own (all ankles too low) go into the cameras too.

    Args:
        keypoints: distorted pixels of two or more cameras, in time with each other.
        rig: the calibration.
        refinement: how far cameras may be moved.
        settings: of the triangulations on the way.

    Raises:
        InputError: fewer than two cameras, or a camera of the keypoints is not in the rig.
    """
    first = matching_cameras(keypoints, rig).to(torch.float64)
    before = triangulate_in_detail(keypoints, first, "robust", settings)
    moves = torch.zeros(len(first), 6, dtype=torch.float64)
    found, moved = before, first
    for _ in range(refinement.rounds):
        moves = _adjusted(first, moves, found, refinement)
        moved = _moved(first, moves)
        found = triangulate_in_detail(keypoints, moved, "robust", settings)
    return RefinedRig(
        rig=moved,
        turn_deg=torch.rad2deg(moves[:, :3].norm(dim=-1)),
        shift=(moved.cameras.centre - first.cameras.centre).norm(dim=-1),
        before_px=_medians(before),
        after_px=_medians(found),
    )


def _medians(found: Triangulation) -> Tensor:
    return found.errors.flatten(1).nanmedian(dim=1).values


def _moved(rig: CameraRig, moves: Tensor) -> CameraRig:
    """Cameras turned about their own centres by rotation vectors, then shifted, both in their own frames."""
    turn = rotvec_to_matrix(moves[:, :3])
    cameras = rig.cameras
    translation = (turn @ cameras.translation[..., None])[..., 0] + moves[:, 3:]
    return replace(rig, cameras=replace(cameras, rotation=turn @ cameras.rotation, translation=translation))


@dataclass(frozen=True, eq=False)
class _Problem:
    """Detections that are used: C cameras, N points."""

    rig: CameraRig
    pixels: Tensor  # (C, N, 2)
    weights: Tensor  # (C, N) 1 / variance, 0 where not used
    prior: Tensor  # (6) 1 / variance
    kernel: float


@dataclass(frozen=True, eq=False)
class _State:
    """Moves of the cameras (C, 6), points (N, 3), and what they cost."""

    moves: Tensor
    points: Tensor
    cost: float


def _adjusted(rig: CameraRig, moves: Tensor, found: Triangulation, refinement: RefinementSettings) -> Tensor:
    """Moves of the cameras, and points on the way, that cost least; Levenberg-Marquardt."""
    problem, points = _problem(rig, found, refinement)
    state = _State(moves, points, _cost(problem, moves, points))
    damping = 1e-4
    for _ in range(_STEPS):
        step, point_step = _step(problem, state, damping)
        moves, points = state.moves + step, state.points + point_step
        cost = _cost(problem, moves, points) if bool(torch.isfinite(step).all()) else math.inf
        if not cost < state.cost:
            damping *= 10
            if damping > 1e6:
                break
            continue
        state, damping = _State(moves, points, cost), max(damping / 10, 1e-9)
        if step.abs().max() < _ENOUGH:
            break
    return state.moves


def _problem(rig: CameraRig, found: Triangulation, refinement: RefinementSettings) -> tuple[_Problem, Tensor]:
    """A sample of the points that two or more views made, and their detections."""
    points = found.poses.positions.reshape(-1, 3).double()
    used = found.used.flatten(1)
    chosen = torch.nonzero(used.sum(0) >= 2)[:, 0]
    chosen = chosen[torch.linspace(0, len(chosen) - 1, min(len(chosen), _POINTS)).round().long()]
    weights = found.noise_px.flatten(1)[:, chosen].double().square().reciprocal()
    prior = [1 / math.radians(refinement.turn_deg) ** 2] * 3 + [1 / refinement.shift**2] * 3
    problem = _Problem(
        rig=rig,
        pixels=found.keypoints.pixels.flatten(1, 3)[:, chosen].double().nan_to_num(),
        weights=torch.where(used[:, chosen], weights, torch.zeros_like(weights)),
        prior=torch.tensor(prior, dtype=torch.float64),
        kernel=refinement.kernel**2,
    )
    return problem, points[chosen]


def _cost(problem: _Problem, moves: Tensor, points: Tensor) -> float:
    squared = (_moved(problem.rig, moves).project(points) - problem.pixels).square().sum(-1)
    seen = problem.weights > 0
    if bool(squared[seen].isnan().any()):  # a point behind a camera
        return math.inf
    squared = torch.where(seen, squared, torch.zeros_like(squared)) * problem.weights
    prior = 0.5 * (moves.square() * problem.prior).sum()
    return (0.5 * problem.kernel * torch.log1p(squared / problem.kernel).sum() + prior).item()


def _step(problem: _Problem, state: _State, damping: float) -> tuple[Tensor, Tensor]:
    """A damped Gauss-Newton step of the cameras and of the points, these eliminated."""
    cameras, count = problem.weights.shape
    own = torch.zeros(cameras, 6, 6, dtype=torch.float64)
    gradient = state.moves * problem.prior
    points = torch.full((count,), _HOLD, dtype=torch.float64)[:, None, None] * torch.eye(3, dtype=torch.float64)
    pull = torch.zeros(count, 3, dtype=torch.float64)
    both = torch.zeros(cameras, 6, count, 3, dtype=torch.float64)
    for camera in range(cameras):
        seen = torch.nonzero(problem.weights[camera] > 0)[:, 0]
        by_move, by_point, residual = _slopes(problem, state, camera, seen)
        squared = problem.weights[camera, seen] * residual.square().sum(-1)
        weight = problem.weights[camera, seen] / (1 + squared / problem.kernel)
        own[camera] = torch.einsum("n,nai,naj->ij", weight, by_move, by_move) + torch.diag(problem.prior)
        gradient[camera] += torch.einsum("n,nai,na->i", weight, by_move, residual)
        points[seen] += torch.einsum("n,nai,naj->nij", weight, by_point, by_point)
        pull[seen] += torch.einsum("n,nai,na->ni", weight, by_point, residual)
        both[camera, :, seen] = torch.einsum("n,nai,naj->inj", weight, by_move, by_point)
    own = torch.block_diag(*(one + damping * torch.diag(one.diagonal()) for one in own))
    inverse = torch.linalg.inv(points + damping * torch.diag_embed(points.diagonal(dim1=-2, dim2=-1)))
    flat = both.flatten(0, 1)
    carried = torch.einsum("inj,njk->ink", flat, inverse)
    reduced = own - torch.einsum("ink,lnk->il", carried, flat)
    right = gradient.flatten() - torch.einsum("ink,nk->i", carried, pull)
    step = -torch.linalg.solve(reduced, right)
    point_step = -torch.einsum("njk,nk->nj", inverse, pull + torch.einsum("inj,i->nj", flat, step))
    return step.reshape(cameras, 6), point_step


def _slopes(problem: _Problem, state: _State, camera: int, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Slopes of one camera's pixels (n, 2, 6) by its move and (n, 2, 3) by the points, and residuals (n, 2).

    A turn about the rotation vector that a camera has already is taken for one on top of it, which is true for the
    small turns there are: d (exp(w) y) / dw = -[exp(w) y]x.
    """
    one = _moved(problem.rig, state.moves).cameras[[camera]]
    in_camera = one.world_to_camera(state.points[None, seen])[0].requires_grad_()
    pixels = one.project_camera(in_camera[None])[0]
    by_place = torch.stack([torch.autograd.grad(axis.sum(), in_camera, retain_graph=True)[0] for axis in pixels.T], 1)
    turned = in_camera.detach() - state.moves[camera, 3:]
    by_move = torch.cat([-by_place @ cross_matrix(turned), by_place], dim=-1)
    return by_move, by_place @ one.rotation[0], pixels.detach() - problem.pixels[camera, seen]
