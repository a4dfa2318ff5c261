"""People put on the floor: the one thing that tells one camera how large they are.

Scaled about the camera's centre, a person looks the same. But a foot that stands has its ankle a hand's breadth above
the floor, and only one scale brings it there: (camera - ankle height) / (camera - ankle), heights along up. A raised
foot asks for a larger scale, from a camera above the floor. So the right one is the least that is asked for again and
again: the mode of the least scales.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d._times import clips_of
from lift3d.cameras import Camera
from lift3d.errors import InputError
from lift3d.poses import Poses3D

__all__ = ["ANKLE_HEIGHT", "stood_on_floor"]

ANKLE_HEIGHT = 0.07  # metres above the floor: 0.039 of the body's height (Winter 2009, figure 4.1) of 1.75 m
_FLATTEST = 0.1  # sine of the angle at which the camera must look down on feet, about 6 degrees
_FARTHEST = 2.5  # times that a size may be wrong; more is a wrong calibration or floor
_STANDING = 0.04  # share by which the scales of one foot standing differ
_SECONDS = 1.0  # within which a person who walks or stands puts a foot down


def stood_on_floor(
    poses: Poses3D, camera: Camera, *, floor: float = 0.0, ankle_height: float = ANKLE_HEIGHT
) -> Poses3D:
    """Poses scaled about the camera's centre, person by person and clip by clip, until their feet stand on the floor.

    One scale holds for a person as long as time does not jump, so that bones keep their proportions and jumps stay
    jumps. Where the camera stands too low, or looks too flat, to tell, or the scale would not be credible, the person
    is kept as they are, with a warning. Smooth the distance first (``with_steady_distance``): what trembles in depth
    trembles in height.

    Args:
        poses: in the world, from one camera; with both ankles in the skeleton.
        camera: the one that they were lifted from, calibrated in that world.
        floor: height of the floor along ``poses.up``, metres.
        ankle_height: of the ankles of a standing person above the floor, metres.

    Returns:
        Poses in the world; covariances are scaled too.

    Raises:
        InputError: the poses are not in the world, or the skeleton has no ankles.
    """
    if poses.frame != "world" or not {"left_ankle", "right_ankle"} <= set(poses.skeleton.joints):
        raise InputError(
            f"stood_on_floor: poses of {poses.skeleton.name} in the {poses.frame!r} frame; expected the world frame "
            "(poses.to_world(camera, rig.up)) and joints left_ankle and right_ankle."
        )
    centre = camera.centre.double()
    scale = torch.ones(poses.scores.shape[:2], dtype=torch.float64)
    for clip in clips_of(poses.times):
        for person in range(scale.shape[1]):
            own = poses.between(clip.start, clip.stop)
            try:
                scale[clip, person] = _scale(own, person, centre, floor + ankle_height)
            except _UntoldError as error:
                start = own.times[0].item()
                warnings.warn(f"Person {person + 1} from {start:.1f} s is not put on the floor: {error}", stacklevel=2)
    factor = scale[..., None, None]
    positions = centre + factor * (poses.positions.double() - centre)
    covariance = (
        None if poses.covariance is None else poses.covariance * factor[..., None].square().to(poses.covariance)
    )
    return replace(poses, positions=positions.to(poses.positions), covariance=covariance)


class _UntoldError(Exception):
    """Why the floor does not tell a person's size."""


def _scale(poses: Poses3D, person: int, centre: Float[Tensor, "3"], ankle: float) -> float:
    """The scale that puts the standing ankles of a person at a height along up."""
    sign, axis = 1.0 if poses.up[0] == "+" else -1.0, "xyz".index(poses.up[1])
    ankles = poses.positions[:, person, poses.skeleton.indices("left_ankle", "right_ankle")].double()
    below = sign * (centre - ankles)[..., axis]  # of the camera, metres
    lower = below.nan_to_num(-torch.inf).argmax(-1)
    seen = torch.isfinite(ankles).all(-1).any(-1)
    below, ankles = below.gather(1, lower[:, None])[seen, 0], ankles[torch.arange(len(lower)), lower][seen]
    if not len(below):
        return 1.0  # nobody is there
    drop = sign * centre[axis].item() - ankle
    steepness = (below / (ankles - centre).norm(dim=-1)).median().item()
    if drop <= 0 or steepness < _FLATTEST:
        raise _UntoldError(
            f"the camera, {drop + ankle:.2f} m high, sees the feet {_degrees(steepness):.0f} degrees below the "
            f"horizon; expected at least {_degrees(_FLATTEST):.0f}."
        )
    scale = _least_mode(drop / below.clamp_min(1e-3), _window(poses)).item()
    if not 1 / _FARTHEST < scale < _FARTHEST:
        raise _UntoldError(
            f"their size would change by a factor of {scale:.2g}; see the calibration's unit, up and floor."
        )
    return scale


def _least_mode(scales: Float[Tensor, "frames"], window: int) -> Float[Tensor, ""]:
    """What the least scales agree on: from a low quantile up to the middle of those that are close to it."""
    short = len(scales) % window if len(scales) > window else 0
    windows = scales[: len(scales) - short].unflatten(0, (-1, min(window, len(scales))))
    middle = windows.quantile(0.1, dim=1).quantile(0.25)
    for _ in range(20):
        near = scales[(scales / middle).log().abs() < _STANDING]
        moved = near.median() if len(near) else middle
        if moved == middle:
            break
        middle = moved
    return middle


def _window(poses: Poses3D) -> int:
    return max(1, round(_SECONDS * poses.frames_per_second))


def _degrees(sine: float) -> float:
    return torch.rad2deg(torch.asin(torch.tensor(sine).clamp(-1, 1))).item()
