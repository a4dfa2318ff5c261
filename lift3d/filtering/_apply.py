"""Filter poses over time, each run of frames without a gap by itself."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch

from lift3d._discovery import entries_of
from lift3d._times import clips_of
from lift3d.errors import UnknownNameError
from lift3d.filtering._entry import PoseFilter
from lift3d.poses import Poses3D
from lift3d.settings import from_mapping, to_mapping

__all__ = ["all_filters", "filter_poses"]


@cache
def all_filters() -> dict[str, PoseFilter]:
    """Every filter by name."""
    return entries_of("lift3d.filtering", "FILTER", PoseFilter)


def filter_poses(poses: Poses3D, how: Any = "butterworth", **settings: Any) -> Poses3D:
    """Poses with the track of every joint filtered over time, axis by axis.

        filter_poses(poses, "butterworth", cutoff_hz=8.0)
        filter_poses(poses, ButterworthSettings(cutoff_hz=8.0))  # the same

    What is filtered together is a run: the frames of one person's joint, one after the other, without a missing one. A
    missing joint stays missing, and nothing crosses a gap, nor frames further apart than one and a half times the
    usual, nor people. A run too short for the filter is left as it is: the filters say what is too short. Joints that
    were filled in (score 0) are filtered as the others are. Frames are taken to be evenly spaced at the median rate.

    Args:
        poses: metres, in any frame.
        how: a name of ``all_filters``, or the settings of one.
        settings: settings of the filter by name, over those in ``how``.

    Returns:
        Poses of the same dtype, scores and times. Without covariance: the errors of a filtered track hang together
        over time and hold what the filter took away of the motion, which no covariance of single points tells.

    Raises:
        UnknownNameError: there is no such filter.
        SettingsError: the filter has no such setting, or a value has a wrong type.
        InputError: a setting is out of range, or does not go with the frame rate.
    """
    chosen, own = _filter(how)
    own = from_mapping(chosen.settings, {**to_mapping(own), **settings}, chosen.name)
    rate = poses.frames_per_second
    enough = chosen.shortest(own, rate)
    positions = poses.positions.detach().cpu().double().numpy()
    frames, people, joints, _ = positions.shape
    values = positions.reshape(frames, people * joints, 3)
    filtered = values.copy()
    for (start, stop), tracks in _runs(values, [(clip.start, clip.stop) for clip in clips_of(poses.times)]).items():
        if stop - start >= enough:
            run = values[start:stop, tracks].reshape(stop - start, -1)
            filtered[start:stop, tracks] = chosen.apply(run, rate, own).reshape(stop - start, -1, 3)
    changed = torch.from_numpy(filtered.reshape(positions.shape)).to(poses.positions)
    return replace(poses, positions=changed, covariance=None)


def _filter(how: Any) -> tuple[PoseFilter, Any]:
    """The filter that a name or settings stand for, and its settings."""
    for entry in all_filters().values():
        if entry.name == how or type(how) is entry.settings:
            return entry, entry.settings() if entry.name == how else how
    raise UnknownNameError("filter", how, all_filters())


def _runs(values: np.ndarray, clips: list[tuple[int, int]]) -> dict[tuple[int, int], list[int]]:
    """Tracks by the frames (start, stop) in which they are seen without a gap: most of them have the same."""
    seen = np.isfinite(values.sum(-1)).T
    runs: dict[tuple[int, int], list[int]] = defaultdict(list)
    for clip_start, clip_stop in clips:
        change = np.diff(seen[:, clip_start:clip_stop].astype(np.int8), axis=1, prepend=0, append=0)
        tracks, starts = np.nonzero(change == 1)
        _, stops = np.nonzero(change == -1)  # row by row: each stop belongs to its start
        for track, start, stop in zip(tracks.tolist(), starts.tolist(), stops.tolist(), strict=True):
            runs[clip_start + start, clip_start + stop].append(track)
    return runs
