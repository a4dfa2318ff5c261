"""Direct linear transforms: eleven coefficients a camera, as text; the unit and the up axis are not stored.

Eleven rows L1 to L11, one column a camera, separated by commas or blanks; a row of names may stand first (pass
``format="dlt_text"`` then), else the cameras are ``cam_0``, ``cam_1``, ... in the order of the columns::

    u = (L1 X + L2 Y + L3 Z + L4) / (L9 X + L10 Y + L11 Z + 1)
    v = (L5 X + L6 Y + L7 Z + L8) / (L9 X + L10 Y + L11 Z + 1)

u to the right and v down, from the centre of the top-left pixel; coefficients where v points up, as some programs
have it, are refused, since only the picture's height, which is not stored, would tell where it begins. The
coefficients are K [R t] up to scale and are taken apart into these (RQ decomposition); there is no lens distortion.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from lift3d.cameras import CameraRig
from lift3d.errors import FileError
from lift3d.formats._entry import FileFormat
from lift3d.formats._json import beginning
from lift3d.formats._rigs import UNKNOWN_SIZE, FileCamera, FileRig, numbers
from lift3d.formats._text import read_text

__all__ = ["FORMAT"]

_COEFFICIENTS = 11
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_SINGULAR = 1e-12  # least size of the determinant, against that of rows of this length


def _recognises(path: Path) -> bool:
    """Whether it is eleven rows of numbers; with a row of names it could be any table, and has to be named."""
    rows = _rows(beginning(path, 2**18))
    same_length = len({len(row) for row in rows}) == 1
    return len(rows) == _COEFFICIENTS and same_length and all(_NUMBER.fullmatch(word) for row in rows for word in row)


def _rows(text: str) -> list[list[str]]:
    return [re.split(r"[,;\s]+", line.strip().strip(",;")) for line in text.splitlines() if line.strip()]


def _read(path: Path) -> FileRig:
    rows = _rows(read_text(path))
    names = [f"cam_{index}" for index in range(len(rows[0]))] if rows else []
    if len(rows) == _COEFFICIENTS + 1:
        names, rows = rows[0], rows[1:]
    if len(rows) != _COEFFICIENTS:
        raise FileError(path, f"has {len(rows)} rows; expected {_COEFFICIENTS}, one a coefficient", "Is it cut short?")
    if any(len(row) != len(names) for row in rows):
        raise FileError(path, "its rows are not of one length; expected one column a camera", "Write the file again.")
    columns = numbers(path, "the coefficients", rows, _COEFFICIENTS, len(names)).T
    return FileRig([_camera(path, name, column) for name, column in zip(names, columns, strict=True)])


def _camera(path: Path, name: str, coefficients: Tensor) -> FileCamera:
    projection = torch.cat([coefficients, coefficients.new_ones(1)]).reshape(3, 4)
    square = projection[:, :3]
    determinant = float(torch.linalg.det(square))
    if abs(determinant) <= _SINGULAR * float(square.norm(dim=1).prod()):
        raise FileError(path, f"camera {name!r}: its coefficients are those of no camera", "Calibrate it again.")
    if determinant < 0:
        raise FileError(
            path, f"camera {name!r}: its pictures are mirrored: v points up, or the world is left-handed",
            "Calibrate it with v pointing down from the top of the picture.",
        )  # fmt: skip
    intrinsics, rotation = _upper_times_rotation(square)
    scale = intrinsics[2, 2]
    return FileCamera(
        name=name,
        intrinsics=intrinsics / scale,
        distortion=torch.zeros(0, dtype=torch.float64),
        rotation=rotation,
        translation=torch.linalg.solve(intrinsics, projection[:, 3]),
        image_size=UNKNOWN_SIZE,
    )


def _upper_times_rotation(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """RQ decomposition of a matrix of positive determinant; the upper triangle has a positive diagonal."""
    orthogonal, triangle = torch.linalg.qr(matrix.flip(0).T)
    upper, rotation = triangle.T.flip(0, 1), orthogonal.T.flip(0)
    signs = upper.diagonal().sign()
    return (upper * signs).triu(), signs[:, None] * rotation


FORMAT = FileFormat(
    name="dlt_text",
    holds=CameraRig,
    suffixes=(".csv", ".txt"),
    about="Eleven DLT coefficients a camera, one column each (csv, txt); unit and up axis not stored; no distortion.",
    recognises=_recognises,
    read=_read,
)
