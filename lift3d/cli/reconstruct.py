"""`lift3d reconstruct`: 3D joints straight from the pictures of several calibrated cameras."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lift3d.cli._options import calibration_option, device_option, output_option, path_argument, threads_option

if TYPE_CHECKING:
    from torch import Tensor

    from lift3d.cameras import CameraRig
    from lift3d.poses import Poses3D

__all__ = ["COMMAND"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("reconstruct")
@path_argument("videos", several=True)
@calibration_option(required=True)
@click.option("--model", type=_FILE, required=True,
              help="The network that looks at all views at once: learnable triangulation's weights, algebraic or "
              "volumetric, as `lift3d convert weights.pth NAME.safetensors` writes them.")  # fmt: skip
@output_option("poses.npz", "Poses to write: .npz, .csv, .trc, .json, .c3d or .bvh.")
@click.option("--poses", "known", type=_FILE,
              help="Where people are, from `lift3d triangulate`; of several it says who is who.")  # fmt: skip
@click.option("--boxes", type=_FILE, multiple=True,
              help="Where people are in the pictures: .npz, .csv or COCO results (.json); one file, or one for each "
              "video in their order.")  # fmt: skip
@click.option("--pelvis", type=_FILE,
              help="An algebraic network that says where a volumetric one looks.  [default: the poses]")  # fmt: skip
@click.option("--detector", default="movenet_thunder", show_default=True,
              help="What finds one person where neither poses nor boxes say where people are.")  # fmt: skip
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True,
              help="People of moments that go through the network at once; more is faster on a GPU.")  # fmt: skip
@device_option()
@threads_option()
def COMMAND(  # noqa: N802
    videos: tuple[Path, ...],
    calibration: Path,
    unit: str | None,
    up: str | None,
    model: Path,
    output: Path,
    known: Path | None,
    boxes: tuple[Path, ...],
    pelvis: Path | None,
    detector: str,
    batch: int,
    device: str,
) -> None:
    """Find the 3D joints of people in VIDEOS (or image folders) of calibrated cameras that began together.

    A network looks at all views of a person at once, instead of at joints found in each view alone (learnable
    triangulation). The cameras are named after the files: name them as the calibration does.
    """
    from lift3d.checkpoints import load_network
    from lift3d.cli._memory import keep_freed_memory
    from lift3d.detection.running import usable_device
    from lift3d.formats import check_target, read_cameras, write_poses
    from lift3d.poses import Poses3D
    from lift3d.triangulation import check_view_networks, triangulate_pictures
    from lift3d.video import camera_name, read_moments

    check_target(output, Poses3D)
    keep_freed_memory()
    place = usable_device(device)
    network, finder = load_network(model), None if pelvis is None else load_network(pelvis)
    check_view_networks(network, finder, pelvis_known=known is not None or not boxes)
    rig = _rig_of(read_cameras(calibration, unit=unit, up=up), [camera_name(path) for path in videos])
    where, around = _where(videos, rig, known, boxes, detector, device)
    poses = triangulate_pictures(
        read_moments(videos), rig, where, network, pelvis=finder or around, device=place, batch=batch
    )
    write_poses(poses, output)
    frames, people = poses.scores.shape[:2]
    found = (poses.scores > 0).double().mean().item() if poses.scores.numel() else 0.0
    click.echo(
        f"{output}: {frames} frames, {people} {'person' if people == 1 else 'people'}, {found:.1%} of the joints, "
        f"metres, {rig.up} up."
    )


def _rig_of(rig: CameraRig, names: list[str]) -> CameraRig:
    """The cameras of the videos."""
    from lift3d.errors import InputError

    if len(set(names)) != len(names) or len(names) < 2:
        raise InputError(f"The videos are named {', '.join(names)}; expected at least two, and one for each camera.")
    if strangers := [name for name in names if name not in rig.names]:
        raise InputError(
            f"The calibration has no camera {', '.join(map(repr, strangers))}; it has {', '.join(rig.names)}. Name the "
            "videos as the calibration names its cameras."
        )
    return rig.only(names)


def _where(
    videos: tuple[Path, ...],
    rig: CameraRig,
    known: Path | None,
    boxes: tuple[Path, ...],
    detector: str,
    device: str,
) -> tuple[Tensor, Tensor | None]:
    """Boxes of people in the pictures (cameras, frames, people, 4), and their pelvis (frames, people, 3) if known."""
    from lift3d.detection import boxes_by_person, boxes_of_cameras
    from lift3d.errors import InputError
    from lift3d.triangulation import boxes_of_poses, pelvis_of

    poses = None
    if known is not None or not boxes:
        poses = _found(videos, rig, detector, device) if known is None else _read(known, rig)
    if not boxes:
        assert poses is not None
        return boxes_of_poses(poses, rig), pelvis_of(poses)
    given = boxes_by_person(boxes_of_cameras(boxes, rig.names))
    if poses is None:
        return given, None
    frames = min(given.shape[1], len(poses.times))
    if given.shape[2] != poses.scores.shape[1]:
        people = f"{given.shape[2]} people, the poses of {poses.scores.shape[1]}"
        raise InputError(f"The boxes are of {people}; expected the same people in both, in the same order.")
    return given[:, :frames], pelvis_of(poses)[:frames]


def _found(videos: tuple[Path, ...], rig: CameraRig, detector: str, device: str) -> Poses3D:
    """One person, by detections in each view and triangulation."""
    from lift3d.detection import detect
    from lift3d.triangulation import triangulate

    return triangulate(detect(list(videos), detector, device=device), rig)


def _read(known: Path, rig: CameraRig) -> Poses3D:
    from lift3d.errors import FileError
    from lift3d.formats import read_poses

    poses = read_poses(known)
    if poses.frame != "world" or poses.up != rig.up:
        raise FileError(
            known, f"its poses are in the {poses.frame} frame, {poses.up} up; expected the calibration's world, "
            f"{rig.up} up", "Pass poses that were triangulated with this calibration.",
        )  # fmt: skip
    return poses
