"""Reading some clips of many under new numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from lift3d.errors import InputError

Frames = TypeVar("Frames")

__all__ = ["ChosenClips", "stop_of"]


def stop_of(name: str, frames: int, start: int, stop: int | None) -> int:
    """Where reading a part of a clip stops; None is the end of the clip.

    Raises:
        InputError: the part is not within the clip.
    """
    end = frames if stop is None else stop
    if not 0 <= start <= end <= frames:
        raise InputError(f"Clip {name!r} has {frames} frames; asked for {start} to {end}.")
    return end


class ChosenClips(Generic[Frames]):
    """Reads clip ``kept[number]`` for ``number``; may be sent to another process if what it reads from may.

    Args:
        pull: ``pull(clip, start, stop)`` of all clips.
        kept: the numbers, among all clips, of those chosen.
    """

    def __init__(self, pull: Callable[[int, int, int], Frames], kept: Sequence[int]) -> None:
        self.pull, self.kept = pull, kept

    def __call__(self, clip: int, start: int, stop: int) -> Frames:
        return self.pull(self.kept[clip], start, stop)
