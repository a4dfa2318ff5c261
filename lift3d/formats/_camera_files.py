"""Formats that keep each camera in a file of its own: one file, or a folder of them, is a rig."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from lift3d._natural_order import natural_order
from lift3d.errors import FileError

__all__ = ["camera_files", "has_camera_files"]

_LOOKED_AT = 64  # files of a folder that are looked into to find out its format


def camera_files(path: Path, patterns: tuple[str, ...], is_camera: Callable[[Path], bool]) -> list[Path]:
    """The files of the cameras: the path itself, or those in a folder, in natural order.

    Args:
        path: a file or a folder.
        patterns: of the files in a folder, such as ``"*.json"``.
        is_camera: whether a file of the folder looks like one of a camera; never raises.

    Raises:
        FileError: the folder holds none.
    """
    if not path.is_dir():
        return [path]
    files = [one for one in _inside(path, patterns) if is_camera(one)]
    if not files:
        raise FileError(path, f"holds no file of a camera ({', '.join(patterns)})", "Choose another folder.")
    return sorted(files, key=lambda one: natural_order(one.relative_to(path).as_posix()))


def has_camera_files(path: Path, patterns: tuple[str, ...], is_camera: Callable[[Path], bool]) -> bool:
    """Whether a path is a file of a camera, or a folder that holds one. Never raises."""
    if not path.is_dir():
        return is_camera(path)
    try:
        return any(is_camera(one) for one in islice(_inside(path, patterns), _LOOKED_AT))
    except OSError:
        return False


def _inside(folder: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    return (one for pattern in patterns for one in folder.glob(pattern) if one.is_file())
