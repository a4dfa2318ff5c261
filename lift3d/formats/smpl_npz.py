"""Users' SMPL, SMPL-H and SMPL-X models as NumPy archives, read without unpickling.

``v_template`` (vertices, 3), ``shapedirs`` (vertices, 3, components), ``posedirs`` (vertices, 3, 9 (joints - 1)),
``J_regressor`` (joints, vertices), ``weights`` (vertices, joints), ``kintree_table`` (2, joints), ``f`` (faces, 3);
metres, y up. Other arrays of the file, some of which are Python objects, are not looked at: poses are rotations of all
joints, and whoever has principal components of a hand's pose, or a mean that smplx adds to it, makes rotations of them.
"""

from __future__ import annotations

from pathlib import Path

from lift3d.bodies import BodyModel
from lift3d.formats._entry import FileFormat
from lift3d.formats._safe_npz import member_names, read_numbers
from lift3d.formats._smpl_arrays import ARRAYS, LARGEST, mentions, smpl_model

__all__ = ["FORMAT"]

_NEEDED = {"v_template", "shapedirs", "J_regressor", "kintree_table"}


def _recognises(path: Path) -> bool:
    names = member_names(path)
    if not names:
        return mentions(path, b"v_template.npy")
    return names >= _NEEDED and "lift3d_body" not in names


def _read(path: Path) -> BodyModel:
    return smpl_model(path, read_numbers(path, ARRAYS, LARGEST))


FORMAT = FileFormat(
    name="smpl_npz",
    holds=BodyModel,
    suffixes=(".npz",),
    about="Users' SMPL, SMPL-H and SMPL-X models (.npz), read without running code; licence of the file's owner.",
    recognises=_recognises,
    read=_read,
)
