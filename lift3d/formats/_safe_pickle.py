"""Reading pickles of plain values and NumPy arrays without running anything that is in them.

Unpickling calls whatever the file names. Here a pickle may name what NumPy needs for arrays: how one is rebuilt, its
class, its element type, a single number, and bytes as older pickles write them. None of these is called: each stands
for an inert part below, and once the pickle has been read, plain values are built from the parts, of plain element
types only. A file that names anything else is refused; there is no other way to read it.
"""

from __future__ import annotations

import math
import pickle
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar, Literal

import numpy as np

from lift3d.errors import FileError

__all__ = ["INERT_PARTS", "PLAIN_KINDS", "Part", "load_parts", "plain_value", "read_pickle"]

PLAIN_KINDS = "biufUS"  # element types of no references: booleans, numbers, text
_DEEPEST = 1  # small arrays, or records, in records
_MOST_FIELDS = 256
_LARGEST = 1 << 24  # bytes of one record
_PIECE = 1 << 24  # bytes that are read at once
_NUMPY = "plain NumPy arrays"


def read_pickle(path: Path, file: IO[bytes], what: str) -> Any:
    """The value in a pickle: nested dicts, lists, tuples, plain values and arrays.

    Args:
        path: of the file, for error texts.
        file: where the pickle begins.
        what: what of the file it is, for error texts, such as ``"array 'positions_2d'"``.

    Raises:
        FileError: the pickle is damaged, or names anything but plain NumPy arrays.
    """
    with _told(path, what):
        return plain_value(_Unpickler(path, file, INERT_PARTS, _NUMPY).load())


def load_parts(path: Path, file: IO[bytes], what: str, names: Mapping[tuple[str, str], Any], allowed: str) -> Any:
    """What a pickle holds as inert parts, of which nothing has been looked at; ``plain_value`` builds values from them.

    Args:
        path: of the file, for error texts.
        file: where the pickle begins.
        what: what of the file it is, for error texts.
        names: what the pickle may name, (module, name), and the inert part or function that each name stands for.
        allowed: what these are, for error texts, such as ``"plain NumPy arrays"``.

    Raises:
        FileError: the pickle is damaged, or names anything else.
    """
    with _told(path, what):
        return _Unpickler(path, file, names, allowed).load()


