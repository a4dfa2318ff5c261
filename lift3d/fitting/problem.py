"""What a fit is to solve: a body, what was seen of it, and what is known of it beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from lift3d.bodies import BodyModel
from lift3d.fitting.body_tree import BodyTree, body_tree
from lift3d.fitting.hinges import Hinge, hinges_of
from lift3d.fitting.known import joints_known
from lift3d.fitting.observations import Observations
from lift3d.fitting.points import BodyPoints
from lift3d.fitting.pose_prior import PosePrior, read_pose_prior
from lift3d.fitting.settings import FitSettings
from lift3d.geometry.rotations import least_rotation

__all__ = ["BodyProblem", "body_problem"]


@dataclass(frozen=True, eq=False)
class BodyProblem:
    """What is fitted to what; see the modules that the parts are from.

    Args:
        model: of which bodies are sought.
        points: of it that were seen.
        body: the two as the solver wants them, with the shapes that are fitted.
        hinges: knees and elbows.
        prior: of poses.
        known: the body's joints that it speaks of, in its order.
        observed: what was seen, pose by pose.
        people: how many.
        upright: (3, 3) how a root is turned of which nothing is known.
        settings: of the fit.
    """

    model: BodyModel
    points: BodyPoints
    body: BodyTree
    hinges: tuple[Hinge, ...]
    prior: PosePrior | None
    known: list[int]
    observed: Observations
    people: int
    upright: np.ndarray
    settings: FitSettings

    @property
    def stops(self) -> tuple[Hinge, ...]:
        """The hinges that bend one way alone."""
        return self.hinges if self.settings.hinges else ()


def body_problem(
    model: BodyModel,
    points: BodyPoints,
    observed: Observations,
    people: int,
    up: str,
    settings: FitSettings,
    prior: PosePrior | None = None,
) -> BodyProblem:
    """The problem of fitting a body to what was seen of its points.

    Args:
        model: the body.
        points: of it.
        observed: what was seen.
        people: how many.
        up: the world's axis that points up, such as ``"+z"``.
        settings: of the fit.
        prior: of poses; by default the one that comes with lift3d.
    """
    prior = prior or (read_pose_prior() if settings.pose_prior > 0 else None)
    slim = model.with_shapes(settings.shapes)
    known = joints_known(prior, slim)
    body = body_tree(slim, points, known)
    return BodyProblem(model, points, body, hinges_of(slim), prior, known, observed, people, _upright(up), settings)


def _upright(up: str) -> np.ndarray:
    """The rotation from a body at rest, y up, to one that stands in the world."""
    axis = torch.zeros(3, dtype=torch.float64)
    axis["xyz".index(up[1])] = 1.0 if up[0] == "+" else -1.0
    return least_rotation(axis.new_tensor([0.0, 1.0, 0.0]), axis).numpy()
