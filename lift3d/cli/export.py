"""`lift3d export`: a lifter as one ONNX file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

__all__ = ["COMMAND"]


@click.command("export")
@click.argument("model")
@click.argument("output", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--flip", is_flag=True, help="Average with the answer for the mirrored people, for twice the time.")
def COMMAND(model: str, output: Path, flip: bool) -> None:  # noqa: N802
    """Write the lifter MODEL, a shipped one's name or a checkpoint file, to OUTPUT (.onnx) for other programs.

    The file holds everything: 2D joints as rays or pixels go in, joints relative to the root in metres come out. It is
    compared with torch where the package onnxruntime is installed.
    """
    from lift3d.errors import InputError
    from lift3d.lifting import export_onnx

    if output.suffix != ".onnx":
        raise InputError(f"{output} does not end in .onnx. Pass a name such as {output.with_suffix('.onnx').name}.")
    written = export_onnx(model, output, flip=flip)
    click.echo(f"{output}: {_listed(written.inputs)} -> {_listed(written.outputs)}")
    if written.difference is None:
        click.echo("Not compared with torch: the package onnxruntime is not installed.", err=True)
    else:
        click.echo(f"ONNX Runtime agrees with torch to {written.difference:.0e} of the largest number.")


def _listed(shapes: Mapping[str, tuple[int | str, ...]]) -> str:
    return ", ".join(f"{name} ({', '.join(map(str, shape))})" for name, shape in shapes.items())
