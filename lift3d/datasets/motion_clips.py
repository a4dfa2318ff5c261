"""All frames of some motion as one array, one clip after another: what random frames are drawn from.

Much motion does not lie in memory: its frames are written to an unnamed file in the folder of temporary files
(``TMPDIR``) and mapped, so that only those in use are loaded, and the system may drop them again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.datasets._frame_room import frame_room
from lift3d.datasets.motion import Motion, open_motion
from lift3d.datasets.motion_sources.clips_h5 import write_motion_clips
from lift3d.errors import FileError
from lift3d.skeletons import Skeleton

__all__ = ["MotionClips", "gathered", "read_motion_clips", "write_motion_clips"]

_MOST_IN_MEMORY = 10_000_000  # joints: 120 MB


@dataclass(frozen=True, eq=False)
class MotionClips:
    """The frames of many clips, one after another.

    Args:
        positions: metres, world z up; every joint is there. To be read, not written to.
        clip: which clip a frame is of.
        names, subjects: of each clip.
        skeleton: what the joints are.
        frames_per_second: of every clip.
        lengths: frames of each clip.
        actions: of each clip; empty where the file does not say.
    """

    positions: Float[Tensor, "frames joints 3"]
    clip: Int[Tensor, "frames"]
    names: tuple[str, ...]
    subjects: tuple[str, ...]
    skeleton: Skeleton
    frames_per_second: float = 30.0
    lengths: tuple[int, ...] = ()
    actions: tuple[str, ...] = ()

    @property
    def starts(self) -> tuple[int, ...]:
        """The first frame of each clip."""
        return tuple(accumulate(self.lengths[:-1], initial=0)) if self.lengths else ()


def read_motion_clips(path: str | Path, splits: Iterable[str]) -> MotionClips:
    """The clips of the given splits; ``path`` as in ``open_motion``.

    Raises:
        FileError: the path is missing, holds no motion, or has no such split; or its clips differ in frame rate.
    """
    motion = open_motion(path, splits)
    rates = sorted({clip.frames_per_second for clip in motion.clips})
    if len(rates) > 1 and rates[-1] - rates[0] > 0.001 * rates[0]:
        listed = ", ".join(f"{rate:g}" for rate in rates)
        advice = "Make a file of one rate: python -m data_tools.make_motion_clips --fps 30."
        raise FileError(path, f"its clips have {listed} frames a second; expected one rate", advice)
    return gathered(motion)


def gathered(motion: Motion, most_in_memory: int = _MOST_IN_MEMORY) -> MotionClips:
    """All frames of some motion, float32; the frame rate is that of its first clip.

    Args:
        motion: at least one clip.
        most_in_memory: joints (frames times joints of each) from which on they are mapped from a temporary file.
    """
    positions = frame_room((motion.frames, len(motion.skeleton), 3), 3 * most_in_memory)
    clip = torch.empty(motion.frames, dtype=torch.int64)
    first = 0
    for number, own in enumerate(motion.clips):
        positions[first : first + own.frames] = motion.read(number)
        clip[first : first + own.frames] = number
        first += own.frames
    return MotionClips(
        positions=positions,
        clip=clip,
        names=tuple(own.name for own in motion.clips),
        subjects=tuple(own.subject for own in motion.clips),
        skeleton=motion.skeleton,
        frames_per_second=motion.clips[0].frames_per_second,
        lengths=tuple(own.frames for own in motion.clips),
        actions=tuple(own.action for own in motion.clips),
    )
