"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

__all__ = [
    "calibration_option",
    "device_option",
    "fps_option",
    "output_option",
    "path_argument",
    "skeleton_option",
    "threads_option",
    "unit_option",
    "up_option",
]

Decorator = Callable[[Any], Any]


def path_argument(name: str, several: bool = False) -> Decorator:
    """A path, or one or more, that must exist."""
    kind = click.Path(exists=True, path_type=Path)
    return click.argument(name, type=kind, nargs=-1 if several else 1, required=True)


def output_option(default: str | None = None, about: str = "File to write; its suffix says the format.") -> Decorator:
    """Where to write."""
    return click.option(
        "-o", "--output", type=click.Path(path_type=Path), default=default, required=default is None, show_default=True,
        help=about,
    )  # fmt: skip


def calibration_option(required: bool) -> Decorator:
    """The calibration, with the unit and the up axis that it may leave open."""
    calibration = click.option(
        "-c", "--calibration", type=click.Path(exists=True, path_type=Path), required=required,
        help="Calibration of the cameras, in any format of `lift3d info formats`.",
    )  # fmt: skip
    return lambda function: calibration(unit_option()(up_option()(function)))


def unit_option(of: str = "the calibration") -> Decorator:
    """The length unit of what may leave it open."""
    return click.option("--unit", type=click.Choice(["m", "cm", "mm"]), help=f"Length unit of {of}.")


def up_option() -> Decorator:
    """The axis that points up in a calibration."""
    axes = [sign + axis for axis in "xyz" for sign in "+-"]
    return click.option("--up", type=click.Choice(axes), help="Axis of the calibration's world that points up.")


def skeleton_option() -> Decorator:
    """The skeleton, where the file leaves it open."""
    return click.option("--skeleton", help="Joints of the detections, where the files leave it open, e.g. coco17.")


def fps_option() -> Decorator:
    """The frame rate, where the file does not say."""
    return click.option(
        "--fps", type=click.FloatRange(min=0, min_open=True), help="Frames a second, if not in the file."
    )


def device_option() -> Decorator:
    """Where to compute."""
    return click.option("--device", default="cpu", show_default=True, help="Where to compute, such as cpu or cuda.")


def threads_option() -> Decorator:
    """How many threads to compute with; also from the environment variable LIFT3D_THREADS."""
    return click.option(
        "--threads", type=click.IntRange(min=1), envvar="LIFT3D_THREADS", expose_value=False, callback=_set_threads,
        help="Threads to compute with; also LIFT3D_THREADS. [default: all cores]",
    )  # fmt: skip


def _set_threads(_context: click.Context, _parameter: click.Parameter, threads: int | None) -> int | None:
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    return threads
