"""`lift3d demo`: from the footage that ships with lift3d to 3D people that one can look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lift3d.cli._options import output_option, threads_option
from lift3d.cli._tables import table

if TYPE_CHECKING:
    from lift3d.cameras import CameraRig
    from lift3d.keypoints import Keypoints2D
    from lift3d.poses import Poses3D

__all__ = ["COMMAND"]

_FOOTAGE = Path(__file__).parents[1] / "data" / "demo"
_LATE = {"cam03": -2}  # this camera of the footage runs two frames late: so it fits the others best


@click.command("demo")
@output_option("lift3d_demo", "Folder to write to.")
@click.option("--frames", type=click.IntRange(min=2), help="Use only so many frames.  [default: all 81]")
@threads_option()
def COMMAND(output: Path, frames: int | None) -> None:  # noqa: N802
    """Detect an athlete in four videos, triangulate, lift each view alone, compare, and write a page to look at.

    Needs no network. Writes keypoints.npz, triangulated.npz and .trc, one lifted npz a camera, and view.html.
    """
    from dataclasses import replace

    from lift3d.detection import detect
    from lift3d.formats import read_cameras, write_keypoints, write_poses
    from lift3d.lifting import lift
    from lift3d.triangulation import triangulate
    from lift3d.viewing import view

    rig = read_cameras(_FOOTAGE / "Calib.qca.txt")
    videos = {name: _FOOTAGE / f"{name}.mp4" for name in rig.names}
    detected = detect(list(videos.values()), frames=frames)
    keypoints = detected.shifted(_LATE)
    triangulated = triangulate(keypoints, rig)
    lifted = {name: lift(keypoints.only([name]), rig[name]) for name in rig.names}
    in_world = {name: poses.to_world(rig[name], rig.up) for name, poses in lifted.items()}

    write_keypoints(keypoints, output / "keypoints.npz")
    for suffix in ("npz", "trc"):
        write_poses(triangulated, output / f"triangulated.{suffix}")
    for name, poses in lifted.items():
        write_poses(poses, output / f"lifted_{name}.npz")
    sequences = {"triangulated": triangulated, **{f"lifted from {name}": poses for name, poses in in_world.items()}}
    scene = view(sequences, rig, detected, videos, image_width=360, image_every=2, title="lift3d demo")
    scene = replace(scene, hidden=tuple(f"lifted from {name}" for name in rig.names[1:]))
    page = scene.save(output / "view.html")

    click.echo(f"cam03 of this footage runs late; it is moved by {_LATE['cam03']} frames.\n")
    click.echo(_views(triangulated, keypoints, rig, lifted))
    click.echo(_bones(triangulated))
    click.echo(f"Open {page.resolve()} in a browser; the numbers are beside it in {output.resolve()}.")


def _views(poses: Poses3D, keypoints: Keypoints2D, rig: CameraRig, lifted: dict[str, Poses3D]) -> str:
    """Per camera: reprojection error of the triangulated joints, and how far its lifted poses are from them."""
    from lift3d.evaluation import pa_mpjpe
    from lift3d.triangulation import reprojection_error

    error = reprojection_error(poses, keypoints, rig).flatten(1)
    rows = []
    for name, own in zip(keypoints.camera_names, error, strict=True):
        pixels, alone = own[own.isfinite()], lifted[name]
        joints = [joint for joint in alone.skeleton.joints if joint not in ("neck_nose", "head")]
        limbs = alone.skeleton.only(joints)
        ours, theirs = alone.mapped_to(limbs).positions, poses.mapped_to(limbs).positions
        distance = 1000 * pa_mpjpe(ours, theirs.to(ours.dtype)).nanmean().item()
        rows.append([name, f"{pixels.median().item():.1f}", f"{pixels.quantile(0.95).item():.1f}", f"{distance:.0f}"])
    pixels = error[error.isfinite()]
    rows.append(["all", f"{pixels.median().item():.1f}", f"{pixels.quantile(0.95).item():.1f}", ""])
    return table(["camera", "reprojection px", "95 % px", "lifted against triangulated, PA-MPJPE mm"], rows) + "\n"


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
