"""Poses as JSON that any language reads in a few lines::

    {"format": "lift3d_poses", "version": 1,
     "skeleton": "legs2", "joints": ["pelvis", "left_hip"], "parents": [-1, 0], "links": [],
     "frame": "world", "up": "+z", "unit": "m",
     "times": [0.0, 0.033],
     "people": [{"positions": [[[0.1, 0.2, 0.9], [0.1, 0.3, 0.9]], [[0.1, 0.2, 0.9], null]],
                 "scores": [[1.0, 1.0], [1.0, 0.0]]}]}

``positions`` goes by frame, joint, xyz; a missing joint is ``null``, never NaN. Times are seconds; ``unit`` is "m" as
written, and "cm" or "mm" are read too. All digits are written: everything comes back as it was, in float64. Only
``joints``, ``times`` and ``people`` are needed; without ``parents`` the skeleton is found by its joints, without
``scores`` joints that are there have 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lift3d.errors import FileError
from lift3d.formats._entry import FileFormat
from lift3d.formats._joint_names import skeleton_with
from lift3d.formats._json import beginning, read_json
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton

_METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001}


def _recognises(path: Path) -> bool:
    text = beginning(path)
    return text.startswith("{") and '"format": "lift3d_poses"' in text


def _read(path: Path, skeleton: Skeleton | None = None) -> Poses3D:
    content = read_json(path)
    if not isinstance(content, Mapping):
        raise FileError(path, "is no JSON object", 'Expected {"joints", "times", "people", ...}.')
    missing = [name for name in ("joints", "times", "people") if not isinstance(content.get(name), list)]
    if missing:
        raise FileError(path, f"lacks the lists {', '.join(missing)}", "Write the file again.")
    if content.get("version", 1) != 1:
        raise FileError(path, f"is of version {content['version']!r}; expected 1", "Install a later lift3d.")
    if content.get("unit", "m") not in _METRES:
        raise FileError(path, f"has the unit {content['unit']!r}; expected m, cm or mm")
    chosen = _skeleton(path, content, skeleton)
    times = _numbers(path, content["times"], "times")
    shape = (len(times), len(content["people"]), len(chosen))
    positions, scores = np.full((*shape, 3), np.nan), np.ones(shape)
    for place, person in enumerate(content["people"]):
        positions[:, place], scores[:, place] = _person(path, person, f"person {place}", (shape[0], shape[2]))
    return Poses3D.of(
        positions * _METRES[content.get("unit", "m")],
        scores,
        skeleton=chosen,
        times=times,
        frame=str(content.get("frame", "world")),
        up=None if content.get("up") is None else str(content["up"]),
    )


def _skeleton(path: Path, content: Mapping[str, Any], given: Skeleton | None) -> Skeleton:
    """The skeleton given; else the one written in the file; else the known one with exactly these joints."""
    names = content["joints"]
    if not names or not all(isinstance(name, str) for name in names):
        raise FileError(path, '"joints" are no names', "Write the file again.")
    skeleton = given
    if skeleton is None and "parents" in content:
        try:
            return Skeleton(
                str(content.get("skeleton", path.stem)),
                tuple(names),
                tuple(int(parent) for parent in content["parents"]),
                tuple((int(first), int(second)) for first, second in content.get("links", [])),
            )
        except (TypeError, ValueError, IndexError) as error:
            raise FileError(path, f"its skeleton is none: {error}", "Write the file again.") from error
    skeleton = skeleton_with(path, names) if skeleton is None else skeleton
    if len(skeleton) != len(names):
        raise FileError(path, f"has {len(names)} joints; skeleton {skeleton.name!r} has {len(skeleton)}")
    return skeleton


def _person(path: Path, person: Any, where: str, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Positions (frames, joints, 3) and scores (frames, joints)."""
    frames = person.get("positions") if isinstance(person, Mapping) else None
    if not isinstance(frames, list) or not all(isinstance(frame, list) for frame in frames):
        raise FileError(path, f'{where} has no "positions" by frame and joint', "Write the file again.")
    empty = [None, None, None]
    filled = [[empty if joint is None else joint for joint in frame] for frame in frames]
    positions = _numbers(path, filled, f"{where}: positions")
    scores = _numbers(path, person["scores"], f"{where}: scores") if "scores" in person else np.ones(shape)
    if shape[0] == 0:
        return np.zeros((*shape, 3)), np.zeros(shape)
    if positions.shape != (*shape, 3) or scores.shape != shape:
        raise FileError(
            path, f"{where}: positions of shape {positions.shape} and scores of {scores.shape}; expected {(*shape, 3)}"
        )
    return positions, scores


def _numbers(path: Path, values: Any, where: str) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise FileError(path, f"{where}: are no numbers, or not as many in each", "Write the file again.") from None


def _write(poses: Poses3D, path: Path) -> None:
    skeleton = poses.skeleton
    people = [
        {"positions": _with_null(poses.positions[:, person]), "scores": poses.scores[:, person].tolist()}
        for person in range(poses.positions.shape[1])
    ]
    content = {
        "format": "lift3d_poses",
        "version": 1,
        "skeleton": skeleton.name,
        "joints": skeleton.joints,
        "parents": skeleton.parents,
        "links": skeleton.links,
        "frame": poses.frame,
        "up": poses.up,
        "unit": "m",
        "times": poses.times.tolist(),
        "people": people,
    }
    path.write_text(json.dumps(content, allow_nan=False) + "\n", encoding="utf-8")


def _with_null(positions: Tensor) -> list[list[list[float] | None]]:
    """Positions by frame and joint, with None for the joints that are missing."""
    frames = positions.tolist()
    for frame, joint in (~torch.isfinite(positions).all(-1)).nonzero().tolist():
        frames[frame][joint] = None
    return frames


FORMAT = FileFormat(
    name="poses_json",
    holds=Poses3D,
    suffixes=(".json",),
    about="Poses as plain JSON, metres, missing joints null.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
