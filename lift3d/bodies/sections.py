"""Plane sections of a surface of triangles, and how long a tape around them is."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull, QhullError

__all__ = ["section", "tape_length"]


def section(vertices: np.ndarray, faces: np.ndarray, point: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Points (points, 3) in which the edges of triangles meet a plane, in the vertices' unit.

    Args:
        vertices: (vertices, 3).
        faces: (faces, 3) indices of their corners.
        point: on the plane.
        normal: of the plane, of any length.
    """
    heights = (vertices - point) @ normal
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    first, last = heights[edges[:, 0]], heights[edges[:, 1]]
    met = (first < 0) != (last < 0)
    share = (first[met] / (first[met] - last[met]))[:, None]
    start, end = vertices[edges[met, 0]], vertices[edges[met, 1]]
    return start + share * (end - start)


def tape_length(points: np.ndarray, normal: np.ndarray) -> float:
    """Length of a tape drawn tight around points of a plane: the outline of their convex hull; NaN for fewer than 3.

    Args:
        points: (points, 3).
        normal: of the plane.
    """
    along = normal / np.linalg.norm(normal)
    least = np.eye(3)[np.abs(along).argmin()]
    x = np.cross(along, least)
    x /= np.linalg.norm(x)
    flat = np.asarray(points @ np.stack([x, np.cross(along, x)], axis=1), np.float64)
    if len(flat) < 3:
        return float("nan")
    try:
        return float(ConvexHull(flat).area)  # of a figure in the plane, "area" is its outline
    except QhullError:  # all on one line
        return float("nan")
