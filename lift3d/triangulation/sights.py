"""What tracks over time are held against: the detections of all views, or points that were found frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from lift3d.compiled import point_loops
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton
from lift3d.triangulation.noise import NoiseModel
from lift3d.triangulation.robust import put_right
from lift3d.triangulation.settings import TriangulationSettings
from lift3d.triangulation.swaps import exchanged
from lift3d.triangulation.views import PackedRig, Views

__all__ = ["DetectionsSeen", "PointsSeen", "Seen", "Sight", "views_used"]


@runtime_checkable
class Seen(Protocol):
    """What was seen in some frames.

    Attributes:
        swapped: (C, F, people, joints) detections exchanged with those of their twins.
        used: of the same axes; views that agree with the tracks that were asked about last.
    """

    swapped: np.ndarray

    @property
    def used(self) -> np.ndarray: ...

    def equations(self, at: np.ndarray) -> np.ndarray:
        """(F, K, 9) information and gradient at tracks (F, K, 3), what lies too far from them left out."""
        ...

    def put_right(self, at: np.ndarray) -> bool:
        """Exchange sides where that agrees with the tracks, which were asked about last; whether any were."""
        ...


@runtime_checkable
class Sight(Protocol):
    """All that was seen."""

    def of(self, part: slice, swapped: np.ndarray) -> Seen:
        """Some of its frames, sides that are known to be exchanged (C, F, people, joints) put right."""
        ...


@dataclass(frozen=True, eq=False)
class DetectionsSeen:
    """A sight: the detections themselves."""

    rig: PackedRig
    keypoints: Keypoints2D
    noise: NoiseModel
    settings: TriangulationSettings

    def of(self, part: slice, swapped: np.ndarray) -> _SomeDetections:
        return _SomeDetections(self, part, swapped)


class _SomeDetections:
    """Detections of some frames."""

    def __init__(self, sight: DetectionsSeen, part: slice, swapped: np.ndarray) -> None:
        keypoints, self.sight = sight.keypoints, sight
        self.shape = tuple(keypoints.scores[:, part].shape)
        self.swapped = swapped.copy()
        self.skeleton: Skeleton = keypoints.skeleton
        self.views = _exchanged(keypoints, part, self.swapped, sight.settings.min_score)
        self._used = np.zeros(self.views.scores.shape, np.bool_)

    @property
    def used(self) -> np.ndarray:
        return self._used.reshape(self.shape)

    def equations(self, at: np.ndarray) -> np.ndarray:
        own, equations = self.sight, np.empty((*at.shape[:-1], 9))
        point_loops.linearise(
            own.rig.lens, own.rig.numbers, self.views.pixels, self.views.scores, own.noise.tables,
            own.settings.consensus.gate, own.settings.consensus.kernel, at.reshape(-1, 3), equations.reshape(-1, 9),
            self._used,
        )  # fmt: skip
        return equations

    def put_right(self, at: np.ndarray) -> bool:
        own = self.sight
        marked, self.views = put_right(
            own.rig, self.views, at.reshape(-1, 3), self._used, own.noise, own.settings, self.skeleton, self.shape
        )
        self.swapped ^= marked
        return bool(marked.any())


@dataclass(frozen=True, eq=False)
class PointsSeen:
    """A sight: points that were found frame by frame, and how sure they are.

    Args:
        detections: from which, to say in the end which views agree.
        points: (F, people, joints, 3) relative to the rig's origin; anything finite where nothing is known.
        information: (F, people, joints, 6) upper triangles, 1/m^2; 0 where nothing is known.
        kernel: standard deviations at which a point counts half.
    """

    detections: DetectionsSeen
    points: np.ndarray
    information: np.ndarray
    kernel: float = 3.0

    def of(self, part: slice, swapped: np.ndarray) -> _SomePoints:
        frames = len(self.points[part])
        return _SomePoints(
            self.detections.of(part, swapped), self.points[part].reshape(frames, -1, 3),
            self.information[part].reshape(frames, -1, 6), self.kernel,
        )  # fmt: skip


class _SomePoints:
    """Points of some frames."""

    def __init__(self, detections: _SomeDetections, points: np.ndarray, information: np.ndarray, kernel: float) -> None:
        self.detections, self.points, self.information, self.kernel = detections, points, information, kernel
        self.swapped, self._at = detections.swapped, points

    @property
    def used(self) -> np.ndarray:
        self.detections.equations(self._at)
        return self.detections.used

    def equations(self, at: np.ndarray) -> np.ndarray:
        self._at, away = at, self.points - at
        pull = _times(self.information, away)
        squared = (away * pull).sum(-1, keepdims=True)
        weight = 1 / (1 + squared / (3 * self.kernel**2))
        return np.ascontiguousarray(weight * np.concatenate([self.information, pull], axis=-1))

    def put_right(self, at: np.ndarray) -> bool:  # noqa: ARG002  whoever found the points has seen to it
        return False


def views_used(sight: DetectionsSeen, points: np.ndarray, swapped: np.ndarray) -> np.ndarray:
    """(C, F, people, joints) views that agree with points (F, people, joints, 3); none with those that are NaN."""
    known = np.asarray(np.isfinite(points).all(-1))
    at = np.where(known[..., None], points, 0.0).reshape(len(points), -1, 3)
    seen = sight.of(slice(None), swapped)
    seen.equations(at)
    return seen.used & known


def _exchanged(keypoints: Keypoints2D, part: slice, swapped: np.ndarray, min_score: float) -> Views:
    """Views of some frames with exchanged sides put right."""
    views = Views.of(keypoints.pixels[:, part], keypoints.scores[:, part], min_score)
    shape, count = swapped.shape, len(swapped)
    pixels = exchanged(views.pixels.reshape(*shape, 2), swapped, keypoints.skeleton)
    scores = exchanged(views.scores.reshape(shape), swapped, keypoints.skeleton)
    return Views(pixels.reshape(count, -1, 2), scores.reshape(count, -1))


def _times(upper: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Symmetric matrices (..., 6) times vectors (..., 3)."""
    rows = [[0, 1, 2], [1, 3, 4], [2, 4, 5]]
    return np.stack([(upper[..., row] * vectors).sum(-1) for row in rows], axis=-1)
