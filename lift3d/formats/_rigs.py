"""From what a calibration file says of its cameras to a ``CameraRig`` in metres: checked once, here."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lift3d._natural_order import natural_order
from lift3d.cameras import Camera, CameraRig, Lens
from lift3d.errors import FileError, InputError
from lift3d.formats._units import metres_per_unit
from lift3d.formats._up_axis import up_axis
from lift3d.geometry.rotations import rotvec_to_matrix

__all__ = [
    "UNKNOWN_SIZE",
    "FileCamera",
    "FileRig",
    "finite_numbers",
    "first_of",
    "needs",
    "numbers",
    "numbers_at",
    "rig_of",
    "rotation_of",
    "size_of",
    "used_coefficients",
]

UNKNOWN_SIZE = torch.full((2,), math.nan, dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class FileCamera:
    """One camera as a file tells it; float64.

    Args:
        name: the camera's.
        intrinsics: (3, 3), pixels.
        distortion: up to 14 coefficients, in the order of the lens model.
        rotation, translation: (3, 3) and (3,), world to camera, in the file's length unit; None if it has no pose.
        image_size: width and height, pixels; NaN where not known.
        lens: the distortion model.
    """

    name: str
    intrinsics: Tensor
    distortion: Tensor
    rotation: Tensor | None
    translation: Tensor | None
    image_size: Tensor
    lens: Lens = Lens.BROWN_CONRADY


@dataclass(frozen=True, eq=False)
class FileRig:
    """What a calibration file tells; what the caller adds makes a ``CameraRig`` of it, see :func:`rig_of`.

    Args:
        cameras: what the file says of each.
        unit: of its lengths, ``"m"``, ``"cm"`` or ``"mm"``, where the file or its format states it; else None.
        up: the axis of its world that points up, where the file or its format states it; else None.
        keep_order: whether the cameras' order in the file means something.
    """

    cameras: Sequence[FileCamera]
    unit: str | None = None
    up: str | None = None
    keep_order: bool = False


def rig_of(path: Path, told: FileRig, unit: str | None = None, up: str | None = None) -> CameraRig:
    """The rig of a file's cameras, in metres and in natural order of their names (``cam_2`` before ``cam_10``).

    Cameras without a pose are left out with a warning; a unit or an up axis that nobody states is guessed with one.

    Args:
        path: of the file, for error texts.
        told: what the file says.
        unit: of its lengths, as the caller says: ``"m"``, ``"cm"``, ``"mm"`` or None.
        up: the axis that points up, as the caller says, or None.

    Raises:
        FileError: there are no cameras with a pose, names repeat, or the numbers are no camera.
    """
    found = list(told.cameras)
    names = [camera.name for camera in found]
    if not found:
        raise FileError(path, "holds no cameras; expected at least one", "Check that it is a calibration.")
    if len(set(names)) != len(names):
        raise FileError(path, f"camera names repeat: {', '.join(names)}", "Give each camera its own name.")
    found = _posed(path, found if told.keep_order else sorted(found, key=lambda camera: natural_order(camera.name)))
    farthest = max(float(camera.translation.norm()) for camera in found if camera.translation is not None)
    scale = metres_per_unit(path, farthest, unit, told.unit)
    rig = CameraRig.of({camera.name: _camera(path, camera, scale) for camera in found})
    return replace(rig, up=up_axis(path, rig.cameras.rotation, up, told.up))


def needs(path: Path, where: str, table: Mapping[str, Any], *keys: str) -> Any:
    """The value of the first of the keys that the table has.

    Raises:
        FileError: it has none of them.
    """
    value = first_of(table, *keys)
    if value is None:
        spelt = " or ".join(repr(key) for key in keys)
        raise FileError(path, f"{where} has no {spelt}", "The calibration is incomplete; export it again.")
    return value


def first_of(table: Mapping[str, Any], *keys: str) -> Any:
    """The value of the first of the keys that the table has; None if it has none, or only a null."""
    return next((table[key] for key in keys if table.get(key) not in (None, "null")), None)


def numbers(path: Path, where: str, value: Any, *shape: int) -> Tensor:
    """Finite numbers of a file as a float64 tensor; a row or column passes for a vector, a flat list for a matrix.

    Raises:
        FileError: these are no numbers, too few or too many, or some are NaN or infinite.
    """
    found = finite_numbers(path, where, value)
    if found.numel() != math.prod(shape):
        size = " x ".join(str(side) for side in found.shape) or "1"
        expected = " x ".join(str(side) for side in shape)
        raise FileError(path, f"{where} has {size} numbers; expected {expected}", "Export the calibration again.")
    return found.reshape(shape)


def numbers_at(path: Path, where: str, table: Mapping[str, Any], key: str, *shape: int) -> Tensor:
    """The numbers under a key of a table: of that shape, or, if none is given, however many there are, in one row.

    Raises:
        FileError: there are none, or they are not as :func:`numbers` expects.
    """
    value = needs(path, where, table, key)
    if not shape:
        return finite_numbers(path, f"{where} {key}", value).reshape(-1)
    return numbers(path, f"{where} {key}", value, *shape)


def finite_numbers(path: Path, where: str, value: Any) -> Tensor:
    """Finite numbers of a file as a float64 tensor, of the shape they come in.

    Raises:
        FileError: these are no numbers, or some are NaN or infinite.
    """
    try:
        found = torch.from_numpy(np.array(value, dtype=np.float64))
    except (TypeError, ValueError, OverflowError) as error:
        raise FileError(path, f"{where} is not made of numbers", "Export the calibration again.") from error
    if not bool(torch.isfinite(found).all()):
        raise FileError(path, f"{where} holds NaN or infinity; expected finite numbers", "Calibrate this camera again.")
    return found


def rotation_of(path: Path, where: str, value: Any) -> Tensor:
    """The matrix of a rotation stored as a matrix or as a rotation vector (radians).

    Raises:
        FileError: it is neither.
    """
    found = finite_numbers(path, where, value)
    if found.numel() == 9:
        return found.reshape(3, 3)
    if found.numel() == 3:
        return rotvec_to_matrix(found.reshape(3))
    raise FileError(path, f"{where} has {found.numel()} numbers; expected 3 (a rotation vector) or 3 x 3")


def size_of(path: Path, where: str, value: Any) -> Tensor:
    """Width and height in pixels; NaN if the file says nothing, or only one of them.

    Raises:
        FileError: they are not two positive numbers.
    """
    if value is None or (isinstance(value, list) and None in value):
        return UNKNOWN_SIZE
    size = numbers(path, where, value, 2)
    if not bool((size > 0).all()):
        raise FileError(path, f"{where} is {size.tolist()}; expected a positive width and height")
    return size


def used_coefficients(camera: Camera, at_least: int = 0) -> list[float]:
    """The distortion coefficients of one camera without the zeros at the end, but so many at least."""
    numbers = camera.distortion.tolist()
    while len(numbers) > at_least and numbers[-1] == 0:
        numbers.pop()
    return numbers


def _posed(path: Path, cameras: Sequence[FileCamera]) -> list[FileCamera]:
    posed = [camera for camera in cameras if camera.rotation is not None and camera.translation is not None]
    lost = ", ".join(camera.name for camera in cameras if camera not in posed)
    if not posed:
        raise FileError(path, f"no camera has a pose ({lost})", "Calibrate the cameras' positions, not lenses alone.")
    if lost:
        warnings.warn(f"{path}: cameras without a pose are left out: {lost}.", stacklevel=3)
    return posed


def _camera(path: Path, camera: FileCamera, scale: float) -> Camera:
    assert camera.translation is not None
    if not torch.allclose(camera.intrinsics[2], torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64), atol=1e-6):
        raise FileError(path, f"camera {camera.name!r}: the last row of its matrix is not 0 0 1", "Transpose it?")
    if camera.lens is Lens.FISHEYE and bool((camera.distortion.reshape(-1)[4:] != 0).any()):
        raise FileError(path, f"camera {camera.name!r}: a fisheye lens has 4 coefficients, not more")
    try:
        return Camera.of(
            intrinsics=camera.intrinsics,
            distortion=camera.distortion,
            rotation=camera.rotation,
            translation=camera.translation * scale,
            image_size=camera.image_size,
            lens=camera.lens,
        )
    except InputError as error:
        raise FileError(path, f"camera {camera.name!r}: {error}") from error
