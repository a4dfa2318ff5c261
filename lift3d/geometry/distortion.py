"""Lens distortion on the normalised image plane (x = X/Z, y = Y/Z), and its inverse by Newton's method.

Three models, told apart by a code, since their coefficients look alike:

``BROWN_CONRADY`` (k1 k2 p1 p2 k3 k4 k5 k6; Brown 1971, rational form and order as in OpenCV)::

    radial = (1 + k1 r^2 + k2 r^4 + k3 r^6) / (1 + k4 r^2 + k5 r^4 + k6 r^6)
    x' = x radial + 2 p1 x y + p2 (r^2 + 2 x^2)
    y' = y radial + p1 (r^2 + 2 y^2) + 2 p2 x y

``FISHEYE`` (k1 k2 k3 k4; Kannala and Brandt 2006, as OpenCV's fisheye)::

    theta = atan(r);  (x', y') = (x, y) theta (1 + k1 theta^2 + k2 theta^4 + k3 theta^6 + k4 theta^8) / r

``HUMAN36M`` (k1 k2 p0 p1 k3; the camera model that the Human3.6M files are made with, which is not OpenCV's)::

    radial = 1 + k1 r^2 + k2 r^4 + k3 r^6 + p0 y + p1 x
    x' = x radial + p1 r^2;  y' = y radial + p0 r^2

Coefficients are always eight wide, filled up with zeros; all zeros is a pinhole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import IntEnum

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["COEFFICIENTS", "Lens", "distort", "planar", "undistort"]

COEFFICIENTS = 8

_plus = torch.addcmul  # _plus(a, b, c) is a + b c, in one pass over the numbers: undistortion is where the time goes

_Plane = tuple[Tensor, Tensor]
_Jacobian = tuple[Tensor, Tensor, Tensor, Tensor]  # dx'/dx, dx'/dy, dy'/dx, dy'/dy


class Lens(IntEnum):
    """Code of a distortion model; see the head of this module."""

    BROWN_CONRADY = 0
    FISHEYE = 1
    HUMAN36M = 2


def distort(
    points: Float[Tensor, "*batch 2"], coefficients: Float[Tensor, "*#batch 8"], lens: Int[Tensor, "*#batch"]
) -> Float[Tensor, "*batch 2"]:
    """Where the lens moves points of the normalised image plane; NaN stays NaN."""
    x, y = points.unbind(-1)
    columns = coefficients.unbind(-1)
    return planar(*_by_lens(lens, lambda model: model(x, y, columns)[0]))


def undistort(
    distorted: Float[Tensor, "*batch 2"],
    coefficients: Float[Tensor, "*#batch 8"],
    lens: Int[Tensor, "*#batch"],
    *,
    tolerance: float = 1e-10,
    iterations: int = 50,
) -> Float[Tensor, "*batch 2"]:
    """The points of the normalised image plane that the lens moves to ``distorted``.

    Newton's method with the exact Jacobian. A point that does not converge, because the lens never maps anything
    there, is NaN; so is one whose solution lies where the formula has turned back on itself, and a NaN. The gradient
    is exact: it is that of one Newton step taken from the solution (implicit function theorem).

    Args:
        distorted: points on the normalised image plane, in units of the focal length.
        coefficients: see the head of this module.
        lens: codes of :class:`Lens`.
        tolerance: the error that may remain. Newton's method squares the error with every step, so it stops once
            all points have moved less than the root of the tolerance (or of what the dtype resolves).
        iterations: at most so many steps.
    """
    target = distorted[..., 0], distorted[..., 1]
    columns = coefficients.unbind(-1)
    enough = math.sqrt(max(tolerance, torch.finfo(distorted.dtype).eps))
    return planar(*_by_lens(lens, lambda model: _invert(model, target, columns, enough, iterations)))


def planar(x: Float[Tensor, "*batch"], y: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch 2"]:
    """Points of two coordinates, kept one plane after the other in memory, which is faster to take apart again."""
    return torch.stack([x, y]).movedim(0, -1)


def _by_lens(lens: Tensor, compute: Callable[[_Model], _Plane]) -> _Plane:
    """Run ``compute`` for each model that occurs and keep each point's own."""
    codes = lens.unique().tolist()
    x, y = compute(_MODELS[codes[0]])
    for code in codes[1:]:
        other_x, other_y = compute(_MODELS[code])
        x, y = torch.where(lens == code, other_x, x), torch.where(lens == code, other_y, y)
    return x, y


def _invert(model: _Model, target: _Plane, columns: tuple[Tensor, ...], enough: float, iterations: int) -> _Plane:
    with torch.no_grad():
        x, y = _first_guess(model, target, columns)
        for _ in range(iterations):
            step_x, step_y, determinant, trace = _newton_step(model, x, y, target, columns)
            x, y = x + step_x, y + step_y
            moving = _plus(step_x * step_x, step_y, step_y) > enough * enough
            if not bool(moving.any()):  # NaN compares false: missing points do not hold up the rest
                break
        # where the formula turns the picture inside out lies what no real lens sees
        lost = moving | (determinant <= 0) | (trace <= 0) | torch.isnan(x)
        x, y = x.masked_fill(lost, torch.nan), y.masked_fill(lost, torch.nan)
    if not any(value.requires_grad for value in (*target, *columns)):
        return x, y
    step_x, step_y, _, _ = _newton_step(model, x, y, target, columns)
    return x + step_x, y + step_y


