"""Reading NumPy archives, also those with object arrays, without running anything that is in them.

An object array is stored as a pickle; ``_safe_pickle`` reads it by an allow-list.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lift3d.errors import FileError
from lift3d.formats._safe_pickle import PLAIN_KINDS, read_pickle

__all__ = ["member_names", "read_numbers", "read_objects"]

_DEFLATE = 1032  # what one byte can unfold to at most


def member_names(path: Path) -> set[str]:
    """Names of the arrays in an archive; empty if it is none. Reads only the table of contents. Never raises."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return set()


def read_numbers(path: Path, names: Collection[str] | None = None, largest: float = math.inf) -> dict[str, np.ndarray]:
    """Arrays of an archive, of numbers and text only.

    Args:
        path: of the archive.
        names: of the arrays to read, as far as they are there; by default all. The others are not looked at.
        largest: bytes that one array may take.

    Raises:
        FileError: the archive is damaged, or an array is of objects or too large.
    """
    with _opened(path) as archive:
        members = {member.removesuffix(".npy"): member for member in archive.namelist()}
        wanted = {name: member for name, member in members.items() if names is None or name in names}
        return {name: _member(path, archive, member, False, largest) for name, member in wanted.items()}


def read_objects(path: Path) -> dict[str, Any]:
    """All arrays of an archive; object arrays as nested dicts, lists, tuples, plain values and arrays.

    Raises:
        FileError: the archive is damaged, or an object array names anything but plain NumPy arrays.
    """
    with _opened(path) as archive:
        return {name.removesuffix(".npy"): _member(path, archive, name, True) for name in archive.namelist()}


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileError:
        raise
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror or error})", "Check the path.") from error
    except Exception as error:  # zipfile and zlib raise many kinds
        raise FileError(
            path, f"is damaged or no NumPy archive ({' '.join(str(error).split())})", "Write or copy it again."
        ) from error


def _member(path: Path, archive: zipfile.ZipFile, name: str, objects: bool, largest: float = math.inf) -> Any:
    """One array of the archive."""
    size = _size(path, archive.getinfo(name))
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in read_header:
            raise FileError(path, f"array {name!r} has format version {version}; expected (1, 0) or (2, 0)")
        shape, fortran, dtype = read_header[version](file)
        if not dtype.hasobject:
            if math.prod(shape) * dtype.itemsize > largest:
                raise FileError(path, f"array {name!r} of shape {shape} is too large", "Check where it is from.")
            return _numbers(path, file, name, (shape, fortran, dtype, size))
        if not objects:
            raise FileError(path, f"array {name!r} holds Python objects; expected numbers", "Write the file again.")
        return read_pickle(path, file, f"array {name!r}")


def _size(path: Path, member: zipfile.ZipInfo) -> int:
    """Bytes of a member as the archive states them, but no more than its packed bytes can unfold to."""
    packed = min(member.compress_size, path.stat().st_size)
    most = {zipfile.ZIP_STORED: packed, zipfile.ZIP_DEFLATED: packed * _DEFLATE}.get(member.compress_type)
    return member.file_size if most is None else min(member.file_size, most)


def _numbers(path: Path, file: Any, name: str, header: tuple[tuple[int, ...], bool, np.dtype, int]) -> np.ndarray:
    shape, fortran, dtype, size = header
    if dtype.kind not in PLAIN_KINDS:
        raise FileError(path, f"array {name!r} is of type {dtype}; expected numbers or text", "Write the file again.")
    count = math.prod(shape)
    if count * dtype.itemsize > size:  # before any memory is asked for
        raise FileError(path, f"array {name!r} is cut short: {shape} needs more than its {size} bytes")
    content = bytearray(count * dtype.itemsize)
    view, filled = memoryview(content), 0
    while filled < len(content):
        got = file.readinto(view[filled : filled + 4_194_304])
        if not got:
            raise FileError(path, f"array {name!r} is cut short after {filled} bytes", "Write or copy it again.")
        filled += got
    array = np.ndarray(shape, dtype=dtype, buffer=content, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)
