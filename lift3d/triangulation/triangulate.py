"""Keypoints2D of several calibrated cameras -> Poses3D, by one of several methods."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from lift3d.cameras import CameraRig
from lift3d.compiled import point_loops
from lift3d.errors import UnknownNameError
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.triangulation.learned import FrameNetwork, excess_noise
from lift3d.triangulation.noise import NoiseModel
from lift3d.triangulation.reprojection import matching_cameras
from lift3d.triangulation.result import Triangulation, poses_of, put_right_in
from lift3d.triangulation.robust import Found, find_points, measured_noise
from lift3d.triangulation.settings import TriangulationSettings
from lift3d.triangulation.sights import DetectionsSeen, PointsSeen, views_used
from lift3d.triangulation.symmetric import inverse, upper
from lift3d.triangulation.temporal import smooth_points
from lift3d.triangulation.views import PackedRig, Views, frame_chunks

__all__ = ["METHODS", "triangulate", "triangulate_in_detail"]


DEFAULTS = TriangulationSettings()


def triangulate(
    keypoints: Keypoints2D,
    rig: CameraRig,
    method: str = "temporal",
    settings: TriangulationSettings = DEFAULTS,
) -> Poses3D:
    """3D joints of all people from several calibrated cameras.

    Cameras are matched by name; person p is taken to be the same person in every camera.

    - ``"temporal"``: as ``"robust"``, then each joint's track over time is fitted to the views at once, as smooth as
      the data says, with bones that keep their length; short gaps are filled (score 0). The best there is.
    - ``"robust"``: every point by itself; views that do not agree are left out, exchanged sides put right.
    - ``"learned"``: in every frame by itself, a network judges how far each detection is off, and by how much it may
      be, from how the views and joints agree; then as ``"temporal"``, with the weighted linear solutions in place of
      the views.
    - ``"volumetric"``: as ``"learned"``, but that a second network looks at what all views see in a cube around the
      person and moves joints to where bodies have them.
    - ``"algebraic"`` or ``"dlt"``: every point by itself, linear, each view weighted by the square of its score;
      nothing is left out.

    A joint that fewer than two (agreeing) views see is NaN with score 0; the score of the others is the mean score of
    the views that were used, times the share of the rig's cameras that took part.

    Args:
        keypoints: distorted pixels. Frames further apart than one and a half times the usual belong to different
            clips, which are smoothed separately.
        rig: cameras; must hold all of the keypoints' cameras. Lens distortion is undone.
        method: see above.
        settings: of all methods; ``"algebraic"`` looks at ``min_score`` alone.

    Returns:
        Poses in the rig's world, metres; with covariance, but for ``"algebraic"``.

    Raises:
        InputError: fewer than two cameras, or a camera of the keypoints is not in the rig.
        UnknownNameError: there is no such method.
    """
    return triangulate_in_detail(keypoints, rig, method, settings).poses


def triangulate_in_detail(
    keypoints: Keypoints2D,
    rig: CameraRig,
    method: str = "temporal",
    settings: TriangulationSettings = DEFAULTS,
) -> Triangulation:
    """As :func:`triangulate`, with which views each point is made from and how well they fit."""
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)
    return METHODS[method](keypoints, matching_cameras(keypoints, rig), settings)


def _linear(keypoints: Keypoints2D, rig: CameraRig, settings: TriangulationSettings) -> Triangulation:
    packed = PackedRig.of(rig)
    shape = tuple(keypoints.scores.shape)
    points, used = np.empty((*shape[1:], 3)), np.empty(shape, np.bool_)

    def work(part: slice) -> None:
        views = Views.of(keypoints.pixels[:, part], keypoints.scores[:, part], settings.min_score)
        own = np.empty((len(views), 3))
        point_loops.linear(packed.lens, packed.numbers, views.pixels, np.square(views.scores), own)
        points[part] = own.reshape(points[part].shape)
        used[:, part] = (views.scores > 0).reshape(used[:, part].shape)

    frame_chunks(shape, work, "triangulating")
    found = Found(points, None, used, np.zeros(shape, np.bool_))
    return _result(found, packed, keypoints, rig, NoiseModel.unknown(len(rig)), _no_lengths(keypoints))


def _robust(keypoints: Keypoints2D, rig: CameraRig, settings: TriangulationSettings) -> Triangulation:
    return _pointwise(keypoints, rig, settings, smooth=False)


def _temporal(keypoints: Keypoints2D, rig: CameraRig, settings: TriangulationSettings) -> Triangulation:
    return _pointwise(keypoints, rig, settings, smooth=True)


def _pointwise(keypoints: Keypoints2D, rig: CameraRig, settings: TriangulationSettings, smooth: bool) -> Triangulation:
    """Every point by itself; then, if wanted, tracks over time that start from them."""
    packed = PackedRig.of(rig)
    noise = measured_noise(packed, keypoints, settings)
    found = find_points(packed, keypoints, noise, settings)
    lengths = _no_lengths(keypoints)
    if smooth:
        smooth_points(DetectionsSeen(packed, keypoints, noise, settings), keypoints, found, lengths, settings)
    return _result(found, packed, keypoints, rig, noise, lengths)


def _learned(keypoints: Keypoints2D, rig: CameraRig, settings: TriangulationSettings) -> Triangulation:
    return _by_network(keypoints, rig, settings, "view_attention_cmu17")


def _volumetric(keypoints: Keypoints2D, rig: CameraRig, settings: TriangulationSettings) -> Triangulation:
    return _by_network(keypoints, rig, settings, "view_volumes_cmu17")


def _by_network(keypoints: Keypoints2D, rig: CameraRig, settings: TriangulationSettings, shipped: str) -> Triangulation:
    """Exchanged sides are put right first; then every frame by itself; then, if wanted, tracks over time."""
    network = FrameNetwork.of(settings.weights or shipped)
    packed = PackedRig.of(rig)
    noise = measured_noise(packed, keypoints, settings)
    found = find_points(packed, keypoints, noise, settings)
    detections = DetectionsSeen(packed, keypoints, noise, settings)
    seen = network.points(put_right_in(keypoints, found.swapped), rig, settings.min_score)
    points = seen.points.numpy()
    information = upper(seen.information.numpy()) / excess_noise(seen, keypoints, rig, noise)
    known = information[..., 0] > 0
    found.points = np.where(known[..., None], points, np.nan)
    found.covariance = np.where(known[..., None], inverse(information), np.nan).astype(np.float32)
    found.used = views_used(detections, found.points, found.swapped)
    lengths = _no_lengths(keypoints)
    if settings.smoothing.over_time:
        sight = PointsSeen(detections, points, information)
        smooth_points(sight, keypoints, found, lengths, settings)
    return _result(found, packed, keypoints, rig, noise, lengths)


def _no_lengths(keypoints: Keypoints2D) -> np.ndarray:
    return np.full((keypoints.scores.shape[2], len(keypoints.skeleton.bones)), np.nan)


def _result(
    found: Found, packed: PackedRig, keypoints: Keypoints2D, rig: CameraRig, noise: NoiseModel, lengths: np.ndarray
) -> Triangulation:
    return Triangulation(
        poses=poses_of(found, packed.origin, keypoints, rig),
        detections=keypoints,
        rig=rig,
        used=torch.from_numpy(found.used),
        swapped=torch.from_numpy(found.swapped),
        noise=noise,
        bone_lengths=torch.from_numpy(lengths),
    )


METHODS: dict[str, Callable[[Keypoints2D, CameraRig, TriangulationSettings], Triangulation]] = {
    "temporal": _temporal,
    "robust": _robust,
    "learned": _learned,
    "volumetric": _volumetric,
    "algebraic": _linear,
    "dlt": _linear,
}
