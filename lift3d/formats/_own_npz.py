"""What lift3d's own archives of numbers have in common: a mark that names the format, and the skeleton in full."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from lift3d.errors import FileError
from lift3d.formats._safe_npz import member_names, read_numbers
from lift3d.skeletons import Skeleton

__all__ = ["is_own", "numbers_of", "own_skeleton", "read_own", "text_of", "texts_of", "to_numbers", "write_own"]

VERSION = 1


def is_own(path: Path, mark: str) -> bool:
    """Whether a file carries the mark of a format of lift3d's; looks at the table of contents alone."""
    return path.is_file() and mark in member_names(path)


def write_own(path: Path, mark: str, skeleton: Skeleton, arrays: Mapping[str, Any], packed: bool = False) -> None:
    """Write arrays with the mark and the skeleton; not packed, as noise hardly shrinks and packing takes long."""
    joints = {
        "skeleton": np.array(skeleton.name),
        "joints": np.array(skeleton.joints),
        "parents": np.array(skeleton.parents, dtype=np.int64),
        "links": np.array(skeleton.links, dtype=np.int64).reshape(-1, 2),
    }
    with path.open("wb") as file:  # given a path, savez would add a suffix
        save = np.savez_compressed if packed else np.savez
        save(file, **{mark: np.array(VERSION)}, **joints, **arrays)


def read_own(path: Path, mark: str, expected: tuple[str, ...]) -> dict[str, np.ndarray]:
    """All arrays of an archive with the mark.

    Raises:
        FileError: it is damaged, of another format, of a later version, or an expected array is missing.
    """
    arrays = read_numbers(path)
    if mark not in arrays:
        raise FileError(path, f"is not of the format {mark}", "Name its format (format=..., --format or --from ...).")
    if arrays[mark].size != 1 or arrays[mark].dtype.kind not in "iu" or arrays[mark].item() != VERSION:
        raise FileError(path, f"is of a version of {mark} other than {VERSION}", "Install a later lift3d.")
    missing = [name for name in (*expected, "skeleton", "joints", "parents", "links") if name not in arrays]
    if missing:
        raise FileError(path, f"lacks the arrays {', '.join(missing)}", "Write the file again.")
    return arrays


def own_skeleton(path: Path, arrays: Mapping[str, np.ndarray], given: Skeleton | None) -> Skeleton:
    """The skeleton given, else the one in the file.

    Raises:
        FileError: the one given has another number of joints, or the one in the file is no tree.
    """
    joints = texts_of(path, arrays, "joints")
    if given is not None:
        if len(given) != len(joints):
            raise FileError(path, f"has {len(joints)} joints; skeleton {given.name!r} has {len(given)}")
        return given
    parents, links = arrays["parents"], arrays["links"]
    if parents.dtype.kind not in "iu" or links.dtype.kind not in "iu" or links.shape[1:] != (2,):
        raise FileError(path, "the skeleton's parents and links are not whole numbers", "Write the file again.")
    try:
        return Skeleton(
            text_of(path, arrays, "skeleton"),
            joints,
            tuple(parents.reshape(-1).tolist()),
            tuple((first, second) for first, second in links.tolist()),
        )
    except (ValueError, IndexError) as error:
        raise FileError(path, str(error)) from error


def numbers_of(path: Path, arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """An array of float32 or float64, as it is; of float16 or whole numbers, as float32 or float64.

    Raises:
        FileError: it is text.
    """
    array = arrays[name]
    if array.dtype.kind not in "iuf":
        raise FileError(path, f"array {name!r} is of type {array.dtype}; expected numbers", "Write the file again.")
    if array.dtype in (np.float32, np.float64):
        return array
    return array.astype(np.float32 if array.dtype == np.float16 else np.float64)


def text_of(path: Path, arrays: Mapping[str, np.ndarray], name: str) -> str:
    """A single text.

    Raises:
        FileError: it is none.
    """
    texts = texts_of(path, arrays, name)
    if len(texts) != 1:
        raise FileError(path, f"array {name!r} holds {len(texts)} texts; expected one", "Write the file again.")
    return texts[0]


def texts_of(path: Path, arrays: Mapping[str, np.ndarray], name: str) -> tuple[str, ...]:
    """Texts.

    Raises:
        FileError: they are numbers.
    """
    array = arrays[name]
    if array.dtype.kind != "U":
        raise FileError(path, f"array {name!r} is of type {array.dtype}; expected text", "Write the file again.")
    return tuple(array.reshape(-1).tolist())


def to_numbers(values: Tensor) -> np.ndarray:
    """A tensor as an array of float32 or float64 that shares its memory where it can."""
    kept = values.detach().cpu()
    return kept.numpy() if str(kept.dtype) in ("torch.float32", "torch.float64") else kept.float().numpy()
