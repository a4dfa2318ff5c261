"""Human3.6M cameras as MMPose keeps them, ``cameras.pkl``; metres, z up.

A dictionary ``{("S1", "54138969"): {"R", "T", "f", "c", "k", "p", "w", "h", ...}}``: R turns from the camera to the
world and T is the camera's centre there; pixels; k1 k2 k3 and p0 p1 of Human3.6M's own lens model, in the order of
the data set's metadata. Each subject has its own rig: pass ``subject="S1"``.

Pickles can run code when they are read. This one is read by an allow-list that runs nothing (see ``_safe_pickle``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from lift3d.cameras import CameraRig
from lift3d.errors import FileError
from lift3d.formats._entry import FileFormat
from lift3d.formats._human36m import chosen_subject, published_camera
from lift3d.formats._json import beginning
from lift3d.formats._rigs import FileCamera, FileRig, needs, numbers, size_of
from lift3d.formats._safe_pickle import read_pickle

__all__ = ["FORMAT"]


def _recognises(path: Path) -> bool:
    text = beginning(path)
    return "54138969" in text and "imageSize" not in text


def _read(path: Path, subject: str | None = None) -> FileRig:
    values = _values(path)
    chosen = chosen_subject(path, subject, list(dict.fromkeys(str(one) for one, _ in values)))
    cameras = [_camera(path, str(name), table) for (one, name), table in values.items() if str(one) == chosen]
    return FileRig(cameras, unit="m", up="+z")


def _values(path: Path) -> dict[tuple[Any, Any], Any]:
    try:
        with path.open("rb") as file:
            values = read_pickle(path, file, "the pickle")
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the path.") from error
    pairs = isinstance(values, dict) and all(isinstance(key, tuple) and len(key) == 2 for key in values)
    if not pairs or not all(isinstance(table, dict) for table in values.values()):
        raise FileError(path, "is no table of cameras by subject and name", "Is it MMPose's cameras.pkl?")
    return {key: {name: _plain(value) for name, value in table.items()} for key, table in values.items()}


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _camera(path: Path, name: str, table: dict[str, Any]) -> FileCamera:
    def read(key: str, *shape: int) -> torch.Tensor:
        return numbers(path, f"camera {name!r} {key}", needs(path, f"camera {name!r}", table, key), *shape)

    size = [table["w"], table["h"]] if "w" in table and "h" in table else None
    return published_camera(name, read, size_of(path, f"camera {name!r} w, h", size))


FORMAT = FileFormat(
    name="mmpose_cameras_pickle",
    holds=CameraRig,
    suffixes=(".pkl",),
    about="Human3.6M cameras of MMPose (cameras.pkl), read without running code; metres, z up; choose a subject.",
    recognises=_recognises,
    read=_read,
)
