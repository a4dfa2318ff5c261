"""Calibrations of caliscope (``camera_array.toml``): tables ``[cameras.N]`` by integer id; metres.

The camera of id 3 is called ``cam_3``, as in the names of caliscope's videos, unless its table has a ``name`` (only
lift3d writes one; caliscope ignores it). Rotations are rotation vectors, in old files 3 x 3 matrices. Cameras without
a pose are left out with a warning. ``rotation_count`` only turns pictures for display and detection: matrix and
keypoints belong to the picture as filmed. The user sets the world's origin and axes, so that which one points up is not
stated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lift3d.cameras import CameraRig, Lens
from lift3d.formats._entry import FileFormat
from lift3d.formats._rigs import FileRig
from lift3d.formats._toml_cameras import (
    camera_of_table,
    glance,
    numbers_of,
    read_tables,
    write_tables,
)
from lift3d.formats._written_rigs import known_size, refuse_lens

__all__ = ["FORMAT"]


def _recognises(path: Path) -> bool:
    return bool(_cameras(glance(path)))


def _cameras(tables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Camera tables by id; none if this is no file of caliscope's."""
    cameras = tables.get("cameras")
    if not isinstance(cameras, dict) or "format" in tables:
        return {}
    return {key: table for key, table in cameras.items() if key.isdecimal() and isinstance(table, dict)}


def _read(path: Path) -> FileRig:
    cameras = _cameras(read_tables(path)).items()
    found = [
        camera_of_table(path, f"cameras.{key}", table, str(table.get("name", f"cam_{key}"))) for key, table in cameras
    ]
    return FileRig(found, unit="m")


def _write(rig: CameraRig, path: Path) -> None:
    """Write the rig in metres; ids are the numbers at the end of the names, or 0, 1, ... where these will not do.

    Raises:
        InputError: an image size is not known, or a lens is neither Brown-Conrady nor fisheye.
    """
    refuse_lens(rig, "caliscope_toml", Lens.BROWN_CONRADY, Lens.FISHEYE)
    write_tables({"cameras": {str(key): _table(rig, name, key) for key, name in _ids(rig.names).items()}}, path)


def _ids(names: tuple[str, ...]) -> dict[int, str]:
    found = [re.search(r"([0-9]+)$", name) for name in names]
    ids = [int(match[1]) for match in found if match]
    if len(set(ids)) == len(names):
        return dict(zip(ids, names, strict=True))
    return dict(enumerate(names))


def _table(rig: CameraRig, name: str, key: int) -> dict[str, Any]:
    camera = rig[name].to(torch.float64)
    fisheye = int(camera.lens) == Lens.FISHEYE
    return {
        "cam_id": key,
        "name": name,
        "size": known_size(name, camera, "caliscope_toml"),
        "rotation_count": 0,
        **numbers_of(camera, at_least=4 if fisheye else 5),
        "fisheye": fisheye,
    }


FORMAT = FileFormat(
    name="caliscope_toml",
    holds=CameraRig,
    suffixes=(".toml",),
    about="caliscope camera_array.toml; metres, up axis not stored.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