def _first_guess(model: _Model, target: _Plane, columns: tuple[Tensor, ...]) -> _Plane:
    """Where Newton's method starts.

    The distorted point divided by the radial factor there, which saves a step; for the rational form the distorted
    point itself; for a fisheye the point of an ideal equidistant lens.
    """
    shape = torch.broadcast_shapes(target[0].shape, columns[0].shape)
    x, y = (value.detach().expand(shape) for value in target)
    r2 = _plus(x * x, y, y)
    if model is _fisheye:
        angle = torch.sqrt(r2).clamp(1e-12, 1.5)
        scale = torch.tan(angle) / angle
        return x * scale, y * scale
    k1, k2, k3 = columns[0], columns[1], columns[4]
    if model is _brown_conrady and _is_rational(columns):
        return x, y
    scale = 1 / (1 + r2 * _plus(k1, r2, _plus(k2, r2, k3))).clamp(0.5, 2.0)
    return x * scale, y * scale


def _newton_step(
    model: _Model, x: Tensor, y: Tensor, target: _Plane, columns: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The step, and determinant and trace of the Jacobian that it is taken with."""
    (fx, fy), (a, b, c, d) = model(x, y, columns)
    left_x, left_y = target[0] - fx, target[1] - fy
    determinant = a * d - b * c
    inverse = 1 / determinant
    return (d * left_x - b * left_y) * inverse, (a * left_y - c * left_x) * inverse, determinant, a + d


def _is_rational(columns: tuple[Tensor, ...]) -> bool:
    """Whether the radial factor has a denominator, or its gradient is asked for."""
    return any(value.requires_grad or bool((value != 0).any()) for value in columns[5:])


def _brown_conrady(x: Tensor, y: Tensor, columns: tuple[Tensor, ...]) -> tuple[_Plane, _Jacobian]:
    k1, k2, p1, p2, k3, k4, k5, k6 = columns
    xx, yy, xy = x * x, y * y, x * y
    r2 = xx + yy
    radial = 1 + r2 * _plus(k1, r2, _plus(k2, r2, k3))
    slope = _plus(k1, r2, _plus(2 * k2, r2, 3 * k3))  # d radial / d r2
    if _is_rational(columns):
        below = 1 + r2 * _plus(k4, r2, _plus(k5, r2, k6))
        below_slope = _plus(k4, r2, _plus(2 * k5, r2, 3 * k6))
        radial = radial / below
        slope = (slope - radial * below_slope) / below
    fx = _plus(_plus(x * radial, 2 * p1, xy), p2, r2 + 2 * xx)
    fy = _plus(_plus(y * radial, 2 * p2, xy), p1, r2 + 2 * yy)
    slope = 2 * slope
    cross = _plus(_plus(slope * xy, 2 * p1, x), 2 * p2, y)
    dx_dx = _plus(_plus(_plus(radial, slope, xx), 2 * p1, y), 6 * p2, x)
    dy_dy = _plus(_plus(_plus(radial, slope, yy), 6 * p1, y), 2 * p2, x)
    return (fx, fy), (dx_dx, cross, cross, dy_dy)


def _human36m(x: Tensor, y: Tensor, columns: tuple[Tensor, ...]) -> tuple[_Plane, _Jacobian]:
    k1, k2, p0, p1, k3 = columns[:5]
    r2 = x * x + y * y
    scale = 1 + r2 * (k1 + r2 * (k2 + r2 * k3)) + p0 * y + p1 * x
    slope = k1 + r2 * (2 * k2 + r2 * (3 * k3))
    scale_dx, scale_dy = 2 * slope * x + p1, 2 * slope * y + p0
    jacobian = (
        scale + x * scale_dx + 2 * p1 * x,
        x * scale_dy + 2 * p1 * y,
        y * scale_dx + 2 * p0 * x,
        scale + y * scale_dy + 2 * p0 * y,
    )
    return (x * scale + p1 * r2, y * scale + p0 * r2), jacobian


def _fisheye(x: Tensor, y: Tensor, columns: tuple[Tensor, ...]) -> tuple[_Plane, _Jacobian]:
    k1, k2, k3, k4 = columns[:4]
    r2 = x * x + y * y
    small = r2 < 1e-16
    r = torch.sqrt(torch.where(small, torch.ones_like(r2), r2))
    theta = torch.atan(r)
    t2 = theta * theta
    bent = theta * (1 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4))))
    bent_slope = 1 + t2 * (3 * k1 + t2 * (5 * k2 + t2 * (7 * k3 + t2 * 9 * k4)))  # d bent / d theta
    scale = torch.where(small, torch.ones_like(r2), bent / r)
    # d scale / d r, divided by r: what multiplies the outer product of (x, y)
    outer = torch.where(small, torch.zeros_like(r2), (bent_slope / (1 + r2) - bent / r) / (r * r))
    cross = outer * x * y
    return (x * scale, y * scale), (scale + outer * x * x, cross, cross, scale + outer * y * y)


_Model = Callable[[Tensor, Tensor, tuple[Tensor, ...]], tuple[_Plane, _Jacobian]]
_MODELS: dict[int, _Model] = {Lens.BROWN_CONRADY: _brown_conrady, Lens.FISHEYE: _fisheye, Lens.HUMAN36M: _human36m}
