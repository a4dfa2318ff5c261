"""AMASS's archives of motion: one person, poses of an SMPL-family body (Mahmood et al. 2019).

Written: ``poses`` (frames, 156), rotation vectors of SMPL-H's 52 joints in radians, those of the fingers zero for a
body without them; ``trans`` (frames, 3), metres; ``betas``; ``gender``; ``mocap_framerate``. The world is turned so
that z points up, as in AMASS; the body's own axes stay (at rest it stands along y). Two names of our own say what the
shape numbers are of: ``body_model``, without which they mean nothing, and ``lift3d_motion``, the version.

Read: also SMPL's 72 and SMPL-X's 165 columns, and SMPL-X files with ``root_orient``, ``pose_body``, ``pose_hand``, ...
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from lift3d.bodies import BodyModel, BodyMotion
from lift3d.errors import FileError
from lift3d.formats._entry import FileFormat
from lift3d.formats._ready_motions import joints_in_order, motion_of_one, one_without_gaps
from lift3d.formats._safe_npz import member_names, read_numbers

_FAMILIES = {72: "smpl", 156: "smplh", 165: "smplx"}
_PARTS = ("root_orient", "pose_body", "pose_jaw", "pose_eye", "pose_hand")
_RATES = ("mocap_framerate", "mocap_frame_rate")
_NAMES = {"poses", "trans", "betas", "gender", "body_model", *_PARTS, *_RATES}


def _recognises(path: Path) -> bool:
    names = member_names(path)
    return {"trans", "betas"} <= names and bool({"poses", "pose_body"} & names)


def _read(path: Path, body: BodyModel | None = None) -> BodyMotion:
    arrays = read_numbers(path, _NAMES)
    if "trans" not in arrays or not {"poses", "pose_body"} & set(arrays):
        raise FileError(path, "lacks the arrays poses and trans", "Check that it is a motion of AMASS.")
    poses = arrays["poses"] if "poses" in arrays else _joined(path, arrays)
    frames = len(poses) if poses.ndim == 2 else 0
    if not frames or poses.shape[1] not in _FAMILIES or arrays["trans"].shape != (frames, 3):
        raise FileError(
            path, f"has poses of shape {poses.shape} and trans of {arrays['trans'].shape}; expected (frames, 72, 156 "
            "or 165) and (frames, 3)"
        )  # fmt: skip
    family = _FAMILIES[poses.shape[1]]
    given = {
        "translation": _finite(path, arrays, "trans"),
        "betas": _finite(path, arrays, "betas") if "betas" in arrays else np.zeros(0),
        "rate": _rate(path, arrays),
        "gender": _gender(arrays),
        "up": "+z",
    }
    named = str(arrays["body_model"].item()) if arrays.get("body_model", np.zeros(0)).size == 1 else None
    vectors = _finite(path, {"poses": poses}, "poses").reshape(frames, -1, 3)
    return motion_of_one(path, vectors, family, given, body, named)


def _joined(path: Path, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """SMPL-X's parts side by side in the order of its joints; those that are not there are zero."""
    frames = len(arrays["pose_body"])
    widths = dict(zip(_PARTS, (3, 63, 3, 6, 90), strict=True))
    for name in _PARTS:
        if name in arrays and arrays[name].shape != (frames, widths[name]):
            raise FileError(path, f"{name} has shape {arrays[name].shape}; expected {(frames, widths[name])}")
    return np.concatenate([arrays.get(name, np.zeros((frames, width))) for name, width in widths.items()], axis=1)


def _finite(path: Path, arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    values = arrays[name]
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise FileError(path, f"array {name!r} holds something that is no finite number", "Check where it is from.")
    return values.astype(np.float64)


def _rate(path: Path, arrays: dict[str, np.ndarray]) -> float:
    name = next((name for name in _RATES if name in arrays), None)
    if name is None:
        return 30.0
    values = arrays[name]
    rate = float(values.item()) if values.size == 1 and values.dtype.kind in "iuf" else math.nan
    if not (math.isfinite(rate) and rate > 0):
        raise FileError(path, f"{name} is {values}; expected frames a second", "Check where it is from.")
    return rate


def _gender(arrays: dict[str, np.ndarray]) -> str | None:
    """The gender, None where it does not say or says something else; some files hold bytes."""
    value = arrays.get("gender", np.zeros(0))
    word = value.item() if value.size == 1 else ""
    text = word.decode("ascii", "replace") if isinstance(word, bytes) else str(word)
    return text if text in ("neutral", "male", "female") else None


def _write(motion: BodyMotion, path: Path) -> None:
    own = one_without_gaps(motion, "+z", "AMASS")
    with path.open("wb") as file:  # given a path, savez would add a suffix
        np.savez_compressed(
            file,
            poses=joints_in_order(own, "smplh").reshape(len(own.times), -1),
            betas=own.betas[0].detach().cpu().double().numpy(),
            trans=own.translation[:, 0].detach().cpu().double().numpy(),
            gender=np.array(own.model.gender),
            mocap_framerate=np.array(own.frames_per_second),
            body_model=np.array(own.model.name),
            lift3d_motion=np.array(1),
        )


FORMAT = FileFormat(
    name="amass_npz",
    holds=BodyMotion,
    suffixes=(".npz",),
    about="AMASS's motion of one body: rotation vectors of SMPL-H's joints, shape and translation; metres, Z up.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
