"""Human3.6M as it is downloaded (``D3_Positions`` in CDF files) to lift3d's own files.

    pip install cdflib
    python -m data_tools.human36m_cdf FOLDER --cameras metadata.xml --pairs h36m.h5 --motion h36m_motion.h5

FOLDER holds ``S1/MyPoseFeatures/D3_Positions/Directions 1.cdf`` and so on, with the variable ``Pose`` (1, frames, 96):
32 joints, millimetres, world, z up, 50 frames a second. ``--motion`` writes the 17 that move as clips of 3D motion.
``--pairs`` writes them as seen by each camera of ``metadata.xml``: positions in the camera frame, and their exact
pixels under the data set's own lens. Subjects 1, 5, 6, 7 and 8 are ``train``, 9 and 11 ``test``. Sequences go under
one spelling (``Photo``, ``WalkDog``), and S11's first Directions, of which a video is damaged, is left out, as
everywhere.

The data set's licence is for academic use and forbids passing it on, also in converted form.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lift3d._natural_order import natural_order
from lift3d.datasets import Clip, PairClip, PosePairs, write_motion_clips, write_pose_pairs
from lift3d.datasets._rigs_by_subject import RigsBySubject
from lift3d.datasets._sequence_names import ROWS_17_OF_32, action_of, canonical, is_left_out, split_of
from lift3d.errors import FileError, Lift3dError, MissingPackageError
from lift3d.skeletons import get_skeleton

__all__ = ["Sequence", "main", "pairs_of", "read_cdf", "sequences_in"]

FPS = 50.0
HUMAN36M = get_skeleton("human36m17")
ABOUT = "Human3.6M (Ionescu et al. 2014), vision.imar.ro/human3.6m; academic use only, may not be passed on."

Reader = Callable[[Path], np.ndarray]


@dataclass(frozen=True)
class Sequence:
    """A file of the data set, under the project's spelling."""

    path: Path
    subject: str
    name: str


def sequences_in(folder: Path) -> list[Sequence]:
    """The sequences of the folder that are used, in natural order.

    Raises:
        FileError: there are none.
    """
    files = sorted(folder.glob("S*/MyPoseFeatures/D3_Positions/*.cdf"), key=lambda one: natural_order(str(one)))
    found = [Sequence(file, file.parts[-4], canonical(file.stem)) for file in files]
    kept = [one for one in found if not is_left_out(one.subject, one.name)]
    if not kept:
        raise FileError(
            folder, "holds no S*/MyPoseFeatures/D3_Positions/*.cdf", "Unpack the downloads of D3_Positions."
        )
    return kept


def read_cdf(path: Path) -> np.ndarray:
    """Positions (frames, 17, 3) of a CDF file, metres, world, z up.

    Raises:
        MissingPackageError: cdflib is not installed.
        FileError: the file is damaged or holds something else.
    """
    try:
        import cdflib  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingPackageError("cdflib", "Reading Human3.6M's CDF files") from error
    try:
        raw: Any = cdflib.CDF(path).varget("Pose")
    except Exception as error:  # cdflib raises many kinds
        raise FileError(
            path, f"is damaged or no CDF file ({' '.join(str(error).split())})", "Unpack it again."
        ) from error
    pose = np.asarray(raw)
    if pose.ndim != 3 or pose.shape[0] != 1 or pose.shape[2] != 96:
        raise FileError(path, f"Pose has shape {pose.shape}; expected (1, frames, 96)", "Give files of D3_Positions.")
    return pose.reshape(-1, 32, 3)[:, list(ROWS_17_OF_32)].astype(np.float64) / 1000


def pairs_of(sequences: list[Sequence], rigs: RigsBySubject, read: Reader = read_cdf) -> PosePairs:
    """Each sequence in each camera, with exact pixels; a file at a time is in memory.

    Raises:
        FileError: a file is damaged, or the calibration does not fit.
    """
    last = lru_cache(maxsize=1)(read)
    clips, sources = [], []
    for one in sequences:
        rig, frames = rigs(one.subject), len(last(one.path))
        for name in rig.names:
            split, action = split_of(one.subject), action_of(one.name)
            clips.append(PairClip(one.subject, one.name, name, frames, FPS, rig[name], action, split))
            sources.append((one.path, rig[name]))

    def pull(clip: int, start: int, stop: int) -> tuple[np.ndarray, None, np.ndarray]:
        path, camera = sources[clip]
        positions = camera.world_to_camera(torch.from_numpy(last(path)[start:stop].reshape(-1, 3)))
        pixels = camera.project_camera(positions)
        return pixels.numpy().reshape(-1, 17, 2), None, positions.numpy().reshape(-1, 17, 3)

    return PosePairs(tuple(clips), HUMAN36M, HUMAN36M, pull)


def motion_of(sequences: list[Sequence], read: Reader = read_cdf) -> Iterator[tuple[Clip, np.ndarray]]:
    """Each sequence as a clip of motion."""
    for one in sequences:
        positions = read(one.path)
        name, split = f"{one.subject}/{one.name}", split_of(one.subject)
        yield Clip(name, one.subject, len(positions), FPS, action_of(one.name), split), positions


def main(arguments: list[str] | None = None) -> None:
    """See the head of this module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cameras", help="metadata.xml, or another calibration of one rig for each subject")
    parser.add_argument("--pairs", type=Path, help="file of pairs to write; needs --cameras")
    parser.add_argument("--motion", type=Path, help="file of motion clips to write")
    options = parser.parse_args(arguments)
    if options.pairs is None and options.motion is None:
        parser.error("nothing to write: pass --pairs, --motion or both")
    if options.pairs is not None and options.cameras is None:
        parser.error("--pairs needs --cameras")
    try:
        sequences = sequences_in(options.folder)
        if options.motion is not None:
            clips, frames = write_motion_clips(options.motion, motion_of(sequences), HUMAN36M, about=ABOUT)
            print(f"{options.motion}: {clips} clips, {frames} frames")
        if options.pairs is not None:
            pairs = pairs_of(sequences, RigsBySubject(options.cameras))
            write_pose_pairs(pairs, options.pairs, ABOUT)
            print(f"{options.pairs}: {len(pairs.clips)} clips, {pairs.frames} frames")
    except Lift3dError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
