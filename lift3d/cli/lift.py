"""`lift3d lift`: 3D joints from the 2D joints of one camera."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lift3d.cli._options import (
    calibration_option,
    device_option,
    fps_option,
    output_option,
    path_argument,
    skeleton_option,
    threads_option,
)

if TYPE_CHECKING:
    from lift3d.cameras import Camera
    from lift3d.keypoints import Keypoints2D

__all__ = ["COMMAND"]


@click.command("lift")
@path_argument("keypoints")
@output_option("poses.npz", "Poses to write: .npz, .csv, .trc or .json.")
@click.option("--camera", help="Name of the camera to lift; needed where the keypoints hold several.")
@calibration_option(required=False)
@click.option("--image-size", type=int, nargs=2, help="Width and height of the picture, if not in the file.")
@click.option("--field-of-view", type=click.FloatRange(1, 170), default=50.0, show_default=True,
              help="Degrees that the longer image side spans, assumed where there is no calibration.")  # fmt: skip
@click.option("--model", default=None, help="A shipped lifter or a checkpoint file.  [default: the shipped one]")
@click.option("--format", "format_name", help="Format of the keypoints, where it cannot be told.")
@skeleton_option()
@fps_option()
@device_option()
@threads_option()
def COMMAND(  # noqa: N802
    keypoints: Path,
    output: Path,
    camera: str | None,
    calibration: Path | None,
    unit: str | None,
    up: str | None,
    image_size: tuple[int, int] | None,
    field_of_view: float,
    model: str | None,
    format_name: str | None,
    skeleton: str | None,
    fps: float | None,
    device: str,
) -> None:
    """Lift KEYPOINTS of one camera to 3D poses in the camera frame (metres, x right, y down, z forward)."""
    from lift3d.errors import InputError
    from lift3d.formats import read_cameras, read_keypoints, write_poses
    from lift3d.lifting import DEFAULT_LIFTER, lift

    detections = read_keypoints(keypoints, format_name, skeleton, fps)
    if camera is not None:
        detections = detections.only([camera])
    if len(detections.camera_names) != 1:
        names = ", ".join(detections.camera_names)
        raise InputError(f"{keypoints} holds several cameras ({names}); lifting takes one camera: pass --camera NAME.")
    if calibration is not None:
        own = read_cameras(calibration, unit=unit, up=up)[detections.camera_names[0]]
    else:
        own = _assumed(detections, image_size, field_of_view)
    poses = lift(detections, own, model or DEFAULT_LIFTER, device=device)
    write_poses(poses, output)
    filled = ((poses.scores == 0) & poses.positions.isfinite().all(-1)).sum().item()
    click.echo(f"{output}: {len(poses.times)} frames, camera frame, metres; {filled} joints filled in (score 0).")


def _assumed(keypoints: Keypoints2D, image_size: tuple[int, int] | None, field_of_view: float) -> Camera | None:
    """The camera assumed from the picture's size; None where the size is not known."""
    from lift3d.cameras import Camera

    known = keypoints.image_sizes[0]
    size = image_size or (known.tolist() if bool(known.isfinite().all()) else None)
    if size is None:
        return None
    click.echo(f"No calibration: assuming a pinhole whose longer side spans {field_of_view:g} degrees.", err=True)
    return Camera.assumed(size, field_of_view)
