"""lift3d's own pairs: one HDF5 file, written as a stream and read a stretch at a time.

``pixels`` (frames, joints seen, 2), distorted pixels, NaN where missing; ``scores`` (frames, joints seen);
``positions`` (frames, joints, 3), metres in the camera frame, NaN where missing; all float32. Groups
``keypoint_skeleton`` and ``skeleton`` hold the two skeletons in full, as attributes. Group ``clips`` has one row a
clip: ``subject``, ``sequence``, ``action``, ``split``, ``camera_name``, ``start``, ``length``, ``fps``, and the
camera's fields (``intrinsics``, ``distortion``, ``rotation``, ``translation``, ``image_size``, ``lens``, see
``lift3d.cameras``), with ``has_camera`` 0 where it is not known. Attribute ``lift3d_pairs`` is the version, ``about``
says where the data is from.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from lift3d._files import writing
from lift3d.cameras import Camera
from lift3d.datasets._h5_tables import (
    KeptOpen,
    add_rows,
    check_rows,
    growing,
    write_skeleton,
    write_table,
    written_skeleton,
)
from lift3d.datasets._rigs_by_subject import RigsBySubject
from lift3d.datasets.pose_pairs import PairClip, PairsFormat, PosePairs
from lift3d.errors import FileError, InputError
from lift3d.formats._h5 import array_of, holds_all, opened, texts

__all__ = ["PAIRS", "write_pose_pairs"]

_VERSION = 1
_STRETCH = 4096  # frames that are written at once
_TEXTS = ("subject", "sequence", "action", "split", "camera_name")
_FIELDS = ("intrinsics", "distortion", "rotation", "translation", "image_size", "lens")
_NO_CAMERA = Camera.of(np.eye(3))


def _recognises(path: Path) -> bool:
    return path.is_file() and holds_all(path, ("pixels", "positions", "clips", "keypoint_skeleton"))


def _read(path: Path, path_2d: str | None, rigs: RigsBySubject | None, fps: float | None) -> PosePairs:
    if path_2d is not None or rigs is not None or fps is not None:
        raise FileError(path, "holds its own pixels, cameras and frame rates", "Pass nothing else.")
    with opened(path) as file:
        if int(np.asarray(file.attrs.get("lift3d_pairs", 0))) != _VERSION:
            raise FileError(path, f"is of a version of lift3d's pairs other than {_VERSION}", "Install a later lift3d.")
        group: Any = file["clips"]
        skeletons = [written_skeleton(path, file[name].attrs) for name in ("keypoint_skeleton", "skeleton")]
        counts = [file["pixels"], file["scores"], file["positions"]]
        expected = [(len(skeletons[0]), 2), (len(skeletons[0]),), (len(skeletons[1]), 3)]
        if [one.shape[1:] for one in counts] != expected or len({len(one) for one in counts}) != 1:  # type: ignore[union-attr,arg-type]
            raise FileError(path, "its arrays do not fit its skeletons", "Write the file again.")
        starts, lengths = (array_of(path, group, name).astype(np.int64) for name in ("start", "length"))
        check_rows(path, starts, lengths, len(counts[0]))  # type: ignore[arg-type]
        clips = _clips(path, group, lengths)
    return PosePairs(clips, skeletons[0], skeletons[1], _Frames(KeptOpen(path), starts))


def _clips(path: Path, group: Any, lengths: np.ndarray) -> tuple[PairClip, ...]:
    words = {name: texts(path, group, name) for name in _TEXTS}
    rates = array_of(path, group, "fps").tolist()
    known = array_of(path, group, "has_camera").astype(bool)
    fields = {name: torch.from_numpy(array_of(path, group, name)) for name in _FIELDS}
    sizes = {len(column) for column in (*words.values(), rates, known, *fields.values())}
    if sizes != {len(lengths)}:
        raise FileError(path, "the columns of its clips have several lengths", "Write the file again.")
    return tuple(
        PairClip(
            **{name: column[row] for name, column in words.items()},
            frames=int(lengths[row]),
            frames_per_second=rates[row],
            camera=_camera(path, fields, row) if known[row] else None,
        )
        for row in range(len(lengths))
    )


def _camera(path: Path, fields: Mapping[str, torch.Tensor], row: int) -> Camera:
    try:
        return Camera(**{name: values[row] for name, values in fields.items()})
    except InputError as error:
        raise FileError(path, f"clip {row}: {error}") from error


class _Frames:
    """Reads frames of clips; may be sent to another process."""

    def __init__(self, file: KeptOpen, starts: np.ndarray) -> None:
        self.file, self.starts = file, starts

    def __call__(self, clip: int, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        first = int(self.starts[clip])
        pixels, scores, positions = (
            self.file.rows(name, first + start, first + stop) for name in ("pixels", "scores", "positions")
        )
        return pixels, scores, positions


def write_pose_pairs(pairs: PosePairs, path: str | Path, about: str = "") -> None:
    """Write pairs to lift3d's own HDF5 file, a stretch of frames at a time, whole or not at all.

    Args:
        pairs: what to write, from any source.
        path: the file.
        about: where the data is from and under what licence; kept with it.

    Raises:
        InputError: there are no clips.
        FileError: the source cannot be read, or the file not written.
    """
    if not pairs.clips:
        raise InputError(f"{path}: there are no clips to write.")
    seen, joints = len(pairs.keypoint_skeleton), len(pairs.skeleton)
    with writing(path) as temporary, h5py.File(temporary, "w") as file:
        shapes = {"pixels": (seen, 2), "scores": (seen,), "positions": (joints, 3)}
        datasets = {name: growing(file, name, shape, "f4") for name, shape in shapes.items()}
        starts = []
        for number, clip in enumerate(pairs.clips):
            starts.append(len(datasets["pixels"]))
            for first in range(0, clip.frames, _STRETCH):
                frames = pairs.read(number, first, min(first + _STRETCH, clip.frames))
                for name, dataset in datasets.items():
                    add_rows(dataset, getattr(frames, name).numpy())
        file.attrs["lift3d_pairs"] = _VERSION
        file.attrs["about"] = about
        write_skeleton(file.create_group("keypoint_skeleton").attrs, pairs.keypoint_skeleton)
        write_skeleton(file.create_group("skeleton").attrs, pairs.skeleton)
        write_table(file.create_group("clips"), _columns(pairs, starts))


def _columns(pairs: PosePairs, starts: list[int]) -> dict[str, list[Any]]:
    cameras = [clip.camera or _NO_CAMERA for clip in pairs.clips]
    return {
        **{name: [getattr(clip, name) for clip in pairs.clips] for name in _TEXTS},
        "start": starts,
        "length": [clip.frames for clip in pairs.clips],
        "fps": [clip.frames_per_second for clip in pairs.clips],
        "has_camera": [int(clip.camera is not None) for clip in pairs.clips],
        **{name: [getattr(camera, name).numpy() for camera in cameras] for name in _FIELDS},
    }


PAIRS = PairsFormat(
    name="lift3d_h5",
    about="lift3d's own pairs in one HDF5 file, read a stretch at a time.",
    recognises=_recognises,
    read=_read,
)
