"""Keypoints2D of one camera -> BodyFit: a body's shape and poses from one picture at a time.

As in SMPLify (Bogo et al. 2016, "Keep it SMPL"): the reprojection error with a robust kernel, and a prior of poses for
what the picture leaves open. The start, and a weak say in what lies before what, is a lifter's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from lift3d.bodies import BodyModel
from lift3d.cameras import Camera, CameraRig
from lift3d.errors import InputError
from lift3d.fitting.depths import DepthTerm
from lift3d.fitting.fit_views import pixels_by_frame
from lift3d.fitting.found import fit_found
from lift3d.fitting.observations import Joined
from lift3d.fitting.points import body_points
from lift3d.fitting.pose_prior import PosePrior
from lift3d.fitting.problem import body_problem
from lift3d.fitting.result import BodyFit
from lift3d.fitting.settings import FitSettings
from lift3d.fitting.stages import LEAST_POINTS, fitted
from lift3d.fitting.views_seen import ViewsSeen, views_seen
from lift3d.keypoints import Keypoints2D
from lift3d.lifting import lift
from lift3d.poses import Poses3D
from lift3d.triangulation.views import PackedRig

__all__ = ["ONE_VIEW", "fit_view"]

ONE_VIEW = FitSettings(pose_prior=1.0)
_NOISE = 0.012  # metres across the line of sight, of detections of score 1; a pose follows them, so it is not measured
_LEAST_SCORE = 0.05
_DEPTH_NOISE = 0.08  # metres, of a lifted joint before or behind another, where the lifter does not say
_LEAST_DEPTH_NOISE = 0.02


def fit_view(
    keypoints: Keypoints2D,
    model: BodyModel,
    camera: Camera | None = None,
    settings: FitSettings = ONE_VIEW,
    prior: PosePrior | None = None,
    start: Poses3D | None = None,
    world_up: str | None = None,
) -> BodyFit:
    """Fit a body to the 2D joints that one camera saw; one shape a person for the whole sequence.

        fit = fit_view(keypoints.only(["cam01"]), read_body("makehuman"))

    One picture does not tell a small person from a larger one farther away, and little of whether a limb points to the
    camera or away from it. Size and distance are those that go with a likely body; the limbs follow the lifter, as far
    as the picture and likely poses let them.

    Args:
        keypoints: of one camera, distorted pixels.
        model: the body.
        camera: its calibration; by default a pinhole whose longer side spans 50 degrees (``Camera.assumed``), which
            needs the image size.
        settings: of the fit; ``noise`` is not looked at.
        prior: of poses; by default the one that comes with lift3d.
        start: poses of the same people in the camera's frame; by default those of ``lift``.
        world_up: the axis that points up in the world that the camera is calibrated in; the bodies are then in that
            world. By default they are in the camera's frame.

    Returns:
        Bodies, metres, float64; ``poses`` are the lifted ones, residuals the distance from the lines of sight.

    Raises:
        InputError: not one camera, or neither it nor the image size is known; the body has fewer than four of the
            skeleton's joints; the start is not of these people in the camera's frame; or nobody is seen in any frame.
    """
    if len(keypoints.camera_names) != 1:
        raise InputError(
            f"fit_view takes one camera; got {len(keypoints.camera_names)}. Choose one with keypoints.only([name]), or "
            "use fit_views, which needs their calibration."
        )
    points = body_points(keypoints.skeleton, model)
    lifted = lift(keypoints, camera) if start is None else _checked(start, keypoints)
    lifted = lifted.mapped_to(keypoints.skeleton)
    camera = camera or _assumed(keypoints)
    if world_up is None:
        camera = replace(camera, rotation=torch.eye(3).to(camera.rotation), translation=camera.translation * 0)
    else:
        lifted = lifted.to_world(camera, world_up)
    rig = PackedRig.of(CameraRig.of({keypoints.camera_names[0]: camera}))
    view, count = views_seen(keypoints, lifted, rig, _variance, points, LEAST_POINTS, settings.misfit)
    if not len(view.seen.whose):
        raise InputError(
            f"fit_view: no frame has {LEAST_POINTS} joints of a person that can be lifted; nothing to fit."
        )
    observed = _with_depths(view, lifted, points.joints)
    problem = body_problem(model, points, observed, count.shape[1], lifted.up, settings, prior)
    worked, noise = fitted(problem)
    fit = fit_found(problem, worked, noise, lifted, count)
    return replace(fit, pixels=pixels_by_frame(view, worked.points, fit), camera_names=keypoints.camera_names)


def _assumed(keypoints: Keypoints2D) -> Camera:
    """A pinhole for pictures of a known size."""
    size = keypoints.image_sizes[0]
    if not bool(torch.isfinite(size).all()):
        raise InputError(
            "fit_view: neither camera nor image size is known; pass camera=Camera.assumed((width, height))."
        )
    return Camera.assumed(size.tolist())


def _checked(start: Poses3D, keypoints: Keypoints2D) -> Poses3D:
    """A start that goes with the keypoints."""
    if start.frame != "camera" or start.scores.shape[:2] != keypoints.scores.shape[1:3]:
        raise InputError(
            f"fit_view: the start has {tuple(start.scores.shape[:2])} frames and people in the {start.frame!r} frame; "
            f"expected {tuple(keypoints.scores.shape[1:3])} in the camera's frame, as lift gives them."
        )
    return start


def _with_depths(view: ViewsSeen, lifted: Poses3D, joints: tuple[int, ...]) -> Joined:
    """What the camera saw, and the lifter's say in depth."""
    numbers, seen = view.rig.numbers[0], view.seen
    turn = numbers[13:22].reshape(3, 3)
    axis, centre = turn[2], view.rig.origin - turn.T @ numbers[22:25]
    depths = (seen.targets - centre) @ axis
    known = seen.seen & (depths > 0)
    depths = np.where(known, depths, 1.0)
    variance = _depth_variance(lifted, axis)[seen.frames, seen.whose][:, list(joints)]
    weights = np.where(known, depths**2 / variance, 0.0)
    return Joined(view, lambda poses, scale: DepthTerm(axis, centre, depths[poses], weights[poses], scale))


def _variance(scores: np.ndarray, per_metre: np.ndarray) -> np.ndarray:
    """Square pixels that detections are off, by a deviation of 12 mm."""
    return (_NOISE * per_metre) ** 2 / np.maximum(scores, _LEAST_SCORE)


def _depth_variance(lifted: Poses3D, axis: np.ndarray) -> np.ndarray:
    """(F, people, joints) square metres of each joint's depth relative to the root, as far as the lifter says."""
    if lifted.covariance is None:
        return np.full(lifted.scores.shape, _DEPTH_NOISE**2)
    own = np.einsum("i,fpjik,k->fpj", axis, lifted.covariance.detach().cpu().double().numpy(), axis)
    return np.where(np.isfinite(own), own, _DEPTH_NOISE**2) + _LEAST_DEPTH_NOISE**2
