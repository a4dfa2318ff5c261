"""`lift3d convert`: from one file format to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lift3d.cli._options import fps_option, path_argument, skeleton_option, threads_option, unit_option, up_option

__all__ = ["COMMAND"]


@click.command("convert")
@path_argument("source")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--kind", type=click.Choice(["cameras", "keypoints", "poses"]),
              help="What the file holds, where it cannot be told.")  # fmt: skip
@click.option("--from", "source_format", help="Format of SOURCE, where it cannot be told; see `lift3d info formats`.")
@click.option("--to", "target_format", help="Format of TARGET, where its suffix leaves it open.")
@unit_option("a calibration, or of poses (C3D, wide CSV), that leave it open")
@up_option()
@click.option("--subject", help="Subject of a calibration that holds several (Human3.6M).")
@click.option("--sequence", help="Sequence of keypoints that hold several (VideoPose3D).")
@click.option("--camera", help="Write this camera of the keypoints alone.")
@skeleton_option()
@fps_option()
@threads_option()
def COMMAND(  # noqa: N802
    source: Path,
    target: Path,
    kind: str | None,
    source_format: str | None,
    target_format: str | None,
    camera: str | None,
    **options: Any,
) -> None:
    """Read SOURCE (cameras, keypoints or poses, in any known format) and write it as TARGET."""
    from lift3d import formats

    kind = kind or _kind(source, source_format)
    taken = {
        "cameras": ("unit", "subject", "up"),
        "keypoints": ("skeleton", "fps", "sequence"),
        "poses": ("skeleton", "unit"),
    }
    given = {name: value for name, value in options.items() if value is not None and name in taken[kind]}
    noun = getattr(formats, f"read_{kind}")(source, source_format, **given)
    if camera is not None and kind == "keypoints":
        noun = noun.only([camera])
    getattr(formats, f"write_{kind}")(noun, target, target_format)
    click.echo(f"{target}: {kind}")


def _kind(source: Path, source_format: str | None) -> str:
    """What a path holds: of the format that was named, else of the one format that recognises it."""
    from lift3d.errors import FileError, UnknownNameError
    from lift3d.formats import all_formats, kinds_of

    names = {"CameraRig": "cameras", "Keypoints2D": "keypoints", "Poses3D": "poses"}
    if source_format is not None:
        if source_format not in all_formats():
            raise UnknownNameError("format", source_format, all_formats())
        return names[all_formats()[source_format].holds.__name__]
    found = {names[noun.__name__] for noun in kinds_of(source)}
    if len(found) != 1:
        which = f"could be {' or '.join(sorted(found))}" if found else "is in no known format"
        raise FileError(source, which, "Pass --kind or --from.")
    return found.pop()
