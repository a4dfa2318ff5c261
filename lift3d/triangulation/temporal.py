"""Triangulation over time: tracks fitted to all views at once, smooth, with bones that keep their length.

Starting from points found one by one, the tracks are solved for, the views linearised about them, and views too far
from them left out, in turns (Gauss-Newton). How much the tracks accelerate is estimated on the way: as long as one
number stands for a whole track, no view is left out, since that would lose the views of a kick and so the kick.
Exchanged sides are put right once more, now against the tracks. Then bones are held at the lengths they have over the
clip. Clips and people never touch each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from lift3d._progress import progress
from lift3d._times import clips_of
from lift3d.compiled import point_loops
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton
from lift3d.triangulation.bones import Bones, covariance_with_bones, measure_bones, solve_with_bones
from lift3d.triangulation.noise import NoiseModel
from lift3d.triangulation.robust import Found, put_right
from lift3d.triangulation.settings import TriangulationSettings
from lift3d.triangulation.smoothing import Motion, assemble, covariance_of, interpolated, motion_from
from lift3d.triangulation.swaps import exchanged
from lift3d.triangulation.views import PackedRig, Views

__all__ = ["smooth_points"]

_WINDOW = 2048  # frames smoothed at once
_MARGIN = 96  # frames more on either side, whose results are thrown away: further away nothing matters
_FRAMES_FOR_BONES = 4000
_WHOLE, _LOCAL, _WITH_BONES = 2, 5, 2  # iterations
_FIRST_ACCELERATION = 10.0  # m/s^2, to start from
_SWAPS_AT = (2, 5)  # iterations after which exchanged sides are looked for


@dataclass(frozen=True, eq=False)
class _Window:
    """Frames smoothed at once, and those of them that are kept."""

    frames: slice
    kept: slice
    clip: int


def smooth_points(
    rig: PackedRig,
    keypoints: Keypoints2D,
    noise: NoiseModel,
    found: Found,
    lengths: np.ndarray,
    settings: TriangulationSettings,
) -> None:
    """Replace found points by tracks over time.

    Args:
        found: changed: points, covariances, which views were used, exchanged sides.
        lengths: (people, bones), written: the lengths that held, of the longest clip.
        settings: how.
    """
    clips = clips_of(keypoints.times)
    bones = [_bones(found, clip, keypoints.skeleton, settings) for clip in clips]
    if clips:
        longest = max(range(len(clips)), key=lambda clip: clips[clip].stop - clips[clip].start)
        _note_lengths(bones[longest], len(keypoints.skeleton), keypoints.skeleton.bones, lengths)
    start = Found(found.points.copy(), found.covariance, found.used, found.swapped.copy())
    windows = [window for number, clip in enumerate(clips) for window in _windows(clip, number)]

    def work(window: _Window) -> None:
        tracks = _tracks(rig, keypoints, noise, start, window, bones[window.clip], settings)
        inner = slice(window.kept.start - window.frames.start, window.kept.stop - window.frames.start)
        if tracks is not None:
            found.points[window.kept], found.covariance[window.kept] = tracks.points[inner], tracks.covariance[inner]
            found.used[:, window.kept], found.swapped[:, window.kept] = tracks.used[:, inner], tracks.swapped[:, inner]

    with ThreadPoolExecutor(max(1, torch.get_num_threads())) as pool:
        for _ in progress(pool.map(work, windows), "smoothing", "window", len(windows)):
            pass
    for clip in clips:
        _leave_gaps(found, clip, round(settings.smoothing.max_gap * keypoints.frames_per_second))


def _windows(clip: slice, number: int) -> Iterator[_Window]:
    """The windows of a clip, of about equal length."""
    frames = clip.stop - clip.start
    count = max(1, -(-frames // _WINDOW))
    edges = [clip.start + frames * part // count for part in range(count + 1)]
    for start, stop in pairwise(edges):
        around = slice(max(clip.start, start - _MARGIN), min(clip.stop, stop + _MARGIN))
        yield _Window(around, slice(start, stop), number)


def _bones(found: Found, clip: slice, skeleton: Skeleton, settings: TriangulationSettings) -> Bones:
    """The bones of the people of a clip; none if they are not wanted."""
    step = max(1, (clip.stop - clip.start) // _FRAMES_FOR_BONES) if settings.smoothing.bones else clip.stop + 1
    part = slice(clip.start, clip.stop if settings.smoothing.bones else clip.start, step)
    return measure_bones(found.points[part], found.covariance[part], skeleton)


def _note_lengths(bones: Bones, joints: int, edges: tuple[tuple[int, int], ...], lengths: np.ndarray) -> None:
    """Write the lengths of every person's bones, in the order of the skeleton's."""
    for (parent, child), length in zip(bones.pairs.tolist(), bones.lengths.tolist(), strict=True):
        lengths[parent // joints, edges.index((parent % joints, child % joints))] = length


@dataclass(frozen=True, eq=False)
class _Tracks:
    """What is found in a window: points (F, people, joints, 3) and the rest of the same axes."""

    points: np.ndarray
    covariance: np.ndarray
    used: np.ndarray
    swapped: np.ndarray


def _tracks(
    rig: PackedRig,
    keypoints: Keypoints2D,
    noise: NoiseModel,
    start: Found,
    window: _Window,
    bones: Bones,
    settings: TriangulationSettings,
) -> _Tracks | None:
    """Tracks of one window; None if it is too short to say anything about motion."""
    part = window.frames
    shape = tuple(keypoints.scores[:, part].shape)
    frames, tracks = shape[1], shape[2] * shape[3]
    if frames < 3:
        return None
    views = Views.of(keypoints.pixels[:, part], keypoints.scores[:, part], settings.min_score)
    swapped = start.swapped[:, part].copy()
    flat = swapped.reshape(len(rig), -1)
    views = Views(
        exchanged(views.pixels.reshape(*shape, 2), swapped, keypoints.skeleton).reshape(len(rig), -1, 2),
        exchanged(views.scores.reshape(shape), swapped, keypoints.skeleton).reshape(len(rig), -1),
    )
    at = interpolated(start.points[part].reshape(frames, tracks, 3))
    equations, used, covariance = np.empty((frames, tracks, 9)), np.empty_like(flat), np.empty(0)
    motion = _first_motion(frames, tracks, keypoints.frames_per_second, settings)
    _linearise(rig, views, noise, at, settings, equations, used)
    about = at
    for iteration in range(_WHOLE + _LOCAL + _WITH_BONES):
        system = assemble(equations, about, motion)
        if iteration < _WHOLE + _LOCAL:
            at, band = system.solved()
            covariance = covariance_of(band)
            if settings.smoothing.acceleration is None:
                motion = motion_from(at, band, motion, local=iteration >= _WHOLE)
        elif len(bones.pairs):
            at = solve_with_bones(system, bones, at)
        if iteration < _WHOLE:
            continue
        about = at
        _linearise(rig, views, noise, about, settings, equations, used)
        if iteration in _SWAPS_AT and settings.swaps:
            marked, views = put_right(rig, views, at.reshape(-1, 3), used, noise, settings, keypoints.skeleton, shape)
            swapped ^= marked
            _linearise(rig, views, noise, about, settings, equations, used)
    if len(bones.pairs):
        covariance = covariance_with_bones(covariance, bones, at)
    return _Tracks(at.reshape(*shape[1:], 3), covariance.reshape(*shape[1:], 6), used.reshape(shape), swapped)


def _first_motion(frames: int, tracks: int, rate: float, settings: TriangulationSettings) -> Motion:
    """The acceleration that is given, or a guess to start from."""
    known = settings.smoothing.acceleration
    return Motion.even(frames, tracks, (_FIRST_ACCELERATION if known is None else known) / rate**2)


def _linearise(
    rig: PackedRig,
    views: Views,
    noise: NoiseModel,
    at: np.ndarray,
    settings: TriangulationSettings,
    equations: np.ndarray,
    used: np.ndarray,
) -> None:
    """Write the normal equations of the views near the tracks, and which those are."""
    point_loops.linearise(
        rig.lens, rig.numbers, views.pixels, views.scores, noise.tables, settings.consensus.gate,
        settings.consensus.kernel, at.reshape(-1, 3), equations.reshape(-1, 9), used,
    )  # fmt: skip


def _leave_gaps(found: Found, clip: slice, longest: int) -> None:
    """Leave out what fewer than two views saw for longer than a gap may be, or before or after all that was seen."""
    seen = found.used[:, clip].sum(0) >= 2
    frames = np.arange(len(seen)).reshape(-1, 1, 1)
    before = np.maximum.accumulate(np.where(seen, frames, -1), axis=0)
    after = np.minimum.accumulate(np.where(seen, frames, len(seen))[::-1], axis=0)[::-1]
    lost = ~seen & ((before < 0) | (after >= len(seen)) | (after - before - 1 > longest))
    found.points[clip][lost] = np.nan
    found.covariance[clip][lost] = np.nan
