"""Meshcapade's ``.smpl``: a body and its motion, one person, as an archive of numbers (their smplcodec, version 2).

Arrays: ``codecVersion`` 2; ``smplVersion`` (0 SMPL, 1 SMPL-H, 2 SMPL-X); ``gender`` (0 neutral, 1 male, 2 female);
``shapeParameters``; ``frameCount``, ``frameRate``; ``bodyTranslation`` (frames, 3), metres; and rotation vectors in
radians: ``bodyPose`` (frames, 24 or 22, 3), ``headPose``, ``leftHandPose``, ``rightHandPose`` (frames, joints, 3). The
file does not say which axis points up; written and read as +y.

Readers of the format refuse names that they do not know, so that nothing tells whose shape numbers these are: of a body
that is not SMPL, other programs show another shape. The rotations mean the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lift3d.bodies import BodyModel, BodyMotion, smpl_skeleton
from lift3d.errors import FileError
from lift3d.formats._entry import FileFormat
from lift3d.formats._ready_motions import joints_in_order, motion_of_one, one_without_gaps
from lift3d.formats._safe_npz import member_names, read_numbers

_FAMILIES = ("smpl", "smplh", "smplx")
_GENDERS = ("neutral", "male", "female")
_PARTS = {  # in the order of the joints, with their number in each family
    "bodyPose": {"smpl": 24, "smplh": 22, "smplx": 22},
    "headPose": {"smplx": 3},
    "leftHandPose": {"smplh": 15, "smplx": 15},
    "rightHandPose": {"smplh": 15, "smplx": 15},
}


def _recognises(path: Path) -> bool:
    return {"smplVersion", "gender"} <= member_names(path)


def _read(path: Path, body: BodyModel | None = None) -> BodyMotion:
    arrays = read_numbers(path)
    family = _FAMILIES[_code(path, arrays, "smplVersion", len(_FAMILIES))]
    frames = max(_code(path, arrays, "frameCount", 10**9) if "frameCount" in arrays else 1, 1)
    parts = [
        _array(path, arrays, name, (frames, joints[family], 3)) for name, joints in _PARTS.items() if family in joints
    ]
    given = {
        "translation": _array(path, arrays, "bodyTranslation", (frames, 3)),
        "betas": _array(path, arrays, "shapeParameters", None),
        "rate": float(_array(path, arrays, "frameRate", ())) if "frameRate" in arrays else 30.0,
        "gender": _GENDERS[_code(path, arrays, "gender", len(_GENDERS))],
        "up": "+y",
    }
    if not given["rate"] > 0:
        raise FileError(path, f"frameRate is {given['rate']}; expected more than 0", "Check where it is from.")
    return motion_of_one(path, np.concatenate(parts, axis=1), family, given, body, None)


def _code(path: Path, arrays: dict[str, np.ndarray], name: str, below: int) -> int:
    values = arrays.get(name, np.zeros(0))
    code = int(values.item()) if values.size == 1 and values.dtype.kind in "iu" else -1
    if not 0 <= code < below:
        raise FileError(path, f"{name} is {values.tolist()}; expected a whole number from 0 to {below - 1}")
    return code


def _array(path: Path, arrays: dict[str, np.ndarray], name: str, shape: tuple[int, ...] | None) -> np.ndarray:
    """An array of a shape, or of any if None; zero where it is not there."""
    values = arrays.get(name, np.zeros(shape or 0))
    if shape is not None and values.shape != shape:
        raise FileError(path, f"{name} has shape {values.shape}; expected {shape}", "Check where it is from.")
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise FileError(path, f"{name} holds something that is no finite number", "Check where it is from.")
    return values.astype(np.float64)


def _write(motion: BodyMotion, path: Path) -> None:
    own = one_without_gaps(motion, "+y", ".smpl")
    family = next((f for f in _FAMILIES if smpl_skeleton(f).joints == own.model.skeleton.joints), "smpl")
    counts = [joints[family] for joints in _PARTS.values() if family in joints]
    poses = np.split(joints_in_order(own, family), np.cumsum(counts)[:-1], axis=1)
    names = [name for name, joints in _PARTS.items() if family in joints]
    named: dict[str, Any] = {name: part.astype(np.float32) for name, part in zip(names, poses, strict=True)}
    with path.open("wb") as file:  # given a path, savez would add a suffix
        np.savez_compressed(
            file,
            codecVersion=np.array(2),
            smplVersion=np.array(_FAMILIES.index(family)),
            gender=np.array(_GENDERS.index(own.model.gender)),
            shapeParameters=own.betas[0].detach().cpu().numpy().astype(np.float32),
            frameCount=np.array(len(own.times)),
            frameRate=np.array(own.frames_per_second),
            bodyTranslation=own.translation[:, 0].detach().cpu().numpy().astype(np.float32),
            **named,
        )


FORMAT = FileFormat(
    name="meshcapade_smpl",
    holds=BodyMotion,
    suffixes=(".smpl",),
    about="Meshcapade's .smpl (codec version 2): shape, rotation vectors and translation of one body; metres, Y up.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
