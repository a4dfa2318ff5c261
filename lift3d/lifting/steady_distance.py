"""How far people stand, made steady over time.

The distance at which a lifted person stands comes from their size in the picture, frame by frame: an error of one
percent in the size is one percent of the distance, which trembles by decimetres. Neither the direction in which they
are seen nor their pose has this problem. So only the distance of the root is smoothed, as a logarithm, by a robust
local regression (Cleveland 1979, "Robust locally weighted regression and smoothing scatterplots": a straight line is
fitted around every frame, weighted by the tricube of the time between, then again and again with outliers weighted
less by the bisquare of their residuals), and the person is moved along the line of sight.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d._times import clips_of
from lift3d.errors import InputError
from lift3d.poses import Poses3D

__all__ = ["with_steady_distance"]

_DEGREE = 1  # a parabola follows the noise at the ends of a clip
_ROUNDS = 6  # the first fit, and more with outliers weighted less
_NO_OUTLIER = 0.02  # share of the distance that is no outlier
_FRAMES_AT_ONCE = 4096


def with_steady_distance(poses: Poses3D, window: float = 0.6) -> Poses3D:
    """Poses in the camera frame, each person moved along the line of sight so that the root's distance is smooth.

    Nothing crosses a jump in time, and a missing person stays missing. A frame with fewer than five others in its
    window in which the person is seen is left as it is.

    Args:
        poses: in the camera frame, metres.
        window: seconds that one local fit spans.

    Returns:
        Poses that look almost the same from the camera: a person's pose and size are kept, only the place changes.

    Raises:
        InputError: the poses are not in the camera frame, or the window is not positive.
    """
    if poses.frame != "camera" or not window > 0:
        raise InputError(
            f"with_steady_distance: poses in the {poses.frame!r} frame, window={window:g}; expected 'camera' and more "
            "than 0 seconds."
        )
    root = poses.positions[:, :, poses.skeleton.root].double()
    distance = root.norm(dim=-1)
    seen = torch.isfinite(distance)
    logarithm = torch.where(seen, distance, 1.0).clamp_min(1e-6).log()
    smooth = logarithm.clone()
    for clip in clips_of(poses.times):
        smooth[clip] = _regressed(logarithm[clip], seen[clip], poses.times[clip].double(), window)
    move = root * torch.expm1(smooth - logarithm)[..., None]
    return replace(poses, positions=poses.positions + move[:, :, None].to(poses.positions))


def _regressed(
    values: Float[Tensor, "frames people"],
    seen: Bool[Tensor, "frames people"],
    times: Float[Tensor, "frames"],
    window: float,
) -> Float[Tensor, "frames people"]:
    """The robust local regression of every person's values."""
    trust, smooth = seen.double(), values
    for _ in range(_ROUNDS):
        smooth = torch.cat([
            _fitted(values, trust, times, window, slice(start, start + _FRAMES_AT_ONCE))
            for start in range(0, len(times), _FRAMES_AT_ONCE)
        ])  # fmt: skip
        residual = torch.where(seen, (values - smooth).abs(), torch.nan)
        scale = 6 * residual.nanmedian(0).values.nan_to_num(0.0).clamp_min(_NO_OUTLIER)
        trust = (1 - (residual / scale).nan_to_num(1.0).clamp_max(1).square()).square() * seen
    return smooth


def _fitted(
    values: Float[Tensor, "frames people"], trust: Float[Tensor, "frames people"], times: Float[Tensor, "frames"],
    window: float, part: slice,
) -> Float[Tensor, "part people"]:  # fmt: skip
    """The value at every frame of a part, of a straight line fitted to the frames around it."""
    frames = len(times)
    step = torch.diff(times).median().item() if frames > 1 else 1.0
    half = max(1, round(0.5 * window / step))
    around = torch.arange(frames)[part, None] + torch.arange(-half, half + 1)
    inside, around = (around >= 0) & (around < frames), around.clamp(0, frames - 1)
    place = (times[around] - times[part, None]) / (0.5 * window + step)  # from -1 to 1
    weight = (1 - place.abs().clamp_max(1) ** 3) ** 3 * inside
    weight = weight[..., None] * trust[around]  # (part, window, people)
    powers = torch.stack([place**power for power in range(_DEGREE + 1)], dim=-1)  # (part, window, powers)
    left = torch.einsum("twp,twi,twj->tpij", weight, powers, powers)
    right = torch.einsum("twp,twi,twp->tpi", weight, powers, values[around])
    ridge = 1e-9 * torch.eye(_DEGREE + 1, dtype=values.dtype)
    fit = torch.linalg.solve(left + ridge, right[..., None])[..., 0, 0]
    enough = (weight > 1e-6).sum(1) >= 6
    return torch.where(enough, fit, values[part])
