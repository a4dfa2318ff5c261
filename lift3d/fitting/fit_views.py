"""Keypoints2D of several cameras -> BodyFit: a body's shape and poses from what the cameras saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from lift3d._times import clips_of
from lift3d.bodies import BodyModel
from lift3d.cameras import CameraRig
from lift3d.errors import InputError
from lift3d.fitting.found import fit_found
from lift3d.fitting.observations import runs_of
from lift3d.fitting.points import BodyPoints, body_points
from lift3d.fitting.pose_prior import PosePrior
from lift3d.fitting.problem import body_problem
from lift3d.fitting.result import BodyFit
from lift3d.fitting.settings import FitSettings
from lift3d.fitting.stages import LEAST_POINTS, fitted
from lift3d.fitting.start import Seen
from lift3d.fitting.views_seen import ViewsSeen, pixels_per_metre
from lift3d.keypoints import Keypoints2D
from lift3d.triangulation import Triangulation, TriangulationSettings, triangulate_in_detail
from lift3d.triangulation.views import PackedRig

__all__ = ["fit_views", "seen_by"]

_LONGEST_GAP = 0.5  # seconds between two triangulated places, over which a start is drawn straight


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
    observed, count = seen_by(found, points, settings.misfit)
    if not len(observed.seen.whose):
        raise InputError(
            f"fit_views: no frame has {LEAST_POINTS} joints of a person that two cameras agree on; nothing to fit."
        )
    problem = body_problem(model, points, observed, count.shape[1], rig.up, settings, prior)
    worked, noise = fitted(problem)
    fit = fit_found(problem, worked, noise, found.poses, count)
    return replace(fit, pixels=_by_frame(observed, worked.points, fit), camera_names=keypoints.camera_names)


def seen_by(found: Triangulation, points: BodyPoints, misfit: float) -> tuple[ViewsSeen, np.ndarray]:
    """What cameras saw in frames with enough joints, and how many there are of each person, (F, people).

    Args:
        found: triangulation of the detections.
        points: of the body.
        misfit: standard deviation by which no body has the joints that were seen, metres an axis; added to the noise.
    """
    joints, keypoints, rig = list(points.joints), found.keypoints, PackedRig.of(found.rig)
    starts = _filled(found.poses.positions[:, :, joints].detach().cpu().double().numpy(), keypoints)
    pixels = keypoints.pixels[:, :, :, joints].detach().cpu().double().numpy()
    scores = keypoints.scores[:, :, :, joints].detach().cpu().double().numpy()
    there = (scores > 0) & np.isfinite(pixels).all(-1)
    started = ~np.isnan(starts[..., 0])
    count = (started & there.any(0)).sum(-1)
    people, frames = np.nonzero((count >= LEAST_POINTS).T)
    runs, seconds = runs_of(people, frames, keypoints.times), 1 / keypoints.frames_per_second
    own = started[frames, people]
    seen = Seen(np.where(own[..., None], starts[frames, people], 0.0), own, people, frames, runs, seconds)
    per_metre = pixels_per_metre(rig, seen)
    there, scores = there[:, frames, people], scores[:, frames, people]
    camera = np.arange(len(rig))[:, None, None]
    variance = 1 / found.noise.information(camera, scores) + (misfit * per_metre[..., None]) ** 2
    pixels = np.where(there[..., None], pixels[:, frames, people], 0.0)
    return ViewsSeen(seen, rig, pixels, np.where(there, 1 / variance, 0.0), per_metre), count


def _filled(places: np.ndarray, keypoints: Keypoints2D) -> np.ndarray:
    """Places (F, people, M, 3) with short gaps filled along straight lines, within clips."""
    filled, times = places.copy(), keypoints.times.detach().cpu().double().numpy()
    missing = np.isnan(places[..., 0])
    for clip in clips_of(keypoints.times):
        for person, point in np.argwhere(missing[clip].any(0) & ~missing[clip].all(0)):
            known = np.nonzero(~missing[clip, person, point])[0] + clip.start
            gone = np.nonzero(missing[clip, person, point])[0] + clip.start
            after = np.searchsorted(known, gone)
            before, after = known[(after - 1).clip(0)], known[after.clip(max=len(known) - 1)]
            near = np.minimum(abs(times[gone] - times[before]), abs(times[after] - times[gone])) <= _LONGEST_GAP
            line = [np.interp(times[gone], times[known], axis) for axis in places[known, person, point].T]
            filled[gone[near], person, point] = np.stack(line, axis=-1)[near]
    return filled


def _by_frame(observed: ViewsSeen, points: np.ndarray, fit: BodyFit) -> torch.Tensor:
    """Pixels (cameras, frames, people, points) between each detection and the body; NaN where a frame failed."""
    away = observed.distances(slice(None), points)
    full = np.full((len(away), *fit.residuals.shape), np.nan)
    full[:, observed.seen.frames, observed.seen.whose] = away
    return torch.from_numpy(full).masked_fill(torch.isnan(fit.translation[..., 0])[..., None], torch.nan)
