"""What COLMAP's text and binary models share: lens models, and the cameras that their images make."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from lift3d.cameras import Lens
from lift3d.errors import FileError
from lift3d.formats._rigs import FileCamera, FileRig, finite_numbers, size_of
from lift3d.geometry.rotations import quaternion_to_matrix

__all__ = ["CORNER", "PARAMETERS", "ColmapCamera", "ColmapImage", "file_rig"]

CORNER = 0.5  # COLMAP counts pixels from the corner of the top-left one, whose centre is (0.5, 0.5)

# parameters of the lens models, in the order of their numbers in binary files: 0, 1, ...
PARAMETERS = {
    "SIMPLE_PINHOLE": ("f", "cx", "cy"),
    "PINHOLE": ("fx", "fy", "cx", "cy"),
    "SIMPLE_RADIAL": ("f", "cx", "cy", "k1"),
    "RADIAL": ("f", "cx", "cy", "k1", "k2"),
    "OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"),
    "OPENCV_FISHEYE": ("fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4"),
    "FULL_OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"),
}
_FISHEYE = ("k1", "k2", "k3", "k4")
_BROWN_CONRADY = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")


@dataclass(frozen=True)
class ColmapCamera:
    """A lens: its model, picture size in pixels, and parameters in the model's order."""

    model: str
    size: Sequence[object]
    parameters: Sequence[object]


@dataclass(frozen=True)
class ColmapImage:
    """A picture: its file's name, the number of its lens, and the pose (w, x, y, z, then t), world to camera."""

    name: str
    camera: int
    pose: Sequence[object]


def file_rig(path: Path, cameras: Mapping[int, ColmapCamera], images: Sequence[ColmapImage]) -> FileRig:
    """One camera for each image, named after it without its suffix; unit and up axis are not stored.

    Raises:
        FileError: an image's camera is missing, its model is not known, or numbers are wrong.
    """
    names = [re.sub(r"\.[A-Za-z]\w{1,4}$", "", image.name) for image in images]
    if len(set(names)) != len(names):
        names = [image.name for image in images]
    return FileRig([_camera(path, name, cameras, image) for name, image in zip(names, images, strict=True)])


def _camera(path: Path, name: str, cameras: Mapping[int, ColmapCamera], image: ColmapImage) -> FileCamera:
    if image.camera not in cameras:
        raise FileError(path, f"image {image.name!r} is of camera {image.camera}, which is not there")
    camera, where = cameras[image.camera], f"camera {image.camera}"
    if camera.model not in PARAMETERS:
        raise FileError(path, f"{where} has the model {camera.model}; known are {', '.join(PARAMETERS)}")
    keys = PARAMETERS[camera.model]
    found = finite_numbers(path, f"{where} parameters", camera.parameters).tolist()
    if len(found) != len(keys):
        raise FileError(
            path, f"{where} has {len(found)} parameters; {camera.model} has {len(keys)}", "Is it cut short?"
        )
    given = dict(zip(keys, found, strict=True))
    fx, fy = (given.get(key, given.get("f", 0.0)) for key in ("fx", "fy"))
    cx, cy = given["cx"] - CORNER, given["cy"] - CORNER
    fisheye = camera.model == "OPENCV_FISHEYE"
    coefficients = [given.get(key, 0.0) for key in (_FISHEYE if fisheye else _BROWN_CONRADY)]
    pose = finite_numbers(path, f"image {image.name!r}", image.pose)
    return FileCamera(
        name=name,
        intrinsics=torch.tensor([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=torch.float64),
        distortion=torch.tensor(coefficients, dtype=torch.float64),
        rotation=quaternion_to_matrix(pose[:4]),
        translation=pose[4:],
        image_size=size_of(path, f"{where} width and height", camera.size),
        lens=Lens.FISHEYE if fisheye else Lens.BROWN_CONRADY,
    )
