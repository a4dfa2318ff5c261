"""HDF5 files of other programs: opened with h5py alone, which reads numbers and text and never runs what it reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from lift3d.errors import FileError, InputError

__all__ = ["array_of", "holds_all", "opened", "texts"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MOST_BYTES = 8_000_000_000  # more is a shape that is none


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """The file, open for reading.

    Raises:
        FileError: it cannot be read or is damaged, also where that shows only while the block reads from it.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (FileError, InputError):
        raise
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, AttributeError, MemoryError) as error:
        problem = " ".join(str(error).split()) or type(error).__name__
        raise FileError(path, f"is damaged or no HDF5 file ({problem[:200]})", "Write or copy it again.") from error


def holds_all(path: Path, names: tuple[str, ...]) -> bool:
    """Whether a file is HDF5 and has all these members at its root. Never raises."""
    try:
        with path.open("rb") as file:
            if file.read(len(_SIGNATURE)) != _SIGNATURE:
                return False
        with h5py.File(path, "r") as file:
            return all(name in file for name in names)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError):
        return False


def array_of(path: Path, group: Any, name: str) -> np.ndarray:
    """A data set's content.

    Raises:
        FileError: there is no such data set, or it asks for more than memory holds.
    """
    dataset = group.get(name)
    if not isinstance(dataset, h5py.Dataset):
        raise FileError(path, f"has no data set {group.name.rstrip('/')}/{name}", "Write the file again.")
    if dataset.size is None or dataset.size * dataset.dtype.itemsize > _MOST_BYTES:
        raise FileError(path, f"data set {dataset.name} has shape {dataset.shape}, more than memory holds")
    return np.asarray(dataset[()])


def texts(path: Path, group: Any, name: str) -> list[str]:
    """A data set of texts.

    Raises:
        FileError: there is no such data set, or it holds something else.
    """
    values = array_of(path, group, name).reshape(-1).tolist()
    if not all(isinstance(one, bytes | str) for one in values):
        raise FileError(path, f"data set {name} holds no text", "Write the file again.")
    return [one.decode("utf-8", errors="replace") if isinstance(one, bytes) else one for one in values]
