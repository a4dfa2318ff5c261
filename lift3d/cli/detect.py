"""`lift3d detect`: 2D keypoints of people in videos, image folders or pictures."""

from __future__ import annotations

from pathlib import Path

import click

from lift3d.cli._options import device_option, output_option, path_argument, threads_option

__all__ = ["COMMAND"]


class _People(click.ParamType):
    """A number of people, or all."""

    name = "number|all"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if value == "all" or (value.isdecimal() and int(value) > 0):
            return value if value == "all" else int(value)
        return self.fail(f"{value!r} is neither a number from 1 on nor 'all'.", param, ctx)


@click.command("detect")
@path_argument("videos", several=True)
@output_option("keypoints.npz")
@click.option("--model", default="movenet_thunder", show_default=True, help="A shipped detector or a checkpoint file.")
@click.option(
    "--people", type=_People(), default="1", show_default=True, help="People to follow in each camera, or 'all'."
)
@click.option(
    "--boxes", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Boxes of people: COCO results (.json), a table (.csv) or lift3d's own (.npz); one file, or one for each "
    "video in their order. Detectors of one person in a box need them.",
)  # fmt: skip
@click.option(
    "--runtime", type=click.Choice(["torch", "onnx"]), default="torch", show_default=True,
    help="What runs the network; ONNX Runtime takes half the time on a CPU (pip install onnxruntime).",
)  # fmt: skip
@click.option(
    "--onnx-folder", type=click.Path(file_okay=False, path_type=Path),
    help="Where networks written for ONNX Runtime are kept, so that the next start is quick.",
)  # fmt: skip
@click.option("--one-pass", is_flag=True, help="Do not look at the mirrored picture too: half the time, less steady.")
@device_option()
@threads_option()
def COMMAND(  # noqa: N802
    videos: tuple[Path, ...],
    output: Path,
    model: str,
    people: int | str,
    boxes: tuple[Path, ...],
    runtime: str,
    onnx_folder: Path | None,
    one_pass: bool,
    device: str,
) -> None:
    """Find the 2D joints of people in VIDEOS (or image folders, or pictures), one for each camera.

    The cameras are named after the files: name the videos as the calibration names its cameras.
    """
    from lift3d.cli._memory import keep_freed_memory
    from lift3d.detection import DetectSettings, detect
    from lift3d.formats import check_target, write_keypoints
    from lift3d.keypoints import Keypoints2D

    check_target(output, Keypoints2D)
    keep_freed_memory()
    settings = DetectSettings(
        runtime=runtime, onnx_folder=None if onnx_folder is None else str(onnx_folder), mirror=not one_pass
    )
    wanted = people if isinstance(people, int) else None
    keypoints = detect(list(videos), model, people=wanted, boxes=list(boxes) or None, device=device, settings=settings)
    write_keypoints(keypoints, output)
    cameras, frames, followed = keypoints.scores.shape[:3]
    seen = (keypoints.scores > 0).double().mean().item()
    of_people = f"{followed} people, " if followed > 1 else ""
    click.echo(f"{output}: {cameras} cameras, {frames} frames, {of_people}{seen:.1%} of the joints seen.")
