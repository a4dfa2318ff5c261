"""Frames of a video in any order: the video is sought to the picture before and decoded from there."""

from __future__ import annotations

import bisect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import torch
from av.error import FFmpegError
from torch import Tensor

from lift3d.errors import FileError

__all__ = ["VideoPictures"]

_NEAR = 24  # frames: so far ahead it is quicker to decode on than to seek


class VideoPictures:
    """Reads the frame of a number; opened when first used, once in each process. Frames in order are read fastest.

    Args:
        path: the video.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._process = 0
        self._forget()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])

    def __call__(self, frame: int) -> Tensor:
        """A frame, upright, (height, width, 3) uint8 RGB.

        Raises:
            FileError: there is no such frame, or it cannot be decoded.
        """
        try:
            if self._process != os.getpid():
                self._open()
            return self._frame(frame)
        except (FFmpegError, OSError) as error:
            self._process = 0
            reason = getattr(error, "strerror", None) or error
            raise FileError(
                self.path, f"frame {frame} cannot be decoded ({reason})", "Copy the video again."
            ) from error

    def _forget(self) -> None:
        self._times: list[int] = []
        self._pictures: Iterator[Any] = iter(())
        self._next = 0  # number of the frame that _pictures gives next

    def _open(self) -> None:
        """Note when every frame is shown, without decoding any."""
        self._forget()
        with av.open(str(self.path)) as container:
            if not container.streams.video:
                raise FileError(self.path, "has no video stream", "It may be sound only.")
            packets = container.demux(container.streams.video[0])
            self._times = sorted(packet.pts for packet in packets if packet.pts is not None)
        self._container = av.open(str(self.path))
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._stream.thread_count = torch.get_num_threads()
        self._pictures = self._container.decode(self._stream)
        self._process = os.getpid()

    def _frame(self, frame: int) -> Tensor:
        if not 0 <= frame < len(self._times):
            raise FileError(self.path, f"has no frame {frame}; it has {len(self._times)}", "The labels are of another.")
        wanted = self._times[frame]
        if not 0 <= frame - self._next <= _NEAR:
            self._container.seek(wanted, stream=self._stream, backward=True)
            self._pictures = self._container.decode(self._stream)
        for picture in self._pictures:
            if picture.pts is None or picture.pts < wanted:
                continue
            self._next = bisect.bisect_left(self._times, picture.pts) + 1
            if picture.pts > wanted:
                break
            rgb = torch.from_numpy(picture.to_ndarray(format="rgb24"))
            turns = round(picture.rotation / 90) % 4  # as lift3d.video turns it
            return rgb if turns == 0 else torch.rot90(rgb, turns, (0, 1)).contiguous()
        self._process = 0
        raise FileError(self.path, f"frame {frame} cannot be decoded", "It may be damaged or cut short.")
