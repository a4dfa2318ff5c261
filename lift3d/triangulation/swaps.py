"""Left and right exchanged by a detector in one view: found because the other views say otherwise.

Twin joints, left and right, hang together as limbs: hip, knee, ankle. From any of them outward a limb may be exchanged:
a foot, a lower leg, a leg, an arm; all of the body where every limb is. For each joint the squared residuals of the
detections as they are stand against those of the exchanged ones, in variances and no more than the gate each. A part of
a limb is exchanged where that gains three quarters of a gate: less than one, so that it is enough if of two twins one
fits and the other is missing or strays. Of a part and its own parts, what gains more is exchanged.
"""

from __future__ import annotations

import numpy as np

from lift3d.skeletons import Skeleton

__all__ = ["exchanged", "find_swaps", "twins_outward"]

_GAIN = 0.75  # of a gate


def twins_outward(skeleton: Skeleton) -> dict[int, tuple[int, list[int]]]:
    """For each left joint with a twin, from the root outward: its twin and the left joints that hang on it."""
    twins = {
        joint: skeleton.flip_order[joint]
        for joint in skeleton.outward
        if skeleton.side(joint) == "left" and skeleton.flip_order[joint] != joint
    }
    return {
        joint: (twin, [child for child in twins if skeleton.parents[child] == joint]) for joint, twin in twins.items()
    }


def find_swaps(
    projected: np.ndarray, pixels: np.ndarray, information: np.ndarray, skeleton: Skeleton, gate: float
) -> np.ndarray:
    """Which joints of which views were exchanged with their twins.

    Args:
        projected: (..., joints, 2) where the view sees the triangulated joints; NaN where there is none.
        pixels: (..., joints, 2) detections, NaN where missing.
        information: (..., joints) 1 / variance of the detections, 1 / px^2; 0 where missing.
        skeleton: says which joints are twins.
        gate: no residual counts more standard deviations than this, and an exchange must gain most of its square.

    Returns:
        (..., joints) bool.
    """
    flip = list(skeleton.flip_order)
    most = gate * gate
    least_gain = _GAIN * most
    as_is = _cost(projected, pixels, information, most)
    crossed = _cost(projected, pixels[..., flip, :], information[..., flip], most)
    gain = np.nan_to_num(as_is - crossed)
    limbs = twins_outward(skeleton)
    whole, best = {}, {}
    for left, (right, outward) in reversed(limbs.items()):
        whole[left] = gain[..., left] + gain[..., right] + sum(whole[joint] for joint in outward)
        parts = sum(best[joint] for joint in outward)
        best[left] = np.maximum(np.where(whole[left] > least_gain, whole[left], 0.0), parts)
    found = np.zeros(gain.shape, np.bool_)
    for left, (right, outward) in limbs.items():
        found[..., left] |= (whole[left] > least_gain) & (whole[left] >= best[left])
        found[..., right] = found[..., left]
        for joint in outward:
            found[..., joint] |= found[..., left]
    return found


def _cost(projected: np.ndarray, pixels: np.ndarray, information: np.ndarray, most: float) -> np.ndarray:
    """Squared residuals in variances, at most the gate's; NaN where there is no detection or no point."""
    squared = np.square(projected - pixels).sum(-1) * information
    return np.where(np.isnan(squared), np.nan, np.minimum(squared, most))


def exchanged(values: np.ndarray, swapped: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Values (..., joints, *) of the joints, those marked (..., joints) taken from their twins."""
    flip = list(skeleton.flip_order)
    twin = np.take(values, flip, axis=swapped.ndim - 1)
    return np.where(swapped.reshape(swapped.shape + (1,) * (values.ndim - swapped.ndim)), twin, values)
