"""Calibrations of FreeMoCap: Anipose's layout with each camera's place in the world added; millimetres.

Beside Anipose's keys a table has ``world_position`` (the camera's centre) and ``world_orientation`` (camera to world),
which repeat ``rotation`` and ``translation`` and are not read. After FreeMoCap's ground-plane alignment z is up;
whether a file is aligned is not stored, unless lift3d wrote it (``metadata.up``). Older FreeMoCap files are plain
Anipose files and are read as such.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lift3d.cameras import CameraRig
from lift3d.formats._entry import FileFormat
from lift3d.formats._rigs import FileCamera, FileRig
from lift3d.formats._toml_cameras import (
    camera_of_table,
    camera_tables,
    glance,
    layout_of,
    read_tables,
    stated_by,
    write_tables,
)
from lift3d.formats._written_rigs import file_cameras, pose_of, whole_size
from lift3d.geometry.rotations import matrix_to_rotvec

__all__ = ["FORMAT"]


def _recognises(path: Path) -> bool:
    return layout_of(glance(path)) == "freemocap"


def _read(path: Path) -> FileRig:
    tables = read_tables(path)
    cameras = [camera_of_table(path, key, table) for key, table in camera_tables(tables).items()]
    return FileRig(cameras, unit="mm", up=stated_by(tables)[1])


def _write(rig: CameraRig, path: Path) -> None:
    """Write the rig in millimetres, its world turned so that z is up, which ``metadata`` states.

    Raises:
        InputError: an image size is not known, or a lens is not Brown-Conrady or has more than five coefficients.
    """
    cameras = file_cameras(rig, FORMAT.name, coefficients=5, unit="mm", up="+z")
    tables: dict[str, Any] = {camera.name: _table(index, camera) for index, camera in enumerate(cameras)}
    write_tables({**tables, "metadata": {"units": "mm", "up": "+z"}}, path)


def _table(index: int, camera: FileCamera) -> dict[str, Any]:
    rotation, translation = pose_of(camera)
    return {
        "id": camera.name,
        "index": index,
        "name": camera.name,
        "size": whole_size(camera),
        "matrix": camera.intrinsics.tolist(),
        "distortions": camera.distortion.tolist(),
        "rotation": matrix_to_rotvec(rotation).tolist(),
        "translation": translation.tolist(),
        "world_position": (-rotation.T @ translation).tolist(),
        "world_orientation": rotation.T.tolist(),
    }


FORMAT = FileFormat(
    name="freemocap_toml",
    holds=CameraRig,
    suffixes=(".toml",),
    about="FreeMoCap calibration; millimetres, z up once aligned to the ground.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
