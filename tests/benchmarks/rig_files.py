"""Files of a rig that films real motion (npz, millimetres), and how points are scored on them.

For C cameras, F frames and 17 joints (Human3.6M's): ``pixels`` (C, F, 17, 2) distorted, NaN where missing; ``scores``,
``outlier`` and ``sigma`` (C, F, 17), the true noise in pixels; ``positions`` (F, 17, 3), the truth; ``clip`` (F), which
clip a frame is of; ``intrinsics``, ``distortion`` (C, 5), ``rotation``, ``translation``, ``x_camera = R x_world + t``.

A view is clean if it is neither missing nor an outlier.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from lift3d import Camera, CameraRig, Keypoints2D, get_skeleton

Arrays = dict[str, np.ndarray]

FRAMES_PER_SECOND = 60
_BETWEEN_CLIPS = 10  # seconds
_GAUSS_NEWTON_STEPS = 6
_METRES = 1e-3  # of the oracle's central differences


def read_rig(path: str | Path) -> Arrays:
    """The arrays of a file."""
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def cameras_of(rig: Arrays) -> CameraRig:
    """The cameras, in metres."""
    rows = zip(rig["intrinsics"], rig["distortion"], rig["rotation"], rig["translation"] / 1000, strict=True)
    return CameraRig.of({f"cam{i}": Camera.of(*row) for i, row in enumerate(rows)})


def keypoints_of(rig: Arrays) -> Keypoints2D:
    """The detections; clips are told by gaps in the times."""
    frames = rig["pixels"].shape[1]
    return Keypoints2D.of(
        rig["pixels"][:, :, None],
        rig["scores"][:, :, None],
        skeleton=get_skeleton("human36m17"),
        times=np.arange(frames) / FRAMES_PER_SECOND + _BETWEEN_CLIPS * rig["clip"],
        camera_names=[f"cam{i}" for i in range(len(rig["pixels"]))],
    )


def clean_views(rig: Arrays) -> np.ndarray:
    """(C, F, 17) bool."""
    return np.isfinite(rig["pixels"][..., 0]) & ~rig["outlier"]


def oracle(rig: Arrays) -> np.ndarray:
    """The best that can be known of each point by itself: (F, 17, 3) millimetres, NaN with fewer than two clean views.

    Gauss-Newton, from the truth, on the reprojection error of the clean views with their true variances.
    """
    cameras, clean = cameras_of(rig), clean_views(rig).reshape(len(rig["pixels"]), -1)
    pixels = rig["pixels"].reshape(*clean.shape, 2)
    weights = np.where(clean, 1 / np.square(rig["sigma"].reshape(clean.shape)), 0)
    points = rig["positions"].reshape(-1, 3) / 1000
    for _ in range(_GAUSS_NEWTON_STEPS):
        residual = np.where(clean[..., None], pixels - _projected(cameras, points), 0)
        jacobian = _jacobian(cameras, points)
        information = np.einsum("cn,cnpi,cnpj->nij", weights, jacobian, jacobian)
        gradient = np.einsum("cn,cnpi,cnp->ni", weights, jacobian, residual)
        information[clean.sum(0) < 2] = np.nan
        found = np.isfinite(information).all((1, 2))
        points[~found] = np.nan
        points[found] += np.linalg.solve(information[found], gradient[found, :, None])[..., 0]
    return 1000 * points.reshape(rig["positions"].shape)


def _projected(cameras: CameraRig, points: np.ndarray) -> np.ndarray:
    return cameras.project(torch.from_numpy(points)).numpy()


def _jacobian(cameras: CameraRig, points: np.ndarray) -> np.ndarray:
    """(C, N, 2, 3) pixels a metre."""
    axes = _METRES * np.eye(3)
    sides = [_projected(cameras, points + axis) - _projected(cameras, points - axis) for axis in axes]
    return np.stack(sides, axis=-1) / (2 * _METRES)


def score(
    points: np.ndarray, rig: Arrays, covariance: np.ndarray | None = None, chosen: np.ndarray | None = None
) -> dict[str, Any]:
    """Errors in millimetres over all points found and over those with two or three or more clean views.

    Args:
        points: (F, 17, 3) millimetres; NaN lowers the coverage only.
        rig: the truth.
        covariance: (F, 17, 3, 3) square millimetres; with it comes the mean of e^T covariance^-1 e, which is 3 where
            the covariances are right.
        chosen: numbers of the points, of all frames and joints one after another, that count; all by default.

    Returns:
        ``coverage``, the share of the points with two or more clean views that were found; and the figures by group.
    """
    chosen = np.arange(np.prod(rig["positions"].shape[:2])) if chosen is None else chosen
    seen = clean_views(rig).sum(0).reshape(-1)[chosen]
    error = (points - rig["positions"]).reshape(-1, 3)[chosen]
    own = None if covariance is None else covariance.reshape(-1, 3, 3)[chosen]
    found = np.isfinite(error).all(-1)
    figures: dict[str, Any] = {"coverage": round(float(found[seen >= 2].mean()), 4)}
    for name, least in {"all": 0, "clean>=2": 2, "clean>=3": 3}.items():
        group = found & (seen >= least)
        if group.any():
            figures[name] = _figures(error[group], None if own is None else own[group])
    return figures


def _figures(error: np.ndarray, covariance: np.ndarray | None) -> dict[str, float]:
    distance = np.linalg.norm(error, axis=-1)
    figures = {
        "median_mm": round(float(np.median(distance)), 3),
        "mean_mm": round(float(distance.mean()), 3),
        "p95_mm": round(float(np.percentile(distance, 95)), 3),
    }
    if covariance is not None:
        figures["normalised_squared_error"] = round(normalised_squared_error(error, covariance), 3)
    return figures


def normalised_squared_error(error: np.ndarray, covariance: np.ndarray) -> float:
    """Mean of e^T covariance^-1 e over errors (N, 3) whose covariance (N, 3, 3) is known; NaN without any."""
    known = np.isfinite(covariance).all((1, 2))
    error, covariance = error[known].astype(np.float64), covariance[known].astype(np.float64)
    solved = np.linalg.solve(covariance, error[..., None])[..., 0]
    return float((error * solved).sum(-1).mean()) if len(error) else float("nan")
