"""3D motion: clips of one person's joints over time, of which a stretch is read at a time.

    motion = open_motion("cmu17.h5", splits=("train",))
    for number, clip in enumerate(motion.clips):
        joints = motion.read(number, 0, 100)  # (frames, joints, 3), metres, world z up

What it is read from is found out from the path; see ``lift3d.datasets.motion_sources``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d._discovery import entries_of
from lift3d.datasets._chosen_clips import ChosenClips, stop_of
from lift3d.errors import FileError, InputError, UnknownNameError
from lift3d.skeletons import JointMapping, Skeleton, mapping_between

__all__ = ["Clip", "Motion", "MotionSource", "motion_sources", "open_motion"]

Pull = Callable[[int, int, int], np.ndarray]


@dataclass(frozen=True)
class Clip:
    """Frames of one person that follow each other without a break.

    Args:
        name: of the clip, such as ``"02_01"``.
        subject: who it is.
        frames: how many.
        frames_per_second: how many of them a second.
        action: what the person does, in the data set's words; may be empty.
        split: such as ``"train"`` or ``"test"``; may be empty.
    """

    name: str
    subject: str
    frames: int
    frames_per_second: float = 30.0
    action: str = ""
    split: str = "train"


@dataclass(frozen=True, eq=False)
class Motion:
    """Clips whose frames are read when they are asked for.

    Args:
        clips: what there is.
        skeleton: what the joints are.
        pull: ``pull(clip, start, stop)`` gives the frames of a clip, (frames, joints, 3), metres, world z up. Every
            joint is there in every frame.
    """

    clips: tuple[Clip, ...]
    skeleton: Skeleton
    pull: Pull

    @property
    def frames(self) -> int:
        """The frames of all clips together."""
        return sum(clip.frames for clip in self.clips)

    def read(self, clip: int, start: int = 0, stop: int | None = None) -> Float[Tensor, "frames joints 3"]:
        """Frames ``start`` to ``stop`` of a clip, without the last, in float32: metres, world z up.

        Args:
            clip: its number.
            start, stop: as of a Python slice, but not below zero.

        Raises:
            InputError: the frames are not within the clip.
            FileError: the file has changed or is damaged.
        """
        own = self.clips[clip]
        end = stop_of(own.name, own.frames, start, stop)
        return torch.from_numpy(np.ascontiguousarray(self.pull(clip, start, end), dtype=np.float32))

    def only(self, splits: Iterable[str] | None = None, subjects: Iterable[str] | None = None) -> Motion:
        """The clips of some splits or subjects, in the same order; None takes all. There may be none."""
        parts = None if splits is None else set(splits), None if subjects is None else set(subjects)
        kept = [
            number for number, clip in enumerate(self.clips)
            if all(part is None or own in part for part, own in zip(parts, (clip.split, clip.subject), strict=True))
        ]  # fmt: skip
        return replace(
            self,
            clips=tuple(self.clips[number] for number in kept),
            pull=ChosenClips(self.pull, kept),
        )

    def mapped_to(self, skeleton: Skeleton) -> Motion:
        """The same clips on another skeleton's joints (see ``lift3d.skeletons.mapping``).

        Raises:
            InputError: a joint of it cannot be had.
        """
        if skeleton == self.skeleton:
            return self
        mapping = mapping_between(self.skeleton, skeleton)
        if mapping.missing:
            raise InputError(
                f"Skeleton {self.skeleton.name!r} does not give the joints {', '.join(mapping.missing)} of "
                f"{skeleton.name!r}."
            )
        return replace(self, skeleton=skeleton, pull=_Mapped(self.pull, mapping))


class _Mapped:
    """Reads clips on the joints of another skeleton."""

    def __init__(self, pull: Pull, mapping: JointMapping) -> None:
        self.pull, self.mapping = pull, mapping

    def __call__(self, clip: int, start: int, stop: int) -> np.ndarray:
        return self.mapping.coordinates(torch.as_tensor(self.pull(clip, start, stop))).numpy()


@dataclass(frozen=True)
class MotionSource:
    """What a file of ``motion_sources`` declares: one layout of motion, under the name ``SOURCE``.

    Args:
        name: what a user passes as ``format=``.
        about: one line for people.
        recognises: whether a path is of this layout; looks inside as little as needed and never raises.
        open: ``open(path)``: its motion. Raises ``FileError``.
    """

    name: str
    about: str
    recognises: Callable[[Path], bool]
    open: Callable[[Path], Motion]


@cache
def motion_sources() -> dict[str, MotionSource]:
    """Every layout by name."""
    return entries_of("lift3d.datasets.motion_sources", "SOURCE", MotionSource)


def open_motion(
    path: str | Path,
    splits: Iterable[str] | None = None,
    format: str | None = None,  # noqa: A002
) -> Motion:
    """The motion of a file or folder; its frames stay there until they are read.

    Args:
        path: a file of motion clips, a file or folder of poses in any format of ``read_poses``, or VideoPose3D's 3D
            archive.
        splits: names of the splits to take; all by default.
        format: name of the layout (see ``motion_sources``); by default found out from the path.

    Raises:
        FileError: the path is missing or none of these, or has no such split.
        UnknownNameError: there is no such layout.
    """
    place, wanted = Path(path), None if splits is None else tuple(splits)
    motion = _source(place, format).open(place)
    chosen = motion.only(wanted)
    if not chosen.clips:
        known = ", ".join(sorted({clip.split for clip in motion.clips})) or "none"
        raise FileError(place, f"has no split {', '.join(wanted or ('with clips',))}", f"Known: {known}.")
    return chosen


def _source(path: Path, name: str | None) -> Any:
    known = motion_sources()
    if not path.exists():
        raise FileError(path, "does not exist", "Pass the path of motion: --data.path PATH.")
    if name is not None:
        if name not in known:
            raise UnknownNameError("layout of motion", name, known)
        return known[name]
    fitting = [source for source in known.values() if source.recognises(path)]
    if not fitting:
        raise FileError(path, "is no file of motion clips, nor of poses", f"Layouts: {', '.join(known)}.")
    return fitting[0]
