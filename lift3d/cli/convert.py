"""`lift3d convert`: from one file format to another, and published checkpoints to lift3d's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lift3d.cli._options import fps_option, skeleton_option, threads_option, unit_option, up_option

__all__ = ["COMMAND"]


def _there(_context: click.Context, _parameter: click.Parameter, source: Path) -> Path:
    """A path that exists, or the name of a body that comes with lift3d."""
    if not source.exists():
        from lift3d.formats import body_names

        if str(source) not in body_names():
            raise click.BadParameter(f"Path '{source}' does not exist.")
    return source


@click.command("convert")
@click.argument("source", type=click.Path(path_type=Path), callback=_there)
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--kind", type=click.Choice(["cameras", "keypoints", "poses", "body", "motion", "network"]),
              help="What the file holds, where it cannot be told.")  # fmt: skip
@click.option("--from", "source_format",
              help="Format of SOURCE, where it cannot be told; see `lift3d info formats` and `networks`.")  # fmt: skip
@click.option("--to", "target_format", help="Format of TARGET, where its suffix leaves it open.")
@unit_option("a calibration, or of poses (C3D, wide CSV), that leave it open")
@up_option()
@click.option("--subject", help="Subject of a calibration that holds several (Human3.6M).")
@click.option("--sequence", help="Sequence of keypoints that hold several (VideoPose3D).")
@click.option("--body", help="Body model that the shape numbers of a motion are of: a name or a file.")
@click.option("--gender", type=click.Choice(["neutral", "male", "female"]),
              help="Write the body of this gender, of a model of several; neutral if not told.")  # fmt: skip
@click.option("--camera", help="Write this camera of the keypoints alone.")
@skeleton_option()
@fps_option()
@click.option(
    "--statistics",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="Means and deviations of a network's training data, one file each for 2D and 3D (Martinez).",
)
@click.option("--causal", is_flag=True, default=None, help="The network answers from frames before its own alone.")
@click.option(
    "--style",
    type=click.Choice(["pytorch", "caffe"]),
    help="Which convolution of a residual unit takes the stride: the 3x3 or the first 1x1 (SimpleBaseline).",
)
@click.option(
    "--image-size",
    type=click.IntRange(min=1),
    nargs=2,
    help="Width and height of the pictures that a network was trained on, where its file's name does not say.",
)
@click.option(
    "--aggregation",
    type=click.Choice(["sum", "mean", "max", "softmax", "confidence"]),
    help="How a volumetric network makes its views one; softmax if not told (learnable triangulation).",
)
@threads_option()
def COMMAND(  # noqa: N802
    source: Path,
    target: Path,
    kind: str | None,
    source_format: str | None,
    target_format: str | None,
    camera: str | None,
    body: str | None,
    **options: Any,
) -> None:
    """Read SOURCE (cameras, keypoints, poses, a body model or its motion, in any known format) and write it as TARGET.

    An SMPL, SMPL-H or SMPL-X model (.pkl, .npz) becomes an archive of numbers; nothing in the file is run. SOURCE may
    also be the name of a body that comes with lift3d (`lift3d info bodies`), with --gender. A published
    checkpoint (VideoPose3D, HRNet, ...; see `lift3d info networks`) becomes a network of lift3d; TARGET ends in
    .safetensors.
    """
    from lift3d import formats

    kind = kind or _kind(source, target, source_format)
    if kind == "network":
        _convert_networks(source, target, source_format, options)
        return
    taken = {
        "cameras": ("unit", "subject", "up"),
        "keypoints": ("skeleton", "fps", "sequence"),
        "poses": ("skeleton", "unit"),
        "body": ("gender",),
        "motion": (),
    }
    given = {name: value for name, value in options.items() if value is not None and name in taken[kind]}
    if body is not None and kind == "motion":
        given["body"] = formats.read_body(body)
    noun = getattr(formats, f"read_{kind}")(source, source_format, **given)
    if camera is not None and kind == "keypoints":
        noun = noun.only([camera])
    getattr(formats, f"write_{kind}")(noun, target, target_format)
    click.echo(f"{target}: {kind}")


def _convert_networks(source: Path, target: Path, importer: str | None, options: dict[str, Any]) -> None:
    """The networks of a checkpoint: poses to the target, what else there is beside it under its own name."""
    from lift3d.checkpoints import save_network
    from lift3d.importers import import_networks

    names = ("skeleton", "statistics", "causal", "style", "image_size", "aggregation")
    given = {name: options[name] for name in names if options[name]}
    for what, found in import_networks(source, importer, **given).items():
        path = target if what == "pose" else target.with_stem(f"{target.stem}_{what}")
        save_network(
            path, found.network, found.settings, found.name, found.skeleton, found.extra,
            input_skeleton=found.input_skeleton, encoding=found.encoding,
        )  # fmt: skip
        click.echo(f"{path}: {what} network, {found.name}")


def _kind(source: Path, target: Path, source_format: str | None) -> str:
    """What a path holds: of the format that was named, else of the one format that recognises it."""
    from lift3d.errors import FileError, UnknownNameError
    from lift3d.formats import all_formats, kinds_of
    from lift3d.importers import all_importers

    if not source.exists():
        return "body"  # by its name
    if source_format in all_importers() or (source_format is None and target.suffix == ".safetensors"):
        return "network"
    names = {"CameraRig": "cameras", "Keypoints2D": "keypoints", "Poses3D": "poses", "BodyModel": "body",
             "BodyMotion": "motion"}  # fmt: skip
    if source_format is not None:
        if source_format not in all_formats():
            raise UnknownNameError("format", source_format, {**all_formats(), **all_importers()})
        return names[all_formats()[source_format].holds.__name__]
    found = {names[noun.__name__] for noun in kinds_of(source)}
    if len(found) != 1:
        which = f"could be {' or '.join(sorted(found))}" if found else "is in no known format"
        raise FileError(source, which, "Pass --kind or --from.")
    return found.pop()
