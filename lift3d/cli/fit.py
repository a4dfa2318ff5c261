"""`lift3d fit`: bodies with a shape from 3D joints, or from the 2D joints of cameras."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lift3d.cli._options import calibration_option, fps_option, path_argument, skeleton_option, threads_option

if TYPE_CHECKING:
    from lift3d.cameras import CameraRig
    from lift3d.fitting import BodyFit, FitSettings
    from lift3d.keypoints import Keypoints2D
    from lift3d.poses import Poses3D

__all__ = ["COMMAND"]

_PAGE = ".html"
_MOST_FAILURES = 5
_STILL = 0.005  # metres
_ONE_PERSON = ("amass_npz", "meshcapade_smpl")


@click.command("fit")
@path_argument("joints", several=True)
@click.option("-o", "--output", "outputs", multiple=True, metavar="[FORMAT=]PATH", default=("body.npz",),
              show_default=True,
              help="What to write; again for more: .npz (AMASS), .smpl, .glb (animated, with skin), .bvh, .csv (joint "
                   "angles), .trc or .c3d (joints), .html (page to look at); obj_frames=FOLDER or "
                   "ply_frames=FOLDER (meshes).")  # fmt: skip
@click.option("--body", default="makehuman", show_default=True,
              help="The body: one of `lift3d info bodies`, or your own file (SMPL, SMPL-H, SMPL-X, ...).")  # fmt: skip
@click.option("--gender", type=click.Choice(["neutral", "male", "female"]), help="Of a body with several.")
@click.option("--people", help="Which people, by number from 1, with commas.  [default: all]")
@click.option("--offsets", type=click.Choice(["auto", "estimate", "none"]), default="auto", show_default=True,
              help="Whether joints may lie elsewhere than the body's; auto: unless they are its own.")  # fmt: skip
@click.option("--smoothness", type=click.FloatRange(min=0, min_open=True), metavar="RAD/S",
              help="Hold neighbouring frames together: how fast joints usually turn, about 2 in walking.")  # fmt: skip
@click.option("--contact", is_flag=True, help="Hold feet still that stand, against skating.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="All figures of the fit as JSON: every joint, person, frame and failure.")  # fmt: skip
@click.option("--iuv", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
              help="Pictures of which part of the body each pixel of the cameras sees, and where on it.")  # fmt: skip
@click.option("--format", "format_name", help="Format of the joints, where it cannot be told.")
@calibration_option(required=False)
@click.option("--camera", help="Of 2D joints of several cameras, fit to this one alone.")
@click.option("--image-size", type=int, nargs=2,
              help="Width and height of one camera's pictures, if neither file nor calibration says.")  # fmt: skip
@click.option("--video", "videos", multiple=True, metavar="[CAMERA=]PATH",
              help="Pictures of a camera for the page, named after the file if not said; again for more.")  # fmt: skip
@skeleton_option()
@fps_option()
@threads_option()
def COMMAND(  # noqa: N802
    joints: tuple[Path, ...],
    outputs: tuple[str, ...],
    body: str,
    gender: str | None,
    people: str | None,
    report: Path | None,
    iuv: Path | None,
    **options: Any,
) -> None:
    """Fit a body to JOINTS: 3D joints, triangulated or lifted, or the 2D joints of cameras; in any known format.

    2D joints are one file, a folder with one file for each camera, or the files. Those of several cameras need their
    calibration, and give the most exact bodies. Those of one camera do not: its lens is then guessed from the size of
    its pictures, and size and distance of people from what is likely.

    Every person gets one shape for the whole sequence. Prints how well it fits and the measures of each person.
    """
    from lift3d._files import check_place, writing
    from lift3d.fitting.fit import fit
    from lift3d.fitting.report import fit_report, to_json
    from lift3d.poses import Poses3D

    targets = [_target(text) for text in outputs]
    for path, folder in ((report, False), (iuv, True)):
        if path is not None:
            check_place(path, folder)
    rig = _rig(options)
    videos = _videos(options["videos"], rig, pages=any(_is_page(*target) for target in targets))
    if iuv is not None and rig is None:
        raise click.UsageError("--iuv needs to know where the cameras stand: pass -c CALIBRATION.")
    seen = _chosen(_read(joints, options), people)
    cameras = None if isinstance(seen, Poses3D) else rig
    found = fit(seen, body, gender, _settings(seen, options), cameras)
    motion, figures = found.motion, fit_report(found)
    _say(found, figures)
    for name, path in targets:
        for written in _write(found, name, path, rig, videos):
            click.echo(f"{written}: {written.stat().st_size / 1e6:.2f} MB" if written.is_file() else f"{written}/")
    if report is not None:
        with writing(report) as temporary:
            temporary.write_text(to_json(figures), encoding="utf-8")
        click.echo(f"{report}: the figures")
    if iuv is not None and rig is not None:
        from lift3d.surfaces import save_iuv

        click.echo(f"{save_iuv(motion, rig, iuv)}/: IUV pictures of {len(rig)} cameras")


def _rig(options: dict[str, Any]) -> CameraRig | None:
    """The cameras, if any were given."""
    from lift3d.formats import read_cameras

    where = options["calibration"]
    return read_cameras(where, unit=options["unit"], up=options["up"]) if where else None


def _videos(given: tuple[str, ...], rig: CameraRig | None, pages: bool) -> dict[str, Path]:
    """Path of the pictures by camera, checked before the work."""
    from lift3d.errors import FileError, UnknownNameError

    videos = {name if equals else Path(name).stem: Path(rest if equals else name)
              for name, equals, rest in (video.partition("=") for video in given)}  # fmt: skip
    if videos and not pages:
        raise click.UsageError("--video is for a page: add -o PAGE.html.")
    if videos and rig is None:
        raise click.UsageError("--video needs to know where the cameras stand: pass -c CALIBRATION.")
    for name, path in videos.items():
        if rig is not None and name not in rig.names:
            raise UnknownNameError("camera", name, rig.names)
        if not path.exists():
            raise FileError(path, "does not exist", "Check the path.")
    return videos


def _read(paths: tuple[Path, ...], options: dict[str, Any]) -> Poses3D | Keypoints2D:
    """3D joints, or 2D joints of one camera with the size of its pictures or of several with a calibration."""
    from dataclasses import replace

    import torch

    from lift3d.errors import InputError
    from lift3d.formats import read_keypoints, read_poses

    name, skeleton, size = options["format_name"], options["skeleton"], options["image_size"]
    if not _are_pictures(paths, name):
        return read_poses(paths[0], name, skeleton)
    source = paths[0] if len(paths) == 1 else list(paths)
    seen = read_keypoints(source, name, skeleton, options["fps"])
    seen = seen if options["camera"] is None else seen.only([options["camera"]])
    if size is not None:
        seen = replace(seen, image_sizes=torch.tensor([size]).expand(len(seen.camera_names), 2).to(seen.image_sizes))
    if len(seen.pixels) > 1 and options["calibration"] is None:
        names = ", ".join(seen.camera_names)
        raise InputError(
            f"{paths[0]} holds 2D joints of several cameras ({names}); pass their calibration "
            "(-c CALIBRATION), or choose one (--camera NAME)."
        )
    return seen


def _are_pictures(paths: tuple[Path, ...], name: str | None) -> bool:
    """Whether files hold 2D joints."""
    from lift3d.formats import all_formats, kinds_of
    from lift3d.keypoints import Keypoints2D
    from lift3d.poses import Poses3D

    first, *others = paths
    if others:
        return True
    if name is not None and name in all_formats():
        return all_formats()[name].holds is Keypoints2D
    kinds = kinds_of(first)
    return Keypoints2D in kinds and Poses3D not in kinds


def _settings(seen: Poses3D | Keypoints2D, options: dict[str, Any]) -> FitSettings:
    """Those of the kind of fit, with what was asked for."""
    from dataclasses import replace

    from lift3d.fitting import FitSettings
    from lift3d.fitting.fit_view import ONE_VIEW
    from lift3d.keypoints import Keypoints2D

    usual = ONE_VIEW if isinstance(seen, Keypoints2D) and len(seen.camera_names) == 1 else FitSettings()
    return replace(
        usual,
        offsets=options["offsets"],
        smoothness=options["smoothness"],
        contact=_STILL if options["contact"] else None,
    )


def _target(text: str) -> tuple[str | None, Path]:
    """Format, if named, and path of an output; refused before the work if it cannot be written."""
    from lift3d._files import check_place
    from lift3d.bodies import BodyMotion
    from lift3d.errors import FileError, UnknownNameError
    from lift3d.formats import all_formats, check_target
    from lift3d.poses import Poses3D

    able = {name: one for name, one in all_formats().items() if one.write and one.holds in (BodyMotion, Poses3D)}
    name, equals, rest = text.partition("=")
    if equals and name in able:
        check_target(rest, able[name].holds, name)
        return name, Path(rest)
    if equals and name.isidentifier():
        raise UnknownNameError("format of bodies", name, able)
    path, known = Path(text), {suffix for one in able.values() if one.by_suffix for suffix in one.suffixes if suffix}
    if _is_page(None, path):
        check_place(path)
    elif path.suffix.lower() not in known:
        suffixes = ", ".join(sorted({*known, _PAGE}))
        raise FileError(
            path, f"the suffix does not say which format to write; expected {suffixes}", "Or name it: -o FORMAT=PATH."
        )
    else:
        check_target(path, BodyMotion if _is_motion(path) else Poses3D)
    return None, path


def _is_page(name: str | None, path: Path) -> bool:
    return name is None and path.suffix.lower() == _PAGE


def _is_motion(path: Path) -> bool:
    """Whether a suffix is that of a format for bodies; else the joints alone are written."""
    from lift3d.bodies import BodyMotion
    from lift3d.formats import all_formats

    able = [one for one in all_formats().values() if one.holds is BodyMotion and one.write and one.by_suffix]
    return any(path.suffix.lower() in one.suffixes for one in able)


def _chosen(seen: Poses3D | Keypoints2D, people: str | None) -> Poses3D | Keypoints2D:
    """The joints of some people."""
    from dataclasses import replace

    from lift3d.poses import Poses3D

    if people is None:
        return seen
    count = seen.scores.shape[-2]
    numbers = [word.strip() for word in people.split(",")]
    wrong = next((word for word in numbers if not (word.isdecimal() and 1 <= int(word) <= count)), None)
    if wrong is not None:
        raise click.BadParameter(f"{wrong!r} is no person; expected numbers from 1 to {count}.", param_hint="--people")
    own = [int(word) - 1 for word in numbers]
    scores = seen.scores[..., own, :]
    if not isinstance(seen, Poses3D):
        return replace(seen, pixels=seen.pixels[:, :, own], scores=scores)
    covariance = None if seen.covariance is None else seen.covariance[:, own]
    return replace(seen, positions=seen.positions[:, own], scores=scores, covariance=covariance)


def _say(found: BodyFit, figures: dict[str, Any]) -> None:
    """How well it fits, and who was found."""
    from lift3d.cli._tables import table
    from lift3d.fitting.report import joint_rows, people_rows

    click.echo(table(["joint", "seen", "mean mm", "95 % within mm"], joint_rows(figures)))
    names = [f"person {one['person']}" for one in figures["people"]]
    click.echo("\n" + table(["measure", *names], people_rows(found)))
    what = "lines of sight" if figures["cameras"] else "joints"
    click.echo(f"\n{figures['poses']} poses fitted, {figures['residual_mm']} mm from the {what} on average.")
    for name, own in figures["cameras"].items():
        click.echo(f"{name}: half of the joints within {own['median_px']} px, 95 % within {own['most_px']} px.")
    for one in figures["people"]:
        bent = sum(one["bent_backwards"].values())
        prior = "" if one["prior_cost"] is None else f"; mean cost of the pose prior {one['prior_cost']:.1f}"
        click.echo(
            f"person {one['person']}: {one['poses']} poses{prior}; knees and elbows bent backwards {bent} times."
        )
    failed = _failed(figures["failures"])
    for line in failed[:_MOST_FAILURES]:
        click.echo(f"failed: {line}")
    if len(failed) > _MOST_FAILURES:
        click.echo(f"failed: and more, {len(figures['failures'])} poses in all; --report lists them.")


def _failed(failures: list[dict[str, Any]]) -> list[str]:
    """A line for each run of frames of a person that failed for one reason."""
    runs: list[tuple[list[int], dict[str, Any]]] = []
    for one in sorted(failures, key=lambda one: (one["person"], one["frame"])):
        last, kind = runs[-1] if runs else ([0, -2], {})
        if last[1] == one["frame"] - 1 and (kind["person"], kind["reason"]) == (one["person"], one["reason"]):
            last[1] = one["frame"]
        else:
            runs.append(([one["frame"], one["frame"]], one))
    return [
        f"frame{f's {first} to {last}' if last > first else f' {first}'}, person {one['person']}: {one['reason']}"
        for (first, last), one in runs
    ]


def _write(found: BodyFit, name: str | None, path: Path, rig: CameraRig | None, videos: dict[str, Path]) -> list[Path]:
    """Write one output; of several people, a file each where the format holds one."""
    from lift3d.formats import all_formats, write_motion, write_poses

    if _is_page(name, path):
        return [found.show(rig, videos=videos).save(path)]
    motion = found.motion
    if (name is not None and all_formats()[name].holds is not type(motion)) or (name is None and not _is_motion(path)):
        write_poses(motion.joints(), path, name)
        return [path]
    alone = name in _ONE_PERSON or (name is None and path.suffix.lower() in (".npz", ".smpl"))
    if not alone or motion.people == 1:
        write_motion(motion, path, name)
        return [path]
    paths = [path.with_stem(f"{path.stem}_person{person + 1}") for person in range(motion.people)]
    for person, own in enumerate(paths):
        write_motion(motion.only(person), own, name)
    return paths
