"""`lift3d demo`: from the footage that ships with lift3d to 3D people that one can look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lift3d.cli._options import output_option, threads_option
from lift3d.cli._tables import table

if TYPE_CHECKING:
    from lift3d.keypoints import Keypoints2D
    from lift3d.poses import Poses3D
    from lift3d.triangulation import RefinedRig

__all__ = ["COMMAND"]

_FOOTAGE = Path(__file__).parents[1] / "data" / "demo"


@click.command("demo")
@output_option("lift3d_demo", "Folder to write to.")
@click.option("--frames", type=click.IntRange(min=2), help="Use only so many frames.  [default: all 81]")
@threads_option()
def COMMAND(output: Path, frames: int | None) -> None:  # noqa: N802
    """Detect an athlete in four videos, triangulate, lift each view alone, compare, and write a page to look at.

    The report finds that the footage's calibration is a little off; it is mended with the athlete herself. Needs no
    network. Writes keypoints.npz, rig.toml, triangulated.npz, .trc and .bvh, one lifted npz a camera, report.html
    (before mending) and view.html.
    """
    from dataclasses import replace

    from lift3d._files import writing
    from lift3d.detection import detect
    from lift3d.formats import read_cameras, write_cameras, write_keypoints, write_poses
    from lift3d.lifting import lift
    from lift3d.triangulation import diagnose, refine_rig, triangulate, triangulate_in_detail
    from lift3d.viewing import view

    calibrated = read_cameras(_FOOTAGE / "Calib.qca.txt")
    videos = {name: _FOOTAGE / f"{name}.mp4" for name in calibrated.names}
    keypoints = detect(list(videos.values()), frames=frames)
    report = diagnose(triangulate_in_detail(keypoints, calibrated))
    refined = refine_rig(keypoints, calibrated)
    rig = refined.rig
    triangulated = triangulate(keypoints, rig)
    lifted = {name: lift(keypoints.only([name]), rig[name]) for name in rig.names}
    in_world = {name: poses.to_world(rig[name], rig.up) for name, poses in lifted.items()}

    write_keypoints(keypoints, output / "keypoints.npz")
    write_cameras(rig, output / "rig.toml")
    with writing(output / "report.html") as temporary:
        temporary.write_text(report.to_html(), encoding="utf-8")
    for suffix in ("npz", "trc", "bvh"):
        write_poses(triangulated, output / f"triangulated.{suffix}")
    for name, poses in lifted.items():
        write_poses(poses, output / f"lifted_{name}.npz")
    sequences = {"triangulated": triangulated, **{f"lifted from {name}": poses for name, poses in in_world.items()}}
    scene = view(sequences, rig, keypoints, videos, image_width=360, image_every=2, title="lift3d demo")
    scene = replace(scene, hidden=tuple(f"lifted from {name}" for name in rig.names[1:]))
    page = scene.save(output / "view.html")

    click.echo("With the calibration as it is:")
    click.echo("\n".join(f"- {sentence}" for sentence in report.words))
    click.echo("\nWith the calibration mended (refine_rig; lift3d triangulate --refine):")
    click.echo(_views(triangulated, keypoints, refined, lifted))
    click.echo(_bones(triangulated))
    click.echo(f"Open {page.resolve()} in a browser; the report and the numbers are beside it in {output.resolve()}.")


def _views(poses: Poses3D, keypoints: Keypoints2D, refined: RefinedRig, lifted: dict[str, Poses3D]) -> str:
    """Per camera: reprojection error of the triangulated joints, and how far its lifted poses are from them."""
    from lift3d.evaluation import pa_mpjpe
    from lift3d.triangulation import reprojection_error

    error = reprojection_error(poses, keypoints, refined.rig).flatten(1)
    rows = []
    for name, own, before in zip(keypoints.camera_names, error, refined.before_px.tolist(), strict=True):
        pixels, alone = own[own.isfinite()], lifted[name]
        joints = [joint for joint in alone.skeleton.joints if joint not in ("neck_nose", "head")]
        limbs = alone.skeleton.only(joints)
        ours, theirs = alone.mapped_to(limbs).positions, poses.mapped_to(limbs).positions
        distance = 1000 * pa_mpjpe(ours, theirs.to(ours.dtype)).nanmean().item()
        rows.append(
            [name, f"{before:.1f}", f"{pixels.median():.1f}", f"{pixels.quantile(0.95):.1f}", f"{distance:.0f}"]
        )
    pixels = error[error.isfinite()]
    rows.append(["all", "", *(f"{pixels.quantile(share).item():.1f}" for share in (0.5, 0.95)), ""])
    header = ["camera", "median px before", "after", "95 % px", "lifted against triangulated, PA-MPJPE mm"]
    return table(header, rows) + "\n"


def _bones(poses: Poses3D) -> str:
    """Lengths of the triangulated thighs and shanks, which should not change."""
    rows = []
    for name, upper, lower in (("thigh", "hip", "knee"), ("shank", "knee", "ankle")):
        for side in ("left", "right"):
            ends = poses.skeleton.indices(f"{side}_{upper}", f"{side}_{lower}")
            length = (poses.positions[:, 0, ends[0]] - poses.positions[:, 0, ends[1]]).norm(dim=-1)
            length = 100 * length[length.isfinite()]
            mean, spread = length.mean().item(), length.std().item()
            rows.append([f"{side} {name}", f"{mean:.1f}", f"{spread:.1f}", f"{100 * spread / mean:.1f} %"])
    return table(["bone", "mean cm", "spread cm", "spread"], rows) + "\n"
