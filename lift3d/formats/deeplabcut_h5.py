"""DeepLabCut's HDF5: a pandas table under ``df_with_missing``, of one camera, with one or several animals.

pandas keeps it in one of two layouts. ``table`` is a compound data set with a field ``index`` and fields
``values_block_0``, ...; the names of a block's columns are a pickled list in the attribute ``values_block_0_kind``.
``fixed`` has ``block0_values``, ... with the names as plain texts and codes. Read with h5py, and the pickled lists
by the allow-list reader: nothing in the file is run.

Rows are frames, counted from 0 and never shifted; of labels by hand the frame is the last number in the picture's name.
Distorted pixels. A joint that is NaN or of likelihood 0 is missing; a low likelihood stays for the caller to judge. The
camera is what stands before the scorer (``DLC_resnet50_...``) in the file's name. Body parts of no known skeleton make
one of their own, without bones.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from lift3d.errors import FileError
from lift3d.formats._deeplabcut import frame_of, keypoints_of_table
from lift3d.formats._entry import FileFormat
from lift3d.formats._h5 import array_of, holds_all, opened, texts
from lift3d.formats._safe_pickle import read_pickle
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton

_KEY = "df_with_missing"


def _recognises(path: Path) -> bool:
    return holds_all(path, (_KEY,))


def _read(path: Path, skeleton: Skeleton | None = None, fps: float | None = None) -> Keypoints2D:
    with opened(path) as file:
        group = file.get(_KEY)
        if not isinstance(group, h5py.Group):
            raise FileError(path, f"holds no group {_KEY!r}", "Expected a file that DeepLabCut wrote.")
        read = _from_table if "table" in group else _from_fixed
        columns, frames, values = read(path, group)
    return keypoints_of_table(path, columns, frames, values, skeleton=skeleton, fps=fps)


def _from_table(path: Path, group: h5py.Group) -> tuple[list[tuple[str, ...]], list[int], np.ndarray]:
    table, attributes = array_of(path, group, "table"), group["table"].attrs
    names = [name for name in table.dtype.names or () if name.startswith("values_block_")]
    if "index" not in (table.dtype.names or ()) or not names:
        raise FileError(path, "its table has no index and values", "Expected a file that DeepLabCut wrote.")
    columns: list[tuple[str, ...]] = []
    for name in names:
        columns += _plain_columns(path, attributes[f"{name}_kind"])
    values = np.concatenate([table[name].reshape(len(table), -1).astype(np.float64) for name in names], axis=1)
    return _checked(path, columns, [_frame(path, one) for one in table["index"].tolist()], values)


def _from_fixed(path: Path, group: h5py.Group) -> tuple[list[tuple[str, ...]], list[int], np.ndarray]:
    columns: list[tuple[str, ...]] = []
    blocks: list[np.ndarray] = []
    while f"block{len(blocks)}_values" in group:
        name = f"block{len(blocks)}"
        columns += _coded(path, group, f"{name}_items")
        block = array_of(path, group, f"{name}_values").astype(np.float64)
        blocks.append(block if group[f"{name}_values"].attrs.get("transposed", True) else block.T)
    if not blocks:
        raise FileError(path, "holds no values", "Expected a file that DeepLabCut wrote.")
    indices = (
        [one[-1] for one in _coded(path, group, "axis1")]
        if "axis1_level0" in group
        else array_of(path, group, "axis1").tolist()
    )
    return _checked(path, columns, [_frame(path, one) for one in indices], np.concatenate(blocks, axis=1))


def _checked(
    path: Path, columns: list[tuple[str, ...]], frames: list[int], values: np.ndarray
) -> tuple[list[tuple[str, ...]], list[int], np.ndarray]:
    if values.shape != (len(frames), len(columns)):
        raise FileError(
            path, f"has values of shape {values.shape} for {len(frames)} rows and {len(columns)} named columns"
        )
    return columns, frames, values


def _coded(path: Path, group: h5py.Group, name: str) -> list[tuple[str, ...]]:
    """The entries of a pandas index of several levels, kept as the texts of each level and codes for them."""
    levels = []
    while f"{name}_level{len(levels)}" in group:
        own = texts(path, group, f"{name}_level{len(levels)}")
        codes = array_of(path, group, f"{name}_label{len(levels)}").reshape(-1).tolist()
        if not all(isinstance(code, int) and 0 <= code < len(own) for code in codes):
            raise FileError(path, f"its index {name} has codes out of range", "Write the file again.")
        levels.append([own[code] for code in codes])
    if not levels:
        raise FileError(path, f"has no index {name} of several levels", "Expected a file that DeepLabCut wrote.")
    return list(zip(*levels, strict=True))


def _frame(path: Path, index: Any) -> int:
    text = index.decode("utf-8", errors="replace") if isinstance(index, bytes) else str(index)
    return frame_of(path, text)


def _plain_columns(path: Path, pickled: Any) -> Sequence[tuple[str, ...]]:
    """The names of the columns of a block."""
    if not isinstance(pickled, bytes):
        raise FileError(path, "the names of its columns are missing", "Expected a file that DeepLabCut wrote.")
    columns = read_pickle(path, io.BytesIO(pickled), "the list of its columns")
    plain = isinstance(columns, list) and all(
        isinstance(one, tuple) and all(isinstance(part, str) for part in one) for one in columns
    )
    if not plain:
        raise FileError(path, "the names of its columns are no texts", "Expected a file that DeepLabCut wrote.")
    return columns


FORMAT = FileFormat(
    name="deeplabcut_h5",
    holds=Keypoints2D,
    suffixes=(".h5", ".hdf5"),
    about="DeepLabCut's HDF5 of one camera, one or several animals, distorted pixels.",
    recognises=_recognises,
    read=_read,
)
