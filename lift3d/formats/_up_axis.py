"""Which axis of a calibration points up: what the caller says, what the file says, else a guess said aloud."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.cameras import CameraRig, check_up
from lift3d.errors import FileError, InputError

__all__ = ["right_angles", "turned_up", "up_axis"]

# rotations that bring an axis up to +z: z_up = matrix @ before
_TO_Z_UP = {
    "+z": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "-z": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
    "+y": [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
    "-y": [[0, 0, -1], [1, 0, 0], [0, -1, 0]],
    "+x": [[0, 1, 0], [0, 0, 1], [1, 0, 0]],
    "-x": [[0, -1, 0], [0, 0, 1], [-1, 0, 0]],
}
_ALONG = 0.8  # cosine of the angle between an axis and the cameras' mean direction, from where on it is that axis
_AGREED = 0.5  # length of the mean along the axis: 1 if all cameras are held level, near 0 if they point anywhere


def up_axis(path: Path, rotations: Tensor, up: str | None, stated: str | None) -> str:
    """The axis that points up, such as ``"+z"``.

    If neither the caller nor the file or its format says it, the cameras tell: people hold them upright, so that the
    mean of what is up in their pictures (-y in the camera frame) lies near an axis; around a stage, tilts cancel out.
    The choice is warned of; where the mean lies near no axis, it is ``"+z"`` and the warning says so.

    Args:
        path: for the warning.
        rotations: (cameras, 3, 3), world to camera.
        up: the caller's; goes before everything else.
        stated: the same, as the file or its format says; None if they do not.

    Raises:
        FileError: what the file says is no axis.
    """
    known = up or stated
    if known is None:
        return _from_cameras(path, rotations)
    try:
        check_up(known)
    except InputError as error:
        raise FileError(path, str(error), "State the axis that points up (up=..., --up ...).") from error
    return known


def turned_up(rig: CameraRig, up: str) -> CameraRig:
    """The rig in a world turned by right angles so that the axis ``up`` points up; what the cameras see stays."""
    turn = right_angles(rig.up, up).to(rig.cameras.rotation)
    return replace(rig, cameras=replace(rig.cameras, rotation=rig.cameras.rotation @ turn.T), up=up)


def right_angles(before: str, after: str) -> Float[Tensor, "3 3"]:
    """The rotation by right angles ``x_new = R @ x`` from a world where one axis points up to one where another does;
    float64.
    """
    first, second = (torch.tensor(_TO_Z_UP[axis], dtype=torch.float64) for axis in (before, after))
    return second.T @ first


def _from_cameras(path: Path, rotations: Tensor) -> str:
    mean = -rotations[:, 1].mean(0)
    axis = int(mean.abs().argmax())
    clear = bool(mean[axis].abs() >= max(_AGREED, _ALONG * float(mean.norm())))
    guess = f"{'+' if mean[axis] > 0 else '-'}{'xyz'[axis]}" if clear else "+z"
    reason = "which is up in its cameras' pictures" if clear else "though its cameras, tilted or rolled, do not show it"
    warnings.warn(
        f"{path}: the file does not state which axis points up; took {guess!r}, {reason}. State it to be sure "
        "(up=..., --up ...).",
        stacklevel=2,
    )
    return guess
