"""Rigs of aniposelib-pytorch as JSON (schema ``aniposelib-rig/v1``); the unit and the up axis are not stored.

``stations`` holds each place at which a camera stood, by name, with ``K``, ``dist``, ``R``, ``t`` (world to camera),
``image_wh`` and ``model``: "brown" (k1 k2 p1 p2 k3 k4 k5 k6) or "fisheye" (k1 k2 k3 k4). ``intrinsics``, by camera,
repeats the lenses and is not read. A camera with several stations moved; each station is a camera of the rig.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lift3d.cameras import CameraRig, Lens
from lift3d.errors import FileError
from lift3d.formats._entry import FileFormat
from lift3d.formats._json import beginning, json_table, read_json
from lift3d.formats._rigs import FileCamera, FileRig, needs, numbers_at, size_of

__all__ = ["FORMAT"]

_SCHEMA = "aniposelib-rig/v1"
_LENSES = {"brown": Lens.BROWN_CONRADY, "fisheye": Lens.FISHEYE}


def _recognises(path: Path) -> bool:
    text = beginning(path)
    return '"schema"' in text and '"aniposelib-rig/' in text


def _read(path: Path) -> FileRig:
    values = json_table(path, "the file", read_json(path))
    if values.get("schema") != _SCHEMA:
        raise FileError(path, f"has the schema {values.get('schema')!r}; expected {_SCHEMA!r}")
    stations = json_table(path, "stations", needs(path, "the file", values, "stations"))
    return FileRig([_camera(path, name, value) for name, value in stations.items()])


def _camera(path: Path, name: str, value: Any) -> FileCamera:
    where = f"station {name!r}"
    table = json_table(path, where, value)
    model = needs(path, where, table, "model")
    if model not in _LENSES:
        raise FileError(path, f"{where} has the lens model {model!r}; expected one of {', '.join(_LENSES)}")
    return FileCamera(
        name=name,
        intrinsics=numbers_at(path, where, table, "K", 3, 3),
        distortion=numbers_at(path, where, table, "dist"),
        rotation=numbers_at(path, where, table, "R", 3, 3),
        translation=numbers_at(path, where, table, "t", 3),
        image_size=size_of(path, f"{where} image_wh", table.get("image_wh")),
        lens=_LENSES[model],
    )


FORMAT = FileFormat(
    name="aniposelib_rig_json",
    holds=CameraRig,
    suffixes=(".json",),
    about="aniposelib-pytorch rig JSON (aniposelib-rig/v1); unit and up axis not stored.",
    recognises=_recognises,
    read=_read,
)
