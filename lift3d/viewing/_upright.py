"""The upright frame in which everything is drawn: right-handed, z up; and where the floor is in it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["UPRIGHT", "axis_names", "floor_height", "to_upright", "upright_matrix", "view_box"]

# rows: which axis of the world each drawn axis is; all are rotations
UPRIGHT: dict[str, tuple[tuple[int, int, int], ...]] = {
    "+z": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "-z": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "+y": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "-y": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    "+x": ((0, 1, 0), (0, 0, 1), (1, 0, 0)),
    "-x": ((0, -1, 0), (0, 0, 1), (-1, 0, 0)),
}

_NEAR_ZERO = 0.15  # metres; a floor so close to the world's zero is the world's zero
_MOST_POINTS = 100_000  # enough for a picture's limits


def upright_matrix(up: str, dtype: torch.dtype = torch.float64) -> Float[Tensor, "3 3"]:
    """The rotation that turns the axis ``up`` (such as ``"-y"``) to +z."""
    return torch.tensor(UPRIGHT[up], dtype=dtype)


def to_upright(points: Float[Tensor, "*batch 3"], up: str) -> Float[Tensor, "*batch 3"]:
    """Points turned so that ``up`` is +z, metres; NaN stays NaN.

    >>> to_upright(torch.tensor([1.0, 2.0, 3.0]), "-y").tolist()
    [1.0, 3.0, -2.0]
    """
    columns = []
    for row in UPRIGHT[up]:
        axis = next(i for i, sign in enumerate(row) if sign)
        columns.append(points[..., axis] * row[axis])  # no sum: a NaN must not spread over the axes
    return torch.stack(columns, dim=-1)


def axis_names(up: str) -> tuple[str, str, str]:
    """Which axes of the world the drawn x, y and z show.

    >>> axis_names("-y")
    ('x', 'z', '-y')
    """
    first, second, third = (
        next(("-" if sign < 0 else "") + name for sign, name in zip(row, "xyz", strict=True) if sign)
        for row in UPRIGHT[up]
    )
    return first, second, third


def floor_height(upright: Float[Tensor, "frames people joints 3"]) -> float:
    """Height of the floor in the upright frame, metres: where the lowest joints usually are.

    The fifth percentile of each person's lowest joint, so that neither a jump nor a stray joint moves it; zero where
    that is within 15 cm of zero, or where there are no joints.
    """
    heights = upright[..., 2]
    lowest = torch.where(torch.isfinite(heights), heights, torch.inf).flatten(0, 1).amin(-1)
    lowest = lowest[torch.isfinite(lowest)]
    if not len(lowest):
        return 0.0
    floor = lowest.sort().values[int(0.05 * len(lowest))].item()
    return 0.0 if abs(floor) < _NEAR_ZERO else floor


def view_box(upright: Float[Tensor, "*batch 3"]) -> tuple[Float[Tensor, "3"], Float[Tensor, "3"]]:
    """Low and high corner of what is worth showing, metres: without the outermost 1 % of the points on each axis.

    NaN points are left out; a box of 2 m where there are none.
    """
    points = upright.reshape(-1, 3)
    points = points[torch.isfinite(points).all(-1)]
    if not len(points):
        return torch.tensor([-1.0, -1.0, 0.0]), torch.tensor([1.0, 1.0, 2.0])
    points = points[:: max(1, len(points) // _MOST_POINTS)]
    ends = torch.quantile(points.double(), torch.tensor([0.01, 0.99], dtype=torch.float64), dim=0)
    return ends[0], ends[1]
