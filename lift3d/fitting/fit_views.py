"""Keypoints2D of several cameras -> BodyFit: a body's shape and poses from what the cameras saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from lift3d.bodies import BodyModel
from lift3d.cameras import CameraRig
from lift3d.errors import InputError
from lift3d.fitting.found import fit_found
from lift3d.fitting.points import BodyPoints, body_points
from lift3d.fitting.pose_prior import PosePrior
from lift3d.fitting.problem import body_problem
from lift3d.fitting.result import BodyFit
from lift3d.fitting.settings import FitSettings
from lift3d.fitting.stages import LEAST_POINTS, fitted
from lift3d.fitting.views_seen import ViewsSeen, views_seen
from lift3d.keypoints import Keypoints2D
from lift3d.triangulation import Triangulation, TriangulationSettings, triangulate_in_detail
from lift3d.triangulation.views import PackedRig

__all__ = ["fit_views", "pixels_by_frame"]


def fit_views(
    keypoints: Keypoints2D,
    rig: CameraRig,
    model: BodyModel,
    settings: FitSettings | None = None,
    prior: PosePrior | None = None,
    triangulation: TriangulationSettings | None = None,
) -> BodyFit:
    """Fit a body to the 2D joints that several calibrated cameras saw; one shape a person for the whole sequence.

        fit = fit_views(keypoints, rig, read_body("makehuman"))

    Robust triangulation says where to start, which sides a camera exchanged and how far detections of a score lie from
    the truth. The body is then fitted to the detections themselves, through lens and perspective, so that a joint that
    one camera alone sees counts too.

    Args:
        keypoints: distorted pixels; person p is the same person in every camera.
        rig: cameras, matched by name.
        model: the body, such as ``read_body("makehuman")``.
        settings: of the fit; its ``noise`` is not looked at.
        prior: of poses; by default the one that comes with lift3d.
        triangulation: settings of the start.

    Returns:
        Bodies in the rig's world, metres, float64; ``poses`` are the triangulated ones, residuals the median distance
        from the lines of sight, ``pixels`` those in each picture. A frame in which fewer than four joints could be
        triangulated, there or within half a second, is NaN and listed with its reason.

    Raises:
        InputError: fewer than two cameras, or one that is not in the rig; the body has fewer than four of the
            skeleton's joints; or nobody can be triangulated in any frame.
    """
    settings = settings or FitSettings()
    points = body_points(keypoints.skeleton, model)
    found = triangulate_in_detail(keypoints, rig, "robust", triangulation or TriangulationSettings())
    observed, count = _seen(found, points, settings.misfit)
    if not len(observed.seen.whose):
        raise InputError(
            f"fit_views: no frame has {LEAST_POINTS} joints of a person that two cameras agree on; nothing to fit."
        )
    problem = body_problem(model, points, observed, count.shape[1], rig.up, settings, prior)
    worked, noise = fitted(problem)
    fit = fit_found(problem, worked, noise, found.poses, count)
    return replace(fit, pixels=pixels_by_frame(observed, worked.points, fit), camera_names=keypoints.camera_names)


def _seen(found: Triangulation, points: BodyPoints, misfit: float) -> tuple[ViewsSeen, np.ndarray]:
    """What cameras saw in frames with enough joints, and how many there are of each person, (F, people)."""
    camera = np.arange(len(found.rig))[:, None, None]

    def variance(scores: np.ndarray, _: np.ndarray) -> np.ndarray:
        return 1 / found.noise.information(camera, scores)

    return views_seen(found.keypoints, found.poses, PackedRig.of(found.rig), variance, points, LEAST_POINTS, misfit)


def pixels_by_frame(observed: ViewsSeen, points: np.ndarray, fit: BodyFit) -> torch.Tensor:
    """Pixels (cameras, frames, people, points) between each detection and the body; NaN where a frame failed."""
    away = observed.distances(slice(None), points)
    full = np.full((len(away), *fit.residuals.shape), np.nan)
    full[:, observed.seen.frames, observed.seen.whose] = away
    return torch.from_numpy(full).masked_fill(torch.isnan(fit.translation[..., 0])[..., None], torch.nan)
