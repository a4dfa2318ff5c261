"""What the solver found, as a result: frame by frame, with what failed and why."""

from __future__ import annotations

import numpy as np
import torch

from lift3d.fitting.hinges import bends
from lift3d.fitting.least_squares import Worked
from lift3d.fitting.problem import BodyProblem
from lift3d.fitting.result import BodyFit, FailedFrame
from lift3d.fitting.stages import LEAST_POINTS
from lift3d.geometry.rotations import matrix_to_rotvec
from lift3d.poses import Poses3D

__all__ = ["fit_found"]


def fit_found(problem: BodyProblem, worked: Worked, noise: float, poses: Poses3D, count: np.ndarray) -> BodyFit:
    """The fit with its figures, frame by frame again.

    Args:
        problem: what was solved.
        worked: what was found.
        noise: that was reckoned with.
        poses: of the people, in their frame and at their times.
        count: (F, people) how many points of each were seen.
    """
    state, model, seen = worked.state, problem.model, problem.observed.seen
    frames, people = seen.frames, seen.whose
    residuals = problem.observed.residuals(worked.points)
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
        bends=by_frame(bends(vectors, problem.hinges)),
        hinges=tuple(model.skeleton.joints[hinge.joint] for hinge in problem.hinges),
        noise=noise,
        failures=tuple(sorted(failures, key=lambda one: (one.frame, one.person))),
    )
