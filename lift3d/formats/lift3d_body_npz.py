"""lift3d's own body models: a NumPy archive of numbers and text, read without unpickling.

Arrays are named as in SMPL's files, with their shapes: ``v_template`` (vertices, 3), metres; ``shapedirs`` (vertices,
3, shapes); ``posedirs`` (vertices, 3, 9 (joints - 1)) if the model has any; ``J_regressor`` (joints, vertices);
``weights`` (vertices, joints); ``f`` (faces, 3); ``kintree_table`` (2, joints), each joint's parent and its number,
with 2**32 - 1 for the root's. And text: ``name``, ``about``, ``licence``; the skeleton as ``skeleton``, ``joints``,
``parents`` and ``links``; ``lift3d_body``, the version.

``genders`` lists the bodies in the file. An array that is not the same for all is there for each, as in
``male/v_template``. Numbers are stored as float16 where that loses nothing, else as float32, and come back as float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lift3d.bodies import BodyModel
from lift3d.errors import FileError, InputError
from lift3d.formats._entry import FileFormat
from lift3d.formats._own_npz import is_own, own_skeleton, read_own, text_of, texts_of, write_own
from lift3d.formats._smpl_arrays import arrays_of, checked, model_of_arrays

__all__ = ["FORMAT", "write_bodies"]

_MARK = "lift3d_body"
_TEXTS = ("name", "about", "licence")


def _recognises(path: Path) -> bool:
    return is_own(path, _MARK)


def _read(path: Path, gender: str | None = None) -> BodyModel:
    stored = read_own(path, _MARK, ("genders", *_TEXTS))
    genders = texts_of(path, stored, "genders")
    wanted = gender or ("neutral" if "neutral" in genders else genders[0])
    if wanted not in genders:
        raise FileError(path, f"holds no body of gender {wanted!r}", f"Choose one of: {', '.join(genders)}.")
    chosen = f"{wanted}/"
    own = {name.removeprefix(chosen): array for name, array in stored.items() if name.startswith(chosen)}
    texts = {name: text_of(path, stored, name) for name in _TEXTS}
    numbers = checked(path, {**stored, **own})
    return model_of_arrays(path, numbers, skeleton=own_skeleton(path, stored, None), gender=wanted, **texts)


def _write(model: BodyModel, path: Path) -> None:
    write_bodies([model], path)


def write_bodies(models: Sequence[BodyModel], path: Path, packed: bool = False) -> None:
    """Bodies of one name, one a gender, in one file.

    Args:
        models: the bodies.
        path: of the file.
        packed: takes half a minute for SMPL-X, for a tenth less.

    Raises:
        InputError: two are of one gender, or their skeletons or texts differ.
    """
    first = models[0]
    genders = [model.gender for model in models]
    if len(set(genders)) != len(genders):
        raise InputError(f"write_bodies: genders repeat: {', '.join(genders)}.")
    if any((one.skeleton, *_texts(one)) != (first.skeleton, *_texts(first)) for one in models):
        raise InputError("write_bodies: the bodies differ in name, about, licence or skeleton.")
    every = {one.gender: {name: _smallest(array) for name, array in arrays_of(one).items()} for one in models}
    arrays = {name: array for name, array in every[first.gender].items() if _shared(name, every)}
    for gender, own in every.items():
        arrays |= {f"{gender}/{name}": array for name, array in own.items() if name not in arrays}
    texts = {name: np.array(text) for name, text in zip(_TEXTS, _texts(first), strict=True)}
    write_own(path, _MARK, first.skeleton, {"genders": np.array(genders), **texts, **arrays}, packed)


def _texts(model: BodyModel) -> tuple[str, ...]:
    return tuple(getattr(model, name) for name in _TEXTS)


def _shared(name: str, every: Mapping[str, Mapping[str, np.ndarray]]) -> bool:
    first, *others = (arrays.get(name) for arrays in every.values())
    return all(first is not None and other is not None and np.array_equal(first, other) for other in others)


def _smallest(array: np.ndarray) -> np.ndarray:
    """Of float32, float16 where that is the same; whole numbers as they are."""
    if array.dtype != np.float32:
        return array
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), array) else array


FORMAT = FileFormat(
    name="lift3d_body_npz",
    holds=BodyModel,
    suffixes=(".npz",),
    about="lift3d's own body models, under SMPL's names: an archive of numbers, one gender or several.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
