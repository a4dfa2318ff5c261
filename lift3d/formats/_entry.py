"""What a file of this folder declares: one format, under the name ``FORMAT``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["FileFormat"]


@dataclass(frozen=True)
class FileFormat:
    """A format that can be read, written, or both.

    Args:
        name: such as ``"anipose_toml"``; also what a user passes as ``format=``.
        holds: the noun: ``CameraRig``, ``Keypoints2D``, ``Poses3D``, ``BodyModel`` or ``BodyMotion``.
        suffixes: of its files, with the dot, lower case; ``""`` for a folder. The first is what is written.
        about: one line for people: whose format it is, its unit and up axis.
        recognises: whether a path looks like this format. Called only for existing paths with a fitting suffix;
            looks inside as little as needed; never raises.
        read: ``read(path, **options)``. Of rigs it returns what the file tells (``FileRig``), to which the caller's
            unit and up axis are added in one place. Options by noun: keypoints get ``skeleton`` and ``fps`` (None for
            what the file says), poses ``skeleton``, and ``unit`` if they leave it open, bodies ``gender`` if there
            may be several, motions ``body``. Raises ``FileError``. None if the format cannot be read.
        write: ``write(noun, path)``: writes one file, or into one empty folder, at a temporary path that is then moved
            in place. Raises ``InputError`` for what the format cannot hold. None if the format cannot be written.
        by_suffix: whether a path's suffix alone may choose the format for writing; else it must be named.
    """

    name: str
    holds: type
    suffixes: tuple[str, ...]
    about: str
    recognises: Callable[[Path], bool] | None = None
    read: Callable[..., Any] | None = None
    write: Callable[[Any, Path], None] | None = None
    by_suffix: bool = True
