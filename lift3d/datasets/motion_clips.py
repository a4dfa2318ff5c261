"""Clips of 3D motion in one HDF5 file.

Layout: ``positions`` (frames, joints, 3), integers or floats; attribute ``unit_mm``, the length of one unit in
millimetres; group ``clips`` with one row a clip in each of ``name``, ``subject``, ``split``, ``start``, ``length``
and, optionally, ``origin_mm`` (3), which is added. World z up. The joints are those of ``human36m17`` unless an
attribute ``skeleton`` names another.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.errors import FileError
from lift3d.skeletons import Skeleton, get_skeleton

__all__ = ["MotionClips", "read_motion_clips"]


@dataclass(frozen=True, eq=False)
class MotionClips:
    """The frames of many clips, one after another.

    Args:
        positions: metres, z up.
        clip: which clip a frame is of.
        names, subjects: of each clip.
        skeleton: what the joints are.
    """

    positions: Float[Tensor, "frames joints 3"]
    clip: Int[Tensor, "frames"]
    names: tuple[str, ...]
    subjects: tuple[str, ...]
    skeleton: Skeleton


def read_motion_clips(path: str | Path, splits: tuple[str, ...]) -> MotionClips:
    """The clips of the given splits.

    Raises:
        FileError: the file is missing, not of this layout, or has no such split.
    """
    if not Path(path).is_file():
        raise FileError(path, "does not exist", "Pass the path of a motion file: --data.path FILE.")
    try:
        with h5py.File(path) as file:
            return _clips(file, Path(path), splits)
    except (OSError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(path, f"is no file of motion clips ({error})", "See lift3d.datasets.motion_clips.") from error


def _clips(file: h5py.File, path: Path, splits: tuple[str, ...]) -> MotionClips:
    group: Any = file["clips"]
    positions: Any = file["positions"]
    table: dict[str, Any] = {name: group[name][:] for name in ("name", "subject", "split", "start", "length")}
    own = [_text(split) for split in table["split"]]
    rows = [row for row, split in enumerate(own) if split in splits]
    if not rows:
        raise FileError(path, f"has no split {', '.join(splits)}", f"Known: {', '.join(sorted(set(own)))}.")
    origins = group["origin_mm"][:] if "origin_mm" in group else np.zeros((len(own), 3))
    unit = float(np.asarray(file.attrs["unit_mm"]))
    parts = []
    for row in rows:
        start, length = int(table["start"][row]), int(table["length"][row])
        parts.append((positions[start : start + length].astype("f8") * unit + origins[row]) / 1000)
    return MotionClips(
        positions=torch.from_numpy(np.concatenate(parts).astype("f4")),
        clip=torch.from_numpy(np.repeat(np.arange(len(rows)), [len(part) for part in parts])),
        names=tuple(_text(table["name"][row]) for row in rows),
        subjects=tuple(_text(table["subject"][row]) for row in rows),
        skeleton=get_skeleton(_text(file.attrs.get("skeleton", "human36m17"))),
    )


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
