"""A fit in stages, from wide to narrow: so outliers do not decide, and few poses are left in a wrong one.

1. a start in closed form, without the points that are suspicious (``start``);
2. shape, offsets and noise from some poses, with a wide kernel and then with its last scale;
3. all poses, in the same way; noise and offsets stay;
4. poses that gave up points that were not suspicious, or cost too much, are tried from other starts;
5. if that is asked for, all poses with the feet that stand held in their places (``contact``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from lift3d.fitting.contact import foot_points, planted, standing
from lift3d.fitting.known import held_by
from lift3d.fitting.least_squares import BodyState, SharedPrior, Worked, minimise
from lift3d.fitting.problem import BodyProblem
from lift3d.fitting.smoothness import Smoothness, smoothness_of
from lift3d.fitting.start import first_shape, first_state, suspicious

__all__ = ["LEAST_POINTS", "fitted"]

LEAST_POINTS = 4  # of a pose
_WIDE = 2.5  # times the last kernel's scale, for the first stage
_ROUGHLY = 0.03  # share of the cost that steps for shapes and offsets must save
_COARSELY = 1.0  # the same of steps for all poses that are to be improved upon
_FRAMES_FOR_NOISE = 60
_FEW = 5  # frames, for which the noise that is usual counts
_INDEPENDENT = 20  # frames of a person, of however many, whose errors have nothing to do with each other
_LEAST_PRIOR = 1e-3
_STRANGE = 4.0  # standard deviations of a shape: joints so far from any body's are another kind of body's
_DEAR, _SPARE = 3.0, 12.0  # times the usual cost of a pose with something to spare: it is in a wrong one
_GIVEN_UP = 0.25  # weight of a point at the kernel's scale; with less it is given up


@dataclass(frozen=True)
class _Stage:
    """How one stage minimises.

    Args:
        noise: as of ``Observations``.
        width: of the robust kernel, times its last scale.
        free: whether the points' offsets are unknown.
        fixed: whether shapes and offsets are left as they are.
        tolerance: share of the cost that steps must save.
    """

    noise: float
    tolerance: float
    width: float = 1.0
    free: bool = False
    fixed: bool = False


def fitted(problem: BodyProblem) -> tuple[Worked, float]:
    """All poses and shapes, and the noise that was reckoned with in the end."""
    settings, seen = problem.settings, problem.observed.seen
    trusted = _trusted(problem)
    free = settings.offsets == "estimate" or (settings.offsets == "auto" and not problem.points.exact)
    state = _started(problem, trusted, free)
    shared, noise = _shared(problem, state, trusted, free)
    if settings.offsets == "auto" and not free and np.abs(shared.betas).max() > _STRANGE:
        state = _started(problem, trusted, True)
        shared, noise = _shared(problem, state, trusted, True)
    state = replace(state, betas=shared.betas, offsets=shared.offsets)
    every = np.arange(len(seen.whose))
    last, smoothness = _Stage(noise, settings.tolerance), _smoothness(problem)
    wide = _minimised(problem, state, every, replace(last, tolerance=_COARSELY, width=_WIDE), trusted)
    worked = _minimised(problem, wide.state, every, last, smoothness=smoothness)
    better = None if settings.robust is None else _second_try(problem, worked, trusted, noise)
    if better is not None:
        worked = _minimised(problem, better, every, last, smoothness=smoothness)
    if settings.contact is None:
        return worked, noise
    return _minimised(_planted(problem, worked), worked.state, every, last, smoothness=smoothness), noise


def _planted(problem: BodyProblem, worked: Worked) -> BodyProblem:
    """The problem with feet that stand held in their places."""
    observed, still = problem.observed, problem.settings.contact
    assert still is not None
    places, stands = standing(worked.points, foot_points(problem.points.names), observed.seen, problem.upright[:, 1])
    return replace(problem, observed=planted(observed, places, stands, still))


def _smoothness(problem: BodyProblem) -> Smoothness | None:
    """What holds neighbouring poses together, if that is asked for."""
    settings, seen = problem.settings, problem.observed.seen
    if settings.smoothness is None:
        return None
    turn, way = settings.smoothness * seen.seconds, settings.smoothness_speed * seen.seconds
    return smoothness_of(seen.runs, problem.body.tree.joints[1:], turn, way)


def _trusted(problem: BodyProblem) -> np.ndarray:
    """(N, M) points to start from: those that are not suspicious, or all where few would be left."""
    seen = problem.observed.seen
    trusted = seen.seen & ~suspicious(seen, problem.body)
    few = trusted.sum(1) < LEAST_POINTS
    return np.where(few[:, None], seen.seen, trusted)


def _started(problem: BodyProblem, trusted: np.ndarray, free: bool) -> BodyState:
    """Poses in closed form, of bodies whose bones are as long as those seen; ``free``: but for the offsets."""
    seen, body = problem.observed.seen, problem.body
    spread = problem.points.spread.numpy() * free
    prior = problem.settings.shape_prior + _LEAST_PRIOR
    betas = first_shape(seen, trusted, body, problem.people, prior, spread)
    return first_state(seen, trusted, body, problem.model, problem.stops, betas, problem.upright)


def _shared(problem: BodyProblem, state: BodyState, trusted: np.ndarray, free: bool) -> tuple[BodyState, float]:
    """Shapes, and offsets if they are free, in a state of some of the poses; and the noise."""
    observed = problem.observed
    least = observed.least_noise(trusted, problem.body)
    some = _evenly(state.whose, problem.settings.offset_frames if free else _FRAMES_FOR_NOISE)
    stage = _Stage(observed.first_noise, _ROUGHLY, _WIDE, free)
    worked = _minimised(problem, state.of(some), some, stage, trusted)
    noise = _noise(problem, worked, some, least)
    if free:
        worked = _minimised(problem, worked.state, some, _Stage(max(noise, observed.offset_noise), _ROUGHLY, free=True))
        noise = _noise(problem, worked, some, least)
    return worked.state, noise


def _noise(problem: BodyProblem, worked: Worked, some: np.ndarray, least: float) -> float:
    """Deviation of the points about the body; from few poses close to what is usual."""
    observed = problem.observed
    if observed.known_noise is not None:
        return observed.known_noise
    found, usual = max(observed.deviation(some, worked.points), least), observed.first_noise
    return float(((len(some) * found**2 + _FEW * usual**2) / (len(some) + _FEW)) ** 0.5)


def _evenly(whose: np.ndarray, most: int) -> np.ndarray:
    """Indices of at most so many poses of each person, evenly spread."""
    chosen = []
    for person in np.unique(whose):
        own = np.nonzero(whose == person)[0]
        chosen.append(own[np.unique(np.linspace(0, len(own) - 1, min(most, len(own))).round().astype(np.int64))])
    return np.concatenate(chosen)


def _second_try(problem: BodyProblem, worked: Worked, trusted: np.ndarray, noise: float) -> BodyState | None:
    """The state with poses that gave up points, or cost too much, started again; None if nothing costs less for it."""
    lost = (_given_up(problem, worked, noise) & trusted).any(1)
    again = np.nonzero(lost | (worked.costs > _DEAR * (np.median(worked.costs) + _SPARE)))[0]
    if not len(again):
        return None
    rotations, translation = worked.state.rotations.copy(), worked.state.translation.copy()
    least, found_any = worked.costs[again], False
    for first, width, points in _starts(problem, worked, again, trusted):
        rough = _minimised(problem, first, again, _Stage(noise, _ROUGHLY, width, fixed=True), points)
        found = _minimised(problem, rough.state, again, _Stage(noise, problem.settings.tolerance, fixed=True))
        lower = found.costs < least
        rotations[again[lower]] = found.state.rotations[lower]
        translation[again[lower]] = found.state.translation[lower]
        least, found_any = np.minimum(least, found.costs), found_any or bool(lower.any())
    return replace(worked.state, rotations=rotations, translation=translation) if found_any else None


def _given_up(problem: BodyProblem, worked: Worked, noise: float) -> np.ndarray:
    """(N, M) points so far off that the robust kernel all but lets go of them."""
    every = np.arange(len(worked.points))
    plain = problem.observed.term(every, None, noise, np.inf)(worked.points).information
    kept = worked.pull.information[..., [0, 3, 5]].sum(-1)
    return kept < _GIVEN_UP * plain[..., [0, 3, 5]].sum(-1)


def _starts(
    problem: BodyProblem, worked: Worked, again: np.ndarray, trusted: np.ndarray
) -> Iterator[tuple[BodyState, float, np.ndarray | None]]:
    """Other starts for chosen poses, with the kernel's width and the points to begin with.

    First the neighbour's pose, then the closed form from all points, that least squares goes on from.
    """
    state = worked.state
    fine = np.setdiff1d(np.arange(len(state.whose)), again)
    near = [_nearest(pose, fine[state.whose[fine] == state.whose[pose]]) for pose in again.tolist()]
    yield replace(state.of(np.array(near)), whose=state.whose[again]), _WIDE, trusted
    seen = problem.observed.seen
    closed = first_state(
        seen.of(again), seen.seen[again], problem.body, problem.model, problem.stops, state.betas, problem.upright
    )
    yield replace(closed, offsets=state.offsets), np.inf, None


def _nearest(pose: int, others: np.ndarray) -> int:
    """The nearest of other poses in time; itself where there is none."""
    return int(others[np.abs(others - pose).argmin()]) if len(others) else pose


def _minimised(
    problem: BodyProblem,
    state: BodyState,
    poses: np.ndarray,
    stage: _Stage,
    trusted: np.ndarray | None = None,
    smoothness: Smoothness | None = None,
) -> Worked:
    """The best state of chosen poses near the one given; roughly, where it is not the last.

    Args:
        problem: what is fitted.
        state: of the chosen poses.
        poses: their indices.
        stage: how.
        trusted: (N, M) points that count; all if None.
        smoothness: of neighbouring poses.
    """
    settings, points = problem.settings, problem.points
    scale = np.inf if settings.robust is None else stage.width * settings.robust
    term = problem.observed.term(poses, trusted, stage.noise, scale)
    held = held_by(problem.body, problem.prior, problem.known, settings.pose_prior, problem.stops)
    repeated = max(len(poses) / len(np.unique(state.whose)) / _INDEPENDENT, 1.0)
    loose = repeated * points.spread.numpy() ** -2 if stage.free else None
    shared = SharedPrior(repeated * settings.shape_prior, loose, points.offsets.numpy(), stage.fixed)
    return minimise(problem.body, state, term, held, shared, smoothness, settings.max_iterations, stage.tolerance)
