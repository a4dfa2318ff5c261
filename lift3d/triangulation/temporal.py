"""Triangulation over time: tracks fitted to all views at once, smooth, with bones that keep their length.

Starting from points found one by one, the tracks are solved for, what was seen (``lift3d.triangulation.sights``) is
linearised about them, and what lies too far from them left out, in turns (Gauss-Newton). How much the tracks accelerate
is estimated on the way: as long as one number stands for a whole track, no view is left out, since that would lose the
views of a kick and so the kick. Exchanged sides are put right once more, now against the tracks. Then bones are held at
the lengths they have over the clip. Clips and people never touch each other.
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
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton
from lift3d.triangulation.bones import Bones, covariance_with_bones, measure_bones, solve_with_bones
from lift3d.triangulation.robust import Found
from lift3d.triangulation.settings import TriangulationSettings
from lift3d.triangulation.sights import Sight
from lift3d.triangulation.smoothing import Motion, assemble, covariance_of, interpolated, motion_from

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
    sight: Sight, keypoints: Keypoints2D, found: Found, lengths: np.ndarray, settings: TriangulationSettings
) -> None:
    """Replace found points by tracks over time.

    Args:
        sight: what the tracks are held against.
        keypoints: of which times and joints.
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
        inner = slice(window.kept.start - window.frames.start, window.kept.stop - window.frames.start)
        tracks = _tracks(sight, keypoints.frames_per_second, start, window, bones[window.clip], settings)
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
    sight: Sight, rate: float, start: Found, window: _Window, bones: Bones, settings: TriangulationSettings
) -> _Tracks | None:
    """Tracks of one window; None if it is too short to say anything about motion."""
    part = window.frames
    shape = start.points[part].shape[:3]
    frames, tracks = shape[0], shape[1] * shape[2]
    if frames < 3:
        return None
    seen = sight.of(part, start.swapped[:, part])
    about = interpolated(start.points[part].reshape(frames, tracks, 3))
    equations, covariance = seen.equations(about), np.empty(0)
    motion = _first_motion(frames, tracks, rate, settings)
    for iteration in range(_WHOLE + _LOCAL + _WITH_BONES):
        system = assemble(equations, about, motion)
        if iteration < _WHOLE + _LOCAL:
            at, band = system.solved()
            covariance = covariance_of(band)
            if settings.smoothing.acceleration is None:
                motion = motion_from(at, band, motion, local=iteration >= _WHOLE)
        elif len(bones.pairs):
            at = solve_with_bones(system, bones, about)
        else:
            break
        if iteration < _WHOLE:
            continue
        about = at
        equations = seen.equations(about)
        if iteration in _SWAPS_AT and settings.swaps and seen.put_right(about):
            equations = seen.equations(about)
    if len(bones.pairs):
        covariance = covariance_with_bones(covariance, bones, about)
    return _Tracks(about.reshape(*shape, 3), covariance.reshape(*shape, 6), seen.used, seen.swapped)


def _first_motion(frames: int, tracks: int, rate: float, settings: TriangulationSettings) -> Motion:
    """The acceleration that is given, or a guess to start from."""
    known = settings.smoothing.acceleration
    return Motion.even(frames, tracks, (_FIRST_ACCELERATION if known is None else known) / rate**2)


def _leave_gaps(found: Found, clip: slice, longest: int) -> None:
    """Leave out what fewer than two views saw for longer than a gap may be, or before or after all that was seen."""
    seen = found.used[:, clip].sum(0) >= 2
    frames = np.arange(len(seen)).reshape(-1, 1, 1)
    before = np.maximum.accumulate(np.where(seen, frames, -1), axis=0)
    after = np.minimum.accumulate(np.where(seen, frames, len(seen))[::-1], axis=0)[::-1]
    lost = ~seen & ((before < 0) | (after >= len(seen)) | (after - before - 1 > longest))
    found.points[clip][lost] = np.nan
    found.covariance[clip][lost] = np.nan
