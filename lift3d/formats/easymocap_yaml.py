"""Calibrations of EasyMocap: ``intri.yml`` and ``extri.yml`` in one folder; metres, z up.

Give the folder or either file. Both list ``names``; then K_<name>, dist_<name> (or D_<name>), perhaps H_<name> and
W_<name>; and R_<name> (rotation vector), Rot_<name> (the same as a matrix), T_<name>, world to camera. Pose2Sim's
converter numbers the keys instead (K_1, K_2, ...), which is read too. EasyMocap writes six decimals, so that the
rotation vector, always a rotation, is read before the matrix.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lift3d.cameras import CameraRig
from lift3d.errors import FileError, InputError
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
from lift3d.formats._written_rigs import file_cameras, pose_of
from lift3d.geometry.rotations import matrix_to_rotvec

__all__ = ["FORMAT"]


def _recognises(path: Path) -> bool:
    if path.is_dir():
        files = [one for what in ("intri", "extri") for one in (path / f"{what}.yml", path / f"{what}.yaml")]
        return sum(_has_cameras(keys_at_top(one)) for one in files) >= 2
    return _has_cameras(keys_at_top(path))


def _has_cameras(keys: set[str]) -> bool:
    return "names" in keys and any(key.startswith(("K_", "R_", "Rot_")) for key in keys)


def _read(path: Path) -> FileRig:
    intri_path, extri_path = _both(path)
    intri, extri = read_opencv_yaml(intri_path), read_opencv_yaml(extri_path)
    names = needs(intri_path, "the file", intri, "names")
    if not isinstance(names, list):
        raise FileError(intri_path, "names is no list; expected the cameras' names")
    cameras = [
        _camera(str(name), _Keys(intri_path, intri, str(name), index), _Keys(extri_path, extri, str(name), index))
        for index, name in enumerate(names, start=1)
    ]
    return FileRig(cameras, unit="m", up="+z")


def _both(path: Path) -> tuple[Path, Path]:
    """The intrinsic and the extrinsic file, given either or their folder."""
    if path.is_dir():
        suffix = ".yml" if (path / "intri.yml").exists() else ".yaml"
        return path / f"intri{suffix}", path / f"extri{suffix}"
    if "intri" not in path.name and "extri" not in path.name:
        raise FileError(path, "is named neither intri nor extri", "Give EasyMocap's intri.yml, or its folder.")
    intri = path.with_name(path.name.replace("extri", "intri"))
    extri = path.with_name(path.name.replace("intri", "extri"))
    for one in (intri, extri):
        if not one.exists():
            raise FileError(one, "does not exist", "Keep intri.yml and extri.yml in one folder.")
    return intri, extri


class _Keys:
    """The values of one camera in one file, by key without the camera's name or number."""

    def __init__(self, path: Path, values: Mapping[str, Any], name: str, index: int) -> None:
        self.path, self._values, self._endings = path, values, (name, str(index))

    def get(self, *keys: str) -> Any:
        return first_of(self._values, *self._spelt(keys))

    def need(self, *keys: str) -> Any:
        return needs(self.path, "the file", self._values, *self._spelt(keys))

    def _spelt(self, keys: tuple[str, ...]) -> list[str]:
        return [f"{key}_{ending}" for ending in self._endings for key in keys]


def _camera(name: str, intri: _Keys, extri: _Keys) -> FileCamera:
    rotation, translation = extri.get("R", "Rot"), extri.get("T")
    return FileCamera(
        name=name,
        intrinsics=numbers(intri.path, f"K_{name}", intri.need("K"), 3, 3),
        distortion=finite_numbers(intri.path, f"dist_{name}", intri.need("dist", "D")).reshape(-1),
        rotation=None if rotation is None else rotation_of(extri.path, f"R_{name}", rotation),
        translation=None if translation is None else numbers(extri.path, f"T_{name}", translation, 3),
        image_size=size_of(intri.path, f"W_{name}, H_{name}", [intri.get("W"), intri.get("H")]),
    )


def _write(rig: CameraRig, folder: Path) -> None:
    """Write both files; metres, the world turned so that z is up, with full precision.

    Raises:
        InputError: a lens is not Brown-Conrady or has more than five coefficients, or a name cannot be part of a key.
    """
    cameras = file_cameras(rig, FORMAT.name, coefficients=5, up="+z", sized=False)
    names: dict[str, Any] = {"names": [camera.name for camera in cameras]}
    for file, values in (("intri", _intri), ("extri", _extri)):
        keys = {f"{key}_{camera.name}": value for camera in cameras for key, value in values(camera).items()}
        (folder / f"{file}.yml").write_text(opencv_yaml_text({**names, **keys}), encoding="utf-8")


def _intri(camera: FileCamera) -> dict[str, Any]:
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", camera.name):
        raise InputError(
            f"camera {camera.name!r}: names in {FORMAT.name} are of letters, digits and _ . - alone. Rename it."
        )
    sides = zip("WH", camera.image_size.tolist(), strict=True)
    size = {key: round(side) for key, side in sides if not math.isnan(side)}
    return {"K": camera.intrinsics, "dist": camera.distortion[None], **size}


def _extri(camera: FileCamera) -> dict[str, Any]:
    rotation, translation = pose_of(camera)
    return {
        "R": matrix_to_rotvec(rotation)[:, None],
        "Rot": rotation,
        "T": translation[:, None],
    }


FORMAT = FileFormat(
    name="easymocap_yaml",
    holds=CameraRig,
    suffixes=("", ".yml", ".yaml"),
    about="EasyMocap intri.yml and extri.yml (the folder, or either file); metres, z up.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
