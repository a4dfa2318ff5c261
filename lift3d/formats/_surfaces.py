"""Surfaces of triangles, for the formats that hold them."""

from __future__ import annotations

import numpy as np

__all__ = ["vertex_normals"]


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (vertices, 3), outward for faces that are counter-clockwise from outside.

    The mean of the normals of a vertex's faces, each by its area; along y for a vertex without a face of any area.
    """
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.stack(
        [np.bincount(faces.reshape(-1), np.repeat(across[:, axis], 3), len(vertices)) for axis in range(3)], axis=-1
    )
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    return np.where(length > 1e-12, normals / np.maximum(length, 1e-12), [0.0, 1.0, 0.0])
