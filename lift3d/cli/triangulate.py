"""`lift3d triangulate`: 3D joints from the 2D joints of several calibrated cameras."""

from __future__ import annotations

from pathlib import Path

import click

from lift3d.cli._options import (
    calibration_option,
    fps_option,
    output_option,
    path_argument,
    skeleton_option,
    threads_option,
)

__all__ = ["COMMAND"]


@click.command("triangulate")
@path_argument("keypoints", several=True)
@calibration_option(required=True)
@output_option("poses.npz", "Poses to write: .npz, .csv, .trc or .json.")
@click.option("--method", type=click.Choice(["temporal", "robust", "dlt"]), default="temporal", show_default=True,
              help="temporal: robust, then smooth over time with constant bones; robust: every point by itself; "
                   "dlt: linear.")  # fmt: skip
@click.option("--min-score", type=click.FloatRange(0, 1), default=0.0, show_default=True,
              help="Leave out views with a lower score.")  # fmt: skip
@click.option("--offset", "offsets", multiple=True, metavar="CAMERA=FRAMES",
              help="Move a camera in time: cam03=-2 for one that runs two frames late; again for more.")  # fmt: skip
@click.option("--cameras", help="Names of the keypoints' cameras, by commas, where the files are named otherwise.")
@click.option("--format", "format_name", help="Format of the keypoints, where it cannot be told.")
@skeleton_option()
@fps_option()
@threads_option()
def COMMAND(  # noqa: N802
    keypoints: tuple[Path, ...],
    calibration: Path,
    unit: str | None,
    up: str | None,
    output: Path,
    method: str,
    min_score: float,
    offsets: tuple[str, ...],
    cameras: str | None,
    format_name: str | None,
    skeleton: str | None,
    fps: float | None,
) -> None:
    """Triangulate KEYPOINTS: one file with all cameras, a folder with one file for each camera, or the files.

    Cameras are matched to the calibration by name.
    """
    from lift3d.cli._tables import table
    from lift3d.formats import read_cameras, read_keypoints, write_poses
    from lift3d.triangulation import TriangulationSettings, triangulate_in_detail

    names = cameras.split(",") if cameras else None
    source = keypoints[0] if len(keypoints) == 1 else list(keypoints)
    detections = read_keypoints(source, format_name, skeleton, fps, camera_names=names)
    detections = detections.shifted(dict(_offset(text) for text in offsets))
    rig = read_cameras(calibration, unit=unit, up=up)
    found = triangulate_in_detail(detections, rig, method, TriangulationSettings(min_score=min_score))
    poses = found.poses
    write_poses(poses, output)
    error = found.errors
    rows = [
        [name, *(f"{own[own.isfinite()].quantile(share).item():.1f}" if own.isfinite().any() else "-"
                 for share in (0.5, 0.95)), f"{own.isfinite().double().mean().item():.1%}"]
        for name, own in zip(detections.camera_names, error.flatten(1)[:, :1_000_000], strict=True)
    ]  # fmt: skip
    click.echo(table(["camera", "median px", "95 % px", "seen"], rows))
    found = poses.positions.isfinite().all(-1).double().mean().item()
    click.echo(f"{output}: {len(poses.times)} frames, {found:.1%} of the joints triangulated, metres, {rig.up} up.")


def _offset(text: str) -> tuple[str, int]:
    """Camera and frames of ``camera=frames``."""
    name, _, frames = text.rpartition("=")
    try:
        return name, int(frames)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not CAMERA=FRAMES, such as cam03=-2.", param_hint="--offset") from None
