"""Poses3D -> BodyFit: a body's shape and poses from 3D joints."""

from __future__ import annotations

import numpy as np
import torch

from lift3d.bodies import BodyModel
from lift3d.errors import InputError
from lift3d.fitting.body_tree import body_tree
from lift3d.fitting.hinges import Hinge, bends, hinges_of
from lift3d.fitting.known import joints_known
from lift3d.fitting.least_squares import Worked
from lift3d.fitting.observations import joints_seen
from lift3d.fitting.points import body_points
from lift3d.fitting.pose_prior import PosePrior, read_pose_prior
from lift3d.fitting.result import BodyFit, FailedFrame
from lift3d.fitting.settings import FitSettings
from lift3d.fitting.smoothness import Smoothness
from lift3d.fitting.stages import LEAST_POINTS, BodyProblem, fitted
from lift3d.geometry.rotations import least_rotation, matrix_to_rotvec
from lift3d.poses import Poses3D

__all__ = ["fit_body"]


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
    observed, count, kept = joints_seen(poses, points, settings, LEAST_POINTS)
    if not len(observed.seen.whose):
        raise InputError(f"fit_body: no frame has {LEAST_POINTS} joints of a person that the body has; nothing to fit.")
    hinged = hinges if settings.hinges else ()
    people = poses.positions.shape[1]
    problem = BodyProblem(slim, points, body, hinged, prior, known, observed, people, _upright(poses.up), settings)
    worked, noise = fitted(problem, _smoothness(problem, poses))
    return _result(problem, worked, noise, poses, model, hinges, count, kept)


def _upright(up: str) -> np.ndarray:
    """The rotation from a body at rest, y up, to one that stands in the world."""
    axis = torch.zeros(3, dtype=torch.float64)
    axis["xyz".index(up[1])] = 1.0 if up[0] == "+" else -1.0
    return least_rotation(axis.new_tensor([0.0, 1.0, 0.0]), axis).numpy()


def _smoothness(problem: BodyProblem, poses: Poses3D) -> Smoothness | None:
    """What holds neighbouring poses together, if that is asked for."""
    settings = problem.settings
    if settings.smoothness is None:
        return None
    seen = problem.observed.seen
    linked = np.zeros(len(seen.whose) - 1)
    for run in seen.runs:
        linked[run.start : run.stop - 1] = poses.frames_per_second**2
    joints = problem.body.tree.joints[1:]
    return Smoothness(joints, linked / settings.smoothness**2, linked / settings.smoothness_speed**2)


def _result(
    problem: BodyProblem, worked: Worked, noise: float, poses: Poses3D, model: BodyModel, hinges: tuple[Hinge, ...],
    count: np.ndarray, kept: tuple[np.ndarray, np.ndarray],
) -> BodyFit:  # fmt: skip
    """The fit with its figures, frame by frame again."""
    state, (frames, people) = worked.state, kept
    seen = problem.observed.seen
    away = np.linalg.norm(worked.points - seen.targets, axis=-1)
    residuals = np.where(seen.seen, away, np.nan)
    bad = np.nanmean(residuals, axis=1) > problem.settings.worst
    vectors = matrix_to_rotvec(torch.from_numpy(state.rotations)).numpy()
    shape = poses.positions.shape[:2]

    def by_frame(values: np.ndarray) -> torch.Tensor:
        full = np.full((*shape, *values.shape[1:]), np.nan)
        full[frames, people] = np.where(bad.reshape(-1, *[1] * (values.ndim - 1)), np.nan, values)
        return torch.from_numpy(full)

    failures = [
        FailedFrame(int(frame), int(person), f"{count[frame, person]} joints seen; at least {LEAST_POINTS} are needed")
        for frame, person in np.argwhere(count < LEAST_POINTS)
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
