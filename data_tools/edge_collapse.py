"""Fewer vertices for a mesh that is its own mirror image: edges are collapsed, in pairs, where it changes least.

Quadric error metrics (Garland and Heckbert 1997, "Surface simplification using quadric error metrics"), with the
vertex that remains left where it was: what remains is a choice of the mesh's own vertices, so that shapes, skin and
joints that are known for them need no interpolation.
"""

from __future__ import annotations

import heapq

import numpy as np

__all__ = ["collapsed"]

_SLIVERS = 1e-3  # what an edge's length counts besides the error, so that flat parts get even triangles
_LEAST_COSINE = 0.3  # between a face's normals before and after


def collapsed(
    vertices: np.ndarray, faces: np.ndarray, mirror: np.ndarray, count: int, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the vertices that remain, in order, and the faces (of the remaining vertices, by their new numbers).

    Args:
        vertices: (vertices, 3) of a closed mesh of triangles.
        faces: (faces, 3).
        mirror: (vertices,): the vertex on the other side, itself on the midline.
        count: how many vertices should remain; one fewer may, as they go in pairs.
        weights: (vertices,): how much the error at each vertex counts.
    """
    mesh = _Mesh(vertices.astype(np.float64), faces, mirror, weights)
    mesh.collapse(count)
    kept = np.unique(np.concatenate([sorted(face) for face in mesh.faces.values()]))
    number = np.full(len(vertices), -1)
    number[kept] = np.arange(len(kept))
    return kept, number[np.array([mesh.faces[key] for key in sorted(mesh.faces)])]


class _Mesh:
    """Faces by number, the faces of each vertex, and its quadric."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, mirror: np.ndarray, weights: np.ndarray) -> None:
        self.places, self.mirror = vertices, mirror
        self.faces: dict[int, tuple[int, ...]] = {i: tuple(int(c) for c in face) for i, face in enumerate(faces)}
        self.around: list[set[int]] = [set() for _ in vertices]
        for number, face in self.faces.items():
            for corner in face:
                self.around[corner].add(number)
        self.quadrics = _quadrics(vertices, faces) * weights[:, None, None]
        self.remaining = sum(1 for one in self.around if one)

    def collapse(self, count: int) -> None:
        """Collapse the cheapest edges, each with its mirror image, until ``count`` vertices remain."""
        queue = [(self.cost(a, b), a, b) for a in range(len(self.places)) for b in self.beside(a)]
        heapq.heapify(queue)
        while self.remaining > count and queue:
            cost, gone, stays = heapq.heappop(queue)
            if not self.around[gone] or not self.around[stays] or stays not in self.beside(gone):
                continue
            if cost < self.cost(gone, stays):
                continue  # it has grown since, and stands further back in the queue too
            if not self.allowed(gone, stays):
                continue
            pairs = {(gone, stays), (int(self.mirror[gone]), int(self.mirror[stays]))}
            for one, other in sorted(pairs):
                self.merge(one, other)
            for _, other in sorted(pairs):
                for near in self.beside(other):
                    heapq.heappush(queue, (self.cost(other, near), other, near))
                    heapq.heappush(queue, (self.cost(near, other), near, other))

    def beside(self, vertex: int) -> set[int]:
        """The vertices that share an edge with one."""
        return {corner for number in self.around[vertex] for corner in self.faces[number]} - {vertex}

    def cost(self, gone: int, stays: int) -> float:
        """Error at the vertex that stays, and a little for the length of the edge."""
        place = np.append(self.places[stays], 1.0)
        quadric = self.quadrics[gone] + self.quadrics[stays]
        length = self.places[gone] - self.places[stays]
        return float(place @ quadric @ place + _SLIVERS * np.trace(quadric[:3, :3]) * (length @ length))

    def allowed(self, gone: int, stays: int) -> bool:
        """Whether the mesh stays a closed surface, its own mirror image, and without a face turned over."""
        twin = int(self.mirror[gone])
        if twin == stays or (twin == gone and self.mirror[stays] != stays):
            return False
        if twin != gone and (twin in self.beside(gone) or (self.mirror[stays] != stays and twin in self.beside(stays))):
            return False
        if len(self.beside(gone) & self.beside(stays)) != 2:
            return False
        before = np.array([self.faces[number] for number in self.around[gone] if stays not in self.faces[number]])
        after = np.where(before == gone, stays, before)
        first, second = (_normals(self.places[corners]) for corners in (before, after))
        cosine = (first * second).sum(1) / np.maximum(
            np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1), 1e-30
        )
        return bool((cosine > _LEAST_COSINE).all())

    def merge(self, gone: int, stays: int) -> None:
        """Put one vertex into another."""
        for number in list(self.around[gone]):
            face = self.faces[number]
            if stays in face:
                for corner in face:
                    self.around[corner].discard(number)
                del self.faces[number]
            else:
                self.faces[number] = tuple(stays if corner == gone else corner for corner in face)
                self.around[stays].add(number)
        self.around[gone] = set()
        self.quadrics[stays] += self.quadrics[gone]
        self.remaining -= 1


def _normals(corners: np.ndarray) -> np.ndarray:
    """Of triangles (triangles, 3 corners, 3): as long as twice their area."""
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def _quadrics(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(vertices, 4, 4): squared distance from the planes of the faces around, weighted by area."""
    normals = _normals(vertices[faces])
    areas = np.linalg.norm(normals, axis=1, keepdims=True)
    unit = normals / np.maximum(areas, 1e-30)
    planes = np.concatenate([unit, -(unit * vertices[faces[:, 0]]).sum(1, keepdims=True)], axis=1)
    terms = planes[:, :, None] * planes[:, None, :] * areas[:, :, None] / 6
    quadrics = np.zeros((len(vertices), 4, 4))
    for corner in range(3):
        np.add.at(quadrics, faces[:, corner], terms)
    return quadrics
