"""Human3.6M cameras as in the data set's own ``metadata.xml``; millimetres, z up.

Its element ``w0`` lists 300 numbers: six for each of 4 cameras times 11 subjects (three angles in radians, then the
camera's centre), then nine for each camera: fx fy cx cy k1 k2 k3 p0 p1. The rotation from world to camera is
R1(a) R2(b) R3(c), about x, y and z in turn. Each subject has its own rig: pass ``subject="S1"``, up to "S11". The
lens is Human3.6M's own (``Lens.HUMAN36M``), the cameras are named after their serial numbers.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from lift3d.cameras import CameraRig, Lens
from lift3d.errors import FileError
from lift3d.formats._entry import FileFormat
from lift3d.formats._human36m import CAMERAS, chosen_subject, picture_size
from lift3d.formats._rigs import FileCamera, FileRig, numbers
from lift3d.formats._xml import read_xml
from lift3d.geometry.rotations import rotvec_to_matrix

__all__ = ["FORMAT"]

_SUBJECTS = 11
_POSE, _LENS = 6, 9
_NUMBERS = len(CAMERAS) * (_SUBJECTS * _POSE + _LENS)


def _recognises(path: Path) -> bool:
    try:
        return b"<w0>" in path.read_bytes()
    except OSError:
        return False


def _read(path: Path, subject: str | None = None) -> FileRig:
    values = _camera_numbers(path)
    poses = values[: -len(CAMERAS) * _LENS].reshape(len(CAMERAS), _SUBJECTS, _POSE)
    lenses = values[-len(CAMERAS) * _LENS :].reshape(len(CAMERAS), _LENS)
    subjects = [f"S{number}" for number in range(1, _SUBJECTS + 1)]
    index = subjects.index(chosen_subject(path, subject, subjects))
    cameras = [_camera(name, poses[i, index], lenses[i]) for i, name in enumerate(CAMERAS)]
    return FileRig(cameras, unit="mm", up="+z")


def _camera_numbers(path: Path) -> Tensor:
    element = next(read_xml(path).iter("w0"), None)
    if element is None:
        raise FileError(path, "has no <w0> element", "Give the metadata.xml of Human3.6M.")
    words = (element.text or "").strip().removeprefix("[").removesuffix("]").replace(";", " ").split()
    return numbers(path, "<w0>", words, _NUMBERS)


def _camera(name: str, pose: Tensor, lens: Tensor) -> FileCamera:
    about_x, about_y, about_z = rotvec_to_matrix(torch.diag(pose[:3]))
    rotation = about_x @ about_y @ about_z
    fx, fy, cx, cy, k1, k2, k3, p0, p1 = lens.tolist()
    return FileCamera(
        name=name,
        intrinsics=torch.tensor([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=torch.float64),
        distortion=torch.tensor([k1, k2, p0, p1, k3], dtype=torch.float64),
        rotation=rotation,
        translation=-rotation @ pose[3:],
        image_size=picture_size(name),
        lens=Lens.HUMAN36M,
    )


FORMAT = FileFormat(
    name="human36m_metadata_xml",
    holds=CameraRig,
    suffixes=(".xml",),
    about="Human3.6M metadata.xml; millimetres, z up; choose a subject.",
    recognises=_recognises,
    read=_read,
)
