"""VideoPose3D's 3D archives as motion: Human3.6M, HumanEva, MPI-INF-3DHP (see ``_videopose3d_positions``)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lift3d.datasets._sequence_names import action_of
from lift3d.datasets._videopose3d_positions import read_positions
from lift3d.datasets.clip_cleaning import good_stretches
from lift3d.datasets.motion import Clip, Motion, MotionSource
from lift3d.formats._safe_npz import member_names


def _recognises(path: Path) -> bool:
    return path.is_file() and "positions_3d" in member_names(path)


def _open(path: Path) -> Motion:
    archive = read_positions(path)
    clips, arrays = [], []
    for (subject, sequence), positions in archive.sequences.items():
        person, split = archive.person_and_split(subject)
        parts = good_stretches(positions, archive.frames_per_second)
        for number, part in enumerate(parts):
            piece = f"#{number}" if len(parts) > 1 else ""
            name = f"{subject}/{sequence}{piece}"
            frames = part.stop - part.start
            clips.append(Clip(name, person, frames, archive.frames_per_second, action_of(sequence), split))
            arrays.append(positions[part])
    return Motion(tuple(clips), archive.skeleton, _Frames(arrays))


class _Frames:
    """Gives frames of clips."""

    def __init__(self, arrays: list[np.ndarray]) -> None:
        self.arrays = arrays

    def __call__(self, clip: int, start: int, stop: int) -> np.ndarray:
        return self.arrays[clip][start:stop]


SOURCE = MotionSource(
    name="videopose3d_npz",
    about="VideoPose3D's 3D archives (data_3d_*.npz) of Human3.6M, HumanEva, MPI-INF-3DHP; read whole.",
    recognises=_recognises,
    open=_open,
)
