"""`lift3d lift`: 3D joints from the 2D joints of one camera."""

from __future__ import annotations

import math
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
    from lift3d.poses import Poses3D

__all__ = ["COMMAND"]


_FORMATS = ".npz, .csv, .trc, .json, .c3d or .bvh"


@click.command("lift")
@path_argument("keypoints")
@output_option("poses.npz", f"Poses to write: {_FORMATS}.")
@click.option("--to", "target", metavar="SKELETON", help="Joints of the poses, e.g. coco17.  [default: the model's]")
@click.option("--camera", help="Name of the camera to lift; needed where the keypoints hold several.")
@calibration_option(required=False)
@click.option("--world", is_flag=True,
              help="Poses in the calibration's world: at a steady distance, with their feet on the floor.")  # fmt: skip
@click.option("--floor", metavar="HEIGHT|none",
              help="Height of the floor in the world, metres, or none to keep sizes.  [default: 0]")  # fmt: skip
@click.option("--image-size", type=int, nargs=2, help="Width and height of the picture, if not in the file.")
@click.option("--field-of-view", type=click.FloatRange(1, 170), default=50.0, show_default=True,
              help="Degrees that the longer image side spans, assumed where there is no calibration.")  # fmt: skip
@click.option("--model", default=None, help="A shipped lifter, a checkpoint or a library of exemplars.")
@click.option("--no-flip", is_flag=True, help="Do not average with the mirrored person: twice as fast, less exact.")
@click.option("--format", "format_name", help="Format of the keypoints, where it cannot be told.")
@skeleton_option()
@fps_option()
@device_option()
@threads_option()
def COMMAND(  # noqa: N802
    keypoints: Path,
    output: Path,
    target: str | None,
    camera: str | None,
    calibration: Path | None,
    unit: str | None,
    up: str | None,
    world: bool,
    floor: str | None,
    image_size: tuple[int, int] | None,
    field_of_view: float,
    model: str | None,
    no_flip: bool,
    format_name: str | None,
    skeleton: str | None,
    fps: float | None,
    device: str,
) -> None:
    """Lift KEYPOINTS of one camera to 3D poses (metres) in the camera frame, x right, y down, z forward, or the world.

    One camera cannot tell a person's size from the distance. With --world each person is scaled about the camera, which
    changes nothing in the picture, until the feet stand on the floor.
    """
    from lift3d.errors import InputError
    from lift3d.formats import check_target, read_cameras, read_keypoints, write_poses
    from lift3d.lifting.chosen_lifter import chosen_lifter
    from lift3d.poses import Poses3D
    from lift3d.skeletons import get_skeleton

    check_target(output, Poses3D)
    height = _height(floor or "0")
    if (world and calibration is None) or (floor is not None and not world):
        raise InputError("--floor goes with --world, which needs to know where the camera stands: pass -c CALIBRATION.")
    wanted = None if target is None else get_skeleton(target)
    detections = read_keypoints(keypoints, format_name, skeleton, fps)
    if camera is not None:
        detections = detections.only([camera])
    if len(detections.camera_names) != 1:
        names = ", ".join(detections.camera_names)
        raise InputError(f"{keypoints} holds several cameras ({names}); lifting takes one camera: pass --camera NAME.")
    rig = None if calibration is None else read_cameras(calibration, unit=unit, up=up)
    own = _assumed(detections, image_size, field_of_view) if rig is None else rig[detections.camera_names[0]]
    lift, _ = chosen_lifter(model, flip=not no_flip, device=device)
    poses = lift(detections, own)
    if world and rig is not None and own is not None:
        poses = _in_world(poses, own, rig.up, height)
    poses = poses if wanted is None else poses.mapped_to(wanted)
    write_poses(poses, output)
    filled = ((poses.scores == 0) & poses.positions.isfinite().all(-1)).sum().item()
    where = "world" if world else "camera"
    click.echo(f"{output}: {len(poses.times)} frames, {where} frame, metres; {filled} joints filled in (score 0).")


def _height(floor: str) -> float | None:
    """The height of the floor, metres; None for no floor."""
    if floor == "none":
        return None
    try:
        height = float(floor)
    except ValueError:
        height = math.nan
    if not math.isfinite(height):
        raise click.BadParameter(f"{floor!r} is neither a height in metres nor none.", param_hint="'--floor'")
    return height


def _in_world(poses: Poses3D, camera: Camera, up: str, floor: float | None) -> Poses3D:
    """Poses of the camera frame in the world, at a steady distance, with their feet on the floor if there is one."""
    from lift3d.lifting import stood_on_floor, with_steady_distance

    poses = with_steady_distance(poses).to_world(camera, up)
    return poses if floor is None else stood_on_floor(poses, camera, floor=floor)


def _assumed(keypoints: Keypoints2D, image_size: tuple[int, int] | None, field_of_view: float) -> Camera | None:
    """The camera assumed from the picture's size; None where the size is not known."""
    from lift3d.cameras import Camera

    known = keypoints.image_sizes[0]
    size = image_size or (known.tolist() if bool(known.isfinite().all()) else None)
    if size is None:
        return None
    click.echo(f"No calibration: assuming a pinhole whose longer side spans {field_of_view:g} degrees.", err=True)
    return Camera.assumed(size, field_of_view)
