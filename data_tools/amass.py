"""AMASS (Mahmood et al. 2019): joints of its SMPL, SMPL+H and SMPL-X motion, by a body model that you have.

A motion is an ``.npz`` file with ``poses`` (frames, 3 x joints), rotation vectors of which the first 22 are the body's
in each of these models, ``trans`` (frames, 3), metres, ``betas``, ``gender`` and ``mocap_framerate`` (SMPL-X:
``mocap_frame_rate``); z up. A body model is an ``.npz`` with ``v_template``, ``shapedirs``, ``J_regressor`` and
``kintree_table``, as the SMPL+H and SMPL-X downloads hold them; it says where the joints of a body of these betas are
at rest. Archives of plain arrays are all that is read: a model in a pickle must be converted by its owners' tools
first.

The joints are those of SMPL, whose ``head`` is where the skull begins, and so what Human3.6M calls Neck/Nose, and one
more: the top of the head is the model's highest vertex at rest, carried along by the head. SMPL's joints lie inside the
body by another rule than Human3.6M's: expect hips and shoulders to differ by a few centimetres.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from lift3d.errors import FileError
from lift3d.formats._safe_npz import member_names, read_numbers
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.skeletons import Skeleton

__all__ = ["JOINTS", "BodyModel", "BodyModels", "amass_joints", "is_amass", "read_body_model"]

_BODY = 22  # joints that SMPL, SMPL+H and SMPL-X share
_ARRAYS = ("v_template", "shapedirs", "J_regressor", "kintree_table")
JOINTS = Skeleton(
    "amass23",
    (
        "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
        "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "neck_nose", "left_shoulder",
        "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "head",
    ),
    (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 15),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class BodyModel:
    """What places the joints of a body at rest.

    Args:
        joints: (23, 3), metres, of the mean body: SMPL's 22 and the top of the head.
        by_shape: (23, 3, betas): how they move with each shape coefficient.
    """

    joints: np.ndarray
    by_shape: np.ndarray

    def at_rest(self, betas: np.ndarray) -> np.ndarray:
        """(23, 3), metres; coefficients that the model does not have are left out, those not given are zero."""
        count = min(len(betas), self.by_shape.shape[2])
        return self.joints + self.by_shape[:, :, :count] @ betas[:count]


def read_body_model(path: Path) -> BodyModel:
    """A body model from an archive of plain arrays.

    Raises:
        FileError: it is none, or its arrays do not fit together.
    """
    arrays = read_numbers(path, _ARRAYS)
    missing = [name for name in _ARRAYS if name not in arrays]
    if missing:
        raise FileError(path, f"is no body model: it lacks {', '.join(missing)}", "Pass model.npz of SMPL+H or SMPL-X.")
    template, regressor = arrays["v_template"].astype(np.float64), arrays["J_regressor"].astype(np.float64)
    shapes, parents = arrays["shapedirs"].astype(np.float64), arrays["kintree_table"][0].astype(np.int64)
    fit = template.ndim == 2 and regressor.shape[1:] == template.shape[:1] and shapes.shape[:2] == template.shape
    if not fit or parents[1:_BODY].tolist() != list(JOINTS.parents[1:_BODY]):
        raise FileError(path, "its arrays are not those of SMPL, SMPL+H or SMPL-X", "Pass another model.")
    top = int(template[:, 1].argmax())  # models stand upright, y up, at rest
    rows = np.concatenate([regressor[:_BODY], np.eye(len(template))[top : top + 1]])
    return BodyModel(rows @ template, np.einsum("jv,vcb->jcb", rows, shapes))


class BodyModels:
    """The model of each gender: one file for all, or a folder with ``female``, ``male``, ``neutral`` in their paths."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._models: dict[Path, BodyModel] = {}

    def __call__(self, gender: str) -> BodyModel:
        """The model of a gender.

        Raises:
            FileError: there is none.
        """
        files = [self.path] if self.path.is_file() else sorted(self.path.rglob("*.npz"))
        word = re.compile(rf"(?<![a-z]){re.escape(gender.lower())}(?![a-z])")
        fitting = [one for one in files if word.search(str(one.relative_to(self.path)).lower())] or files
        if len(fitting) != 1:
            problem = f"has {len(fitting)} models for the gender {gender!r}; expected one"
            raise FileError(self.path, problem, "Keep one model of each gender there, such as female/model.npz.")
        if fitting[0] not in self._models:
            self._models[fitting[0]] = read_body_model(fitting[0])
        return self._models[fitting[0]]


def is_amass(path: Path) -> bool:
    """Whether a file is a motion of AMASS. Never raises."""
    return path.suffix == ".npz" and path.is_file() and {"poses", "trans", "betas"} <= member_names(path)


def amass_joints(path: Path, models: BodyModels) -> tuple[np.ndarray, float]:
    """Positions (frames, 23, 3) of ``JOINTS``, metres, world z up, and frames a second.

    Raises:
        FileError: the file is no motion of AMASS, or there is no body model for it.
    """
    wanted = {"poses", "trans", "betas", "gender", "mocap_framerate", "mocap_frame_rate"}
    arrays = read_numbers(path, wanted)
    rate = arrays.get("mocap_framerate", arrays.get("mocap_frame_rate"))
    if rate is None or not {"poses", "trans", "betas"} <= set(arrays):
        raise FileError(path, "lacks poses, trans, betas or mocap_framerate", "Expected a motion of AMASS.")
    poses, places = (arrays[name].astype(np.float64) for name in ("poses", "trans"))
    if poses.ndim != 2 or poses.shape[1] < 3 * _BODY or places.shape != (len(poses), 3):
        raise FileError(path, f"poses has shape {poses.shape}, trans {places.shape}", "Expected a motion of AMASS.")
    gender = str(arrays["gender"].item()) if "gender" in arrays and arrays["gender"].dtype.kind == "U" else "neutral"
    rest = models(gender).at_rest(arrays["betas"].astype(np.float64).reshape(-1))
    return _posed(rest, poses[:, : 3 * _BODY].reshape(-1, _BODY, 3), places), float(rate)


def _posed(rest: np.ndarray, rotation_vectors: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Forward kinematics of a body at rest; the place of the root is its place at rest, moved."""
    parents = JOINTS.parents
    offsets = np.stack([rest[joint] - (rest[parent] if parent >= 0 else 0) for joint, parent in enumerate(parents)])
    moved = np.tile(offsets, (len(places), 1, 1))
    moved[:, 0] += places
    turns = np.concatenate([rotation_vectors, np.zeros((len(places), 1, 3))], axis=1)
    rotations = rotvec_to_matrix(torch.from_numpy(turns))
    return forward_kinematics(rotations, torch.from_numpy(moved), parents).places.numpy()
