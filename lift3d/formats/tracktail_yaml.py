"""``metadata.yaml`` for TrackTail, as aniposelib-pytorch writes it; the unit and the up axis are not stored.

By camera: ``intrinsic_matrices``, ``extrinsic_matrices`` (4 x 4, world to camera), ``distortion_matrices``,
``camera_widths`` and ``camera_heights``; for all, ``cam_type``: "pinhole" (Brown-Conrady) or "fisheye". Pictures cut
out of the sensor's (an ``offset_dict`` other than zero) are refused: no such file was at hand to tell its sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lift3d.cameras import CameraRig, Lens
from lift3d.errors import FileError
from lift3d.formats._entry import FileFormat
from lift3d.formats._json import json_table
from lift3d.formats._opencv_matrices import keys_at_top, read_opencv_yaml
from lift3d.formats._rigs import FileCamera, FileRig, finite_numbers, needs, numbers, size_of

__all__ = ["FORMAT"]

_LENSES = {"pinhole": Lens.BROWN_CONRADY, "fisheye": Lens.FISHEYE}


def _recognises(path: Path) -> bool:
    return {"intrinsic_matrices", "extrinsic_matrices"} <= keys_at_top(path)


def _read(path: Path) -> FileRig:
    values = read_opencv_yaml(path)
    offsets = values.get("offset_dict") or {}
    for name, offset in json_table(path, "offset_dict", offsets).items():
        if bool(finite_numbers(path, f"offset_dict of {name}", offset).any()):
            raise FileError(path, f"camera {name!r} films a part of its sensor (offset_dict), which is not read")
    lens = str(values.get("cam_type") or "pinhole")
    if lens not in _LENSES:
        raise FileError(path, f"cam_type is {lens!r}; expected one of {', '.join(_LENSES)}")
    names = json_table(path, "intrinsic_matrices", needs(path, "the file", values, "intrinsic_matrices"))
    return FileRig([_camera(path, str(name), _OfCamera(path, values, name), _LENSES[lens]) for name in names])


class _OfCamera:
    """What the file says of one camera: the file has a table for each quantity, with a value for each camera."""

    def __init__(self, path: Path, values: Mapping[str, Any], name: Any) -> None:
        self._path, self._values, self._name = path, values, name

    def get(self, quantity: str) -> Any:
        return json_table(self._path, quantity, self._values.get(quantity) or {}).get(self._name)

    def need(self, quantity: str) -> Any:
        value = self.get(quantity)
        if value is None:
            raise FileError(self._path, f"{quantity} has no camera {self._name!r}", "Export the calibration again.")
        return value


def _camera(path: Path, name: str, own: _OfCamera, lens: Lens) -> FileCamera:
    where = f"camera {name!r}"
    pose = numbers(path, f"{where} of extrinsic_matrices", own.need("extrinsic_matrices"), 4, 4)
    size = [own.get("camera_widths"), own.get("camera_heights")]
    distortion = finite_numbers(path, f"{where} of distortion_matrices", own.need("distortion_matrices"))
    return FileCamera(
        name=name,
        intrinsics=numbers(path, f"{where} of intrinsic_matrices", own.need("intrinsic_matrices"), 3, 3),
        distortion=distortion.reshape(-1),
        rotation=pose[:3, :3],
        translation=pose[:3, 3],
        image_size=size_of(path, f"{where} width and height", size),
        lens=lens,
    )


FORMAT = FileFormat(
    name="tracktail_yaml",
    holds=CameraRig,
    suffixes=(".yaml", ".yml"),
    about="TrackTail metadata.yaml by aniposelib-pytorch; unit and up axis not stored.",
    recognises=_recognises,
    read=_read,
)
