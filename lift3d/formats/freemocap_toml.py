"""Calibrations of FreeMoCap: Anipose's layout with each camera's place in the world added; millimetres.

Beside Anipose's keys a table has ``world_position`` (the camera's centre) and ``world_orientation`` (camera to world),
which repeat ``rotation`` and ``translation`` and are not read. After FreeMoCap's ground-plane alignment z is up.
Older FreeMoCap files are plain Anipose files and are read as such.
"""

from __future__ import annotations

from pathlib import Path

from lift3d.cameras import CameraRig
from lift3d.formats._entry import FileFormat
from lift3d.formats._rigs import FileRig
from lift3d.formats._toml_cameras import camera_of_table, camera_tables, glance, layout_of, read_tables

__all__ = ["FORMAT"]


def _recognises(path: Path) -> bool:
    return layout_of(glance(path)) == "freemocap"


def _read(path: Path) -> FileRig:
    cameras = camera_tables(read_tables(path))
    return FileRig([camera_of_table(path, key, table) for key, table in cameras.items()], unit="mm")


FORMAT = FileFormat(
    name="freemocap_toml",
    holds=CameraRig,
    suffixes=(".toml",),
    about="FreeMoCap calibration; millimetres, z up once aligned to the ground.",
    recognises=_recognises,
    read=_read,
)
