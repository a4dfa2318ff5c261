"""Bodies in motion: found by their file's format, read and written."""

from __future__ import annotations

from pathlib import Path

from lift3d.bodies import BodyModel, BodyMotion
from lift3d.formats._dispatch import _read, _write

__all__ = ["read_motion", "write_motion"]


def read_motion(
    path: str | Path,
    body: BodyModel | None = None,
    format: str | None = None,  # noqa: A002
) -> BodyMotion:
    """Bodies in motion, from a file.

    Args:
        path: the file.
        body: the model that the file's shape numbers are of. By default the one that the file names, where it comes
            with lift3d; files of others do not carry their model.
        format: name of the format; by default found out from the file.

    Raises:
        FileError: no format fits, the file is damaged, or a body must be given.
        UnknownNameError: there is no such format.
    """
    return _read(Path(path), BodyMotion, format, **({} if body is None else {"body": body}))


def write_motion(motion: BodyMotion, path: str | Path, format: str | None = None) -> None:  # noqa: A002
    """Write bodies in motion; the format follows from ``format``, else from the suffix. Whole or not at all.

    Raises:
        InputError: the format holds one person and there are several, or a person is never seen.
        FileError: the path does not say which format to write, or cannot be written.
        UnknownNameError: there is no such format.
    """
    _write(motion, Path(path), BodyMotion, format)
