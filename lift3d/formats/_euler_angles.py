"""Euler angles of BVH's rotation channels, degrees: from matrices as continuous curves, and back."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

__all__ = ["curves_of_rotations", "rotations_of_angles"]

_LOCKED = 1e-6  # cosine of the middle angle below which the outer two are one


def rotations_of_angles(axes: str, degrees: np.ndarray) -> np.ndarray:
    """(..., 3, 3) of (..., axes): rotations about axes that turn along, one after another, such as ``"ZXY"``.

    The first axis is the outermost: for ``"ZXY"`` the matrix is ``Rz @ Rx @ Ry``.
    """
    if not axes:
        return np.broadcast_to(np.eye(3), (*degrees.shape[:-1], 3, 3)).copy()
    flat = Rotation.from_euler(axes, degrees.reshape(-1, len(axes)), degrees=True).as_matrix()
    return flat.reshape(*degrees.shape[:-1], 3, 3)


def curves_of_rotations(axes: str, rotations: np.ndarray) -> np.ndarray:
    """Angles (frames, joints, 3) of rotations (frames, joints, 3, 3) about three different axes, without jumps.

    Each rotation has two sets of angles, (a, b, c) and (a + 180, 180 - b, c + 180), and each angle any whole turn more:
    of these, the set nearest to the frame before is taken. Where the middle angle is at 90 degrees and only the sum or
    difference of the outer two is defined, the last angle stays as it was.
    """
    sequence: Any = axes  # its type lists every order one by one
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Gimbal lock")
        angles = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_euler(sequence, degrees=True)
    angles = angles.reshape(*rotations.shape[:2], 3)
    handed = 1.0 if axes.upper() in ("XYZ", "YZX", "ZXY") else -1.0
    before = np.zeros_like(angles[0]) if len(angles) else angles
    for now in angles:
        _unlock(now, before, handed)
        other = now * (1.0, -1.0, 1.0) + 180.0
        both = np.stack([now, other])
        both += 360.0 * np.round((before - both) / 360.0)
        nearer = np.abs(both - before).sum(axis=-1).argmin(axis=0)
        now[:] = np.take_along_axis(both, nearer[None, :, None], axis=0)[0]
        before = now
    return angles


def _unlock(now: np.ndarray, before: np.ndarray, handed: float) -> None:
    """Where the first and last axis coincide, give the last angle its value of the frame before."""
    middle = np.radians(now[:, 1])
    locked = np.abs(np.cos(middle)) < _LOCKED
    sign = handed * np.sign(np.sin(middle[locked]))
    now[locked, 0] += sign * (now[locked, 2] - before[locked, 2])
    now[locked, 2] = before[locked, 2]
