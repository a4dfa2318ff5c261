"""From a ``CameraRig`` to what a calibration file says of its cameras; what a format cannot hold is refused here."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from lift3d.cameras import Camera, CameraRig, Lens
from lift3d.errors import InputError
from lift3d.formats._rigs import FileCamera, used_coefficients
from lift3d.formats._units import METRES
from lift3d.formats._up_axis import turned_up

__all__ = ["file_cameras", "file_stem", "known_size", "pose_of", "refuse_lens", "whole_size"]


def file_cameras(
    rig: CameraRig,
    format_name: str,
    *lenses: Lens,
    coefficients: int,
    unit: str = "m",
    up: str | None = None,
    sized: bool = True,
) -> list[FileCamera]:
    """The cameras as a file tells them: the reverse of ``rig_of``; float64.

    Args:
        rig: what is to be written.
        format_name: for error texts.
        lenses: the models that the format knows; Brown-Conrady by default.
        coefficients: how many distortion coefficients it holds; so many are given, of a fisheye lens 4.
        unit: of its lengths.
        up: the axis that points up in its worlds: the rig is turned by right angles. None where it may be any.
        sized: whether it needs the size of the picture, which is then in whole pixels.

    Raises:
        InputError: a lens, coefficients other than 0, or a size that is not known.
    """
    refuse_lens(rig, format_name, *(lenses or (Lens.BROWN_CONRADY,)))
    turned = rig if up is None else turned_up(rig, up)
    return [_file_camera(turned, name, format_name, coefficients, unit, sized) for name in rig.names]


def _file_camera(rig: CameraRig, name: str, format_name: str, coefficients: int, unit: str, sized: bool) -> FileCamera:
    camera = rig[name].to(torch.float64)
    lens = Lens(int(camera.lens))
    held = 4 if lens is Lens.FISHEYE else coefficients
    used = len(used_coefficients(camera))
    if used > held:
        raise InputError(
            f"camera {name!r}: {format_name} holds {held} distortion coefficients, and its lens has {used}. "
            "Write lift3d_cameras_toml."
        )
    size = known_size(name, camera, format_name) if sized else camera.image_size
    return FileCamera(
        name=name,
        intrinsics=camera.intrinsics,
        distortion=camera.distortion[:held],
        rotation=camera.rotation,
        translation=camera.translation / METRES[unit],
        image_size=torch.as_tensor(size, dtype=torch.float64),
        lens=lens,
    )


def pose_of(camera: FileCamera) -> tuple[Tensor, Tensor]:
    """Rotation (3, 3) and translation (3,) of a camera that is to be written, which always has them."""
    assert camera.rotation is not None
    assert camera.translation is not None
    return camera.rotation, camera.translation


def whole_size(camera: FileCamera) -> list[int]:
    """Width and height in pixels of a camera whose size is known."""
    return [int(side) for side in camera.image_size.tolist()]


def file_stem(name: str, format_name: str) -> str:
    """The camera's name, which must do as the name of a file.

    Raises:
        InputError: it does not.
    """
    if name.strip(". ") == "" or re.search(r"[\\/:*?\"<>|\x00-\x1f]", name):
        raise InputError(f"camera {name!r}: {format_name} names a file after it, and this is no file name. Rename it.")
    return name


def known_size(name: str, camera: Camera, format_name: str) -> list[int]:
    """Width and height in whole pixels, for formats that cannot go without.

    Raises:
        InputError: they are not known.
    """
    if not bool(torch.isfinite(camera.image_size).all()):
        raise InputError(
            f"camera {name!r}: its image size is not known, and {format_name} needs it. "
            "Set image_size, or write lift3d_cameras_toml."
        )
    return [round(side) for side in camera.image_size.tolist()]


def refuse_lens(rig: CameraRig, format_name: str, *lenses: Lens) -> None:
    """Refuse to write a rig in which a camera has a lens model that the format does not know.

    Raises:
        InputError: naming the camera and its lens.
    """
    for name in rig.names:
        lens = Lens(int(rig[name].lens))
        if lens not in lenses:
            raise InputError(
                f"camera {name!r}: {format_name} has no {lens.name.lower()} lens. Write lift3d_cameras_toml."
            )
