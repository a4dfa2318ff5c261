"""Writing a file, or a folder, whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lift3d.errors import FileError

__all__ = ["check_place", "writing", "writing_folder"]


def check_place(path: str | Path, folder: bool = False) -> None:
    """Refuse, before long work, a path that cannot be written to.

    Args:
        path: where a file, or a folder, is to be written.
        folder: whether it is a folder, which must be new or empty.

    Raises:
        FileError: something is there already, or the folder that holds it cannot be made or written to.
    """
    target = Path(path)
    if folder:
        _check_empty(target)
    place = next(one for one in target.absolute().parents if one.exists())
    if not (place.is_dir() and os.access(place, os.W_OK)):
        raise FileError(target, f"cannot be written: {place} is no folder that may be written to", "Choose another.")


@contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside ``path``, moved onto it when the block ends well and removed when it does not.

    The temporary file has the same suffix, so that writers which choose by suffix work.

    Raises:
        FileError: the folder cannot be made or written to.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        raise _not_written(target, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        raise _not_written(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def writing_folder(path: str | Path) -> Iterator[Path]:
    """A temporary folder beside ``path``, moved there when the block ends well and removed when it does not.

    Raises:
        FileError: something is there already, other than an empty folder; or it cannot be made or written to.
    """
    target = Path(path)
    try:
        _check_empty(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise _not_written(target, error) from error
    try:
        yield temporary
        temporary.chmod(0o755)
        if target.exists():
            target.rmdir()
        temporary.replace(target)
    except OSError as error:
        raise _not_written(target, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check_empty(target: Path) -> None:
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise FileError(target, "is there already; expected a new or empty folder", "Choose another name.")


def _not_written(target: Path, error: OSError) -> FileError:
    return FileError(target, f"cannot be written ({error.strerror})", "Choose another place.")
