"""Calibrations of the bioCV data set (``.calib``): one file a camera, named after it; millimetres, z up.

Lines: width; height; three of the camera matrix; four of [R t; 0 0 0 1], world to camera; the distortion k1 k2 p1 p2
k3; with blank lines in between. Give one file, or the folder of all.
"""

from __future__ import annotations

from pathlib import Path

import torch

from lift3d.cameras import CameraRig
from lift3d.errors import FileError
from lift3d.formats._camera_files import camera_files, has_camera_files
from lift3d.formats._entry import FileFormat
from lift3d.formats._json import beginning
from lift3d.formats._rigs import FileCamera, FileRig, numbers, size_of
from lift3d.formats._text import read_text
from lift3d.formats._written_rigs import file_cameras, file_stem, pose_of, whole_size

__all__ = ["FORMAT"]

_PATTERNS = ("*.calib",)
_LINES = 10


def _recognises(path: Path) -> bool:
    return has_camera_files(path, _PATTERNS, _is_camera)


def _is_camera(path: Path) -> bool:
    counts = [len(line.split()) for line in beginning(path).splitlines() if line.strip()]
    return counts[:_LINES] == [1, 1, 3, 3, 3, 4, 4, 4, 4, 5]


def _read(path: Path) -> FileRig:
    return FileRig([_camera(one) for one in camera_files(path, _PATTERNS, _is_camera)], unit="mm", up="+z")


def _camera(path: Path) -> FileCamera:
    text = read_text(path)
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if len(lines) != _LINES or not text.endswith("\n"):
        raise FileError(path, f"has {len(lines)} lines; expected {_LINES}, each with its end", "Is it cut short?")
    pose = numbers(path, "lines 6 to 9 (pose)", lines[5:9], 4, 4)
    return FileCamera(
        name=path.stem,
        intrinsics=numbers(path, "lines 3 to 5 (camera matrix)", lines[2:5], 3, 3),
        distortion=numbers(path, "the last line (distortion)", lines[9], 5),
        rotation=pose[:3, :3],
        translation=pose[:3, 3],
        image_size=size_of(path, "lines 1 and 2 (width, height)", lines[0] + lines[1]),
    )


def _write(rig: CameraRig, folder: Path) -> None:
    """Write a file for each camera, named after it; millimetres, the world turned so that z is up.

    Raises:
        InputError: an image size is not known, a lens is not Brown-Conrady or has more than five coefficients, or a
            camera's name cannot be that of a file.
    """
    for camera in file_cameras(rig, FORMAT.name, coefficients=5, unit="mm", up="+z"):
        (folder / f"{file_stem(camera.name, FORMAT.name)}.calib").write_text(_text(camera), encoding="utf-8")


def _text(camera: FileCamera) -> str:
    rotation, translation = pose_of(camera)
    pose = torch.cat([rotation, translation[:, None]], dim=1).tolist()
    width, height = whole_size(camera)
    parts = [camera.intrinsics.tolist(), [*pose, [0, 0, 0, 1]], [camera.distortion.tolist()]]
    blocks = ["\n".join(" ".join(map(repr, row)) for row in part) for part in parts]
    return f"{width}\n{height}\n" + "\n\n".join(blocks) + "\n"


FORMAT = FileFormat(
    name="biocv_text",
    holds=CameraRig,
    suffixes=("", ".calib"),
    about="bioCV .calib files (the folder, or one); millimetres, z up.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
