"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lift3d.errors import FileError

__all__ = ["writing"]


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
        raise FileError(target, f"cannot be written ({error.strerror})", "Choose another place.") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        raise FileError(target, f"cannot be written ({error.strerror})", "Choose another place.") from error
    finally:
        temporary.unlink(missing_ok=True)
