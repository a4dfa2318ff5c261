"""Pairs: what a detector saw of a person in one camera, and where the joints truly were.

    pairs = read_pose_pairs("data_3d_h36m.npz", "data_2d_h36m_cpn_ft_h36m_dbb.npz", cameras="metadata.xml")
    for number, clip in enumerate(pairs.clips):
        seen = pairs.read(number)  # pixels (frames, joints, 2), scores, positions in the camera frame in metres

What they are read from is found out from the path; see ``lift3d.datasets.pair_sources``. Only lift3d's own HDF5 file is
read a stretch at a time from wherever it lies; see each source for what it keeps in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d._discovery import entries_of
from lift3d.cameras import Camera, CameraRig
from lift3d.datasets._chosen_clips import ChosenClips, stop_of
from lift3d.datasets._rigs_by_subject import RigsBySubject
from lift3d.errors import FileError, InputError, UnknownNameError
from lift3d.skeletons import Skeleton

__all__ = ["PairClip", "PairFrames", "PairsFormat", "PosePairs", "pair_formats", "read_pose_pairs"]


@dataclass(frozen=True, eq=False)
class PairClip:
    """One person in one camera, frames that follow each other.

    Args:
        subject: who it is, such as ``"S9"``.
        sequence: such as ``"Walking 1"``.
        camera_name: such as ``"54138969"``.
        frames: how many.
        frames_per_second: how many of them a second.
        camera: the calibrated camera; None where it is not known.
        action: such as ``"Walking"``.
        split: such as ``"train"`` or ``"test"``; may be empty.
    """

    subject: str
    sequence: str
    camera_name: str
    frames: int
    frames_per_second: float
    camera: Camera | None
    action: str = ""
    split: str = ""

    @property
    def name(self) -> str:
        """Subject, sequence and camera, such as ``"S9/Walking 1/54138969"``."""
        return f"{self.subject}/{self.sequence}/{self.camera_name}"


class PairFrames(NamedTuple):
    """Frames of a clip, float32.

    ``pixels`` are distorted ones, NaN where a joint was not found, with ``scores`` from 0, where it was not found, to
    1; ``positions`` are metres in the camera frame (x right, y down, z forward), NaN where not known.
    """

    pixels: Float[Tensor, "frames joints_seen 2"]
    scores: Float[Tensor, "frames joints_seen"]
    positions: Float[Tensor, "frames joints 3"]


Pull = Callable[[int, int, int], tuple[np.ndarray, np.ndarray | None, np.ndarray]]


@dataclass(frozen=True, eq=False)
class PosePairs:
    """Clips whose frames are read when they are asked for.

    Args:
        clips: what there is.
        keypoint_skeleton: what the joints of the detections are.
        skeleton: what the joints of the positions are; the two may differ.
        pull: ``pull(clip, start, stop)`` gives pixels, scores (None: 1 where seen) and positions as arrays.
    """

    clips: tuple[PairClip, ...]
    keypoint_skeleton: Skeleton
    skeleton: Skeleton
    pull: Pull

    @property
    def frames(self) -> int:
        """The frames of all clips together."""
        return sum(clip.frames for clip in self.clips)

    def read(self, clip: int, start: int = 0, stop: int | None = None) -> PairFrames:
        """Frames ``start`` to ``stop`` of a clip, without the last.

        Args:
            clip: its number.
            start, stop: as of a Python slice, but not below zero.

        Raises:
            InputError: the frames are not within the clip.
            FileError: the file has changed or is damaged.
        """
        own = self.clips[clip]
        end = stop_of(own.name, own.frames, start, stop)
        pixels, scores, positions = (None if part is None else _float32(part) for part in self.pull(clip, start, end))
        assert pixels is not None
        assert positions is not None
        seen = torch.isfinite(pixels).all(-1)
        scores = seen.to(pixels.dtype) if scores is None else scores.clamp(0, 1).masked_fill(~seen, 0.0)
        return PairFrames(pixels.masked_fill(~seen[..., None], torch.nan), scores, positions)

    def positions_world(self, clip: int, start: int = 0, stop: int | None = None) -> Float[Tensor, "frames joints 3"]:
        """The true joints in the world that the clip's camera is calibrated in, metres, float32.

        Raises:
            InputError: the camera is not known.
        """
        camera = self.clips[clip].camera
        if camera is None:
            raise InputError(f"Clip {self.clips[clip].name!r} has no camera; pass cameras=... when reading the pairs.")
        positions = self.read(clip, start, stop).positions
        flat = camera.camera_to_world(positions.reshape(-1, 3).to(camera.rotation.dtype))
        return flat.reshape(positions.shape).to(positions.dtype)

    def only(
        self,
        subjects: Collection[str] | None = None,
        actions: Collection[str] | None = None,
        cameras: Collection[str] | None = None,
        splits: Collection[str] | None = None,
    ) -> PosePairs:
        """The clips of some subjects, actions, cameras or splits, in the same order; None takes all."""

        def wanted(clip: PairClip) -> bool:
            own = (clip.subject, subjects), (clip.action, actions), (clip.camera_name, cameras), (clip.split, splits)
            return all(names is None or name in names for name, names in own)

        kept = [number for number, clip in enumerate(self.clips) if wanted(clip)]
        return replace(
            self,
            clips=tuple(self.clips[number] for number in kept),
            pull=ChosenClips(self.pull, kept),
        )


def _float32(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


@dataclass(frozen=True)
class PairsFormat:
    """What a file of ``pair_sources`` declares: one layout of pairs, under the name ``PAIRS``.

    Args:
        name: what a user passes as ``format=``.
        about: one line for people.
        recognises: whether a path is of this layout; looks inside as little as needed and never raises.
        read: ``read(path, path_2d, rigs, fps)``: the pairs. ``rigs(subject)`` is the rig of a subject, or ``rigs`` is
            None where the user gave no calibration. Raises ``FileError``.
    """

    name: str
    about: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, str | None, RigsBySubject | None, float | None], PosePairs]


@cache
def pair_formats() -> dict[str, PairsFormat]:
    """Every layout by name."""
    return entries_of("lift3d.datasets.pair_sources", "PAIRS", PairsFormat)


def read_pose_pairs(
    path: str | Path,
    path_2d: str | Path | None = None,
    format: str | None = None,  # noqa: A002
    *,
    cameras: str | Path | CameraRig | None = None,
    fps: float | None = None,
) -> PosePairs:
    """Pairs of detections and true joints.

    Args:
        path: the file or folder that holds the 3D.
        path_2d: the detections, where they are a file of their own; of a folder of Martinez's, the name of the folder
            of detections, such as ``"StackedHourglass"``.
        format: name of the layout (see ``pair_formats``); by default found out from the path.
        cameras: the calibration, where the data holds none: a file in any format of ``read_cameras``, of one rig or of
            one for each subject; a folder of files called after the subjects (``S1.toml``); or a rig. Cameras are taken
            by name, or, where the data only numbers them, in the rig's order.
        fps: frames a second, where the data does not say.

    Raises:
        FileError: a path is missing, is of none of the layouts or damaged; or a calibration is needed.
        UnknownNameError: there is no such layout.
    """
    place = Path(path)
    entry = _format(place, format)
    rigs = None if cameras is None else RigsBySubject(cameras)
    return entry.read(place, None if path_2d is None else str(path_2d), rigs, fps)


def _format(path: Path, name: str | None) -> Any:
    known = pair_formats()
    if not path.exists():
        raise FileError(path, "does not exist", "Check the path.")
    if name is not None:
        if name not in known:
            raise UnknownNameError("layout of pairs", name, known)
        return known[name]
    fitting = [entry for entry in known.values() if entry.recognises(path)]
    if len(fitting) != 1:
        problem = f"could be any of {', '.join(entry.name for entry in fitting)}" if fitting else "holds no pose pairs"
        raise FileError(path, problem, f"Name its layout (format=...): {', '.join(known)}.")
    return fitting[0]
