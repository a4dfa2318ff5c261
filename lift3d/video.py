"""Pictures of a video, an image folder or a single picture, one at a time.

Nothing is held but the frame at hand, so that memory does not grow with a video's length. Pictures are turned
upright as the file says: phones store a portrait video lying on its side, cameras a portrait picture.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from lift3d._natural_order import natural_order
from lift3d.errors import FileError

__all__ = ["Frame", "VideoInfo", "camera_name", "probe", "read_frames", "read_moments"]

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture.

    Args:
        rgb: upright, values 0 to 255.
        time: seconds since the first frame; never decreasing.
        index: number of the frame, from 0.
    """

    rgb: UInt8[Tensor, "height width 3"]
    time: float
    index: int


@dataclass(frozen=True)
class VideoInfo:
    """What is known before the frames are read.

    Args:
        width, height: of the upright pictures, pixels.
        frames: how many there are, as the file says or as follows from its length; None where neither is known.
        fps: average rate, frames a second.
    """

    width: int
    height: int
    frames: int | None
    fps: float


def read_frames(path: str | Path, fps: float = 30.0) -> Iterator[Frame]:
    """The frames of a video, of an image folder in natural order (2 before 10), or a single picture.

    A video that breaks off gives the frames before the break and then a warning: what may come after it is left
    out, since its frames could no longer be matched by number with those of other cameras. Decoding uses as many
    threads as torch does (``torch.set_num_threads``).

    Args:
        path: the video, folder or picture.
        fps: frames a second of an image folder; videos say their own times.

    Raises:
        FileError: it is missing, holds no pictures, cannot be decoded at all, or a folder's pictures differ in size.
    """
    source = Path(path)
    if not source.exists():
        raise FileError(path, "there is no such file or folder", "Check the path.")
    if source.is_dir():
        return _frames_of_images(_images_in(source), fps)
    return _frames_of_images([source], fps) if source.suffix.lower() in IMAGE_SUFFIXES else _frames_of_video(source)


def read_moments(paths: Sequence[str | Path], fps: float = 30.0) -> Iterator[list[Frame | None]]:
    """The frames of several cameras, matched by number: the videos must have begun together.

    Args:
        paths: one a camera.
        fps: of ``read_frames``.

    Returns:
        A frame a camera, None where a video has ended, until all have.

    Raises:
        FileError: see ``read_frames``.
    """
    readers = [read_frames(path, fps) for path in paths]
    while any(moment := [next(reader, None) for reader in readers]):
        yield moment


def camera_name(path: str | Path) -> str:
    """What a camera is called: the name of its video or picture without suffix, or of its folder."""
    own = Path(path).resolve()
    return own.name if own.is_dir() else own.stem


def probe(path: str | Path, fps: float = 30.0) -> VideoInfo:
    """Size, length and rate; decodes the first frame only.

    Args:
        path, fps: as of ``read_frames``.

    Raises:
        FileError: see ``read_frames``.
    """
    source, frames = Path(path), read_frames(path, fps)
    height, width = next(frames).rgb.shape[:2]
    if source.is_dir():
        return VideoInfo(width, height, len(_images_in(source)), fps)
    if source.suffix.lower() in IMAGE_SUFFIXES:
        return VideoInfo(width, height, 1, fps)
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        return VideoInfo(width, height, _frame_count(container, stream), _rate(stream))


def _images_in(folder: Path) -> list[Path]:
    found = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.name[0] != "."]
    if not found:
        raise FileError(folder, "holds no pictures", f"Expected files ending in {', '.join(sorted(IMAGE_SUFFIXES))}.")
    return sorted(found, key=lambda path: natural_order(path.name.lower()))


def _frames_of_images(paths: list[Path], fps: float) -> Iterator[Frame]:
    size = None
    for index, path in enumerate(paths):
        rgb = _read_image(path)
        size = size or rgb.shape
        if rgb.shape != size:
            raise FileError(
                path, f"is {rgb.shape[1]} x {rgb.shape[0]} pixels, the pictures before it {size[1]} x {size[0]}",
                "A folder must hold the pictures of one camera.",
            )  # fmt: skip
        yield Frame(rgb, index / fps, index)


def _read_image(path: Path) -> Tensor:
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
            return torch.from_numpy(np.array(upright))
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise FileError(path, f"cannot be read as a picture ({error})", "It may be cut short.") from error


def _frames_of_video(path: Path) -> Iterator[Frame]:
    try:
        container = av.open(str(path))
    except (FFmpegError, OSError) as error:
        raise FileError(path, f"is not a video, or is damaged ({_reason(error)})", "Expected a video file.") from error
    with container:
        if not container.streams.video:
            raise FileError(path, "has no video stream", "It may be sound only.")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.thread_count = torch.get_num_threads()
        yield from _decoded(path, container, stream)


def _decoded(path: Path, container: InputContainer, stream: VideoStream) -> Iterator[Frame]:
    count, damaged, first, latest, reason = 0, 0, None, 0.0, ""
    pictures = container.decode(stream)
    while True:
        try:
            picture = next(pictures)
        except StopIteration:
            break
        except FFmpegError as error:
            reason = f": {_reason(error)}"
            break
        time = picture.time if picture.time is not None else count / _rate(stream)
        first = time if first is None else first
        latest = max(latest, time - first)
        yield Frame(_upright(picture), latest, count)
        count, damaged = count + 1, damaged + picture.is_corrupt
    if not count:
        raise FileError(path, f"no frame of it can be decoded{reason}", "It may be cut short.")
    _warn(path, count, stream.frames, damaged, reason)


def _warn(path: Path, count: int, expected: int, damaged: int, reason: str) -> None:
    """Say if frames are fewer than the file announces, or damaged."""
    found = []
    if reason or count < 0.98 * expected - 2:
        found.append(f"only the first {count}{f' of {expected}' if expected else ''} frames can be decoded{reason}")
    if damaged:
        found.append(f"{damaged} of {count} frames are damaged, so that their pictures are wrong in part")
    if found:
        warnings.warn(f"{path}: {'; '.join(found)}.", stacklevel=3)


def _upright(picture: VideoFrame) -> Tensor:
    """(height, width, 3) uint8, turned as the display matrix says (its angle is counter-clockwise)."""
    rgb = torch.from_numpy(picture.to_ndarray(format="rgb24"))
    turns = round(picture.rotation / 90) % 4
    return rgb if turns == 0 else torch.rot90(rgb, turns, (0, 1)).contiguous()


def _rate(stream: VideoStream) -> float:
    return float(stream.average_rate or stream.guessed_rate or 30)


def _frame_count(container: InputContainer, stream: VideoStream) -> int | None:
    if stream.frames:
        return stream.frames
    if stream.duration and stream.time_base:
        return round(float(stream.duration * stream.time_base) * _rate(stream))
    length = container.duration  # microseconds
    return round(length / 1e6 * _rate(stream)) if length else None


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
