"""Poses3D -> BodyFit: a body's shape and poses from 3D joints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch

from lift3d._times import clips_of
from lift3d.bodies import BodyModel
from lift3d.errors import InputError
from lift3d.fitting.body_tree import BodyTree, body_tree
from lift3d.fitting.hinges import Hinge, bends, hinges_of
from lift3d.fitting.known import held_by, joints_known
from lift3d.fitting.least_squares import BodyState, SharedPrior, TargetTerm, Worked, minimise
from lift3d.fitting.points import BodyPoints, body_points
from lift3d.fitting.pose_prior import PosePrior, read_pose_prior
from lift3d.fitting.result import BodyFit, FailedFrame
from lift3d.fitting.settings import FitSettings
from lift3d.fitting.smoothness import Smoothness
from lift3d.fitting.start import Seen, first_shape, first_state, length_noise, suspicious
from lift3d.geometry.rotations import least_rotation, matrix_to_rotvec
from lift3d.poses import Poses3D

__all__ = ["fit_body"]

_LEAST_POINTS = 4
_FIRST_NOISE = 0.015  # metres, until it is measured
_LEAST_NOISE = 0.002
_OFFSET_NOISE = 0.010
_LEAST_KERNEL = 0.010  # metres of noise that the robust kernel reckons with at least: starts are not better
_TO_DEVIATION = 1 / 1.5382  # the median length of a vector of three standard normal numbers
_WIDE = 2.5  # times the last kernel's scale, for the first stage
_STUCK, _STUCK_FROM = 4.0, 0.03  # times the usual distance, and metres, from which a pose is started again
_ROUGHLY = 0.03  # share of the cost that steps before the last stage must save
_FRAMES_FOR_NOISE = 60
_FEW = 5  # frames, for which the noise that is usual counts
_INDEPENDENT = 20  # frames of a person, of however many, whose errors have nothing to do with each other
_LEAST_PRIOR = 1e-3


@dataclass(frozen=True, eq=False)
class _Problem:
    """What is fitted to what: see the modules that the parts are from; ``sure``: the poses have a covariance."""

    model: BodyModel
    points: BodyPoints
    body: BodyTree
    hinges: tuple[Hinge, ...]
    prior: PosePrior | None
    known: list[int]
    seen: Seen
    information: np.ndarray
    sure: bool
    settings: FitSettings

    @property
    def usual_noise(self) -> float:
        """What the noise is taken to be until it is measured: metres, or the covariance as it is."""
        return 1.0 if self.sure else (self.settings.noise or _FIRST_NOISE)

    @property
    def least_misfit(self) -> float:
        """Least noise for the offsets: fits to the last millimetre are not worth far shapes and offsets."""
        return 1.0 if self.sure else (self.settings.noise or _OFFSET_NOISE)


def fit_body(
    poses: Poses3D, model: BodyModel, settings: FitSettings | None = None, prior: PosePrior | None = None
) -> BodyFit:
    """Fit a body to the 3D joints of people over time; one shape a person for the whole sequence.

        fit = fit_body(poses, model)
        fit.mesh(0)

    Joints that are missing, that the body does not have (``body_points``) or of score 0 do not count. A joint counts by
    its covariance where the poses have one, else by its score. It may lie elsewhere than the body's: see ``offsets`` of
    the settings. Poses may be in any frame; ``poses.up`` is only used for people of whom no more than a line is seen.

    Args:
        poses: metres.
        model: the body, such as ``read_body("makehuman")``.
        settings: see there.
        prior: of poses; by default the one that comes with lift3d.

    Returns:
        Bodies in the frame of the poses, float64. A frame with fewer than four joints, or whose joints are further off
        than ``settings.worst`` on average, is NaN and listed with its reason.

    Raises:
        InputError: the body has fewer than four of the skeleton's joints, or nobody is seen in any frame.
    """
    settings = settings or FitSettings()
    points = body_points(poses.skeleton, model)
    prior = prior or (read_pose_prior() if settings.pose_prior > 0 else None)
    slim = model.with_shapes(settings.shapes)
    known = joints_known(prior, slim)
    body = body_tree(slim, points, known)
    hinges = hinges_of(slim)
    targets, information = _observed(poses, points, settings.misfit)
    count = (information[..., 0] > 0).sum(-1)
    kept = np.nonzero((count >= _LEAST_POINTS).T)  # people, frames: a person's frames follow each other
    if not len(kept[0]):
        raise InputError(
            f"fit_body: no frame has {_LEAST_POINTS} joints of a person that the body has; nothing to fit."
        )
    people, frames = kept
    seen = Seen(targets[frames, people], information[frames, people, :, 0] > 0, people, _runs(people, frames, poses))
    hinged = hinges if settings.hinges else ()
    problem = _Problem(slim, points, body, hinged, prior, known, seen, information[frames, people],
                       poses.covariance is not None, settings)  # fmt: skip
    worked, noise = _fitted(problem, poses)
    return _result(problem, worked, noise, poses, model, hinges, count, (frames, people))


def _observed(poses: Poses3D, points: BodyPoints, misfit: float) -> tuple[np.ndarray, np.ndarray]:
    """Where points were seen, (F, people, M, 3) and 0 where not; and their information as upper triangles, 0 there.

    Without covariance the information is the score, in units of 1 / noise^2; else of the covariance with the misfit.
    """
    joints = list(points.joints)
    places = poses.positions[:, :, joints].detach().cpu().double().numpy()
    scores = poses.scores[:, :, joints].detach().cpu().double().numpy()
    seen = np.isfinite(places).all(-1) & (scores > 0)
    if poses.covariance is None:
        matrices = scores[..., None, None] * np.eye(3)
    else:
        covariance = poses.covariance[:, :, joints].detach().cpu().double().numpy()
        seen &= np.isfinite(covariance).all((-2, -1))
        matrices = np.linalg.inv(np.where(seen[..., None, None], covariance + misfit**2 * np.eye(3), np.eye(3)))
    upper = matrices[..., [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]]
    return np.where(seen[..., None], places, 0.0), np.where(seen[..., None], upper, 0.0)


def _runs(people: np.ndarray, frames: np.ndarray, poses: Poses3D) -> tuple[slice, ...]:
    """Poses of one person in frames that follow each other without a gap."""
    clip = np.zeros(len(poses.times), np.int64)
    for number, part in enumerate(clips_of(poses.times)):
        clip[part] = number
    breaks = (np.diff(people) != 0) | (np.diff(frames) != 1) | (np.diff(clip[frames]) != 0)
    edges = [0, *(np.nonzero(breaks)[0] + 1).tolist(), len(frames)]
    return tuple(slice(start, stop) for start, stop in pairwise(edges))


def _fitted(problem: _Problem, poses: Poses3D) -> tuple[Worked, float]:
    """The fit in stages: a start without what is suspicious, a wide kernel, offsets from some frames, all of it."""
    settings, seen, body = problem.settings, problem.seen, problem.body
    trusted = seen.seen & ~suspicious(seen, body)
    few = trusted.sum(1) < _LEAST_POINTS
    trusted[few] = seen.seen[few]
    free = settings.offsets == "estimate" or (settings.offsets == "auto" and not problem.points.exact)
    spread = problem.points.spread.numpy() * free
    betas = first_shape(seen, trusted, body, poses.positions.shape[1], settings.shape_prior + _LEAST_PRIOR, spread)
    state = first_state(seen, trusted, body, problem.model, problem.hinges, betas, _upright(poses.up))
    least = 1.0 if problem.sure else max(length_noise(seen, trusted, body), _LEAST_NOISE)
    noise = problem.usual_noise
    some = _evenly(seen.whose, settings.offset_frames if free else _FRAMES_FOR_NOISE)
    first = _minimised(problem, state.of(some), some, trusted, noise, _WIDE, free)
    noise = _noise_of(problem, first, some, least)
    if free:
        first = _minimised(problem, first.state, some, None, max(noise, problem.least_misfit), 1.0, True)
        noise = _noise_of(problem, first, some, least)
    state = replace(state, betas=first.state.betas, offsets=first.state.offsets)
    every = np.arange(len(seen.whose))
    wide = _minimised(problem, state, every, trusted, noise, _WIDE, False)
    smooth = _smoothness(problem, poses)
    last = _minimised(problem, wide.state, every, None, noise, 1.0, False, smooth)
    better = _second_try(problem, last, trusted, noise)
    if better is not None:
        last = _minimised(problem, better, every, None, noise, 1.0, False, smooth)
    return last, noise


def _second_try(problem: _Problem, last: Worked, trusted: np.ndarray, noise: float) -> BodyState | None:
    """The state with poses that fit far worse than others started again from neighbours; None if that is no help."""
    away = np.linalg.norm(last.points - problem.seen.targets, axis=-1)
    off = np.nanmedian(np.where(problem.seen.seen, away, np.nan), axis=1)
    stuck = np.nonzero(off > max(_STUCK * float(np.median(off)), _STUCK_FROM))[0]
    fine = np.setdiff1d(np.arange(len(off)), stuck)
    near = [_nearest(pose, fine[last.state.whose[fine] == last.state.whose[pose]]) for pose in stuck.tolist()]
    again = np.array([pose for pose, other in zip(stuck, near, strict=True) if other >= 0], np.int64)
    if not len(again):
        return None
    like = np.array([other for other in near if other >= 0])
    state = last.state.of(again)
    first = replace(state, rotations=last.state.rotations[like], translation=last.state.translation[like])
    rough = _minimised(problem, first, again, trusted, noise, _WIDE, False, fixed=True)
    found = _minimised(problem, rough.state, again, None, noise, 1.0, False, fixed=True)
    lower = found.costs < last.costs[again]
    if not lower.any():
        return None
    rotations, translation = last.state.rotations.copy(), last.state.translation.copy()
    rotations[again[lower]] = found.state.rotations[lower]
    translation[again[lower]] = found.state.translation[lower]
    return replace(last.state, rotations=rotations, translation=translation)


def _nearest(pose: int, others: np.ndarray) -> int:
    """The nearest of other poses in time, -1 where there is none."""
    return int(others[np.abs(others - pose).argmin()]) if len(others) else -1


def _upright(up: str) -> np.ndarray:
    """The rotation from a body at rest, y up, to one that stands in the world."""
    axis = torch.zeros(3, dtype=torch.float64)
    axis["xyz".index(up[1])] = 1.0 if up[0] == "+" else -1.0
    return least_rotation(axis.new_tensor([0.0, 1.0, 0.0]), axis).numpy()


def _noise_of(problem: _Problem, worked: Worked, some: np.ndarray, least: float) -> float:
    """Deviation of the points about the body, metres an axis; with covariance, by what factor it is larger than that.

    From the median distance, which outliers leave alone; not less than the lengths of the bones tell, since poses
    follow the noise; and from few frames close to what is usual.
    """
    if problem.settings.noise is not None and not problem.sure:
        return problem.settings.noise
    seen, usual = problem.seen.seen[some], problem.usual_noise
    term = TargetTerm(problem.seen.targets[some], problem.information[some])
    away = np.einsum("nmi,nmi->nm", worked.points - problem.seen.targets[some], term(worked.points).gradient)
    found = max(float(np.median(np.sqrt(np.maximum(away[seen], 0.0)))) * _TO_DEVIATION, least)
    return float(((len(some) * found**2 + _FEW * usual**2) / (len(some) + _FEW)) ** 0.5)


def _evenly(whose: np.ndarray, most: int) -> np.ndarray:
    """Indices of at most so many poses of each person, evenly spread."""
    chosen = []
    for person in np.unique(whose):
        own = np.nonzero(whose == person)[0]
        chosen.append(own[np.unique(np.linspace(0, len(own) - 1, min(most, len(own))).round().astype(np.int64))])
    return np.concatenate(chosen)


def _minimised(
    problem: _Problem,
    state: BodyState,
    chosen: np.ndarray,
    trusted: np.ndarray | None,
    noise: float,
    width: float,
    free: bool,
    smoothness: Smoothness | None = None,
    fixed: bool = False,
) -> Worked:
    """The best state of the chosen poses near the one given; roughly, where it is not the last.

    Args:
        problem: what is fitted.
        state: of the chosen poses.
        chosen: indices of poses.
        trusted: (N, M) points that count; all if None.
        noise: as of ``_noise_of``.
        width: of the robust kernel, times its last scale.
        free: whether the offsets are unknown.
        smoothness: of neighbouring poses.
        fixed: whether shapes and offsets are left as they are.
    """
    settings, points = problem.settings, problem.points
    information = problem.information[chosen] / noise**2
    if trusted is not None:
        information = np.where(trusted[chosen, :, None], information, 0.0)
    usual = noise * float(np.median(problem.information[problem.seen.seen][:, 0]) ** -0.5)  # metres
    scale = np.inf if settings.robust is None else width * settings.robust * max(1.0, _LEAST_KERNEL / usual)
    targets = np.ascontiguousarray(problem.seen.targets[chosen])
    term = TargetTerm(targets, np.ascontiguousarray(information), scale)
    held = held_by(problem.body, problem.prior, problem.known, settings.pose_prior, problem.hinges)
    repeated = max(len(chosen) / len(np.unique(state.whose)) / _INDEPENDENT, 1.0)
    loose = repeated * points.spread.numpy() ** -2 if free else None
    shared = SharedPrior(repeated * settings.shape_prior, loose, points.offsets.numpy(), fixed)
    tolerance = settings.tolerance if width == 1.0 and not free else max(settings.tolerance, _ROUGHLY)
    return minimise(problem.body, state, term, held, shared, smoothness, settings.max_iterations, tolerance)


def _smoothness(problem: _Problem, poses: Poses3D) -> Smoothness | None:
    """What holds neighbouring poses together, if that is asked for."""
    settings = problem.settings
    if settings.smoothness is None:
        return None
    linked = np.zeros(len(problem.seen.whose) - 1)
    for run in problem.seen.runs:
        linked[run.start : run.stop - 1] = poses.frames_per_second**2
    joints = problem.body.tree.joints[1:]
    return Smoothness(joints, linked / settings.smoothness**2, linked / settings.smoothness_speed**2)


def _result(
    problem: _Problem, worked: Worked, noise: float, poses: Poses3D, model: BodyModel, hinges: tuple[Hinge, ...],
    count: np.ndarray, kept: tuple[np.ndarray, np.ndarray],
) -> BodyFit:  # fmt: skip
    """The fit with its figures, frame by frame again."""
    state, (frames, people) = worked.state, kept
    away = np.linalg.norm(worked.points - problem.seen.targets, axis=-1)
    residuals = np.where(problem.seen.seen, away, np.nan)
    bad = np.nanmean(residuals, axis=1) > problem.settings.worst
    vectors = matrix_to_rotvec(torch.from_numpy(state.rotations)).numpy()
    shape = poses.positions.shape[:2]

    def by_frame(values: np.ndarray) -> torch.Tensor:
        full = np.full((*shape, *values.shape[1:]), np.nan)
        full[frames, people] = np.where(bad.reshape(-1, *[1] * (values.ndim - 1)), np.nan, values)
        return torch.from_numpy(full)

    failures = [
        FailedFrame(int(frame), int(person), f"{count[frame, person]} joints seen; at least {_LEAST_POINTS} are needed")
        for frame, person in np.argwhere(count < _LEAST_POINTS)
    ]
    failures += [
        FailedFrame(int(frames[i]), int(people[i]), f"joints are {1000 * np.nanmean(residuals[i]):.0f} mm off")
        for i in np.nonzero(bad)[0]
    ]
    return BodyFit(
        model=model.to(torch.float64),
        betas=torch.from_numpy(state.betas),
        rotations=by_frame(vectors),
        translation=by_frame(state.translation),
        poses=poses,
        points=problem.points,
        offsets=torch.from_numpy(state.offsets),
        residuals=by_frame(residuals),
        prior_cost=by_frame(worked.held_costs[:, 0]),
        bends=by_frame(bends(vectors, hinges)),
        hinges=tuple(model.skeleton.joints[hinge.joint] for hinge in hinges),
        noise=noise,
        failures=tuple(sorted(failures, key=lambda one: (one.frame, one.person))),
    )
