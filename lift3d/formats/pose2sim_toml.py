"""Calibrations of Pose2Sim: Anipose's layout in metres with z up, told apart by how Pose2Sim writes it.

Pose2Sim writes ``fisheye = false`` into each camera (Anipose writes the key only when it is true) and exactly four
distortion numbers, k1 k2 p1 p2; it passes as many as it reads on to OpenCV.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from lift3d.cameras import CameraRig, Lens
from lift3d.formats._entry import FileFormat
from lift3d.formats._rigs import FileRig
from lift3d.formats._toml_cameras import (
    camera_of_table,
    camera_tables,
    glance,
    layout_of,
    numbers_of,
    read_tables,
    write_tables,
)
from lift3d.formats._up_axis import turned_up
from lift3d.formats._written_rigs import known_size, refuse_lens

__all__ = ["FORMAT"]


def _recognises(path: Path) -> bool:
    return layout_of(glance(path)) == "pose2sim"


def _read(path: Path) -> FileRig:
    cameras = camera_tables(read_tables(path))
    return FileRig([camera_of_table(path, key, table) for key, table in cameras.items()], unit="m", up="+z")


def _write(rig: CameraRig, path: Path) -> None:
    """Write the rig in metres, its world turned so that z is up.

    Cameras with more than four distortion coefficients keep them all: Pose2Sim passes them on to OpenCV, but the
    file is then recognised as ``anipose_toml``.

    Raises:
        InputError: an image size is not known, or a lens is not Brown-Conrady.
    """
    refuse_lens(rig, "pose2sim_toml", Lens.BROWN_CONRADY)
    turned = turned_up(rig, "+z")
    tables: dict[str, Any] = {name: _table(turned, name) for name in rig.names}
    tables["metadata"] = {"adjusted": False, "error": 0.0, "units": "m"}
    write_tables(tables, path)


def _table(rig: CameraRig, name: str) -> dict[str, Any]:
    camera = rig[name].to(torch.float64)
    return {
        "name": name,
        "size": [float(side) for side in known_size(name, camera, "pose2sim_toml")],
        **numbers_of(camera, at_least=4),
        "fisheye": False,
    }


FORMAT = FileFormat(
    name="pose2sim_toml",
    holds=CameraRig,
    suffixes=(".toml",),
    about="Pose2Sim calibration; metres, z up.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
