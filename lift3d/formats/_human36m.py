"""What the Human3.6M calibrations share: cameras, picture sizes, and the choice of a subject."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from lift3d._natural_order import natural_order
from lift3d.cameras import Lens
from lift3d.errors import FileError
from lift3d.formats._rigs import UNKNOWN_SIZE, FileCamera

__all__ = ["CAMERAS", "chosen_subject", "picture_size", "published_camera"]

CAMERAS = ("54138969", "55011271", "58860488", "60457274")  # camera 1 to 4


def picture_size(camera: str) -> Tensor:
    """Width and height in pixels of one of the data set's cameras; NaN for another."""
    if camera not in CAMERAS:
        return UNKNOWN_SIZE
    return torch.tensor([1000.0, 1002.0 if camera in (CAMERAS[0], CAMERAS[3]) else 1000.0], dtype=torch.float64)


def published_camera(name: str, read: Callable[..., Tensor], image_size: Tensor) -> FileCamera:
    """A camera as Martinez et al. and MMPose publish it.

    Args:
        name: of the camera.
        read: ``read(key, *shape)``: the numbers of a key: ``f``, ``c``, pixels; ``k``, ``p``, of the data set's own
            lens model; ``R``, from the camera to the world, and ``T``, the camera's centre there.
        image_size: width and height, pixels; NaN where not known.
    """
    (fx, fy), (cx, cy) = read("f", 2).tolist(), read("c", 2).tolist()
    (k1, k2, k3), (p0, p1) = read("k", 3).tolist(), read("p", 2).tolist()
    rotation = read("R", 3, 3).T
    return FileCamera(
        name=name,
        intrinsics=torch.tensor([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=torch.float64),
        distortion=torch.tensor([k1, k2, p0, p1, k3], dtype=torch.float64),
        rotation=rotation,
        translation=-rotation @ read("T", 3),
        image_size=image_size,
        lens=Lens.HUMAN36M,
    )


def chosen_subject(path: Path, subject: str | None, known: Sequence[str]) -> str:
    """The subject asked for, such as ``"S1"``; need not be asked for if there is only one.

    Raises:
        FileError: there are several and none was chosen, or the one chosen is not there.
    """
    if subject is None and len(known) == 1:
        return known[0]
    names = ", ".join(sorted(known, key=natural_order)) or "none"
    one = "S1" if "S1" in known or not known else known[0]
    advice = f"Choose one (subject={one!r}, --subject {one})."
    if subject is None:
        raise FileError(path, f"holds one rig for each of the subjects {names}; expected a choice", advice)
    if subject not in known:
        raise FileError(path, f"has no subject {subject!r}; it has {names}", advice)
    return subject
