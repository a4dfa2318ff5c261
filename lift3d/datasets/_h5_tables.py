"""What lift3d's own HDF5 files of clips have in common: skeletons, a table with one row a clip, and open files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from lift3d.errors import FileError
from lift3d.skeletons import Skeleton, get_skeleton

__all__ = ["KeptOpen", "add_rows", "check_rows", "growing", "text", "write_skeleton", "write_table", "written_skeleton"]

_CHUNK = 256  # frames that are read at once


class KeptOpen:
    """An HDF5 file that is opened when it is first read, once in each process.

    Handles survive neither a fork nor a pickle, and workers that load data are made by one or the other.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: h5py.File | None = None
        self._process = 0

    def rows(self, name: str, start: int, stop: int) -> np.ndarray:
        """Rows of a data set.

        Raises:
            FileError: the file can no longer be read.
        """
        try:
            if self._file is None or self._process != os.getpid():
                self._file, self._process = h5py.File(self.path, "r"), os.getpid()
            dataset: Any = self._file[name]
            return np.asarray(dataset[start:stop])
        except (OSError, KeyError, RuntimeError, ValueError) as error:
            problem = " ".join(str(error).split())
            raise FileError(self.path, f"can no longer be read ({problem[:200]})", "Copy it again.") from error

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_file": None, "_process": 0}


def text(value: Any) -> str:
    """Text of HDF5, which comes as bytes or as text."""
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def growing(file: Any, name: str, shape: Sequence[int], kind: str, compression: str | None = None) -> Any:
    """A data set without rows as yet, to which rows are added."""
    chunks = (_CHUNK, *shape)
    return file.create_dataset(name, (0, *shape), kind, maxshape=(None, *shape), chunks=chunks, compression=compression)


def add_rows(dataset: Any, values: np.ndarray) -> None:
    """Add rows at the end."""
    first = len(dataset)
    dataset.resize(first + len(values), axis=0)
    dataset[first:] = values


def write_table(group: Any, columns: Mapping[str, Sequence[Any]]) -> None:
    """One data set a column; a column of text is stored as such."""
    for name, values in columns.items():
        if all(isinstance(value, str) for value in values):
            group.create_dataset(name, data=list(values), dtype=h5py.string_dtype())
        else:
            group[name] = np.array(values)


def write_skeleton(attributes: Any, skeleton: Skeleton) -> None:
    """The skeleton in full, so that the file stands alone."""
    attributes["skeleton"] = skeleton.name
    attributes["joints"] = list(skeleton.joints)
    attributes["parents"] = np.array(skeleton.parents)
    attributes["links"] = np.array(skeleton.links, dtype=np.int64).reshape(-1, 2)


def written_skeleton(path: Path, attributes: Any) -> Skeleton:
    """The skeleton that is written in full; else the one that is named; else ``human36m17``.

    Raises:
        FileError: it is no tree, or there is none of that name.
    """
    name = text(attributes.get("skeleton", "human36m17"))
    try:
        if "joints" not in attributes:
            return get_skeleton(name)
        joints = tuple(text(joint) for joint in attributes["joints"])
        parents = tuple(int(parent) for parent in attributes["parents"])
        links = tuple((int(a), int(b)) for a, b in attributes.get("links", ()))
        return Skeleton(name, joints, parents, links)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise FileError(path, f"its skeleton cannot be read: {error}", "Write the file again.") from error


def check_rows(path: Path, starts: np.ndarray, lengths: np.ndarray, frames: int) -> None:
    """Refuse clips that are not within the frames.

    Raises:
        FileError: one is not.
    """
    bad = np.flatnonzero((starts < 0) | (lengths < 0) | (starts + lengths > frames))
    if len(bad):
        row = int(bad[0])
        stop = int(starts[row] + lengths[row])
        raise FileError(path, f"clip {row} ends at frame {stop} of {frames}: the file is cut short", "Copy it again.")
