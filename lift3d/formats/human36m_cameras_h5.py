"""Human3.6M cameras as ``cameras.h5`` of the ``h36m.zip`` that Martinez et al. 2017 used; millimetres, z up.

Groups ``subject1/camera1`` to ``subject11/camera4`` hold R, stored transposed (as read, it turns from the camera to the
world), T, the camera's centre, f, c, k1 k2 k3 and p0 p1 of Human3.6M's own lens model, in the order of the data set's
metadata, and Name, one number a character. Each subject has its own rig: pass ``subject="S1"``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from lift3d._natural_order import natural_order
from lift3d.cameras import CameraRig
from lift3d.errors import FileError
from lift3d.formats._entry import FileFormat
from lift3d.formats._h5 import array_of, holds_all, opened
from lift3d.formats._human36m import chosen_subject, picture_size, published_camera
from lift3d.formats._rigs import FileCamera, FileRig, numbers

__all__ = ["FORMAT"]


def _recognises(path: Path) -> bool:
    return any(holds_all(path, (f"subject{number}/camera1",)) for number in range(1, 12))


def _read(path: Path, subject: str | None = None) -> FileRig:
    with opened(path) as file:
        names = [str(name) for name in file]
        subjects = {f"S{name.removeprefix('subject')}": name for name in names if name.startswith("subject")}
        group: Any = file[subjects[chosen_subject(path, subject, list(subjects))]]
        cameras = [_camera(path, group[name]) for name in sorted(group, key=natural_order)]
    return FileRig(cameras, unit="mm", up="+z")


def _camera(path: Path, group: Any) -> FileCamera:
    def read(key: str, *shape: int) -> torch.Tensor:
        return numbers(path, f"{group.name}/{key}", array_of(path, group, key), *shape)

    name = _name(path, group)
    return published_camera(name, read, picture_size(name))


def _name(path: Path, group: Any) -> str:
    codes = array_of(path, group, "Name").reshape(-1)
    if codes.dtype.kind not in "iu" or not np.all((codes > 31) & (codes < 127)):
        raise FileError(path, f"{group.name}/Name is no list of characters' codes", "Write the file again.")
    return "".join(chr(code) for code in codes.tolist())


FORMAT = FileFormat(
    name="human36m_cameras_h5",
    holds=CameraRig,
    suffixes=(".h5",),
    about="Human3.6M cameras.h5 (h36m.zip of Martinez et al.); millimetres, z up; choose a subject.",
    recognises=_recognises,
    read=_read,
)
