"""Body models from the arrays that SMPL's files and those that followed name alike."""

from __future__ import annotations

import mmap
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from lift3d.bodies import BodyModel, smpl_skeleton
from lift3d.errors import FileError, InputError
from lift3d.skeletons import Skeleton

__all__ = ["ARRAYS", "LARGEST", "arrays_of", "checked", "gender_of", "mentions", "model_of_arrays", "smpl_model"]

ARRAYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")
_NO_PARENT = 2**32 - 1
LARGEST = 1 << 30  # bytes of one array; SMPL-X's largest has 0.12e9

_FAMILIES = {24: "smpl", 52: "smplh", 55: "smplx"}
_TITLES = {"smpl": "SMPL", "smplh": "SMPL-H", "smplx": "SMPL-X"}
_OPTIONAL = "posedirs"
_SHAPES = {400: 300, 20: 10}  # of the components of an SMPL-X file; the rest are expressions
_GENDERS = {"m": "male", "f": "female", "n": "neutral"}
_LICENCE = "of the file's owner: see where the file is from; lift3d's own licence does not cover it"


def smpl_model(path: Path, arrays: Mapping[str, np.ndarray]) -> BodyModel:
    """The body model of a user's SMPL, SMPL-H or SMPL-X file, told apart by the number of joints.

    SMPL-X's expressions of the face are its last shape components, as in the file; ``about`` says from which on. The
    gender is that of the file's or its folder's name, else neutral.

    Raises:
        FileError: an array is missing or does not fit the others.
    """
    numbers = checked(path, arrays)
    joints, components = numbers["weights"].shape[1], numbers["shapedirs"].shape[2]
    if joints not in _FAMILIES:
        known = ", ".join(f"{count} ({_TITLES[name]})" for count, name in _FAMILIES.items())
        raise FileError(path, f"has skin weights for {joints} joints; expected {known}", "Choose another body model.")
    name = _FAMILIES[joints]
    about = f"{_TITLES[name]} model read from {path.name}"
    if name == "smplx" and components in _SHAPES:
        about += f", shape components from {_SHAPES[components] + 1} on are expressions of the face"
    return model_of_arrays(path, numbers, smpl_skeleton(name), gender_of(path), name, about, _LICENCE)


def mentions(path: Path, *words: bytes) -> bool:
    """Whether any of the words is anywhere in a file; so that of a damaged model too it is known what it was."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return any(content.find(word) >= 0 for word in words)
    except (OSError, ValueError):  # a folder, or an empty file
        return False


def gender_of(path: Path) -> str:
    """The gender that a file's name tells, else its folder's: ``SMPL_MALE.pkl``, ``smplh/female/model.npz``."""
    for text, short in ((path.stem, _GENDERS), (path.parent.name, {})):
        words = re.split(r"[^a-z]+", text.lower())
        found = [short.get(word, word) for word in words if short.get(word, word) in _GENDERS.values()]
        if found:
            return found[0]
    return "neutral"


def checked(path: Path, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A body model's arrays, out of all that a file has; whether they fit together is not looked at.

    Raises:
        FileError: one is missing, of text or objects, of other axes, or not finite.
    """
    missing = [one for one in ARRAYS if one not in arrays and one != _OPTIONAL]
    if missing:
        raise FileError(path, f"lacks the arrays {', '.join(missing)} of a body model", "Choose another file.")
    for name in ARRAYS:
        if name in arrays:
            _check_numbers(path, name, arrays[name])
    return {name: arrays[name] for name in ARRAYS if name in arrays}


def _check_numbers(path: Path, name: str, array: np.ndarray) -> None:
    axes = 3 if name in ("shapedirs", "posedirs") else 2
    if array.dtype.kind not in "iuf" or array.ndim != axes:
        raise FileError(path, f"{name} is {array.dtype} of {array.ndim} axes; expected numbers of {axes} axes")
    if not np.isfinite(array).all():
        raise FileError(path, f"{name} holds numbers that are not finite", "Copy the file again.")


def model_of_arrays(
    path: Path, numbers: Mapping[str, np.ndarray], skeleton: Skeleton, gender: str, name: str, about: str, licence: str
) -> BodyModel:
    """A body model of float32 from ``checked`` arrays.

    Raises:
        FileError: an array does not fit the others.
    """
    corrections = numbers.get(_OPTIONAL)
    try:
        return BodyModel(
            name=name,
            template=_tensor(numbers["v_template"]),
            shape_directions=_tensor(numbers["shapedirs"]),
            pose_directions=None if corrections is None or not corrections.any() else _tensor(corrections),
            joint_regressor=_tensor(numbers["J_regressor"]),
            parents=_parents(path, numbers["kintree_table"]),
            weights=_tensor(numbers["weights"]),
            faces=torch.from_numpy(numbers["f"].astype(np.int64)),
            skeleton=skeleton,
            gender=gender,
            about=about,
            licence=licence,
        )
    except InputError as error:
        raise FileError(path, str(error), "Is it a whole body model?") from error


def arrays_of(model: BodyModel) -> dict[str, np.ndarray]:
    """A body model's arrays under SMPL's names: float32 and whole numbers; no ``posedirs`` without corrections."""
    floats = {
        "v_template": model.template,
        "shapedirs": model.shape_directions,
        "posedirs": model.pose_directions,
        "J_regressor": model.joint_regressor,
        "weights": model.weights,
    }
    numbers = np.arange(len(model.parents))
    return {
        **{name: one.detach().cpu().float().numpy() for name, one in floats.items() if one is not None},
        "f": model.faces.cpu().numpy().astype(np.uint32),
        "kintree_table": np.stack([np.array([_NO_PARENT, *model.parents[1:]]), numbers]),
    }


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def _parents(path: Path, table: np.ndarray) -> tuple[int, ...]:
    """Parents from the table of parents and numbers; files write the root's as -1 or, without a sign, as 2**32 - 1."""
    if len(table) != 2 or not np.array_equal(table[1], np.arange(table.shape[1])):
        raise FileError(path, "kintree_table does not number the joints in order", "Is it a body model?")
    return tuple(-1 if parent in (-1, _NO_PARENT) else int(parent) for parent in table[0].tolist())
