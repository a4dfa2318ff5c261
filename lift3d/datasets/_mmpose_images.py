"""Names of MMPose's Human3.6M pictures, which say whose they are: ``S1/S1_Directions_1.54138969/..._000001.jpg``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lift3d.datasets._rigs_by_subject import RigsBySubject
from lift3d.datasets._sequence_names import action_of, canonical, is_left_out, split_of
from lift3d.datasets.pose_pairs import PairClip
from lift3d.errors import FileError

__all__ = ["Recording", "recordings", "to_clip"]

_NAME = re.compile(r"(?:.*/)?(S\d+)_([^/.]+)\.(\d+)_(\d+)\.\w+")
_FPS = 50.0  # of the data set; a picture's number counts its frames


class Recording(NamedTuple):
    """Pictures of one sequence in one camera: their rows in the file, in the order of their numbers."""

    subject: str
    sequence: str
    camera: str
    rows: np.ndarray
    numbers: np.ndarray


def recordings(path: Path, names: Sequence[str]) -> list[Recording]:
    """The recordings of pictures, in the order in which they first come, without S11's first Directions.

    Raises:
        FileError: a name is of another form.
    """
    rows: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
    for row, name in enumerate(names):
        found = _NAME.fullmatch(name)
        if found is None:
            raise FileError(path, f"picture {name[:80]!r} is not called as Human3.6M's are in MMPose")
        subject, sequence, camera, number = found.groups()
        rows.setdefault((subject, canonical(sequence), camera), []).append((int(number), row))
    return [
        Recording(*key, *np.array(sorted(pairs))[:, ::-1].T.copy())
        for key, pairs in rows.items() if not is_left_out(*key[:2])
    ]  # fmt: skip


def to_clip(recording: Recording, rigs: RigsBySubject | None, fps: float | None) -> PairClip:
    """The clip of a recording; its frame rate follows from the numbers left out, unless it is given."""
    step = float(np.median(np.diff(recording.numbers))) if len(recording.numbers) > 1 else 1.0
    camera = rigs.camera(recording.subject, recording.camera)[1] if rigs is not None else None
    return PairClip(
        recording.subject, recording.sequence, recording.camera, len(recording.rows), fps or _FPS / max(step, 1.0),
        camera, action_of(recording.sequence), split_of(recording.subject),
    )  # fmt: skip
