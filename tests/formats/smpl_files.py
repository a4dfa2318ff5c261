"""Made-up SMPL files: the layout of the published ones, none of their numbers.

The published pickles were written by Python 2 with arrays of chumpy and a sparse matrix of SciPy. ``pickled`` writes
the same from stand-ins that carry those names while it runs.
"""

from __future__ import annotations

import copyreg
import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lift3d.bodies import smpl_skeleton

VERTICES = 60
SKELETONS = {"smpl": "smpl24", "smplh": "smplh52", "smplx": "smplx55"}


def smpl_arrays(family: str = "smpl", shapes: int = 10, unsigned_root: bool = True) -> dict[str, np.ndarray]:
    """Numbers of about the right size under SMPL's names; the same at every call."""
    random = np.random.default_rng(3)
    parents = np.array(smpl_skeleton(family).parents, dtype=np.int64)
    joints = len(parents)
    if unsigned_root:
        parents[0] = 2**32 - 1
    regressor = random.uniform(size=(joints, VERTICES)) * (random.uniform(size=(joints, VERTICES)) < 0.2)
    regressor[:, 0] += 0.01
    weights = random.uniform(size=(VERTICES, joints)) ** 4
    return {
        "v_template": random.normal(size=(VERTICES, 3)) * 0.5,
        "shapedirs": random.normal(size=(VERTICES, 3, shapes)) * 0.03,
        "posedirs": random.normal(size=(VERTICES, 3, 9 * (joints - 1))) * 0.002,
        "J_regressor": regressor / regressor.sum(1, keepdims=True),
        "weights": weights / weights.sum(1, keepdims=True),
        "kintree_table": np.stack([parents, np.arange(joints)]),
        "f": random.integers(VERTICES, size=(100, 3)).astype(np.uint32),
    }


class _Array:
    """What chumpy's arrays look like to a pickle."""

    old_style = False

    def __init__(self, **content: Any) -> None:
        self.__dict__.update(content)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        if self.old_style:
            return getattr(copyreg, "_reconstructor"), (type(self), object, None), self.__dict__  # noqa: B009
        return getattr(copyreg, "__newobj__"), (type(self),), self.__dict__  # noqa: B009


@contextmanager
def _named(module: str, name: str) -> Iterator[type]:
    """A class that says it is of a module, while a pickle is written."""
    kind = type(name, (_Array,), {"__module__": module})
    parts = module.split(".")
    made = [name for name in (".".join(parts[: end + 1]) for end in range(len(parts))) if name not in sys.modules]
    for one in made:
        sys.modules[one] = types.ModuleType(one)
    setattr(sys.modules[module], name, kind)
    try:
        yield kind
    finally:
        for one in made:
            del sys.modules[one]


def pickled(arrays: dict[str, np.ndarray], protocol: int, old_names: bool = True) -> bytes:
    """A pickle as the published ones are: chumpy arrays, one of them a selection, and a sparse regressor."""
    import scipy.sparse

    with _named("chumpy.ch", "Ch") as array, _named("chumpy.reordering", "Select") as selection:
        for kind in (array, selection):
            kind.old_style = protocol < 2
        more = np.concatenate([arrays["shapedirs"], arrays["shapedirs"] * 0], axis=2)
        numbers = np.arange(more.size).reshape(more.shape)[..., : arrays["shapedirs"].shape[-1]]
        content = {
            **arrays,
            "v_template": array(x=arrays["v_template"], _dirty_vars={"x"}, _itr=None),
            "shapedirs": selection(
                a=array(x=more, _dirty_vars=set()), idxs=numbers.ravel(), preferred_shape=arrays["shapedirs"].shape
            ),
            "J_regressor": scipy.sparse.csc_matrix(arrays["J_regressor"]),
            "J_transformed": array(x=arrays["v_template"][:24]),
            "bs_style": "lbs",
            "bs_type": "lrotmin",
        }
        written = pickle.dumps(content, protocol=protocol, fix_imports=True)
    if old_names and protocol < 4:
        written = written.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
        written = written.replace(b"cscipy.sparse._csc\n", b"cscipy.sparse.csc\n")
    return written


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """An archive as the published ones are: with Python objects beside the numbers."""
    beside: dict[str, Any] = {"joint2num": np.array({"pelvis": 0}, dtype=object), "allow_pickle": True}
    np.savez(path, **arrays, **beside)
    return path
