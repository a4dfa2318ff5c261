"""Users' SMPL, SMPL-H and SMPL-X models as pickles, read without running anything that is in them.

A dict with ``v_template``, ``shapedirs``, ``posedirs``, ``J_regressor``, ``weights``, ``kintree_table`` and ``f`` (see
``smpl_npz``). In the published files some are arrays of chumpy, a package that is no longer kept up, and the regressor
is a sparse matrix of SciPy. Neither package is imported: their names stand for inert parts (see ``_safe_pickle``) from
whose content the numbers are taken. A file that names anything else is refused, and there is no other way to read it.

A body of SMPL's joints is written as plain arrays, which the package smplx opens without chumpy.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lift3d.bodies import BodyModel, smpl_skeleton
from lift3d.errors import FileError, InputError
from lift3d.formats._entry import FileFormat
from lift3d.formats._safe_pickle import INERT_PARTS, Part, load_parts, plain_value
from lift3d.formats._smpl_arrays import ARRAYS, arrays_of, mentions, smpl_model

__all__ = ["FORMAT"]

_DEEPEST = 8  # selections of selections
_MOST_CELLS = 1 << 23  # of a sparse matrix in full; SMPL-X's regressor has 0.6 million


class _WithState(Part):
    """An object whose content the pickle gives as a dict."""

    def __init__(self) -> None:
        self.content: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise TypeError(f"a state for {type(self).__name__} that is no dict")
        self.content = state


class _Chumpy(_WithState):
    """An array of chumpy: its values are in ``x``."""


class _Selected(_WithState):
    """Elements of another array of chumpy, ``a``: those numbered ``idxs`` in C order, in the shape given."""


class _Columns(_WithState):
    """A sparse matrix by columns: ``data`` and their rows ``indices``, from ``indptr`` on for each column."""


class _Ignored(Part):
    """What is named beside the numbers: a set, the root of all classes."""

    def __init__(self, *_: Any) -> None: ...


class _Made(Part):
    """In place of ``copyreg._reconstructor``: gives an empty object of one of the kinds above."""

    def __new__(cls, kind: Any, *_: Any) -> Any:
        if kind not in (_Chumpy, _Selected, _Columns):
            raise TypeError("an object of a kind that body models do not have")
        return kind()


_NAMES = {
    **INERT_PARTS,
    ("chumpy.ch", "Ch"): _Chumpy,
    ("chumpy.reordering", "Select"): _Selected,
    ("scipy.sparse.csc", "csc_matrix"): _Columns,
    ("scipy.sparse._csc", "csc_matrix"): _Columns,
    ("copy_reg", "_reconstructor"): _Made,
    ("copyreg", "_reconstructor"): _Made,
    ("__builtin__", "object"): _Ignored,
    ("builtins", "object"): _Ignored,
    ("__builtin__", "set"): _Ignored,
    ("builtins", "set"): _Ignored,
}


def _recognises(path: Path) -> bool:
    return mentions(path, b"v_template", b"kintree_table")


def _read(path: Path) -> BodyModel:
    try:
        with path.open("rb") as file:
            parts = load_parts(path, file, "the pickle", _NAMES, "the numbers of a body model")
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the path.") from error
    if not isinstance(parts, dict):
        raise FileError(path, "holds no named arrays; expected v_template, shapedirs and others", "Is it a body model?")
    try:
        arrays = {name: _array(parts[name]) for name in ARRAYS if name in parts}
    except (Exception, MemoryError) as error:  # a damaged pickle raises nearly anything
        why = " ".join(str(error).split()) or type(error).__name__
        text = f"the pickle holds what is not allowed ({why})"
        raise FileError(path, text, "Copy it again from its source.") from error
    return smpl_model(path, arrays)


def _array(part: Any, depth: int = 0) -> np.ndarray:
    """The array that a part of the pickle is; lists are none, as a few that name one another unfold without end."""
    found = plain_value(part, lambda other: _of_another_package(other, depth + 1))
    if not isinstance(found, np.ndarray) or found.dtype.hasobject:
        raise TypeError(f"{type(found).__name__} in place of an array of numbers")
    return found


def _of_another_package(part: Any, depth: int) -> np.ndarray:
    """The numbers of an array of chumpy or a sparse matrix."""
    if depth > _DEEPEST:
        raise ValueError("arrays selected from one another too many times")
    if isinstance(part, _Chumpy):
        return _array(part.content["x"], depth)
    if isinstance(part, _Selected):
        chosen = _array(part.content["a"], depth).ravel()[_array(part.content["idxs"], depth).astype(np.int64)]
        shape = plain_value(part.content.get("preferred_shape"))
        return chosen if shape is None else chosen.reshape(shape)
    if isinstance(part, _Columns):
        return _dense(part.content)
    raise ValueError(f"a value of type {type(part).__name__}")


def _dense(content: Mapping[str, Any]) -> np.ndarray:
    """A sparse matrix in full."""
    rows, columns = plain_value(content.get("_shape") or content["shape"])
    data, indices, starts = (_array(content[name]) for name in ("data", "indices", "indptr"))
    fits = starts.shape == (columns + 1,) and starts[0] == 0 and starts[-1] == len(data) == len(indices)
    if not fits or not 0 <= rows * columns <= _MOST_CELLS:
        raise ValueError(f"a sparse matrix of shape ({rows}, {columns}) that its content does not fit")
    dense = np.zeros((rows, columns))
    np.add.at(dense, (indices, np.repeat(np.arange(columns), np.diff(starts))), data)
    return dense


def _write(model: BodyModel, path: Path) -> None:
    if model.skeleton.joints != smpl_skeleton("smpl").joints:
        raise InputError(f"smpl_pickle holds SMPL's 24 joints; {model.name!r} is on skeleton {model.skeleton.name!r}.")
    arrays = arrays_of(model)
    still = np.zeros((*model.template.shape, 9 * (len(model.parents) - 1)), dtype=np.float32)
    content = {"posedirs": still, **arrays, "about": model.about, "licence": model.licence}
    path.write_bytes(pickle.dumps(content, protocol=2))


FORMAT = FileFormat(
    name="smpl_pickle",
    holds=BodyModel,
    suffixes=(".pkl", ".pickle"),
    about="Users' SMPL, SMPL-H and SMPL-X models (.pkl), read without running code; licence of the file's owner.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
