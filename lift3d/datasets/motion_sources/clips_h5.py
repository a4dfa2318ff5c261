"""Motion clips in one HDF5 file: lift3d's own form of 3D motion.

Layout: ``positions`` (frames, joints, 3), integers or floats; attribute ``unit_mm``, the length of one unit in
millimetres; attribute ``fps``, frames a second, 30 where it is left out; group ``clips`` with one row a clip in each of
``name``, ``subject``, ``split``, ``start``, ``length`` and, optionally, ``action`` and ``origin_mm`` (3), which is
added. World z up. The joints are those of ``human36m17`` unless an attribute ``skeleton`` names another; files that
lift3d writes hold the skeleton in full (``joints``, ``parents``, ``links``). Every joint is there in every frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from lift3d._files import writing
from lift3d.datasets._h5_tables import (
    KeptOpen,
    add_rows,
    check_rows,
    growing,
    write_skeleton,
    write_table,
    written_skeleton,
)
from lift3d.datasets.motion import Clip, Motion, MotionSource
from lift3d.errors import FileError, InputError, ShapeError
from lift3d.formats._h5 import array_of, holds_all, opened, texts
from lift3d.skeletons import Skeleton

__all__ = ["SOURCE", "write_motion_clips"]

_LARGEST = np.iinfo(np.int16).max


def _recognises(path: Path) -> bool:
    return path.is_file() and holds_all(path, ("positions", "clips")) and not holds_all(path, ("pixels",))


def _open(path: Path) -> Motion:
    with opened(path) as file:
        group: Any = file["clips"]
        positions: Any = file["positions"]
        skeleton = written_skeleton(path, file.attrs)
        if positions.shape[1:] != (len(skeleton), 3):
            raise FileError(path, f"positions has shape {positions.shape}; expected {len(skeleton)} joints of x, y, z")
        starts, lengths = (array_of(path, group, name).astype(np.int64) for name in ("start", "length"))
        check_rows(path, starts, lengths, len(positions))
        fps = float(np.asarray(file.attrs.get("fps", 30.0)))
        names, subjects, splits = (texts(path, group, name) for name in ("name", "subject", "split"))
        actions = texts(path, group, "action") if "action" in group else [""] * len(names)
        origins = array_of(path, group, "origin_mm") if "origin_mm" in group else np.zeros((len(names), 3))
        unit = float(np.asarray(file.attrs["unit_mm"]))
        rows = zip(names, subjects, lengths.tolist(), actions, splits, strict=True)
        clips = tuple(Clip(name, subject, length, fps, action, split) for name, subject, length, action, split in rows)
    return Motion(clips, skeleton, _Frames(KeptOpen(path), starts, origins.astype(np.float64), unit))


class _Frames:
    """Reads frames of clips; may be sent to another process."""

    def __init__(self, file: KeptOpen, starts: np.ndarray, origins_mm: np.ndarray, unit_mm: float) -> None:
        self.file, self.starts, self.origins_mm, self.unit_mm = file, starts, origins_mm, unit_mm

    def __call__(self, clip: int, start: int, stop: int) -> np.ndarray:
        first = int(self.starts[clip])
        counts = self.file.rows("positions", first + start, first + stop)
        return (counts.astype(np.float64) * self.unit_mm + self.origins_mm[clip]) / 1000


def write_motion_clips(
    path: str | Path,
    clips: Iterable[tuple[Clip, Any]],
    skeleton: Skeleton,
    unit_mm: float | None = 0.25,
    about: str = "",
) -> tuple[int, int]:
    """Write clips to one HDF5 file as they come, whole or not at all; only one clip is in memory at a time.

    Args:
        path: the file.
        clips: each with its positions (frames, joints, 3), metres, world z up, every joint there. All have the same
            number of frames a second.
        skeleton: what the joints are.
        unit_mm: positions are stored as whole multiples of this, in 16 bits, each clip around its own middle: 0.25
            reaches 8 m from there. None stores float32, metres.
        about: where the data is from and under what licence; kept as attribute ``about``.

    Returns:
        How many clips and frames were written.

    Raises:
        InputError: a joint is missing, a clip is too wide for the unit, frame rates differ, or there are no clips.
        FileError: the file cannot be written.
    """
    columns: dict[str, list[Any]] = {
        name: [] for name in ("name", "subject", "split", "action", "start", "length", "origin_mm")
    }
    rates: set[float] = set()
    with writing(path) as temporary, h5py.File(temporary, "w") as file:
        packed = growing(file, "positions", (len(skeleton), 3), "f4" if unit_mm is None else "i2", "gzip")
        for clip, positions in clips:
            rates.add(clip.frames_per_second)
            counts, origin_mm = _counts(clip, np.asarray(positions, dtype=np.float64), skeleton, unit_mm)
            row = (clip.name, clip.subject, clip.split, clip.action, len(packed), len(counts), origin_mm)
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
            add_rows(packed, counts)
        if len(rates) != 1:
            listed = ", ".join(f"{rate:g}" for rate in sorted(rates)) or "none, as there are no clips"
            raise InputError(f"{path}: expected clips of one frame rate; got {listed}. Resample them first.")
        file.attrs["unit_mm"] = 1000.0 if unit_mm is None else unit_mm
        file.attrs["fps"] = rates.pop()
        file.attrs["about"] = about
        write_skeleton(file.attrs, skeleton)
        write_table(file.create_group("clips"), columns)
        return len(columns["name"]), len(packed)


def _counts(
    clip: Clip, positions: np.ndarray, skeleton: Skeleton, unit_mm: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """A clip as it is stored, and its origin in millimetres."""
    if positions.shape != (clip.frames, len(skeleton), 3):
        wanted = f"{(clip.frames, len(skeleton), 3)} of clip {clip.name!r}"
        raise ShapeError("positions", positions.shape, wanted)
    if not np.isfinite(positions).all():
        raise InputError(f"Clip {clip.name!r} has missing joints; cut it where they are (see clip_cleaning).")
    if unit_mm is None or not len(positions):
        return positions.astype(np.float32 if unit_mm is None else np.int16), np.zeros(3)
    flat = 1000 * positions.reshape(-1, 3)
    origin_mm = np.round((flat.min(0) + flat.max(0)) / 2, 1)
    counts = np.round((1000 * positions - origin_mm) / unit_mm)
    if np.abs(counts).max() > _LARGEST:
        raise InputError(
            f"Clip {clip.name!r} is wider than {2 * _LARGEST * unit_mm / 1000:.0f} m, the most that 16 bits of "
            f"{unit_mm:g} mm hold. Choose a larger unit, or None for float32."
        )
    return counts.astype(np.int16), origin_mm


SOURCE = MotionSource(
    name="clips_h5",
    about="Motion clips in one HDF5 file, lift3d's own form (see lift3d.datasets.motion_sources.clips_h5).",
    recognises=_recognises,
    open=_open,
)
