"""Levenberg and Marquardt's method for the poses of many bodies and the shapes that their people share.

Of all rotations, translations, shapes and offsets those are looked for that cost least::

    sum over poses of (points off their targets + what is known of poses) + what is known of shapes and offsets

(Levenberg 1944; Marquardt 1963). Each step solves the normal equations of all poses and shapes at once, exactly: pose
by pose along the tree (``lift3d.compiled.body_equations``), or frame by frame where neighbours are held together
(``smoothness``), and the shared unknowns by the Schur complement. Each pose has a damping of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from lift3d._progress import progress
from lift3d.compiled import body_equations, body_kinematics
from lift3d.compiled.body_kinematics import Held, Rest
from lift3d.fitting.body_tree import BodyTree
from lift3d.fitting.smoothness import Smoothness

__all__ = ["BodyState", "Pull", "SharedPrior", "TargetTerm", "Worked", "minimise"]

_DAMPING = (1e-3, 1e-8, 1e8)  # first, least, most
_EASED, _RAISED = 0.2, 8.0
_WORSE, _NOTHING = 1.02, 0.01  # a pose whose cost rises by more than this share and this much was not helped
_FEW_FAIL = 0.1  # share of such poses; while there are more, no step is the last
_ONE = 1e-9  # added to the shared unknowns' diagonal, so that what nothing determines stays where it is


@dataclass(frozen=True, eq=False)
class BodyState:
    """The unknowns: poses, and what the poses of a person share.

    Args:
        whose: (N) person of each pose.
        rotations: (N, J, 3, 3) of each joint in its parent's frame.
        translation: (N, 3) metres.
        betas: (people, S).
        offsets: (people, M, 3) of the points in their carriers' frames, metres.
    """

    whose: np.ndarray
    rotations: np.ndarray
    translation: np.ndarray
    betas: np.ndarray
    offsets: np.ndarray

    def packed(self) -> BodyState:
        """The same, row by row in memory: loops are compiled for one layout alone."""
        return BodyState(*(np.ascontiguousarray(getattr(self, field.name)) for field in fields(self)))

    def of(self, poses: np.ndarray) -> BodyState:
        """The poses chosen by index or mask, of the same people."""
        part = (self.whose[poses], self.rotations[poses], self.translation[poses])
        return BodyState(*part, self.betas, self.offsets)


@dataclass(frozen=True, eq=False)
class Pull:
    """What points ask for where they are.

    Args:
        costs: (N) of each pose.
        information: (N, M, 6) upper triangles of the second derivatives by the points.
        gradient: (N, M, 3).
    """

    costs: np.ndarray
    information: np.ndarray
    gradient: np.ndarray

    def __add__(self, other: Pull) -> Pull:
        """Of both together."""
        return Pull(self.costs + other.costs, self.information + other.information, self.gradient + other.gradient)


@dataclass(frozen=True, eq=False)
class TargetTerm:
    """Points should be at their targets.

    Args:
        targets: (N, M, 3) metres; any finite number where nothing was seen.
        information: (N, M, 6) inverse covariance, upper triangles; 0 where nothing was seen.
        scale: of Geman and McClure's kernel, standard deviations; infinite for least squares.
    """

    targets: np.ndarray
    information: np.ndarray
    scale: float = np.inf

    def __call__(self, points: np.ndarray) -> Pull:
        """The pull on points (N, M, 3)."""
        pull = Pull(np.empty(len(points)), np.empty_like(self.information), np.empty_like(self.targets))
        body_kinematics.point_terms(
            points, self.targets, self.information, self.scale**-2, pull.costs, pull.information, pull.gradient
        )
        return pull


@dataclass(frozen=True, eq=False)
class SharedPrior:
    """What is known of shapes and offsets: they are normal.

    Args:
        betas: stiffness of the shape components, 1 / variance.
        offsets: (M) stiffness of the points' offsets, 1 / metre^2; None where they are not free.
        guess: (M, 3) what the offsets are held to, metres.
        fixed: whether neither is changed.
    """

    betas: float
    offsets: np.ndarray | None
    guess: np.ndarray
    fixed: bool = False

    @property
    def free(self) -> bool:
        """Whether the offsets are unknown."""
        return self.offsets is not None

    def cost(self, state: BodyState) -> float:
        """Of the shapes and offsets of all people."""
        total = self.betas * np.square(state.betas).sum()
        if self.offsets is not None:
            total += (self.offsets * np.square(state.offsets - self.guess).sum(-1)).sum()
        return float(total) / 2

    def stiffness(self, shapes: int) -> np.ndarray:
        """(Q) of all shared unknowns."""
        own = np.full(shapes, self.betas)
        return own if self.offsets is None else np.concatenate([own, np.repeat(self.offsets, 3)])

    def away(self, state: BodyState) -> np.ndarray:
        """(people, Q) what the shared unknowns differ by from what they are held to."""
        if self.offsets is None:
            return state.betas
        return np.concatenate([state.betas, (state.offsets - self.guess).reshape(len(state.betas), -1)], axis=1)


@dataclass(frozen=True, eq=False)
class Worked:
    """Where points are in a state, and what that costs.

    Args:
        state: the unknowns.
        rest: the bodies at rest.
        places: (N, J, 3) of the joints.
        turns: (N, J, 3, 3) their orientations.
        points: (N, M, 3).
        pull: on the points.
        vectors: (N, K, 3) rotation vectors of the joints that turn.
        chosen: (N) component of the pose prior.
        held_costs: (N, 3) of the pose prior, of rest, of the hinges.
        cost: of everything.
    """

    state: BodyState
    rest: Rest
    places: np.ndarray
    turns: np.ndarray
    points: np.ndarray
    pull: Pull
    vectors: np.ndarray
    chosen: np.ndarray
    held_costs: np.ndarray
    cost: float

    @property
    def costs(self) -> np.ndarray:
        """(N) of each pose by itself."""
        return self.pull.costs + self.held_costs.sum(1)


def minimise(
    body: BodyTree,
    state: BodyState,
    term: Callable[[np.ndarray], Pull],
    held: Held,
    shared: SharedPrior,
    smoothness: Smoothness | None = None,
    max_iterations: int = 30,
    tolerance: float = 1e-4,
) -> Worked:
    """The state that costs least, near a first one.

    Args:
        body: joints and points.
        state: where to start.
        term: what points ask for.
        held: what is known of poses.
        shared: what is known of shapes and offsets.
        smoothness: what holds the poses of neighbouring frames together, in the state's order.
        max_iterations: steps at most.
        tolerance: stop when a step saves less than this share of the cost.
    """
    known = (term, held, shared, smoothness)
    at = _worked(body, state.packed(), *known)
    damping = np.full(len(state.whose), _DAMPING[0])
    for _ in progress(range(max_iterations), "fitting", "step"):
        new = _worked(body, _stepped(body, at, held, shared, smoothness, damping), *known)
        better = new.costs <= at.costs
        failed = new.costs > _WORSE * at.costs + _NOTHING
        if smoothness is None and failed.any():
            new = _worked(body, _kept(at.state, new.state, ~failed), *known)
        if smoothness is None and new.cost > at.cost:
            new = _worked(body, _kept(at.state, new.state, better), *known)
        saved = at.cost - new.cost
        damping = _damped(damping, saved > 0, better, failed)
        at = new if saved > 0 else at
        if (failed.mean() < _FEW_FAIL and abs(saved) <= tolerance * new.cost) or damping.min() >= _DAMPING[2]:
            break
    return at


def _damped(damping: np.ndarray, helped: bool, better: np.ndarray, failed: np.ndarray) -> np.ndarray:
    """(N) damping of the next step.

    A pose that costs a little more may have to, for the sake of the shape: its damping is raised only where the step
    was no help to all together.
    """
    if helped:
        new = np.where(failed, damping * _RAISED, np.where(better, damping * _EASED, damping))
    else:
        new = np.where(better & ~better.all(), damping, damping * _RAISED)
    return new.clip(*_DAMPING[1:])


def _kept(old: BodyState, new: BodyState, better: np.ndarray) -> BodyState:
    """The new state with the old poses where the new ones are not better."""
    rotations = np.where(better[:, None, None, None], new.rotations, old.rotations)
    return replace(new, rotations=rotations, translation=np.where(better[:, None], new.translation, old.translation))


def _worked(
    body: BodyTree,
    state: BodyState,
    term: Callable[[np.ndarray], Pull],
    held: Held,
    shared: SharedPrior,
    smoothness: Smoothness | None,
) -> Worked:
    """Where everything is in a state, and its cost."""
    tree, (poses, joints) = body.tree, state.rotations.shape[:2]
    rest = body.rest(state.betas, state.offsets)
    places, turns = np.empty((poses, joints, 3)), np.empty((poses, joints, 3, 3))
    points = np.empty((poses, len(tree.carriers), 3))
    body_kinematics.forward(tree, rest, state.whose, state.rotations, state.translation, places, turns, points)
    vectors, chosen = np.zeros((poses, len(tree.joints), 3)), np.empty(poses, np.int64)
    costs = np.empty((poses, 3))
    body_kinematics.held_costs(tree, held, state.rotations, vectors, chosen, costs)
    pull = term(points)
    total = float(pull.costs.sum() + costs.sum()) + shared.cost(state)
    if smoothness is not None:
        total += smoothness.cost(state.rotations, state.translation)
    return Worked(state, rest, places, turns, points, pull, vectors, chosen, costs, total)


def _stepped(
    body: BodyTree,
    at: Worked,
    held: Held,
    shared: SharedPrior,
    smoothness: Smoothness | None,
    damping: np.ndarray,
) -> BodyState:
    """The state after one damped step of Gauss and Newton's."""
    state, tree = at.state, body.tree
    people, shapes = state.betas.shape
    stiffness = shared.stiffness(shapes)
    unknown = len(stiffness)
    solved = np.empty((len(state.whose), len(tree.joints), 3, unknown + 1))
    system, gradient = np.zeros((people, unknown, unknown)), np.zeros((people, unknown))
    known = (tree, at.rest, held, state.whose, at.places, at.turns, at.points, at.pull.information, at.pull.gradient,
             at.vectors, at.chosen, damping, shared.free)  # fmt: skip
    if smoothness is None:
        body_equations.sweep(*known, solved, system, gradient)
    else:
        normal = np.empty((len(solved), 3 * len(tree.joints), 3 * len(tree.joints)))
        body_equations.dense_systems(*known, normal, solved, system, gradient)
        smoothness.solve(state.rotations, state.translation, at.turns, normal, solved, state.whose, system, gradient)
    step = np.zeros((people, unknown))
    if not shared.fixed:
        step = _shared_step(system, gradient + stiffness * shared.away(state), stiffness, float(damping.min()))
    rotations, translation = np.empty_like(state.rotations), np.empty_like(state.translation)
    body_kinematics.moved(
        tree, state.whose, state.rotations, state.translation, at.turns, solved, step, rotations, translation
    )
    moved = replace(state, rotations=rotations, translation=translation, betas=state.betas + step[:, :shapes])
    if not shared.free:
        return moved
    return replace(moved, offsets=state.offsets + step[:, shapes:].reshape(state.offsets.shape))


def _shared_step(system: np.ndarray, gradient: np.ndarray, stiffness: np.ndarray, damping: float) -> np.ndarray:
    """(people, Q) step of the shared unknowns from what is left of their equations (lower triangles)."""
    lower = np.tril(system)
    full = lower + np.tril(system, -1).swapaxes(1, 2)
    diagonal = np.einsum("pii->pi", full) + stiffness
    full = full + np.einsum("pi,ij->pij", stiffness + damping * diagonal + _ONE, np.eye(len(stiffness)))
    return -np.linalg.solve(full, gradient[..., None])[..., 0]