@contextmanager
def _told(path: Path, what: str) -> Iterator[None]:
    """Errors of a bad pickle as one line: a damaged one raises nearly anything."""
    try:
        yield
    except FileError:
        raise
    except (Exception, MemoryError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        text = f"{what} is damaged or holds what is not allowed ({why})"
        raise FileError(path, text, "Write the file again from its source.") from error


def _refused(part: Any) -> Any:
    raise ValueError(f"a value of type {type(part).__name__}")


def plain_value(part: Any, other: Callable[[Any], Any] = _refused) -> Any:
    """Plain values from what a reader made of a pickle with ``INERT_PARTS``.

    Args:
        part: nested dicts, lists, tuples, plain values and parts.
        other: gives the value of anything else, or raises.

    Raises:
        ValueError: a part was bent by the pickle; other exceptions too where its state is nonsense.
    """
    return _Builder(other).plain(part)


class Part:
    """What a pickle may name: inert, and nothing of it can be set from the pickle."""

    def __setstate__(self, state: Any) -> None:
        raise ValueError(f"a state for {type(self).__name__}: {type(state).__name__}")


class _Name(Part):
    """What a pickle may name but not call: the array class."""


class _Dtype(Part):
    """Element type as the pickle describes it."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code = code
        self.order = "="
        self.inner: Any = None  # of a small array as element: its type and shape
        self.names: Any = None  # of a record: the names of its fields, and by name their types and offsets
        self.fields: Any = None

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 6:
            raise ValueError("an element type of an unknown form")
        self.order, self.inner, self.names, self.fields, self.size = state[1:6]

    def dtype(self, depth: int = 0) -> np.dtype:
        """The real type: plain numbers, text or objects; or records and small arrays of plain numbers and text."""
        if not isinstance(self.code, str):
            raise TypeError("an element type without a name")
        if self.names is not None or self.inner is not None:
            return self._compound(depth)
        kind, digits = self.code[:1], self.code[1:]
        if kind == "O":
            return np.dtype(object)
        if kind not in PLAIN_KINDS or not kind or not digits.isdecimal():
            raise ValueError(f"the element type {self.code!r}")
        plain = np.dtype(self.code)
        return plain.newbyteorder(self.order) if self.order in ("<", ">") else plain

    def _compound(self, depth: int) -> np.dtype:
        if depth > _DEEPEST or len(self.names or ()) > _MOST_FIELDS:
            raise ValueError("an element type of too many parts")
        if self.inner is not None:
            inner, shape = self.inner
            made = np.dtype((_without_objects(inner, depth), shape))
        else:
            types = {name: _without_objects(self.fields[name][0], depth) for name in self.names}
            offsets = [self.fields[name][1] for name in self.names]
            made = np.dtype(
                {"names": list(types), "formats": list(types.values()), "offsets": offsets, "itemsize": self.size}
            )
        if made.itemsize > _LARGEST:
            raise ValueError("an element type of no sensible size")
        return made


def _without_objects(part: Any, depth: int) -> np.dtype:
    """The type of a field, which must not refer to anything."""
    made = part.dtype(depth + 1) if isinstance(part, _Dtype) else None
    if made is None or made.hasobject:
        raise ValueError("an element type with fields that are no plain numbers or text")
    return made


class _Array(Part):
    """Array as the pickle describes it."""

    def __init__(self, *_: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Buffer(Part):
    """Array of numbers or text as pickles of protocol 5 describe it."""

    def __init__(self, content: Any, dtype: Any, shape: Any, order: Any) -> None:
        if order not in ("C", "F"):
            raise ValueError(f"an array in the order {order!r}")
        self.content = content
        self.dtype = dtype
        self.shape = shape
        self.fortran = order == "F"


class _Scalar(Part):
    """A single number as the pickle describes it."""

    def __init__(self, dtype: Any, content: Any) -> None:
        self.dtype = dtype
        self.content = content


class _Bytes(Part):
    """Bytes as pickles of protocol 2 describe them, which the published files of VideoPose3D are."""

    def __init__(self, text: Any = "", encoding: Any = "latin1") -> None:
        if not isinstance(text, str) or encoding != "latin1":
            raise ValueError("bytes in an encoding other than latin1")
        self.text = text


INERT_PARTS: Mapping[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Name(),
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.numeric", "_frombuffer"): _Buffer,
    ("numpy._core.numeric", "_frombuffer"): _Buffer,
    ("numpy.core.multiarray", "scalar"): _Scalar,
    ("numpy._core.multiarray", "scalar"): _Scalar,
    ("_codecs", "encode"): _Bytes,
    ("__builtin__", "bytes"): _Bytes,  # of no length
}


class _Pieces:
    """A file whose long values are read piece by piece, so that a length it does not have takes no memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.readline = file.readline

    def read(self, size: int) -> bytes:
        """Exactly so many bytes.

        Raises:
            ValueError: the file ends before.
        """
        pieces = [self._file.read(min(size, _PIECE))]
        left = size - len(pieces[0])
        while left and pieces[-1]:
            pieces.append(self._file.read(min(left, _PIECE)))
            left -= len(pieces[-1])
        if left:
            raise ValueError(f"the file ends within a value of {size} bytes")
        return b"".join(pieces) if len(pieces) > 1 else pieces[0]


_InPython: Any = pickle._Unpickler  # pyright: ignore[reportAttributeAccessIssue]


class _Unpickler(_InPython):
    """Reads a pickle into inert parts.

    The unpickler that is written in Python: its memory of earlier values is a dict, where the one in C makes room for
    every place up to the highest number that a file names.
    """

    def __init__(self, path: Path, file: IO[bytes], names: Mapping[tuple[str, str], Any], allowed: str) -> None:
        super().__init__(_Pieces(file), encoding="latin1")
        self._path, self._names, self._allowed = path, names, allowed

    def _byte_array(self) -> None:
        """A byte array of a stated length, which the base class would ask memory for before it reads."""
        (size,) = struct.unpack("<Q", self.read(8))
        self.append(bytearray(self.read(size)))

    dispatch: ClassVar = {**_InPython.dispatch, pickle.BYTEARRAY8[0]: _byte_array}

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """The part that a name stands for."""
        part = self._names.get((module_name, global_name))
        if part is None:
            asked = " ".join(f"{module_name}.{global_name}".split())
            raise FileError(
                self._path,
                f"refused: it asks to run {asked} when read; only {self._allowed} are read",
                "Do not use a file from a source that you do not trust.",
            )
        return part


class _Builder:
    """Builds plain values from the parts; each part once, so that a small file cannot unfold into a large one."""

    def __init__(self, other: Callable[[Any], Any]) -> None:
        self._other = other
        self._built: dict[int, Any] = {}
        self._open: set[int] = set()

    def plain(self, part: Any) -> Any:
        """The plain value of a part and of everything in it."""
        if part is None or isinstance(part, str | bytes | bool | int | float):
            return part
        if id(part) in self._built:
            return self._built[id(part)]
        if id(part) in self._open:
            raise ValueError("a value that holds itself")
        self._open.add(id(part))
        value = self._value(part)
        self._open.remove(id(part))
        self._built[id(part)] = value
        return value

    def _value(self, part: Any) -> Any:
        if isinstance(part, dict):
            return {self.plain(key): self.plain(value) for key, value in part.items()}
        if isinstance(part, list | tuple):
            return type(part)(self.plain(one) for one in part)
        if isinstance(part, _Array):
            return self._array(part)
        if isinstance(part, _Buffer) and isinstance(part.dtype, _Dtype):
            return self._filled(part.shape, part.dtype.dtype(), part.content, "F" if part.fortran else "C")
        if isinstance(part, _Scalar) and isinstance(part.dtype, _Dtype):
            return self._filled((), part.dtype.dtype(), part.content, "C").item()
        if isinstance(part, _Bytes):
            return part.text.encode("latin1")
        return self._other(part)

    def _array(self, part: _Array) -> np.ndarray:
        _, shape, dtype, fortran, content = part.state
        kind = dtype.dtype()
        order = "F" if fortran else "C"
        if not kind.hasobject:
            return self._filled(shape, kind, content, order)
        if not isinstance(content, list) or math.prod(shape) != len(content):
            raise ValueError("an object array whose shape is not that of its content")
        array = np.empty(len(content), dtype=object)
        for place, one in enumerate(content):
            array[place] = self.plain(one)
        return array.reshape(shape, order=order)

    def _filled(self, shape: tuple[int, ...], dtype: np.dtype, content: Any, order: Literal["C", "F"]) -> np.ndarray:
        content = bytes(content) if isinstance(content, bytearray) else self.plain(content)
        if isinstance(content, str):  # bytes of Python 2, whose pickles do not tell them from text
            content = content.encode("latin1")
        if dtype.hasobject or not isinstance(content, bytes) or len(content) != math.prod(shape) * dtype.itemsize:
            raise ValueError("an array whose shape is not that of its content")
        array = np.ndarray(shape, dtype=dtype, buffer=bytearray(content), order=order)
        return array.astype(dtype.newbyteorder("="), copy=False)
