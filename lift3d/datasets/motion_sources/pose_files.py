"""A file of poses, or a folder of them, as motion: any format of ``read_poses``, on the joints of ``human36m17``.

Of a folder, all files below it are taken in natural order. A clip is named after its file (and person, where there are
several); its subject is the folder that the file lies in, or, of files right in the folder given, the name up to the
first ``_`` (``02`` of ``02_01.amc``). A folder ``train``, ``validation`` or ``test`` is the split; elsewhere it is
``train``. A clip is cut where a joint is missing: pieces are called ``walk#0``, ``walk#1``.

Names of animation skeletons are known (``_animation_names``), and the End Sites of BVH. To learn the clips' lengths,
all files are read once; after that, the file read last stays in memory. For more than some hundred files, make one file
of clips: ``python -m data_tools.make_motion_clips``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from lift3d._natural_order import natural_order
from lift3d.datasets._animation_names import with_our_names
from lift3d.datasets.clip_cleaning import good_stretches
from lift3d.datasets.motion import Clip, Motion, MotionSource
from lift3d.errors import FileError
from lift3d.formats import all_formats, kinds_of, read_poses
from lift3d.formats._bvh_ends import read_bvh_with_ends
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton, get_skeleton, mapping_between, skeleton_names

__all__ = ["SOURCE", "people_of", "pose_files", "subject_and_split"]

_SPLITS = ("train", "validation", "test")
_LOOKED_AT = 64  # files of a folder that are looked at to know what it is


def _recognises(path: Path) -> bool:
    if path.is_file():
        return Poses3D in kinds_of(path)
    some = [one for one in path.rglob("*") if one.suffix.lower() in _suffixes()]
    return any(Poses3D in kinds_of(one) for one in some[:_LOOKED_AT] if one.is_file())


def _open(path: Path) -> Motion:
    skeleton = get_skeleton("human36m17")
    clips, places = [], []
    for file in pose_files(path):
        subject, split = subject_and_split(file, path)
        for name, person, positions, fps in people_of(file, skeleton):
            parts = good_stretches(positions, fps)
            for number, part in enumerate(parts):
                own = f"{name}#{number}" if len(parts) > 1 else name
                clips.append(Clip(own, subject, part.stop - part.start, fps, split=split))
                places.append((file, person, part.start))
    return Motion(tuple(clips), skeleton, _Frames(places, skeleton))


class _Frames:
    """Reads frames of clips; the file read last stays in memory."""

    def __init__(self, places: list[tuple[Path, int, int]], skeleton: Skeleton) -> None:
        self.places, self.skeleton = places, skeleton
        self._last: tuple[Path, list[np.ndarray]] | None = None

    def __call__(self, clip: int, start: int, stop: int) -> np.ndarray:
        file, person, first = self.places[clip]
        if self._last is None or self._last[0] != file:
            self._last = file, [positions for _, _, positions, _ in people_of(file, self.skeleton)]
        return self._last[1][person][first + start : first + stop]


def pose_files(path: Path) -> list[Path]:
    """The path itself, or the files of poses below it, in natural order.

    Raises:
        FileError: there are none.
    """
    if path.is_file():
        return [path]
    inside = [one for one in path.rglob("*") if one.suffix.lower() in _suffixes() and one.is_file()]
    found = [one for one in sorted(inside, key=lambda one: natural_order(str(one))) if Poses3D in kinds_of(one)]
    if not found:
        raise FileError(path, "holds no file of poses", "See `lift3d info formats`.")
    return found


def subject_and_split(file: Path, folder: Path) -> tuple[str, str]:
    """Who is in a file, and its split, by the rule at the head of this module."""
    above = list(file.relative_to(folder).parts[:-1]) if folder.is_dir() else []
    split = next((part for part in above if part in _SPLITS), "train")
    rest = [part for part in above if part not in _SPLITS]
    return (rest[-1] if rest else file.stem.partition("_")[0]), split


def people_of(file: Path, skeleton: Skeleton, unit: str | None = None) -> Iterator[tuple[str, int, np.ndarray, float]]:
    """Each person of a file: name, number, (frames, joints, 3) float32 in metres with z up, and frames a second.

    Args:
        file: of poses.
        skeleton: the joints wanted; a joint that is missing is NaN.
        unit: of lengths, where the file leaves it open.

    Raises:
        FileError: it cannot be read, is not in the world frame, or does not have the joints.
    """
    poses = _poses(file, skeleton, unit)
    if poses.frame != "world":
        raise FileError(file, f"its poses are in the {poses.frame!r} frame", "Expected poses in the world.")
    fps, people = round(poses.frames_per_second, 3), poses.positions.shape[1]
    positions = _z_up(poses.positions.float().numpy(), poses.up)
    for person in range(people):
        yield (file.stem if people == 1 else f"{file.stem}/person{person + 1}"), person, positions[:, person], fps


def _poses(file: Path, skeleton: Skeleton, unit: str | None) -> Poses3D:
    poses = read_poses(file, unit=unit)
    if file.suffix.lower() == ".bvh" and poses.skeleton.name not in skeleton_names():
        poses = read_bvh_with_ends(file, unit)
    if mapping_between(poses.skeleton, skeleton).missing:
        poses = replace(poses, skeleton=with_our_names(poses.skeleton))
    missing = mapping_between(poses.skeleton, skeleton).missing
    if missing:
        some = ", ".join(poses.skeleton.joints[:6])
        problem = f"its joints ({some}, ...) do not give {', '.join(missing)} of {skeleton.name}"
        raise FileError(file, problem, "Rename its joints, or convert it with a script of your own.")
    return poses.mapped_to(skeleton)


def _z_up(positions: np.ndarray, up: str) -> np.ndarray:
    """Turned by right angles so that the axis ``up`` is +z; NaN stays NaN."""
    axes = {"x": (1, 2, 0), "y": (0, 2, 1), "z": (0, 1, 2)}[up[1]]
    # rotations all: where two axes are exchanged, or up points down, one that lies flat changes its sign
    signs = {"+x": (1, 1, 1), "-x": (-1, 1, -1), "+y": (1, -1, 1), "-y": (1, 1, -1), "+z": (1, 1, 1), "-z": (1, -1, -1)}
    return positions[..., axes] * np.array(signs[up], dtype=positions.dtype)


def _suffixes() -> set[str]:
    return {
        suffix for entry in all_formats().values() if entry.holds is Poses3D and entry.read is not None
        for suffix in entry.suffixes if suffix
    }  # fmt: skip


SOURCE = MotionSource(
    name="pose_files",
    about="A file or a folder of poses in any format that lift3d reads (BVH, ASF/AMC, C3D, TRC, its own, ...).",
    recognises=_recognises,
    open=_open,
)
