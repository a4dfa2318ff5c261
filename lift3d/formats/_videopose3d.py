"""What VideoPose3D's archives have in common: dicts in object arrays, subjects, actions, cameras."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lift3d.errors import FileError

__all__ = ["LAYOUTS", "actions_of", "cameras_of", "dict_of"]

LAYOUTS = {"h36m": "human36m17", "coco": "coco17", "mpii": "mpii16", "humaneva15": "humaneva15"}


def dict_of(path: Path, arrays: Mapping[str, Any], name: str) -> Mapping[Any, Any]:
    """The dict in an object array.

    Raises:
        FileError: there is none.
    """
    array = arrays.get(name)
    value = array.item() if isinstance(array, np.ndarray) and array.size == 1 else None
    if not isinstance(value, Mapping):
        raise FileError(path, f"has no dict {name!r}", "Expected an archive of VideoPose3D.")
    return value


def actions_of(path: Path, positions: Mapping[Any, Any]) -> dict[tuple[str, str], Any]:
    """What is there of each subject's actions.

    Raises:
        FileError: a subject is no dict, or there are none.
    """
    found: dict[tuple[str, str], Any] = {}
    for subject, actions in positions.items():
        if not isinstance(actions, Mapping):
            raise FileError(path, f"subject {subject!r} holds no actions", "Expected an archive of VideoPose3D.")
        found |= {(str(subject), str(action)): value for action, value in actions.items()}
    if not found:
        raise FileError(path, "holds no sequences", "Write the file again.")
    return found


def cameras_of(path: Path, positions: Mapping[Any, Any]) -> dict[tuple[str, str], list[Any]]:
    """What each camera sees of each subject's actions; nothing is known as yet of what that is.

    Raises:
        FileError: an action is no list of cameras, or there are none.
    """
    found: dict[tuple[str, str], list[Any]] = {}
    for (subject, action), cameras in actions_of(path, positions).items():
        alone = isinstance(cameras, np.ndarray) and cameras.dtype != object and cameras.ndim == 3
        several = isinstance(cameras, list | tuple) or (isinstance(cameras, np.ndarray) and cameras.ndim > 0)
        if not several or not len(cameras):
            raise FileError(path, f"{subject}/{action}: holds no list of cameras", "Write the file again.")
        found[subject, action] = [cameras] if alone else list(cameras)
    return found
