"""Human3.6M as the ``h36m.zip`` of Martinez et al. 2017: a folder of HDF5 files, read clip by clip.

``S9/MyPoses/3D_positions/Walking 1.h5`` holds ``3D_positions`` (96, frames), millimetres, world; ``cameras.h5`` the
cameras (see ``formats/human36m_cameras_h5.py``), unless ``cameras=`` names others. Detections are in
``S9/StackedHourglass/Walking_1.54138969.h5``, ``poses`` (frames, 16, 2), pixels, in MPII's order; their folder is
named by ``path_2d="StackedHourglass"``. Without it the pixels are exact: the 17 joints projected with the data set's
own lens, which is what the paper calls ground truth. Give the folder ``h36m``, or the one that it lies in. 50 frames a
second.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from lift3d._natural_order import natural_order
from lift3d.cameras import Camera
from lift3d.datasets._rigs_by_subject import RigsBySubject
from lift3d.datasets._sequence_names import ROWS_17_OF_32, action_of, canonical, is_left_out, split_of
from lift3d.datasets.pose_pairs import PairClip, PairsFormat, PosePairs
from lift3d.errors import FileError
from lift3d.formats._h5 import opened
from lift3d.skeletons import get_skeleton

_POSITIONS, _POSES = "3D_positions", "poses"
_FPS = 50.0


def _root(path: Path) -> Path | None:
    places = (path, path / "h36m") if path.is_dir() else ()
    return next((one for one in places if any(one.glob(f"S*/MyPoses/{_POSITIONS}"))), None)


def _recognises(path: Path) -> bool:
    return _root(path) is not None


def _read(path: Path, path_2d: str | None, rigs: RigsBySubject | None, fps: float | None) -> PosePairs:
    root = _root(path)
    if root is None:
        raise FileError(path, "has no folder S1/MyPoses/3D_positions", "Give the folder h36m of h36m.zip.")
    rigs = rigs or RigsBySubject(root / "cameras.h5")
    clips, sources = [], []
    for file in sorted(root.glob(f"S*/MyPoses/{_POSITIONS}/*.h5"), key=lambda one: natural_order(str(one))):
        subject, sequence = file.parts[-4], canonical(file.stem)
        if is_left_out(subject, sequence):
            continue
        rig, frames = rigs(subject), _shape(file, _POSITIONS, 1)
        seen = _detections(root / subject / path_2d) if path_2d is not None else None
        for name in rig.names:
            detected = seen.get((sequence, name)) if seen is not None else None
            if seen is not None and detected is None:
                continue
            _check_length(detected, frames)
            split = split_of(subject)
            clips.append(PairClip(subject, sequence, name, frames, fps or _FPS, rig[name], action_of(sequence), split))
            sources.append((file, detected, rig[name]))
    if not clips:
        raise FileError(root, f"holds no sequences with detections {path_2d!r}", "Check the name of their folder.")
    keypoints = get_skeleton("mpii16" if path_2d is not None else "human36m17")
    return PosePairs(tuple(clips), keypoints, get_skeleton("human36m17"), _Frames(sources))


class _Frames:
    """Reads frames of clips."""

    def __init__(self, sources: list[tuple[Path, Path | None, Camera]]) -> None:
        self.sources = sources

    def __call__(self, clip: int, start: int, stop: int) -> tuple[np.ndarray, None, np.ndarray]:
        file, detected, camera = self.sources[clip]
        with opened(file) as opened_file:
            columns: Any = opened_file[_POSITIONS]
            raw = np.asarray(columns[:, start:stop], dtype=np.float64).T.reshape(stop - start, 32, 3)
        world = torch.from_numpy(raw[:, list(ROWS_17_OF_32)] / 1000).reshape(-1, 3)
        positions = camera.world_to_camera(world)
        if detected is None:
            pixels = camera.project_camera(positions).numpy().reshape(-1, 17, 2)
        else:
            with opened(detected) as opened_file:
                rows: Any = opened_file[_POSES]
                pixels = np.asarray(rows[start:stop])
        return pixels, None, positions.numpy().reshape(-1, 17, 3)


def _detections(folder: Path) -> dict[tuple[str, str], Path]:
    """Files of detections by sequence and camera."""
    found = {}
    for file in folder.glob("*.h5"):
        sequence, _, camera = file.stem.rpartition(".")
        found[canonical(sequence), camera] = file
    return found


def _shape(file: Path, name: str, axis: int) -> int:
    with opened(file) as opened_file:
        dataset: Any = opened_file[name]
        wanted = {_POSITIONS: (2, 0, 96), _POSES: (3, 1, 16)}[name]
        if dataset.ndim != wanted[0] or dataset.shape[wanted[1]] != wanted[2]:
            raise FileError(file, f"{name} has shape {dataset.shape}", "Expected a file of Martinez's h36m.zip.")
        return int(dataset.shape[axis])


def _check_length(detected: Path | None, frames: int) -> None:
    if detected is not None and (own := _shape(detected, _POSES, 0)) < frames:
        problem = f"{own} frames of detections for {frames} of motion"
        raise FileError(detected, problem, "Detections must not end before the motion.")


PAIRS = PairsFormat(
    name="martinez_h5",
    about="Human3.6M as Martinez's h36m.zip: exact pixels, or path_2d='StackedHourglass'; read clip by clip.",
    recognises=_recognises,
    read=_read,
)
