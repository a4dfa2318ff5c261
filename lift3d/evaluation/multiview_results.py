"""Results of several views on Human3.6M, as learnable triangulation writes and measures them (Iskakov et al. 2019).

``results.pkl`` holds ``keypoints_3d`` (frames, 17, 3), world millimetres, and ``indexes`` (frames), which say of which
row of the labels each is: the rows of S9 and S11, counted from 0, with the three damaged sequences of S9 or without
(``with_damaged_actions``). The labels are ``human36m-multiview-labels-*.npy``; which frames are measured is their
choice: the published ones hold every fifth.

The published numbers are the mean over the joints of a pose, then over all poses, of the distance: ``absolute`` in
the world as it is, without the damaged sequences; ``relative`` after the pelvis was moved to the pelvis, with them.
Both are measured here with and without, as far as the results have those frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lift3d.datasets._multiview_labels import PUBLISHED_ORDER, read_multiview_labels
from lift3d.errors import FileError
from lift3d.evaluation.labels import sub_action
from lift3d.evaluation.protocols import DAMAGED, Protocol, aliases_of, protocols_named
from lift3d.evaluation.samples import PoseSamples
from lift3d.evaluation.summary import ProtocolReports, evaluate_protocols
from lift3d.formats._safe_pickle import read_pickle
from lift3d.skeletons import get_skeleton

__all__ = ["evaluate_multiview", "read_multiview_results"]

_TESTED = ("S9", "S11")
_METRES = 1 / 1000


def read_multiview_results(path: str | Path, labels: str | Path) -> PoseSamples:
    """Predictions in the published layout with their truth from the labels; nothing in either file is run.

    Args:
        path: ``results.pkl``, or another pickle with ``keypoints_3d`` and ``indexes``.
        labels: ``human36m-multiview-labels-*.npy``.

    Returns:
        World metres, joints of human36m17.

    Raises:
        FileError: a file is damaged or not of the published layout, or the results are not of the labels' frames.
    """
    path, labels = Path(path), Path(labels)
    table, rows = read_multiview_labels(labels)
    subjects, actions = (tuple(map(str, table[f"{name}_names"])) for name in ("subject", "action"))
    predicted = _predictions(path)
    chosen, said = _rows_of(path, labels, len(predicted), rows, subjects, actions)
    rows = rows[chosen]
    order = np.lexsort((rows["frame_idx"], rows["action_idx"], rows["subject_idx"]))
    rows, predicted = rows[order], predicted[order]
    keys = rows["subject_idx"].astype(np.int64) * len(actions) + rows["action_idx"]
    clips, clip = np.unique(keys, return_inverse=True)
    own = [divmod(int(key), len(actions)) for key in clips]
    return PoseSamples(
        predictions=torch.from_numpy(predicted[:, PUBLISHED_ORDER] * _METRES),
        targets=torch.from_numpy(rows["keypoints"][:, PUBLISHED_ORDER].astype(np.float64) * _METRES),
        clip=torch.from_numpy(clip.reshape(-1).astype(np.int64)),
        frames=torch.from_numpy(rows["frame_idx"].astype(np.int64)),
        subjects=tuple(subjects[subject] for subject, _ in own),
        actions=tuple(sub_action(actions[action])[0] for _, action in own),
        sequences=tuple(actions[action] for _, action in own),
        cameras=("",) * len(own),
        skeleton=get_skeleton("human36m17"),
        notes=(f"results of {path.name}, frames of {labels.name}: {said}; {_steps(rows['frame_idx'], clip)}",),
    )


def evaluate_multiview(samples: PoseSamples) -> ProtocolReports:
    """Relative and absolute errors of predictions in the world, with the damaged sequences of S9 and without.

    Args:
        samples: of :func:`read_multiview_results`: all of their frames are measured.

    Raises:
        InputError: no sample is of S9 or S11.
    """
    whole = any(_is_damaged(*key) for key in zip(samples.subjects, samples.sequences, strict=True))
    published = protocols_named("iskakov")
    measured = [own for own in published if own.excluded or whole]
    reports = evaluate_protocols(samples, list(map(_all_frames, measured))).reports
    missing = "the samples have no frames of the damaged sequences of S9, which it does not leave out"
    return ProtocolReports(
        reports,
        {_all_frames(own).name: aliases_of(own) for own in measured},
        {_all_frames(own).name: missing for own in published if own not in measured},
    )


def _all_frames(protocol: Protocol) -> Protocol:
    """The protocol on frames that somebody has chosen already."""
    return replace(protocol, name=protocol.name.replace(f"-step{protocol.frame_step}", "-labelled"), frame_step=1)


def _predictions(path: Path) -> np.ndarray:
    """(frames, 17, 3), world millimetres, float64, in the order of the labels' rows."""
    try:
        with path.open("rb") as file:
            content: Any = read_pickle(path, file, "the results")
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the path.") from error
    expected = "Expected results.pkl of learnable triangulation: keypoints_3d (frames, 17, 3) and indexes (frames)."
    if not isinstance(content, Mapping) or not {"keypoints_3d", "indexes"} <= set(content):
        raise FileError(path, "lacks keypoints_3d or indexes", expected)
    points, places = np.asarray(content["keypoints_3d"]), np.asarray(content["indexes"])
    if points.ndim != 3 or points.shape[1:] != (17, 3) or points.dtype.kind != "f" or places.shape != points.shape[:1]:
        raise FileError(path, f"keypoints_3d has shape {points.shape}, indexes {places.shape}", expected)
    if places.dtype.kind not in "iu" or not np.array_equal(np.sort(places), np.arange(len(places))):
        raise FileError(path, f"indexes are not the numbers from 0 to {len(places) - 1}, each once", expected)
    return points[np.argsort(places)].astype(np.float64)


def _rows_of(
    path: Path, labels: Path, count: int, rows: np.ndarray, subjects: Sequence[str], actions: Sequence[str]
) -> tuple[np.ndarray, str]:
    """The labels' rows that so many results are of, and a line that says which."""
    tested = np.isin(rows["subject_idx"], [place for place, name in enumerate(subjects) if name in _TESTED])
    damaged = np.zeros_like(tested)
    for subject, person in enumerate(subjects):
        for action, sequence in enumerate(actions):
            if _is_damaged(person, sequence):
                damaged |= (rows["subject_idx"] == subject) & (rows["action_idx"] == action)
    whole, intact = np.flatnonzero(tested), np.flatnonzero(tested & ~damaged)
    if count == len(whole):
        return whole, "all of S9 and S11"
    if count == len(intact):
        return intact, "S9 and S11 without the damaged sequences"
    raise FileError(
        path, f"has {count} results; {labels.name} has {len(whole)} frames of S9 and S11, {len(intact)} without the "
        "damaged sequences", "Pass the labels that the results were made with.",
    )  # fmt: skip


def _is_damaged(person: str, sequence: str) -> bool:
    return (person, *sub_action(sequence)) in DAMAGED


def _steps(frames: np.ndarray, clip: np.ndarray) -> str:
    """How far labelled frames of a sequence lie apart."""
    steps = np.diff(frames.astype(np.int64))[np.diff(clip.reshape(-1)) == 0]
    if not len(steps):
        return "one frame a sequence"
    usual = int(np.median(steps))
    return f"{'mostly ' if (steps != usual).any() else ''}{usual} frames from one to the next"
