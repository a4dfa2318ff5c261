"""COLMAP models as text: a folder with ``cameras.txt`` and ``images.txt``; unit and up axis are arbitrary.

- ``cameras.txt``: a line ``CAMERA_ID MODEL WIDTH HEIGHT PARAMETERS`` for each lens.
- ``images.txt``: two lines for each picture: ``IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME``, world to camera; then
  its points, which are not read, as triples; that line may be empty.

Each picture is a camera of the rig, named after it without its suffix: several pictures of one lens are several
cameras. COLMAP has the centre of the top-left pixel at (0.5, 0.5): half a pixel is taken from the principal point.
"""

from __future__ import annotations

from pathlib import Path

from lift3d.cameras import CameraRig
from lift3d.errors import FileError
from lift3d.formats._colmap import ColmapCamera, ColmapImage, file_rig
from lift3d.formats._entry import FileFormat
from lift3d.formats._rigs import FileRig
from lift3d.formats._text import read_text

__all__ = ["FORMAT"]


def _recognises(path: Path) -> bool:
    return (path / "cameras.txt").is_file() and (path / "images.txt").is_file()


def _read(path: Path) -> FileRig:
    return file_rig(path, _cameras(path / "cameras.txt"), _images(path / "images.txt"))


def _lines(path: Path) -> list[list[str]]:
    """The words of each line, also of empty ones; without comments."""
    return [line.split(maxsplit=9) for line in read_text(path).splitlines() if not line.startswith("#")]


def _cameras(path: Path) -> dict[int, ColmapCamera]:
    cameras = {}
    for words in _lines(path):
        if not words:
            continue
        key, *rest = " ".join(words).split()
        cameras[_whole(path, key)] = ColmapCamera(" ".join(rest[:1]), rest[1:3], rest[3:])
    return cameras


def _images(path: Path) -> list[ColmapImage]:
    images, lines = [], iter(_lines(path))
    for words in lines:
        if not words:
            continue
        if len(words) != 10:
            raise FileError(path, f"an image has {len(words)} values; expected 10: {' '.join(words[:3])} ...")
        images.append(ColmapImage(words[9], _whole(path, words[8]), words[1:8]))
        points = " ".join(next(lines, [])).split()
        if len(points) % 3:
            raise FileError(
                path, f"the line below image {words[9]!r} is not made of triples of numbers",
                "Each image has two lines; was an empty one deleted?",
            )  # fmt: skip
    return images


def _whole(path: Path, word: str) -> int:
    if not word.isdecimal() or not word.isascii() or len(word) > 18:
        raise FileError(path, f"has {word[:20]!r} where the number of a camera was expected")
    return int(word)


FORMAT = FileFormat(
    name="colmap_text",
    holds=CameraRig,
    suffixes=("",),
    about="COLMAP model folder with cameras.txt and images.txt; a camera for each image; unit and up axis arbitrary.",
    recognises=_recognises,
    read=_read,
)
