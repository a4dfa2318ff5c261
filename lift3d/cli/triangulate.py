"""`lift3d triangulate`: 3D joints from the 2D joints of several calibrated cameras, and a report on the cameras."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lift3d.cli._options import (
    calibration_option,
    fps_option,
    output_option,
    path_argument,
    skeleton_option,
    threads_option,
)

if TYPE_CHECKING:
    from lift3d.cameras import CameraRig
    from lift3d.keypoints import Keypoints2D
    from lift3d.poses import Poses3D
    from lift3d.triangulation import Report, TriangulationSettings

__all__ = ["COMMAND"]

_MOST_ROWS = 40
_LEARNED = ("learned", "volumetric")


@click.command("triangulate")
@path_argument("keypoints", several=True)
@calibration_option(required=True)
@output_option("poses.npz", "Poses to write: .npz, .csv, .trc, .json, .c3d or .bvh.")
@click.option("--to", "target_format", help="Format of the poses, where the suffix leaves it open, e.g. csv_wide.")
@click.option("--report", "reports", type=click.Path(path_type=Path, dir_okay=False), multiple=True,
              help="Also write the report: .html or .json; again for both.")  # fmt: skip
@click.option("--method", type=click.Choice(["temporal", "robust", "learned", "volumetric", "algebraic", "dlt"]),
              default="temporal", show_default=True,
              help="temporal: robust, then smooth over time with constant bones; robust: every point by itself; "
                   "learned: a network weighs and mends the views, then smooth; volumetric: and another one looks at "
                   "the space around the person; algebraic, or dlt: linear.")  # fmt: skip
@click.option("--weights", metavar="NAME|FILE", default="",
              help="Of the network of learned or volumetric, where it is not the one that ships.")  # fmt: skip
@click.option("--still", is_flag=True, help="learned and volumetric: every frame by itself, not smoothed.")
@click.option("--offset", "offsets", multiple=True, metavar="CAMERA=FRAMES|auto",
              help="Move a camera in time: cam03=-2 for one that runs two frames late; again for more; auto: find "
                   "them.")  # fmt: skip
@click.option("--refine", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Mend the calibration with the people it films, and write it there, e.g. mended.toml.")  # fmt: skip
@click.option("--without", multiple=True, metavar="CAMERA", help="Leave a camera out; again for more.")
@click.option("--min-score", type=click.FloatRange(0, 1), default=0.0, show_default=True,
              help="Leave out views with a lower score.")  # fmt: skip
@click.option("--max-gap", type=click.FloatRange(min=0), default=0.25, show_default=True,
              help="Fill gaps of up to so many seconds.")  # fmt: skip
@click.option("--no-bones", is_flag=True, help="Let bones change their lengths.")
@click.option("--no-swaps", is_flag=True, help="Do not put exchanged left and right back.")
@click.option("--acceleration", type=click.FloatRange(min=0, min_open=True),
              help="How much joints accelerate, m/s^2: less is smoother.  [default: from the data]")  # fmt: skip
@click.option("--filter", "filter_name", metavar="NAME",
              help="Then filter the poses over time, most sensibly with --method robust: butterworth, one_euro, "
                   "savitzky_golay or median; with other settings by `lift3d filter`.")  # fmt: skip
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
    target_format: str | None,
    reports: tuple[Path, ...],
    method: str,
    offsets: tuple[str, ...],
    refine: Path | None,
    without: tuple[str, ...],
    filter_name: str | None,
    cameras: str | None,
    format_name: str | None,
    skeleton: str | None,
    fps: float | None,
    **options: Any,
) -> None:
    """Triangulate KEYPOINTS: one file with all cameras, a folder with one file for each camera, or the files.

    Cameras are matched to the calibration by name. The report says how well each camera, joint and bone fits, and in
    its last lines what to do about it; it is about the poses before they are filtered.
    """
    from lift3d.formats import check_target, read_cameras, read_keypoints, write_poses
    from lift3d.poses import Poses3D
    from lift3d.triangulation import diagnose, triangulate_in_detail

    _check_learned(method, options)
    check_target(output, Poses3D, target_format)
    for file in reports:
        _check_suffix(file)
    _check_filter(filter_name)
    given = dict(_offset(text) for text in offsets if text != "auto")
    names = cameras.split(",") if cameras else None
    source = keypoints[0] if len(keypoints) == 1 else list(keypoints)
    detections = read_keypoints(source, format_name, skeleton, fps, camera_names=names)
    detections = _left(detections, without).shifted(given)
    rig = read_cameras(calibration, unit=unit, up=up)
    settings = _settings(**options)
    if "auto" in offsets:
        detections, given = _moved(detections, rig, given, settings)
    if refine is not None:
        rig = _refined(detections, rig, refine, settings)
    found = triangulate_in_detail(detections, rig, method, settings)
    write_poses(_filtered(found.poses, filter_name), output, target_format)
    report = diagnose(found, settings, given)
    _save(report, reports)
    click.echo(_as_text(report))
    click.echo(
        f"\n{output}: {len(found.poses.times)} frames, {report.totals.triangulated:.1%} of the joints triangulated, "
        f"metres, {rig.up} up."
    )


def _check_learned(method: str, options: dict[str, Any]) -> None:
    """Refuse options that the method would not look at."""
    given = [f"--{name}" for name in ("weights", "still") if options[name]]
    if given and method not in _LEARNED:
        raise click.UsageError(f"{' and '.join(given)}: only for --method {' or '.join(_LEARNED)}; this is {method}.")


def _check_filter(name: str | None) -> None:
    """Refuse an unknown filter before the work, not after it."""
    from lift3d.errors import UnknownNameError
    from lift3d.filtering import all_filters

    if name is not None and name not in all_filters():
        raise UnknownNameError("filter", name, all_filters())


def _filtered(poses: Poses3D, name: str | None) -> Poses3D:
    from lift3d.filtering import filter_poses

    return poses if name is None else filter_poses(poses, name)


def _settings(
    min_score: float,
    max_gap: float,
    no_bones: bool,
    no_swaps: bool,
    acceleration: float | None,
    weights: str,
    still: bool,
) -> TriangulationSettings:
    from lift3d.triangulation import SmoothingSettings, TriangulationSettings

    smoothing = SmoothingSettings(max_gap, not no_bones, acceleration, over_time=not still)
    return TriangulationSettings(min_score=min_score, swaps=not no_swaps, smoothing=smoothing, weights=weights)


def _left(keypoints: Keypoints2D, without: tuple[str, ...]) -> Keypoints2D:
    """The keypoints without some cameras."""
    keypoints.only(without)  # refuses cameras that are not there
    return keypoints.only(name for name in keypoints.camera_names if name not in without)


def _moved(
    keypoints: Keypoints2D, rig: CameraRig, given: dict[str, int], settings: TriangulationSettings
) -> tuple[Keypoints2D, dict[str, int]]:
    """The keypoints with late cameras moved, and by how much all cameras were moved."""
    from lift3d.triangulation import sure_offsets

    found = sure_offsets(keypoints, rig, min_score=settings.min_score)
    said = ", ".join(f"{name} by {frames:+d}" for name, frames in found.items())
    click.echo(f"Moved in time: {said or 'none'}.\n")
    return keypoints.shifted(found), {**given, **{name: given.get(name, 0) + own for name, own in found.items()}}


def _refined(keypoints: Keypoints2D, rig: CameraRig, file: Path, settings: TriangulationSettings) -> CameraRig:
    """The rig with its cameras moved so that the views agree; written to the file."""
    from lift3d.cli._tables import table
    from lift3d.formats import write_cameras
    from lift3d.triangulation import refine_rig

    refined = refine_rig(keypoints, rig, settings=settings)
    write_cameras(refined.rig, file)
    columns = (refined.turn_deg, 1000 * refined.shift, refined.before_px, refined.after_px)
    rows = [
        [name, f"{turn:.2f}", f"{shift:.0f}", f"{before:.1f}", f"{after:.1f}"]
        for name, turn, shift, before, after in zip(
            refined.rig.names, *(column.tolist() for column in columns), strict=True
        )
    ]
    click.echo(table(["camera", "turned, degrees", "moved, mm", "median px before", "after"], rows))
    click.echo(f"{file}: the mended calibration.\n")
    return refined.rig


def _as_text(report: Report) -> str:
    """The tables, then the words."""
    from lift3d.cli._tables import table

    parts = [table(header, _first(rows)) for header, rows in report.tables().values()]
    return "\n\n".join([*parts, "\n".join(f"- {sentence}" for sentence in report.words)])


def _first(rows: list[list[str]]) -> list[list[str]]:
    """No more rows than a terminal shows; all are in the reports."""
    if len(rows) <= _MOST_ROWS:
        return rows
    left = len(rows) - _MOST_ROWS
    return [*rows[:_MOST_ROWS], [f"and {left} more", *[""] * (len(rows[0]) - 1)]]


def _check_suffix(file: Path) -> None:
    if file.suffix.lower() not in (".html", ".json"):
        raise click.BadParameter(f"{str(file)!r} ends neither in .html nor in .json.", param_hint="--report")


def _save(report: Report, files: tuple[Path, ...]) -> None:
    from lift3d._files import writing

    for file in files:
        text = report.to_json() if file.suffix.lower() == ".json" else report.to_html()
        with writing(file) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _offset(text: str) -> tuple[str, int]:
    """Camera and frames of ``camera=frames``."""
    name, _, frames = text.rpartition("=")
    try:
        return name, int(frames)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not CAMERA=FRAMES, such as cam03=-2, nor auto.", param_hint="--offset"
        ) from None
