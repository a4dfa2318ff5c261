"""The stages of a fit take any observations that pull on the points: here two pictures of parallel projection."""

from dataclasses import dataclass

import numpy as np
import torch
from made_up_body import bony_body, dance, poses_of

from lift3d.fitting import FitSettings, body_points, fit_body
from lift3d.fitting.found import fit_found
from lift3d.fitting.least_squares import Pull, TargetTerm
from lift3d.fitting.observations import JointsSeen, joints_seen
from lift3d.fitting.problem import body_problem
from lift3d.fitting.stages import fitted
from lift3d.poses import Poses3D

NOISE = 0.012
VIEWS = np.array([[1.0, 0, 0, 1, 0, 0], [0, 0, 0, 1, 0, 1]])  # the first sees x and y, the other y and z


@dataclass(frozen=True, eq=False)
class TwoPictures:
    """Joints seen by two cameras, each of which knows nothing of the depth."""

    joints: JointsSeen
    first_noise = offset_noise = NOISE
    known_noise = NOISE

    @property
    def seen(self):
        return self.joints.seen

    def least_noise(self, trusted, body):
        return NOISE

    def deviation(self, poses, points):
        return NOISE

    def residuals(self, points):
        return self.joints.residuals(points)

    def term(self, poses, trusted, noise, scale):
        counted = self.seen.seen if trusted is None else trusted
        views = [TargetTerm(self.seen.targets[poses], counted[poses, :, None] * view / noise**2) for view in VIEWS]

        def pull(points):
            own = [view(points) for view in views]
            return Pull(*(sum(getattr(one, name) for one in own) for name in ("costs", "information", "gradient")))

        return pull


def test_two_pictures_are_joints_of_the_covariance_that_both_leave():
    """What both see counts twice: the variance of y is half that of x and z."""
    model = bony_body()
    poses = poses_of(model, torch.zeros(10), *dance(20), noise=0.01)
    covariance = torch.diag(torch.tensor([1.0, 0.5, 1.0], dtype=torch.float64)) * NOISE**2
    told = Poses3D.of(
        poses.positions, skeleton=model.skeleton, covariance=covariance.expand(*poses.positions.shape[:3], 3, 3)
    )
    settings = FitSettings(robust=None, misfit=0.0, max_iterations=60, tolerance=1e-12)
    expected = fit_body(told, model, settings)

    points = body_points(model.skeleton, model)
    joints, count = joints_seen(poses, points, settings, 4)
    problem = body_problem(model, points, TwoPictures(joints), 1, poses.up, settings)
    worked, noise = fitted(problem)
    found = fit_found(problem, worked, noise, poses, count)
    torch.testing.assert_close(found.joints().positions, expected.joints().positions, atol=2e-4, rtol=0)
    torch.testing.assert_close(found.betas, expected.betas, atol=5e-3, rtol=0)
