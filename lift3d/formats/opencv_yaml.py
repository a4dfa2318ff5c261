"""Calibrations saved with OpenCV's FileStorage, and ROS ``camera_info`` files.

Three kinds: a file of one camera, a folder with such a file for each camera, and a stereo file. Names are spelt in
many ways, see ``_SPELLINGS``. ``R`` is a matrix or a rotation vector; R and T map the world, in a stereo file the
first camera, to the camera (in a stereo file the second). The length unit and the up axis are stored by lift3d alone
(``length_unit``, ``up``). ROS files
have no pose: a single one is the world itself, whose -y points up. ``distortion_model`` ("plumb_bob",
"rational_polynomial", "equidistant") or ``fisheye: 1`` tells the lens; without either it is Brown-Conrady.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lift3d.cameras import CameraRig, Lens
from lift3d.errors import FileError
from lift3d.formats._camera_files import camera_files, has_camera_files
from lift3d.formats._entry import FileFormat
from lift3d.formats._opencv_matrices import keys_at_top, opencv_yaml_text, read_opencv_yaml
from lift3d.formats._rigs import (
    FileCamera,
    FileRig,
    finite_numbers,
    first_of,
    needs,
    numbers,
    rotation_of,
    size_of,
)
from lift3d.formats._units import unit_named
from lift3d.formats._written_rigs import file_cameras, file_stem, pose_of

__all__ = ["FORMAT"]

_SPELLINGS = {
    "matrix": (
        "camera_matrix", "K", "cameraMatrix", "CameraMatrix", "Camera_Matrix", "intrinsicMatrix", "intrinsic_matrix",
        "mtx",
    ),
    "distortion": (
        "distortion_coefficients", "dist", "D", "distCoeffs", "dist_coeffs", "dist_coeff", "Distortion_Coefficients",
    ),
    "rotation": ("R", "rotation", "rotation_matrix", "rvec"),
    "translation": ("T", "t", "tvec", "translation"),
    "size": ("imageSize", "image_size"),
}  # fmt: skip
_STEREO = {
    "matrix": ("M{}", "K{}", "cameraMatrix{}", "camera_matrix_{}"),
    "distortion": ("D{}", "dist{}", "distCoeffs{}"),
}
_PATTERNS = ("*.yml", "*.yaml")
_LENSES = {
    "plumb_bob": Lens.BROWN_CONRADY,
    "rational_polynomial": Lens.BROWN_CONRADY,
    "equidistant": Lens.FISHEYE,
    "fisheye": Lens.FISHEYE,
}


def _recognises(path: Path) -> bool:
    return has_camera_files(path, _PATTERNS, _is_camera_file) or _is_stereo(keys_at_top(path))


def _is_camera_file(path: Path) -> bool:
    return _is_camera(keys_at_top(path))


def _is_camera(keys: set[str]) -> bool:
    return all(not keys.isdisjoint(_SPELLINGS[what]) for what in ("matrix", "distortion"))


def _is_stereo(keys: set[str]) -> bool:
    return all(not keys.isdisjoint(_numbered("matrix", side)) for side in (1, 2)) and "R" in keys


def _numbered(what: str, side: int) -> tuple[str, ...]:
    return tuple(key.format(side) for key in _STEREO[what])


def _read(path: Path) -> FileRig:
    files = camera_files(path, _PATTERNS, _is_camera_file)
    if files == [path]:
        values = read_opencv_yaml(path)
        if _is_stereo(set(values)):
            return FileRig(_stereo_pair(path, values))
    read = [read_opencv_yaml(file) for file in files]
    cameras = [_camera(file, values) for file, values in zip(files, read, strict=True)]
    if len(cameras) == 1 and cameras[0].rotation is None and cameras[0].translation is None:
        return FileRig([replace(cameras[0], **_no_pose())], up="-y")  # the camera is the world
    return FileRig(cameras, unit_named(_stated(path, read, "length_unit")), _stated(path, read, "up"))


def _stated(path: Path, read: Sequence[Mapping[str, Any]], key: str) -> str | None:
    """What all files state alike, None where they state nothing."""
    found = {str(values[key]) for values in read if key in values}
    if len(found) > 1:
        raise FileError(path, f"its files differ in {key}: {', '.join(sorted(found))}", "Keep each rig in its folder.")
    return next(iter(found), None)


def _camera(path: Path, values: Mapping[str, Any]) -> FileCamera:
    rotation = first_of(values, *_SPELLINGS["rotation"])
    translation = first_of(values, *_SPELLINGS["translation"])
    if (rotation is None) != (translation is None):
        raise FileError(path, "has only one of rotation and translation; expected both or none")
    return FileCamera(
        name=str(values.get("camera_name") or path.stem),
        intrinsics=numbers(path, "the camera matrix", needs(path, "the file", values, *_SPELLINGS["matrix"]), 3, 3),
        distortion=_distortion(path, needs(path, "the file", values, *_SPELLINGS["distortion"])),
        rotation=None if rotation is None else rotation_of(path, "the rotation", rotation),
        translation=None if translation is None else numbers(path, "the translation", translation, 3),
        image_size=_size(path, values),
        lens=_lens(path, values),
    )


def _stereo_pair(path: Path, values: Mapping[str, Any]) -> list[FileCamera]:
    second = {
        "rotation": rotation_of(path, "R", needs(path, "the file", values, "R")),
        "translation": numbers(path, "T", needs(path, "the file", values, "T"), 3),
    }
    return [_of_pair(path, values, 1, _no_pose()), _of_pair(path, values, 2, second)]


def _of_pair(path: Path, values: Mapping[str, Any], side: int, pose: Mapping[str, Tensor]) -> FileCamera:
    matrix = needs(path, "the file", values, *_numbered("matrix", side))
    distortion = needs(path, "the file", values, *_numbered("distortion", side))
    return FileCamera(
        name=f"cam{side}",
        intrinsics=numbers(path, f"the camera matrix {side}", matrix, 3, 3),
        distortion=_distortion(path, distortion),
        rotation=pose["rotation"],
        translation=pose["translation"],
        image_size=_size(path, values),
        lens=_lens(path, values),
    )


def _no_pose() -> dict[str, Tensor]:
    return {
        "rotation": torch.eye(3, dtype=torch.float64),
        "translation": torch.zeros(3, dtype=torch.float64),
    }


def _distortion(path: Path, value: Any) -> Tensor:
    return finite_numbers(path, "the distortion", value).reshape(-1)


def _size(path: Path, values: Mapping[str, Any]) -> Tensor:
    sides = [first_of(values, f"image_{side}", f"image{side.title()}") for side in ("width", "height")]
    return size_of(path, "the image size", first_of(values, *_SPELLINGS["size"]) if None in sides else sides)


def _lens(path: Path, values: Mapping[str, Any]) -> Lens:
    fisheye = values.get("fisheye")
    if fisheye is not None:
        return Lens.FISHEYE if str(fisheye).lower() in ("1", "true") else Lens.BROWN_CONRADY
    model = str(values.get("distortion_model") or "plumb_bob").lower()
    if model not in _LENSES:
        raise FileError(path, f"distortion_model is {model!r}; expected one of {', '.join(_LENSES)}")
    return _LENSES[model]


def _write(rig: CameraRig, folder: Path) -> None:
    """Write a file for each camera, named after it; metres, the world as it is, both stated.

    Raises:
        InputError: a lens is Human3.6M's own, or a camera's name cannot be that of a file.
    """
    for camera in file_cameras(rig, FORMAT.name, Lens.BROWN_CONRADY, Lens.FISHEYE, coefficients=8, sized=False):
        text = opencv_yaml_text(_values(camera, rig.up))
        (folder / f"{file_stem(camera.name, FORMAT.name)}.yml").write_text(text, encoding="utf-8")


def _values(camera: FileCamera, up: str) -> dict[str, Any]:
    rotation, translation = pose_of(camera)
    rational = camera.lens is Lens.BROWN_CONRADY and bool(camera.distortion[5:].any())
    model = "equidistant" if camera.lens is Lens.FISHEYE else "rational_polynomial" if rational else "plumb_bob"
    sides = zip(("image_width", "image_height"), camera.image_size.tolist(), strict=True)
    return {
        "camera_name": camera.name,
        **{key: round(side) for key, side in sides if not math.isnan(side)},
        "length_unit": "m",
        "up": up,
        "distortion_model": model,
        "camera_matrix": camera.intrinsics,
        "distortion_coefficients": (camera.distortion if rational else camera.distortion[:5])[None],
        "R": rotation,
        "T": translation[:, None],
    }


FORMAT = FileFormat(
    name="opencv_yaml",
    holds=CameraRig,
    suffixes=("", ".yml", ".yaml"),
    about="OpenCV FileStorage (one camera, stereo pair, folder of cameras) and ROS camera_info; unit not stored.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
