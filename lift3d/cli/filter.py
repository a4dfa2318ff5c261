"""`lift3d filter`: poses smoothed over time by a standard filter."""

from __future__ import annotations

from pathlib import Path

import click

from lift3d.cli._options import output_option, path_argument, skeleton_option, threads_option, unit_option

__all__ = ["COMMAND"]


@click.command("filter")
@path_argument("poses")
@output_option("filtered.npz", "Poses to write: .npz, .csv, .trc, .json, .c3d or .bvh.")
@click.option("--filter", "name", default="butterworth", show_default=True,
              help="butterworth, one_euro, savitzky_golay or median; see `lift3d info filters`.")  # fmt: skip
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE",
              help="A setting of the filter, such as cutoff_hz=8; again for more.")  # fmt: skip
@click.option("--format", "format_name", help="Format of the poses, where it cannot be told.")
@click.option("--to", "target_format", help="Format to write, where the suffix leaves it open, e.g. csv_wide.")
@skeleton_option()
@unit_option("poses (C3D, wide CSV) that leave it open")
@threads_option()
def COMMAND(  # noqa: N802
    poses: Path,
    output: Path,
    name: str,
    changes: tuple[str, ...],
    format_name: str | None,
    target_format: str | None,
    skeleton: str | None,
    unit: str | None,
) -> None:
    """Filter POSES over time, each joint and axis by itself; never across gaps, people or clips."""
    from lift3d.filtering import filter_poses
    from lift3d.formats import read_poses, write_poses
    from lift3d.settings import with_overrides

    for text in changes:
        if not text.partition("=")[2]:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE, such as cutoff_hz=8.", param_hint="--set")
    settings = with_overrides({}, [f"--{text}" for text in changes])
    filtered = filter_poses(read_poses(poses, format_name, skeleton, unit), name, **settings)
    write_poses(filtered, output, target_format)
    click.echo(f"{output}: {len(filtered.times)} frames at {filtered.frames_per_second:g}/s, filtered: {name}.")
