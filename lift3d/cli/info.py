"""`lift3d info`: what lift3d knows, and what is in a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lift3d.cli._tables import table

if TYPE_CHECKING:
    from lift3d.bodies import BodyModel

__all__ = ["COMMAND"]


@click.command("info")
@click.argument("what", default="versions")
def COMMAND(what: str) -> None:  # noqa: N802
    """Tell about WHAT, a topic or a file.

    Topics: versions, skeletons, formats, datasets, networks, weights, bodies, filters, protocols. Of a file with
    cameras, keypoints, poses, a body model or bodies in motion it prints what is in it.
    """
    topics: dict[str, Callable[[], str]] = {
        "versions": _versions, "skeletons": _skeletons, "formats": _formats, "datasets": _datasets,
        "networks": _networks, "weights": _weights, "bodies": _bodies, "filters": _filters,
        "protocols": _protocols,
    }  # fmt: skip
    if what in topics:
        click.echo(topics[what]())
        return
    if not Path(what).exists():
        from lift3d.errors import UnknownNameError

        raise UnknownNameError("topic or file", what, topics)
    click.echo(_file(Path(what)))


def _versions() -> str:
    from importlib.metadata import version

    import torch

    from lift3d import __version__

    lines = [f"lift3d {__version__}"]
    lines += [f"{name} {version(name)}" for name in ("torch", "numpy", "scipy", "av", "safetensors")]
    lines += [f"GPU: {torch.cuda.get_device_name() if torch.cuda.is_available() else 'none'}"]
    return "\n".join([*lines, f"threads: {torch.get_num_threads()}"])


def _skeletons() -> str:
    from lift3d.skeletons import get_skeleton, skeleton_names

    known = [get_skeleton(name) for name in skeleton_names()]
    return table(["skeleton", "joints", ""], [[s.name, str(len(s)), " ".join(s.joints)] for s in known])


def _formats() -> str:
    from lift3d.formats import all_formats

    rows = [
        [entry.name, entry.holds.__name__, "r" if entry.read else "-", "w" if entry.write else "-", entry.about]
        for entry in sorted(all_formats().values(), key=lambda e: (e.holds.__name__, e.name))
    ]
    return table(["format", "holds", "read", "write", "about"], rows)


def _datasets() -> str:
    from lift3d.datasets.labelled_pictures import picture_formats
    from lift3d.datasets.motion import motion_sources
    from lift3d.datasets.pose_pairs import pair_formats

    kinds = {"motion": motion_sources(), "pairs": pair_formats(), "pictures": picture_formats()}
    rows = [[entry.name, kind, entry.about] for kind, entries in kinds.items() for entry in entries.values()]
    return table(["data set", "holds", "about"], rows)


def _networks() -> str:
    from lift3d.cli._network_table import network_table

    return network_table()


def _weights() -> str:
    from lift3d.checkpoints import load_network, shipped_weights

    rows = []
    for name, path in shipped_weights().items():
        loaded = load_network(name)
        count = sum(parameter.numel() for parameter in loaded.network.parameters())
        size = f"{path.stat().st_size / 2**20:.1f} MiB"
        rows.append([name, loaded.name, loaded.skeleton.name, f"{count / 1e6:.2f} M", size])
    return table(["weights", "network", "skeleton", "parameters", "file"], rows)


def _about_motion(path: Path) -> str:
    """What a file of motion says, whatever body it is of."""
    import warnings

    from lift3d.formats import read_body, read_motion

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the shape may be of another body
        motion = read_motion(path, read_body())
    return (
        f"bodies in motion of {motion.people} people, {len(motion.times)} frames at {motion.frames_per_second:g}/s, "
        f"{motion.up} up"
    )


def _bodies() -> str:
    from lift3d.formats import body_genders, body_names, read_body

    known = [read_body(name) for name in body_names()]
    rows = [
        [
            one.name,
            " ".join(body_genders(one.name)),
            str(len(one.template)),
            str(one.shapes),
            one.skeleton.name,
            one.about,
        ]
        for one in known
    ]
    return table(["body", "genders", "vertices", "shapes", "skeleton", "about"], rows)


def _about_body(body: BodyModel) -> str:
    return (
        f"{body.about}. {len(body.template)} vertices, {len(body.faces)} faces, {body.shapes} shape components, "
        f"skeleton {body.skeleton.name}, {body.gender}. Licence: {body.licence}"
    )


def _filters() -> str:
    from lift3d.filtering import all_filters
    from lift3d.settings import to_mapping

    rows = []
    for entry in all_filters().values():
        settings = " ".join(f"{name}={value:g}" for name, value in to_mapping(entry.settings()).items())
        rows.append([entry.name, settings, entry.about])
    return table(["filter", "settings", "about"], rows)


def _protocols() -> str:
    from lift3d.evaluation.protocols import get_protocol, protocol_names

    return "\n".join(f"{name}: {get_protocol(name).describe()}" for name in protocol_names())


def _file(path: Path) -> str:
    from lift3d.errors import FileError
    from lift3d.formats import kinds_of, read_body, read_cameras, read_keypoints, read_poses

    kinds = {noun.__name__ for noun in kinds_of(path)}
    if kinds == {"CameraRig"}:
        rig = read_cameras(path)
        sizes = [f"{w:g} x {h:g}" for w, h in rig.cameras.image_size.tolist()]
        places = [" ".join(f"{value:.3f}" for value in centre) for centre in rig.cameras.centre.tolist()]
        rows = [[name, size, place] for name, size, place in zip(rig.names, sizes, places, strict=True)]
        return f"{path}: {len(rig)} cameras, {rig.up} up\n{table(['camera', 'pixels', 'centre m'], rows)}"
    if kinds == {"Keypoints2D"}:
        keypoints = read_keypoints(path)
        cameras, frames, people, _ = keypoints.scores.shape
        return (
            f"{path}: keypoints of {cameras} cameras ({', '.join(keypoints.camera_names)}), {frames} frames at "
            f"{keypoints.frames_per_second:g}/s, {people} people, skeleton {keypoints.skeleton.name}"
        )
    if kinds == {"Poses3D"}:
        poses = read_poses(path)
        frames, people, _ = poses.scores.shape
        return (
            f"{path}: poses of {people} people, {frames} frames at {poses.frames_per_second:g}/s, skeleton "
            f"{poses.skeleton.name}, frame {poses.frame!r}, {poses.up} up"
        )
    if kinds == {"BodyModel"}:
        return f"{path}: {_about_body(read_body(path))}"
    if kinds == {"BodyMotion"}:
        return f"{path}: {_about_motion(path)}"
    raise FileError(path, "is in no format that says what it holds", "See `lift3d info formats`.")
