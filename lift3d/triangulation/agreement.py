"""How well the views of a sample agree, and how much better they would under a supposition about the cameras.

A sample of frames in which people move is triangulated robustly. Each view costs log(1 + r^2 / (k s)^2) of its residual
r, where s is the noise of such a detection and r at most a gate; a point that no two views agree on costs its views the
gate. Suppositions - a camera runs late, is turned, two names are exchanged - are tried by what the mean cost becomes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from lift3d.cameras import CameraRig
from lift3d.compiled import point_loops
from lift3d.keypoints import Keypoints2D
from lift3d.triangulation.consensus import ConsensusSettings, fit_points
from lift3d.triangulation.noise import NoiseModel, estimate_noise
from lift3d.triangulation.views import PackedRig, Views

__all__ = ["Lenses", "Sample", "State", "Verdict"]

_FEWEST_FRAMES, _MOST_FRAMES = 40, 400  # of a sample
_VIEWS = 10_000
_CANDIDATES = 4000  # frames that motion is measured in
_BLOCKS = 30  # of frames near each other, whose costs are taken to be independent
_KERNEL = 2.0  # standard deviations
_GATE = 10.0
_CAP = np.log1p((_GATE / _KERNEL) ** 2)
_NONSENSE = 0.015  # of the picture's longer side
_NOISIEST = 0.02  # of it: a detector's noise is no larger
_SETTINGS = ConsensusSettings(most_pairs=12, most_steps=5)


@dataclass(frozen=True, eq=False)
class Lenses:
    """A rig's numbers as arrays that may be changed into what no rig would hold, such as a mirrored camera.

    Args:
        intrinsics: (C, 3, 3).
        distortion: (C, 8).
        rotation: (C, 3, 3), world to camera.
        translation: (C, 3).
        lens: (C) codes.
        size: (C, 2) width and height of the pictures, pixels; NaN where not known.
    """

    intrinsics: np.ndarray
    distortion: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    lens: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, rig: CameraRig) -> Lenses:
        """The numbers of a rig."""
        cameras = rig.cameras.to(torch.device("cpu"), torch.float64)
        return cls(
            cameras.intrinsics.numpy(),
            cameras.distortion.numpy(),
            cameras.rotation.numpy(),
            cameras.translation.numpy(),
            cameras.lens.numpy(),
            cameras.image_size.numpy(),
        )

    def __len__(self) -> int:
        return len(self.lens)

    @property
    def longer_sides(self) -> np.ndarray:
        """(C) pixels that the pictures measure along their longer side; twice the principal point where not known."""
        known = np.isfinite(self.size).all(axis=-1, keepdims=True)
        return np.where(known, self.size, 2 * np.abs(self.intrinsics[:, :2, 2]) + 1).max(-1)

    def packed(self) -> PackedRig:
        """As the compiled loops take them."""
        origin = -(self.rotation.swapaxes(1, 2) @ self.translation[..., None])[..., 0].mean(0)
        numbers = point_loops.pack(self.intrinsics, self.distortion, self.rotation, self.translation, origin)
        return PackedRig(self.lens, numbers, origin)

    def __getitem__(self, order: list[int]) -> Lenses:
        """Cameras in another order, or some of them."""
        return Lenses(*(getattr(self, name)[order] for name in self.__dataclass_fields__))

    def with_camera(self, camera: int, **numbers: np.ndarray) -> Lenses:
        """The lenses with some numbers of one camera replaced."""
        changed = {}
        for name, value in numbers.items():
            changed[name] = getattr(self, name).copy()
            changed[name][camera] = value
        return replace(self, **changed)


@dataclass(frozen=True, eq=False)
class Sample:
    """Detections around frames in which people move.

    Args:
        pixels: (C, F, 2 M + 1, K, 2) at each camera's own time -M to M frames from each sampled frame.
        scores: (C, F, 2 M + 1, K).
        frames: (F) numbers of the frames.
        motion: pixels a frame that joints move by there, the median.
        scatter: pixels that detections jump about by from frame to frame, standard deviation of each coordinate.
    """

    pixels: np.ndarray
    scores: np.ndarray
    frames: np.ndarray
    motion: float
    scatter: float

    @classmethod
    def of(cls, keypoints: Keypoints2D, most: int, min_score: float = 0.0) -> Sample:
        """A sample for shifts of up to ``most`` frames."""
        pixels = keypoints.pixels.detach().cpu().flatten(2, 3)  # (C, F, K, 2)
        scores = keypoints.scores.detach().cpu().flatten(2, 3)
        points = _VIEWS // max(1, len(pixels))
        joints = _spread(pixels.shape[2], max(1, points // _FEWEST_FRAMES))
        wanted = np.clip(points // max(1, len(joints)), _FEWEST_FRAMES, _MOST_FRAMES)
        frames, motion, scatter = _moving_frames(pixels, joints, most, int(wanted))
        around = frames[:, None] + np.arange(-most, most + 1)
        inside = (around >= 0) & (around < pixels.shape[1])
        around = np.clip(around, 0, max(pixels.shape[1] - 1, 0))
        own = pixels[:, around][..., joints, :].double().numpy()
        sure = np.where(inside[..., None], scores[:, around][..., joints].double().numpy(), 0.0)
        sure = np.where((sure < min_score) | ~np.isfinite(own).all(-1), 0.0, sure)
        return cls(own, sure, frames, motion, scatter)

    @property
    def most(self) -> int:
        """Frames that a camera can be shifted by."""
        return self.pixels.shape[2] // 2

    def views(self, offsets: np.ndarray) -> Views:
        """What the cameras saw, moved in time as by ``Keypoints2D.shifted``."""
        cameras = np.arange(len(self.pixels))
        at = self.most - offsets
        return Views(
            np.ascontiguousarray(self.pixels[cameras, :, at].reshape(len(cameras), -1, 2)),
            np.ascontiguousarray(self.scores[cameras, :, at].reshape(len(cameras), -1)),
        )


def _spread(count: int, most: int) -> np.ndarray:
    """At most so many of the numbers below ``count``, spread evenly."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def _moving_frames(pixels: torch.Tensor, joints: np.ndarray, most: int, wanted: int) -> tuple[np.ndarray, float, float]:
    """Frames in which joints move fast, some from every part of the recording; how fast, and how noisily.

    A joint's speed is half of what it moves by from the frame before to the frame after.
    """
    count = pixels.shape[1]
    edge = min(max(most, 1), max(1, (count - 1) // 4))
    frames = np.arange(edge, max(count - edge, edge))
    frames = frames[_spread(len(frames), _CANDIDATES)] if len(frames) else np.arange(count)
    if count < 3 or not len(frames):
        return frames[:wanted], 0.0, 0.0
    before, at, after = (pixels[:, frames + step][:, :, joints].double() for step in (-1, 0, 1))
    speed = ((after - before) / 2).norm(dim=-1)
    scatter = (before - 2 * at + after).abs().flatten().nanmedian().item() / (0.6745 * np.sqrt(6))
    moving = np.nan_to_num(speed.permute(1, 0, 2).flatten(1).nanmedian(1).values.numpy())
    parts = np.array_split(np.arange(len(frames)), min(_BLOCKS, len(frames)))
    share = max(1, wanted // len(parts))
    chosen = np.sort(np.concatenate([part[np.argsort(-moving[part], kind="stable")[:share]] for part in parts]))
    return frames[chosen], float(np.median(moving[chosen])), float(np.nan_to_num(scatter))


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the views of a sample cost.

    Args:
        cost: mean of all views.
        blocks: (B) means of the blocks of frames.
    """

    cost: float
    blocks: np.ndarray

    def gain_over(self, other: Verdict) -> tuple[float, float]:
        """How much less this costs than another, as a share, and in standard errors of the difference."""
        less = other.blocks - self.blocks
        less = less[np.isfinite(less)]
        if len(less) < 2 or not other.cost > 0:
            return 0.0, 0.0
        error = max(less.std(ddof=1) / np.sqrt(len(less)), 1e-9)
        return float((other.cost - self.cost) / other.cost), float(less.mean() / error)


@dataclass(frozen=True, eq=False)
class State:
    """Cameras and their times, as supposed.

    Args:
        sample: the detections.
        lenses: the cameras.
        offsets: (C) frames that each camera is moved by.
        noise: the same for all cameras, so that all costs are in the same measure.
    """

    sample: Sample
    lenses: Lenses
    offsets: np.ndarray
    noise: NoiseModel

    @classmethod
    def of(cls, sample: Sample, lenses: Lenses, offsets: np.ndarray) -> State:
        """A state with the noise of its own sample."""
        noise = estimate_noise(lenses.packed(), sample.views(offsets), _SETTINGS)
        least = 1 / np.square(_NOISIEST * np.median(lenses.longer_sides))
        tables = np.maximum(np.median(noise.tables, axis=0), least)
        return cls(sample, lenses, offsets, NoiseModel(np.tile(tables, (len(lenses), 1))))

    def again(self) -> State:
        """The same with its noise measured again."""
        return State.of(self.sample, self.lenses, self.offsets)

    def moved(self, camera: int, offset: int) -> State:
        """The state with one camera at another offset."""
        offsets = self.offsets.copy()
        offsets[camera] = offset
        return self.with_offsets(offsets)

    def with_offsets(self, offsets: np.ndarray) -> State:
        """The state with all cameras at other offsets."""
        return replace(self, offsets=offsets)

    def points_without(self, camera: int) -> np.ndarray:
        """Points (N, 3) in the world that the other cameras make."""
        others = [other for other in range(len(self.lenses)) if other != camera]
        packed, views = self.lenses[others].packed(), self.sample.views(self.offsets)
        fit = fit_points(packed, Views(views.pixels[others], views.scores[others]), self._noise_of(others), _SETTINGS)
        return fit.points + packed.origin

    def sees_nonsense(self, camera: int) -> bool:
        """Whether most of what a camera sees is far from where the others say it is."""
        packed, views = self.lenses.packed(), self.sample.views(self.offsets)
        if len(packed) > 2:
            points = self.points_without(camera) - packed.origin
        else:
            points = np.empty((len(views), 3))
            point_loops.linear(packed.lens, packed.numbers, views.pixels, views.scores, points)
        distance = np.linalg.norm(packed.project(points)[camera] - views.pixels[camera], axis=-1)
        distance = distance[views.scores[camera] > 0]
        middle = float(np.median(np.nan_to_num(distance, nan=np.inf))) if len(distance) else 0.0
        return bool(middle > _NONSENSE * self.lenses.longer_sides[camera])

    def _noise_of(self, cameras: list[int]) -> NoiseModel:
        return NoiseModel(self.noise.tables[cameras])

    def verdict(self) -> Verdict:
        """What the views cost."""
        packed, views = self.lenses.packed(), self.sample.views(self.offsets)
        fit = fit_points(packed, views, self.noise, _SETTINGS)
        distance = np.empty(views.scores.shape)
        point_loops.distances(packed.lens, packed.numbers, fit.points, views.pixels, distance)
        information = self.noise.information(np.arange(len(packed))[:, None], views.scores)
        squared = np.nan_to_num(np.square(distance) * information, nan=_GATE**2)
        seen = (views.scores > 0) & ((views.scores > 0).sum(0) >= 2)
        cost = np.where(seen, np.log1p(np.minimum(squared, _GATE**2) / _KERNEL**2), 0.0)
        by_frame = (len(self.lenses), len(self.sample.frames), self.sample.pixels.shape[3])
        sums = cost.reshape(by_frame).sum((0, 2)), seen.reshape(by_frame).sum((0, 2))
        parts = np.array_split(np.arange(len(self.sample.frames)), min(_BLOCKS, max(1, len(self.sample.frames))))
        with np.errstate(invalid="ignore"):
            blocks = np.array([sums[0][part].sum() / sums[1][part].sum() for part in parts])
        return Verdict(float(sums[0].sum() / max(sums[1].sum(), 1)), blocks)
