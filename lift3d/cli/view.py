"""`lift3d view`: poses, cameras and detections as one HTML page, a still or a video."""

from __future__ import annotations

from pathlib import Path

import click

from lift3d.cli._options import calibration_option, output_option, path_argument, threads_option

__all__ = ["COMMAND"]


@click.command("view")
@path_argument("poses", several=True)
@output_option("view.html", "Page to write (.html), or .png for stills of one sequence, or .mp4.")
@calibration_option(required=False)
@click.option("--keypoints", type=click.Path(exists=True, path_type=Path), help="Detections to draw in each camera.")
@click.option("--motion", type=click.Path(exists=True, path_type=Path),
              help="Bodies in motion to draw as surfaces, such as the .npz of `lift3d fit`.")  # fmt: skip
@click.option("--body", help="Body model that the motion is of, if it does not say: a name or a file.")
@click.option("--video", "videos", multiple=True, metavar="[CAMERA=]PATH",
              help="Pictures of a camera, named after the file if not said; may be given several times.")  # fmt: skip
@click.option("--image-width", type=click.IntRange(16, 4096), default=480, show_default=True, help="Pixels.")
@click.option("--image-every", type=click.IntRange(min=1), default=1, show_default=True,
              help="Keep one picture of so many.")  # fmt: skip
@click.option("--title", default="lift3d", show_default=True, help="Title of the page.")
@threads_option()
def COMMAND(  # noqa: N802
    poses: tuple[Path, ...],
    output: Path,
    calibration: Path | None,
    unit: str | None,
    up: str | None,
    keypoints: Path | None,
    motion: Path | None,
    body: str | None,
    videos: tuple[str, ...],
    image_width: int,
    image_every: int,
    title: str,
) -> None:
    """Show POSES, one or several files, on one self-contained page that opens in any browser without a network."""
    from lift3d._files import writing
    from lift3d.errors import InputError
    from lift3d.formats import read_body, read_cameras, read_keypoints, read_motion, read_poses
    from lift3d.viewing import plot_contact_sheet, save_video, view

    sequences = {path.stem if len({p.stem for p in poses}) == len(poses) else str(path): path for path in poses}
    read = {label: read_poses(path) for label, path in sequences.items()}
    rig = read_cameras(calibration, unit=unit, up=up) if calibration else None
    if output.suffix.lower() in (".png", ".mp4"):
        if len(read) > 1:
            raise InputError(f"{output.suffix} shows one sequence; got {len(read)}. Write a page: -o view.html")
        (one,) = read.values()
        if output.suffix.lower() == ".mp4":
            save_video(one, output, rig=rig)
        else:
            with writing(output) as temporary:
                plot_contact_sheet(one, rig=rig).savefig(temporary, dpi=120)
    else:
        detections = read_keypoints(keypoints) if keypoints else None
        by_camera = dict(_named(video) for video in videos)
        bodies = read_motion(motion, read_body(body) if body else None) if motion else None
        view(read, rig, detections, by_camera or None, image_width, image_every, title, bodies).save(output)
    click.echo(f"{output}: {output.stat().st_size / 1e6:.2f} MB")


def _named(video: str) -> tuple[str, Path]:
    """Camera name and path from ``camera=path`` or a path."""
    name, equals, path = video.partition("=")
    return (name, Path(path)) if equals else (Path(video).stem, Path(video))
