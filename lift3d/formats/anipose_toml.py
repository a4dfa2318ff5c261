"""Calibrations of Anipose (aniposelib, aniposelib-pytorch), and caliscope's export in that layout.

One table a camera with ``name, size, matrix, distortions, rotation`` (rotation vector) and ``translation``, world to
camera; ``fisheye = true`` for fisheye lenses; ``[metadata]``. The length unit is that of the calibration board,
usually millimetres, and only newer files state it (``metadata.units``). The world is the first camera's or the
board's: which axis points up is stored by lift3d alone (``metadata.up``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from lift3d.cameras import CameraRig, Lens
from lift3d.errors import FileError
from lift3d.formats._entry import FileFormat
from lift3d.formats._rigs import FileCamera, FileRig, numbers
from lift3d.formats._toml_cameras import (
    camera_of_table,
    camera_tables,
    glance,
    layout_of,
    metadata_of,
    numbers_of,
    read_tables,
    stated_by,
    write_tables,
)
from lift3d.formats._written_rigs import known_size, refuse_lens

__all__ = ["FORMAT"]


def _recognises(path: Path) -> bool:
    return layout_of(glance(path)) == "anipose"


def _read(path: Path) -> FileRig:
    tables = read_tables(path)
    if "stations" in metadata_of(tables):
        raise FileError(path, "holds cameras that move ([metadata.stations])", "Only fixed cameras can be read.")
    cameras = [_camera(path, section, table) for section, table in camera_tables(tables).items()]
    return FileRig(cameras, *stated_by(tables))


def _camera(path: Path, section: str, table: Mapping[str, Any]) -> FileCamera:
    """A camera; ``offset`` is where the stored picture begins on the sensor that the matrix belongs to."""
    camera = camera_of_table(path, section, table)
    if "offset" not in table:
        return camera
    intrinsics = camera.intrinsics.clone()
    intrinsics[:2, 2] -= numbers(path, f"[{section}] offset", table["offset"], 2)
    return replace(camera, intrinsics=intrinsics)


def _write(rig: CameraRig, path: Path) -> None:
    """Write the rig in metres, which ``metadata.units`` states, with full precision.

    Raises:
        InputError: an image size is not known, or a lens is neither Brown-Conrady nor fisheye.
    """
    refuse_lens(rig, "anipose_toml", Lens.BROWN_CONRADY, Lens.FISHEYE)
    tables: dict[str, Any] = {f"cam_{index}": _table(rig, name) for index, name in enumerate(rig.names)}
    tables["metadata"] = {"adjusted": False, "error": 0.0, "units": "m", "up": rig.up}
    write_tables(tables, path)


def _table(rig: CameraRig, name: str) -> dict[str, Any]:
    camera = rig[name].to(torch.float64)
    fisheye = int(camera.lens) == Lens.FISHEYE
    return {
        "name": name,
        "size": known_size(name, camera, "anipose_toml"),
        **numbers_of(camera, at_least=4 if fisheye else 5),
        **({"fisheye": True} if fisheye else {}),
    }


FORMAT = FileFormat(
    name="anipose_toml",
    holds=CameraRig,
    suffixes=(".toml",),
    about="Anipose and aniposelib calibration; unit of the board (often mm), up axis not stored.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
