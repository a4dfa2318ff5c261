"""Pictures of the cameras for the page: scaled down and kept as JPEG."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image
from torch import Tensor

from lift3d.errors import InputError

__all__ = ["CameraImages", "read_images"]

_QUALITY = 75


@dataclass(frozen=True, eq=False)
class CameraImages:
    """Pictures of one camera, at some of a scene's frames.

    Args:
        camera: its name.
        size: width and height of the pictures before they were scaled down, pixels.
        jpegs: by frame of the scene, the scaled picture as JPEG.
    """

    camera: str
    size: tuple[int, int]
    jpegs: dict[int, bytes]


class _Frame(Protocol):
    @property
    def rgb(self) -> Tensor: ...
    @property
    def index(self) -> int: ...


def read_images(
    path: str | Path, camera: str, *, first: int, count: int, width: int = 480, every: int = 1
) -> CameraImages:
    """Pictures of a video or image folder, read one at a time.

    Args:
        path: the video or folder.
        camera: whose pictures they are.
        first: the video's frame that is frame 0 of the scene.
        count: frames of the scene.
        width: of the kept pictures, pixels; smaller pictures are not made larger.
        every: keep one of so many frames.

    Raises:
        FileError: the video cannot be read.
        InputError: it has none of the frames.
    """
    from lift3d.video import read_frames

    jpegs: dict[int, bytes] = {}
    size = (0, 0)
    for frame in _within(read_frames(path), first, first + count):
        size = (int(frame.rgb.shape[1]), int(frame.rgb.shape[0]))
        if (frame.index - first) % every == 0:
            jpegs[frame.index - first] = _jpeg(frame.rgb, width)
    if not jpegs:
        raise InputError(
            f"{path}: has none of the frames {first} to {first + count - 1} that the scene shows of {camera!r}. "
            "Check that the video is the one the poses or keypoints came from."
        )
    return CameraImages(camera, size, jpegs)


def _within(frames: Iterable[_Frame], start: int, stop: int) -> Iterator[_Frame]:
    for frame in frames:
        if frame.index >= stop:
            return
        if frame.index >= start:
            yield frame


def _jpeg(rgb: Tensor, width: int) -> bytes:
    """A picture (height, width, 3), uint8, at most ``width`` wide, as JPEG."""
    image = Image.fromarray(rgb.cpu().contiguous().numpy())
    if image.width > width:
        image = image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=_QUALITY)
    return buffer.getvalue()
