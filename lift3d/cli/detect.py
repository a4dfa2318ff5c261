"""`lift3d detect`: 2D keypoints of a person in videos, image folders or pictures."""

from __future__ import annotations

from pathlib import Path

import click

from lift3d.cli._options import device_option, output_option, path_argument, threads_option

__all__ = ["COMMAND"]


@click.command("detect")
@path_argument("videos", several=True)
@output_option("keypoints.npz")
@click.option("--model", default="movenet_thunder", show_default=True, help="A shipped detector or a checkpoint file.")
@device_option()
@threads_option()
def COMMAND(videos: tuple[Path, ...], output: Path, model: str, device: str) -> None:  # noqa: N802
    """Find the 2D joints of one person in VIDEOS (or image folders, or pictures), one for each camera.

    The cameras are named after the files: name the videos as the calibration names its cameras.
    """
    from lift3d.detection import detect
    from lift3d.formats import write_keypoints

    keypoints = detect(list(videos), model, device=device)
    write_keypoints(keypoints, output)
    seen = (keypoints.scores > 0).double().mean().item()
    cameras, frames = keypoints.scores.shape[:2]
    click.echo(f"{output}: {cameras} cameras, {frames} frames, {seen:.1%} of the joints seen.")
