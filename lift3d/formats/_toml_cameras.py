"""What the TOML calibrations share: tables of cameras with size, matrix, distortions, rotation and translation."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w
import torch

from lift3d.cameras import Camera, Lens
from lift3d.errors import FileError
from lift3d.formats._rigs import FileCamera, first_of, numbers, numbers_at, rotation_of, size_of, used_coefficients
from lift3d.formats._units import unit_named
from lift3d.geometry.rotations import matrix_to_rotvec
from lift3d.settings import read_toml

__all__ = [
    "camera_of_table",
    "camera_tables",
    "glance",
    "layout_of",
    "metadata_of",
    "numbers_of",
    "read_tables",
    "stated_by",
    "write_tables",
]

_NO_CAMERAS = ("metadata", "capture_volume", "charuco", "checkerboard")
_LARGEST = 2**22


def glance(path: Path) -> dict[str, Any]:
    """The tables of a TOML file for finding out its format; none if it is no TOML, or far too large for cameras."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return {}
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}


def read_tables(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        FileError: the file cannot be read, or is not TOML.
    """
    try:
        return read_toml(path)
    except (ValueError, RecursionError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(path, "is not valid TOML: a number or nesting is too long") from error


def camera_tables(tables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The tables at the top level that hold a camera: all with a ``matrix``, except those with other known uses."""
    found = {key: table for key, table in tables.items() if key not in _NO_CAMERAS and isinstance(table, dict)}
    return {key: table for key, table in found.items() if "matrix" in table}


def metadata_of(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The table ``[metadata]``; empty if there is none."""
    metadata = tables.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def stated_by(tables: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The length unit and the axis that points up, as the metadata states them."""
    metadata = metadata_of(tables)
    return unit_named(metadata.get("units")), None if metadata.get("up") is None else str(metadata["up"])


def layout_of(tables: Mapping[str, Any]) -> str | None:
    """Which program writes such tables: ``"anipose"``, ``"pose2sim"`` or ``"freemocap"``; None if they hold no cameras.

    FreeMoCap adds each camera's place in the world. Pose2Sim writes ``fisheye = false`` into every camera, with exactly
    four distortion numbers; Anipose writes the key only when it is true, caliscope's export five numbers. What is
    neither FreeMoCap's nor Pose2Sim's is Anipose's, whose layout it is.
    """
    cameras = list(camera_tables(tables).values())
    if not cameras:
        return None
    if any("world_position" in camera or "world_orientation" in camera for camera in cameras):
        return "freemocap"
    return "pose2sim" if all(_as_pose2sim_writes(camera) for camera in cameras) else "anipose"


def _as_pose2sim_writes(camera: Mapping[str, Any]) -> bool:
    distortions = camera.get("distortions")
    return camera.get("fisheye") is False and isinstance(distortions, list) and len(distortions) == 4


def camera_of_table(path: Path, section: str, table: Mapping[str, Any], name: str | None = None) -> FileCamera:
    """The camera of one table.

    Args:
        path: of the file, for error texts.
        section: name of the table, with its dots.
        table: with ``matrix``, ``distortions``, ``rotation``, ``translation``; perhaps ``size``, ``fisheye``, ``name``.
        name: of the camera; by default the table's ``name``, else the section.

    Raises:
        FileError: something is missing or is not as it should be.
    """
    where = f"[{section}]"
    rotation, translation = first_of(table, "rotation"), first_of(table, "translation")
    return FileCamera(
        name=name if name is not None else str(table.get("name", section)),
        intrinsics=numbers_at(path, where, table, "matrix", 3, 3),
        distortion=numbers_at(path, where, table, "distortions"),
        rotation=None if rotation is None else rotation_of(path, f"{where} rotation", rotation),
        translation=None if translation is None else numbers(path, f"{where} translation", translation, 3),
        image_size=size_of(path, f"{where} size", first_of(table, "size", "image_size")),
        lens=Lens.FISHEYE if table.get("fisheye") is True else Lens.BROWN_CONRADY,
    )


def numbers_of(camera: Camera, at_least: int) -> dict[str, list[Any]]:
    """What every layout writes of a camera in the same way.

    ``matrix``; ``distortions``, without the zeros at the end but so many at least, and all eight where there are more
    than five; ``rotation`` as a rotation vector (radians) and ``translation`` (metres), world to camera.
    """
    distortions = used_coefficients(camera, at_least)
    return {
        "matrix": camera.intrinsics.tolist(),
        "distortions": distortions if len(distortions) <= 5 else camera.distortion.tolist(),
        "rotation": matrix_to_rotvec(camera.rotation.to(torch.float64)).tolist(),
        "translation": camera.translation.tolist(),
    }


def write_tables(tables: Mapping[str, Any], path: Path) -> None:
    """Write tables; numbers as the shortest text that reads back to the same float64."""
    path.write_text(tomli_w.dumps(tables, multiline_strings=False), encoding="utf-8")
