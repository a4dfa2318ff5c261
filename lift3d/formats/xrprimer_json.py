"""Cameras of XRPrimer and XRMoCap: one JSON a camera; metres, the up axis is not stored.

``class_name`` is ``PinholeCameraParameter`` or ``FisheyeCameraParameter``; the latter is, in spite of its name, the
Brown-Conrady lens in its rational form (``k1`` to ``k6``, ``p1``, ``p2``). ``intrinsic`` is 4 x 4 as in PyTorch3D (its
last rows are 0 0 0 1 and 0 0 1 0), or 3 x 3. ``extrinsic_r`` and ``extrinsic_t`` map world to camera, or back where
``world2cam`` is false. Only the convention "opencv" is read. Give one file, or the folder of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lift3d.cameras import CameraRig
from lift3d.errors import FileError
from lift3d.formats._camera_files import camera_files, has_camera_files
from lift3d.formats._entry import FileFormat
from lift3d.formats._json import beginning, json_table, read_json, write_json
from lift3d.formats._rigs import FileCamera, FileRig, finite_numbers, needs, numbers, size_of
from lift3d.formats._written_rigs import file_cameras, file_stem, pose_of, whole_size

__all__ = ["FORMAT"]

_PINHOLE, _RATIONAL = "PinholeCameraParameter", "FisheyeCameraParameter"
_COEFFICIENTS = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
_PATTERNS = ("*.json",)
_LAST_ROWS = ([[0.0, 0, 0, 1], [0, 0, 1, 0]], [[0.0, 0, 1, 0], [0, 0, 0, 1]])


def _recognises(path: Path) -> bool:
    return has_camera_files(path, _PATTERNS, _is_camera)


def _is_camera(path: Path) -> bool:
    text = beginning(path)
    return '"class_name"' in text and 'CameraParameter"' in text


def _read(path: Path) -> FileRig:
    return FileRig([_camera(one) for one in camera_files(path, _PATTERNS, _is_camera)], unit="m")


def _camera(path: Path) -> FileCamera:
    table = json_table(path, "the file", read_json(path))
    kind, convention = table.get("class_name"), table.get("convention")
    if kind not in (_PINHOLE, _RATIONAL):
        raise FileError(path, f"class_name is {kind!r}; expected {_PINHOLE} or {_RATIONAL}")
    if convention != "opencv":
        raise FileError(path, f"has the convention {convention!r}; expected 'opencv'", "Convert it with XRPrimer.")
    coefficients = [table.get(key, 0) for key in _COEFFICIENTS] if kind == _RATIONAL else []
    rotation, translation = _pose(path, table)
    return FileCamera(
        name=str(table.get("name") or path.stem),
        intrinsics=_intrinsics(path, needs(path, "the file", table, "intrinsic")),
        distortion=finite_numbers(path, "k1 to k6, p1, p2", coefficients),
        rotation=rotation,
        translation=translation,
        image_size=size_of(path, "width and height", [table.get("width"), table.get("height")]),
    )


def _pose(path: Path, table: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    rotation = numbers(path, "extrinsic_r", needs(path, "the file", table, "extrinsic_r"), 3, 3)
    translation = numbers(path, "extrinsic_t", needs(path, "the file", table, "extrinsic_t"), 3)
    if needs(path, "the file", table, "world2cam"):
        return rotation, translation
    return rotation.T, -rotation.T @ translation


def _intrinsics(path: Path, value: Any) -> Tensor:
    if finite_numbers(path, "intrinsic", value).numel() == 9:
        return numbers(path, "intrinsic", value, 3, 3)
    matrix = numbers(path, "intrinsic", value, 4, 4)
    if matrix[2:].tolist() not in _LAST_ROWS:
        raise FileError(path, "intrinsic is no camera matrix: its last rows are not 0 0 0 1 and 0 0 1 0")
    return torch.cat([matrix[:2, :3], torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64)])


def _write(rig: CameraRig, folder: Path) -> None:
    """Write a file for each camera, named after it; metres, the world as it is.

    Raises:
        InputError: an image size is not known, a lens is not Brown-Conrady, or a camera's name cannot be that of a
            file.
    """
    for camera in file_cameras(rig, FORMAT.name, coefficients=len(_COEFFICIENTS)):
        write_json(_table(camera), folder / f"{file_stem(camera.name, FORMAT.name)}.json")


def _table(camera: FileCamera) -> dict[str, Any]:
    rotation, translation = pose_of(camera)
    width, height = whole_size(camera)
    return {
        "class_name": _RATIONAL,
        "name": camera.name,
        "height": height,
        "width": width,
        "intrinsic": [[*row, 0.0] for row in camera.intrinsics[:2].tolist()] + _LAST_ROWS[0],
        "extrinsic_r": rotation.tolist(),
        "extrinsic_t": translation.tolist(),
        "convention": "opencv",
        "world2cam": True,
        **dict(zip(_COEFFICIENTS, camera.distortion.tolist(), strict=True)),
    }


FORMAT = FileFormat(
    name="xrprimer_json",
    holds=CameraRig,
    suffixes=("", ".json"),
    about="XRPrimer / XRMoCap camera JSON (the folder, or one file); metres, up axis not stored.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
