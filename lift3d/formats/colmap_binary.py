"""COLMAP models as binary files: a folder with ``cameras.bin`` and ``images.bin``; see ``colmap_text`` for the rest.

Little endian. ``cameras.bin``: uint64 count; each int32 id, int32 model, uint64 width, uint64 height, doubles of the
model. ``images.bin``: uint64 count; each int32 id, double quaternion (w x y z), double translation, int32 camera, name
to a zero byte, uint64 count of points, each double x, double y, int64 point, which are not read.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from lift3d.cameras import CameraRig
from lift3d.errors import FileError
from lift3d.formats._colmap import PARAMETERS, ColmapCamera, ColmapImage, file_rig
from lift3d.formats._entry import FileFormat
from lift3d.formats._rigs import FileRig

__all__ = ["FORMAT"]

_POINT = 24  # bytes


def _recognises(path: Path) -> bool:
    return (path / "cameras.bin").is_file() and (path / "images.bin").is_file()


def _read(path: Path) -> FileRig:
    return file_rig(path, _cameras(_Content(path / "cameras.bin")), _images(_Content(path / "images.bin")))


class _Content:
    """The bytes of a file, taken one after the other."""

    def __init__(self, path: Path) -> None:
        self.path, self._place = path, 0
        try:
            self._bytes = path.read_bytes()
        except OSError as error:
            raise FileError(path, f"cannot be read ({error.strerror})", "Check the path.") from error

    def values(self, layout: str) -> tuple[Any, ...]:
        start = self._place
        self.skip(struct.calcsize(f"<{layout}"))
        return struct.unpack_from(f"<{layout}", self._bytes, start)

    def text(self) -> str:
        start = self._place
        end = self._bytes.find(b"\0", start)
        self.skip(end + 1 - start if end >= 0 else len(self._bytes) + 1)
        return self._bytes[start:end].decode("utf-8", errors="replace")

    def skip(self, count: int) -> None:
        if self._place + count > len(self._bytes):
            raise FileError(self.path, f"is cut short at byte {len(self._bytes)}", "Write or copy it again.")
        self._place += count

    def end(self) -> None:
        left = len(self._bytes) - self._place
        if left:
            raise FileError(self.path, f"has {left} bytes more than it says", "Write or copy it again.")


def _cameras(content: _Content) -> dict[int, ColmapCamera]:
    models, cameras = list(PARAMETERS), {}
    (count,) = content.values("Q")
    for _ in range(count):
        key, model, width, height = content.values("iiQQ")
        if not 0 <= model < len(models):
            raise FileError(content.path, f"camera {key} has the model {model}; known are 0 to {len(models) - 1}")
        parameters = content.values(f"{len(PARAMETERS[models[model]])}d")
        cameras[key] = ColmapCamera(models[model], (width, height), parameters)
    content.end()
    return cameras


def _images(content: _Content) -> list[ColmapImage]:
    images = []
    (count,) = content.values("Q")
    for _ in range(count):
        _, *pose, camera = content.values("i7di")
        images.append(ColmapImage(content.text(), camera, pose))
        (points,) = content.values("Q")
        content.skip(points * _POINT)
    content.end()
    return images


FORMAT = FileFormat(
    name="colmap_binary",
    holds=CameraRig,
    suffixes=("",),
    about="COLMAP model folder with cameras.bin and images.bin; a camera for each image; unit and up axis arbitrary.",
    recognises=_recognises,
    read=_read,
)
