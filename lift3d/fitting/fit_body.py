"""Poses3D -> BodyFit: a body's shape and poses from 3D joints."""

from __future__ import annotations

from lift3d.bodies import BodyModel
from lift3d.errors import InputError
from lift3d.fitting.found import fit_found
from lift3d.fitting.observations import joints_seen
from lift3d.fitting.points import body_points
from lift3d.fitting.pose_prior import PosePrior
from lift3d.fitting.problem import body_problem
from lift3d.fitting.result import BodyFit
from lift3d.fitting.settings import FitSettings
from lift3d.fitting.stages import LEAST_POINTS, fitted
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
    observed, count = joints_seen(poses, points, settings, LEAST_POINTS)
    if not len(observed.seen.whose):
        raise InputError(f"fit_body: no frame has {LEAST_POINTS} joints of a person that the body has; nothing to fit.")
    problem = body_problem(model, points, observed, poses.positions.shape[1], poses.up, settings, prior)
    worked, noise = fitted(problem)
    return fit_found(problem, worked, noise, poses, count)
