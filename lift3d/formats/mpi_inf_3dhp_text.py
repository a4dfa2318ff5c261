"""Cameras of MPI-INF-3DHP (``camera.calibration``); millimetres, the up axis is not stored.

A first line with the file's version, then for each camera lines that begin with a word: ``name``, ``sensor``, ``size``
(width, height in pixels), ``animated``, ``intrinsic`` and ``extrinsic`` (4 x 4, row by row; the latter world to camera)
and ``radial``, which is 0: lens distortion is refused. Written after the readers of others: no real file was at hand.
"""

from __future__ import annotations

from pathlib import Path

import torch

from lift3d.cameras import CameraRig
from lift3d.errors import FileError
from lift3d.formats._entry import FileFormat
from lift3d.formats._json import beginning
from lift3d.formats._rigs import FileCamera, FileRig, numbers_at, size_of
from lift3d.formats._text import read_lines

__all__ = ["FORMAT"]


def _recognises(path: Path) -> bool:
    words = beginning(path).split()
    return {"name", "intrinsic", "extrinsic"} <= set(words)


def _read(path: Path) -> FileRig:
    cameras: list[dict[str, list[str]]] = []
    for key, *words in read_lines(path):
        if key == "name":
            cameras.append({})
        if cameras:
            cameras[-1][key] = words
    return FileRig([_camera(path, camera) for camera in cameras], unit="mm")


def _camera(path: Path, lines: dict[str, list[str]]) -> FileCamera:
    name = " ".join(lines["name"])
    where = f"camera {name!r}"
    if any(float(number) != 0 for number in numbers_at(path, where, lines, "radial", 1)):
        raise FileError(path, f"{where} has a radial distortion, which is not read", "Undistort the pictures.")
    matrix = numbers_at(path, where, lines, "intrinsic", 4, 4)
    pose = numbers_at(path, where, lines, "extrinsic", 4, 4)
    return FileCamera(
        name=name,
        intrinsics=matrix[:3, :3],
        distortion=torch.zeros(0, dtype=torch.float64),
        rotation=pose[:3, :3],
        translation=pose[:3, 3],
        image_size=size_of(path, f"{where} size", lines.get("size")),
    )


FORMAT = FileFormat(
    name="mpi_inf_3dhp_text",
    holds=CameraRig,
    suffixes=(".calibration",),
    about="MPI-INF-3DHP camera.calibration; millimetres, up axis not stored.",
    recognises=_recognises,
    read=_read,
)
