"""lift3d's own calibrations: nothing left open, full precision, made to be read by people.

::

    format = "lift3d_cameras"
    version = 1
    units = "m"
    up = "+z"

    [cameras.left]
    lens = "brown_conrady"          # or "fisheye", "human36m"
    size = [1920, 1080]             # width, height; absent if not known
    matrix = [[1477.9, 0.0, 948.2], [0.0, 1481.2, 564.5], [0.0, 0.0, 1.0]]
    distortion = [-0.11, 0.035]     # up to 8, in the order of the lens model; zeros at the end left out
    rotation = [[...], [...], [...]]  # world to camera
    translation = [-0.07, 0.91, 4.55]

Cameras keep the order of the rig.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lift3d.cameras import CameraRig, Lens
from lift3d.errors import FileError
from lift3d.formats._entry import FileFormat
from lift3d.formats._rigs import (
    FileCamera,
    FileRig,
    finite_numbers,
    needs,
    numbers_at,
    rotation_of,
    size_of,
    used_coefficients,
)
from lift3d.formats._toml_cameras import glance, read_tables, write_tables
from lift3d.formats._units import unit_named

__all__ = ["FORMAT"]

_MARK = "lift3d_cameras"
_VERSION = 1


def _recognises(path: Path) -> bool:
    return glance(path).get("format") == _MARK


def _read(path: Path) -> FileRig:
    tables = read_tables(path)
    if tables.get("format") != _MARK or tables.get("version") != _VERSION:
        raise FileError(path, f'does not say format = "{_MARK}" and version = {_VERSION}', "Is it another format?")
    stated = unit_named(needs(path, "the file", tables, "units"))
    if stated is None:
        raise FileError(path, f"units is {tables['units']!r}; expected 'm', 'cm' or 'mm'")
    cameras = tables.get("cameras", {})
    if not isinstance(cameras, dict):
        raise FileError(path, "cameras is no table; expected [cameras.NAME]")
    found = [_camera(path, name, table) for name, table in cameras.items()]
    return FileRig(found, stated, str(needs(path, "the file", tables, "up")), keep_order=True)


def _camera(path: Path, name: str, table: Any) -> FileCamera:
    where = f"[cameras.{name}]"
    if not isinstance(table, dict):
        raise FileError(path, f"{where} is no table")
    return FileCamera(
        name=name,
        intrinsics=numbers_at(path, where, table, "matrix", 3, 3),
        distortion=finite_numbers(path, f"{where} distortion", table.get("distortion", [])),
        rotation=rotation_of(path, f"{where} rotation", needs(path, where, table, "rotation")),
        translation=numbers_at(path, where, table, "translation", 3),
        image_size=size_of(path, f"{where} size", table.get("size")),
        lens=_lens(path, where, table),
    )


def _lens(path: Path, where: str, table: Mapping[str, Any]) -> Lens:
    named = {lens.name.lower(): lens for lens in Lens}
    lens = needs(path, where, table, "lens")
    if lens not in named:
        raise FileError(path, f"{where} lens is {lens!r}; expected one of {', '.join(named)}")
    return named[lens]


def _write(rig: CameraRig, path: Path) -> None:
    head = {"format": _MARK, "version": _VERSION, "units": "m", "up": rig.up}
    write_tables({**head, "cameras": {name: _table(rig, name) for name in rig.names}}, path)


def _table(rig: CameraRig, name: str) -> dict[str, Any]:
    camera = rig[name].to(torch.float64)
    size = camera.image_size.tolist()
    known = bool(torch.isfinite(camera.image_size).all())
    return {
        "lens": Lens(int(camera.lens)).name.lower(),
        **({"size": [int(side) if side == int(side) else side for side in size]} if known else {}),
        "matrix": camera.intrinsics.tolist(),
        "distortion": used_coefficients(camera),
        "rotation": camera.rotation.tolist(),
        "translation": camera.translation.tolist(),
    }


FORMAT = FileFormat(
    name="lift3d_cameras_toml",
    holds=CameraRig,
    suffixes=(".toml",),
    about="lift3d's own calibration; metres, up axis and lens model stated, full precision.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
