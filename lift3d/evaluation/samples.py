"""Predictions with their truth and their labels, and the file that holds them.

A file of samples is a NumPy archive of numbers and text, written by :func:`write_samples` or by ``numpy.savez``::

    predictions   (samples, joints, 3)   metres, NaN where missing
    targets       (samples, joints, 3)   metres, the same axes
    subject, action, sequence            text, one a sample: "S9", "Greeting", "Greeting-2"
    camera                               text, one a sample; may be left out where there is one
    frame         (samples)              number of the frame in its sequence, from 0; else they are counted
    clip          (samples)              if given, the labels are one a clip, and this says of which clip a sample is
    skeleton                             name of the joints; else human36m17 or human36m14, by their number
    notes                                text, how the predictions were made; may be left out

Frames of one clip stand together in the order of time. A skeleton that does not come with lift3d is written in full, as
``joints``, ``parents`` (-1: root) and ``links``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d._files import writing
from lift3d.errors import FileError, ShapeError
from lift3d.formats._own_npz import numbers_of, own_skeleton, text_of, texts_of, to_numbers
from lift3d.formats._safe_npz import read_numbers
from lift3d.skeletons import Skeleton, get_skeleton

__all__ = ["PoseSamples", "read_samples", "write_samples"]

_LABELS = ("subject", "action", "sequence", "camera")
_BY_NUMBER = {17: "human36m17", 14: "human36m14"}


@dataclass(frozen=True, eq=False)
class PoseSamples:
    """Predicted and true poses, sample by sample, and what each is of.

    Args:
        predictions: metres; NaN where missing.
        targets: metres, in the same axes; NaN where missing.
        clip: which clip each sample is a frame of; frames of a clip stand together, in the order of time.
        frames: number of each sample's frame in its sequence, from 0.
        subjects, actions, sequences, cameras: of each clip.
        skeleton: what the joints are.
        notes: lines that say how the predictions were made.

    Raises:
        ShapeError: they do not go together.
    """

    predictions: Float[Tensor, "samples joints 3"]
    targets: Float[Tensor, "samples joints 3"]
    clip: Int[Tensor, "samples"]
    frames: Int[Tensor, "samples"]
    subjects: tuple[str, ...]
    actions: tuple[str, ...]
    sequences: tuple[str, ...]
    cameras: tuple[str, ...]
    skeleton: Skeleton
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        samples = len(self.targets)
        wanted = {"predictions": (samples, len(self.skeleton), 3), "targets": (samples, len(self.skeleton), 3)}
        for name, shape in {**wanted, "clip": (samples,), "frames": (samples,)}.items():
            if tuple(getattr(self, name).shape) != shape:
                raise ShapeError(f"PoseSamples.{name}", tuple(getattr(self, name).shape), f"{shape}, one a target")
        clips = len(self.subjects)
        for name in ("actions", "sequences", "cameras"):
            if len(getattr(self, name)) != clips:
                raise ShapeError(f"PoseSamples.{name}", (len(getattr(self, name)),), f"({clips},), one a clip")
        if samples and not 0 <= int(self.clip.min()) <= int(self.clip.max()) < clips:
            raise ShapeError("PoseSamples.subjects", (clips,), f"one for each clip up to number {int(self.clip.max())}")

    def __len__(self) -> int:
        return len(self.targets)

    def labels(self, name: str) -> list[str]:
        """``subjects``, ``actions``, ``sequences`` or ``cameras`` of each sample."""
        own = getattr(self, name)
        return [own[clip] for clip in self.clip.tolist()]

    def sequence_names(self) -> list[str]:
        """Of each sample, the sequence and the camera: no two views have the same."""
        names = [f"{one}.{camera}" if camera else one for one, camera in zip(self.sequences, self.cameras, strict=True)]
        return [names[clip] for clip in self.clip.tolist()]


def write_samples(samples: PoseSamples, path: str | Path) -> None:
    """Write a file of samples, whole or not at all.

    Raises:
        FileError: it cannot be written.
    """
    bones = samples.skeleton
    labels = (samples.subjects, samples.actions, samples.sequences, samples.cameras)
    arrays = {
        "predictions": to_numbers(samples.predictions),
        "targets": to_numbers(samples.targets),
        "clip": samples.clip.cpu().numpy(),
        "frame": samples.frames.cpu().numpy(),
        **{name: np.array(texts, dtype=np.str_) for name, texts in zip(_LABELS, labels, strict=True)},
        "skeleton": np.array(bones.name),
        "joints": np.array(bones.joints),
        "parents": np.array(bones.parents, dtype=np.int64),
        "links": np.array(bones.links, dtype=np.int64).reshape(-1, 2),
        "notes": np.array(samples.notes, dtype=np.str_),
    }
    with writing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def read_samples(path: str | Path, truth: str | Path | None = None) -> PoseSamples:
    """Read a file of samples; nothing in it is run.

    Args:
        path: the file.
        truth: another, of the same samples in the same order, from which all but the predictions and notes is taken.

    Raises:
        FileError: it is damaged, an array is missing, or they do not go together.
    """
    path = Path(path)
    arrays = read_numbers(path)
    _check_there(path, arrays, ("predictions",))
    if truth is not None:
        own = {name: arrays[name] for name in ("predictions", "notes") if name in arrays}
        arrays = {name: values for name, values in read_numbers(Path(truth)).items() if name != "notes"} | own
    _check_there(path if truth is None else Path(truth), arrays, ("targets", "subject", "action", "sequence"))
    predictions, targets = (torch.from_numpy(numbers_of(path, arrays, name)) for name in ("predictions", "targets"))
    if predictions.shape != targets.shape or targets.ndim != 3 or targets.shape[-1] != 3:
        shapes = f"{tuple(predictions.shape)} and {tuple(targets.shape)}"
        raise FileError(path, f"predictions and targets have shape {shapes}; expected (samples, joints, 3), the same")
    clip, (subjects, actions, sequences, cameras) = _clips(path, arrays, len(targets))
    try:
        return PoseSamples(
            predictions,
            targets,
            clip,
            _frames(path, arrays, clip),
            subjects,
            actions,
            sequences,
            cameras,
            _skeleton(path, arrays, targets.shape[1]),
            texts_of(path, arrays, "notes") if "notes" in arrays else (),
        )
    except ShapeError as error:
        raise FileError(path, str(error), "See lift3d.evaluation.samples.") from error


def _check_there(path: Path, arrays: Mapping[str, np.ndarray], names: tuple[str, ...]) -> None:
    if missing := [name for name in names if name not in arrays]:
        raise FileError(path, f"lacks the arrays {', '.join(missing)}", "See lift3d.evaluation.samples.")


def _clips(path: Path, arrays: Mapping[str, np.ndarray], samples: int) -> tuple[Tensor, list[tuple[str, ...]]]:
    """The clip of each sample, and the four labels of each clip."""
    given = [texts_of(path, arrays, name) if name in arrays else None for name in _LABELS]
    rows = len(given[0] or ())
    labels = [("",) * rows if texts is None else texts for texts in given]
    if "clip" in arrays:
        return _whole_numbers(path, arrays, "clip"), labels
    for name, texts in zip(_LABELS, labels, strict=True):
        if len(texts) != samples:
            raise FileError(path, f"has {len(texts)} texts in {name!r}; expected {samples}, one a sample")
    keys = list(zip(*labels, strict=True))
    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    clip = torch.tensor([places[key] for key in keys], dtype=torch.long)
    return clip, [tuple(column) for column in zip(*places, strict=True)] or [()] * len(_LABELS)


def _frames(path: Path, arrays: Mapping[str, np.ndarray], clip: Tensor) -> Tensor:
    if "frame" in arrays:
        return _whole_numbers(path, arrays, "frame")
    counted: dict[int, int] = {}
    frames = []
    for own in clip.tolist():
        counted[own] = counted.get(own, -1) + 1
        frames.append(counted[own])
    return torch.tensor(frames, dtype=torch.long)


def _whole_numbers(path: Path, arrays: Mapping[str, np.ndarray], name: str) -> Tensor:
    if arrays[name].dtype.kind not in "iu":
        raise FileError(path, f"array {name!r} is of type {arrays[name].dtype}; expected whole numbers")
    return torch.from_numpy(arrays[name].astype(np.int64))


def _skeleton(path: Path, arrays: Mapping[str, np.ndarray], joints: int) -> Skeleton:
    if {"skeleton", "joints", "parents", "links"} <= set(arrays):
        return own_skeleton(path, arrays, None)
    if "skeleton" in arrays:
        return get_skeleton(text_of(path, arrays, "skeleton"))
    if joints not in _BY_NUMBER:
        raise FileError(path, f"has {joints} joints and names no skeleton", "Add its name as the array 'skeleton'.")
    return get_skeleton(_BY_NUMBER[joints])
