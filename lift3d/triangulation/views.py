"""Cameras and detections as the compiled loops take them: plain arrays of double precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lift3d._progress import progress
from lift3d.cameras import CameraRig
from lift3d.compiled import point_loops

__all__ = ["PackedRig", "Views", "frame_chunks"]

_CHUNK = 1 << 15  # points


@dataclass(frozen=True, eq=False)
class PackedRig:
    """A rig as rows of numbers; see ``lift3d.compiled.point_loops``.

    Args:
        lens: codes, one a camera.
        numbers: one row a camera, for points relative to ``origin``.
        origin: amid the cameras, in the world, metres.
    """

    lens: np.ndarray
    numbers: np.ndarray
    origin: np.ndarray

    @classmethod
    def of(cls, rig: CameraRig) -> PackedRig:
        """The rig's numbers."""
        cameras = rig.cameras.to(torch.device("cpu"), torch.float64)
        origin = cameras.centre.detach().mean(0).numpy()
        numbers = point_loops.pack(
            cameras.intrinsics.detach().numpy(),
            cameras.distortion.detach().numpy(),
            cameras.rotation.detach().numpy(),
            cameras.translation.detach().numpy(),
            origin,
        )
        return cls(cameras.lens.numpy(), numbers, origin)

    def __len__(self) -> int:
        return len(self.lens)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Distorted pixels (C, N, 2) of points (N, 3) relative to the origin; NaN where missing or behind a camera."""
        pixels = np.empty((len(self), len(points), 2))
        point_loops.project(self.lens, self.numbers, points, pixels)
        return pixels


@dataclass(frozen=True, eq=False)
class Views:
    """What all cameras saw of N points.

    Args:
        pixels: (C, N, 2) distorted.
        scores: (C, N); 0 where missing.
    """

    pixels: np.ndarray
    scores: np.ndarray

    @classmethod
    def of(cls, pixels: Tensor, scores: Tensor, min_score: float = 0.0) -> Views:
        """Views of pixels (C, ..., 2) and scores (C, ...), all axes but the first made one.

        They may share the detections' memory: nothing writes into views.
        """
        own, sure = _numbers(pixels).reshape(len(pixels), -1, 2), _numbers(scores).reshape(len(scores), -1)
        return cls(own, np.where(sure < min_score, 0.0, sure) if min_score > 0 else sure)

    def __len__(self) -> int:
        return self.scores.shape[1]

    def __getitem__(self, points: slice | np.ndarray) -> Views:
        """The views of some of the points."""
        return Views(np.ascontiguousarray(self.pixels[:, points]), np.ascontiguousarray(self.scores[:, points]))


def _numbers(values: Tensor) -> np.ndarray:
    return np.ascontiguousarray(values.detach().to("cpu", torch.float64).numpy())


def frame_chunks(shape: tuple[int, ...], work: Callable[[slice], None], doing: str) -> None:
    """Call ``work`` for one part of the frames after another, on as many threads as torch is set to.

    The compiled loops let go of Python's lock, so plain threads are enough.

    Args:
        shape: (cameras, frames, people, joints).
        work: takes a slice of frames.
        doing: what is being done, for the progress bar.
    """
    step = max(1, _CHUNK // max(1, shape[2] * shape[3]))
    parts = [slice(start, min(start + step, shape[1])) for start in range(0, shape[1], step)]
    for _ in progress(_finished(parts, work, min(torch.get_num_threads(), len(parts))), doing, "chunk", len(parts)):
        pass


def _finished(parts: list[slice], work: Callable[[slice], None], threads: int) -> Iterator[None]:
    if threads <= 1:
        yield from map(work, parts)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(work, parts)
