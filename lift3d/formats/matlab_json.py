"""Cameras of MATLAB's Computer Vision Toolbox written as JSON (``jsonencode``); unit and up axis are not stored.

A list with one table a camera, or the table of one: ``Name``; ``K``, or the older ``IntrinsicMatrix`` (transposed), or
``FocalLength`` with ``PrincipalPoint`` and ``Skew``; ``RadialDistortion`` (two or three), ``TangentialDistortion``;
``ImageSize`` (height, then width); the pose as ``RotationMatrix`` and ``TranslationVector``, which are meant for row
vectors (x R + t, so that R is transposed), or as the newer ``R`` and ``Translation``, which are not.

MATLAB counts pixels from 1: one is taken from the principal point.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lift3d.cameras import CameraRig
from lift3d.errors import FileError
from lift3d.formats._entry import FileFormat
from lift3d.formats._json import beginning, json_list, json_table, read_json
from lift3d.formats._rigs import FileCamera, FileRig, finite_numbers, first_of, needs, numbers, numbers_at, size_of

__all__ = ["FORMAT"]


def _recognises(path: Path) -> bool:
    text = beginning(path)
    return '"RadialDistortion"' in text and ('"PrincipalPoint"' in text or '"IntrinsicMatrix"' in text)


def _read(path: Path) -> FileRig:
    values = read_json(path)
    cameras = json_list(path, "the file", [values] if isinstance(values, dict) else values)
    return FileRig([_camera(path, index, one) for index, one in enumerate(cameras)])


def _camera(path: Path, index: int, value: Any) -> FileCamera:
    table = json_table(path, f"camera {index}", value)
    name = str(table.get("Name") or f"cam_{index}")
    where = f"camera {name!r}"
    translation = first_of(table, "TranslationVector", "Translation")
    size = first_of(table, "ImageSize")
    return FileCamera(
        name=name,
        intrinsics=_intrinsics(path, where, table),
        distortion=_distortion(path, where, table),
        rotation=_rotation(path, where, table),
        translation=None if translation is None else numbers(path, f"{where} translation", translation, 3),
        image_size=size_of(path, f"{where} ImageSize", size[::-1] if isinstance(size, list) else size),
    )


def _intrinsics(path: Path, where: str, table: Mapping[str, Any]) -> Tensor:
    if first_of(table, "K") is not None:
        matrix = numbers(path, f"{where} K", table["K"], 3, 3)
    elif first_of(table, "IntrinsicMatrix") is not None:
        matrix = numbers(path, f"{where} IntrinsicMatrix", table["IntrinsicMatrix"], 3, 3).T
    else:
        fx, fy = numbers_at(path, where, table, "FocalLength", 2).tolist()
        cx, cy = numbers_at(path, where, table, "PrincipalPoint", 2).tolist()
        skew = float(numbers(path, f"{where} Skew", table.get("Skew", 0.0)))
        matrix = torch.tensor([[fx, skew, cx], [0, fy, cy], [0, 0, 1]], dtype=torch.float64)
    return matrix - torch.tensor([[0.0, 0, 1], [0, 0, 1], [0, 0, 0]], dtype=torch.float64)


def _distortion(path: Path, where: str, table: Mapping[str, Any]) -> Tensor:
    radial = finite_numbers(path, f"{where} RadialDistortion", needs(path, where, table, "RadialDistortion"))
    if radial.numel() not in (2, 3):
        raise FileError(path, f"{where} RadialDistortion has {radial.numel()} numbers; expected 2 or 3")
    tangential = numbers(path, f"{where} TangentialDistortion", table.get("TangentialDistortion", [0, 0]), 2)
    radial = radial.reshape(-1)
    return torch.cat([radial[:2], tangential, radial[2:]])


def _rotation(path: Path, where: str, table: Mapping[str, Any]) -> Tensor | None:
    if first_of(table, "RotationMatrix") is not None:
        return numbers(path, f"{where} RotationMatrix", table["RotationMatrix"], 3, 3).T
    return None if first_of(table, "R") is None else numbers(path, f"{where} R", table["R"], 3, 3)


FORMAT = FileFormat(
    name="matlab_json",
    holds=CameraRig,
    suffixes=(".json",),
    about="MATLAB camera parameters as JSON; unit and up axis not stored.",
    recognises=_recognises,
    read=_read,
)
