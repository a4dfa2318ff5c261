"""lift3d's own poses: a NumPy archive of numbers and text, read without unpickling.

Arrays: ``positions`` (frames, people, joints, 3), metres, NaN where missing; ``scores`` (frames, people, joints), 0..1;
``times`` (frames), seconds; if known, ``covariance`` (frames, people, joints, 3, 3), square metres; ``frame`` ("world",
"camera" or "root"); ``up`` (such as "+z"); the skeleton as ``skeleton``, ``joints``, ``parents`` (-1: root) and
``links``; ``lift3d_poses``, the version. Everything comes back as it was; float32 stays float32.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lift3d.formats._entry import FileFormat
from lift3d.formats._own_npz import is_own, numbers_of, own_skeleton, read_own, text_of, to_numbers, write_own
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton

_MARK = "lift3d_poses"


def _recognises(path: Path) -> bool:
    return is_own(path, _MARK)


def _read(path: Path, skeleton: Skeleton | None = None) -> Poses3D:
    arrays = read_own(path, _MARK, ("positions", "scores", "times", "frame", "up"))
    return Poses3D.of(
        numbers_of(path, arrays, "positions"),
        numbers_of(path, arrays, "scores"),
        skeleton=own_skeleton(path, arrays, skeleton),
        times=numbers_of(path, arrays, "times"),
        frame=text_of(path, arrays, "frame"),
        up=text_of(path, arrays, "up"),
        covariance=numbers_of(path, arrays, "covariance") if "covariance" in arrays else None,
    )


def _write(poses: Poses3D, path: Path) -> None:
    names = ("positions", "scores", "times", *(() if poses.covariance is None else ("covariance",)))
    arrays = {name: to_numbers(getattr(poses, name)) for name in names}
    write_own(path, _MARK, poses.skeleton, {**arrays, "frame": np.array(poses.frame), "up": np.array(poses.up)})


FORMAT = FileFormat(
    name="lift3d_poses_npz",
    holds=Poses3D,
    suffixes=(".npz",),
    about="lift3d's own poses, an archive of numbers; keeps everything.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
