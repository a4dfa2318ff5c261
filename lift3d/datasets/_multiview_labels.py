"""The table of learnable triangulation's labels (Iskakov et al. 2019), ``human36m-multiview-labels-*.npy``.

One dictionary with ``subject_names``, ``camera_names``, ``action_names`` (``"Directions-1"``, ``"Directions-2"``, ...),
``cameras`` (subjects, cameras: R, t, K, dist; world to camera, millimetres) and ``table``, a row a frame:
``subject_idx``, ``action_idx``, ``frame_idx``, ``keypoints`` (17, 3) in the world, millimetres, and
``bbox_by_camera_tlbr`` (top, left, bottom, right; zeros where a view is missing). The file is pickled and read by an
allow-list that runs nothing (see ``formats/_safe_pickle``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lift3d.datasets._sequence_names import ROWS_17_OF_32
from lift3d.errors import FileError
from lift3d.formats._safe_pickle import read_pickle

__all__ = ["PUBLISHED_ORDER", "is_multiview_labels", "read_multiview_labels"]

_ROWS_OF_FILE = (3, 2, 1, 6, 7, 8, 0, 12, 13, 15, 27, 26, 25, 17, 18, 19, 14)  # of the 32 joints
PUBLISHED_ORDER = [_ROWS_OF_FILE.index(row) for row in ROWS_17_OF_32]
"""Where each joint of ``human36m17`` stands among the published 17: ``ours = published[PUBLISHED_ORDER]``."""

_FIELDS = {"subject_idx": (), "action_idx": (), "frame_idx": (), "keypoints": (17, 3), "bbox_by_camera_tlbr": (4,)}


def is_multiview_labels(path: Path) -> bool:
    """Whether the beginning of a file is that of such a table. Never raises."""
    if not path.is_file() or path.suffix.lower() != ".npy":
        return False
    try:
        with path.open("rb") as file:
            return b"bbox_by_camera_tlbr" in file.read(1 << 17)
    except OSError:
        return False


def read_multiview_labels(path: Path) -> tuple[Mapping[str, Any], np.ndarray]:
    """What the file holds, and its rows of frames, all checked.

    Raises:
        FileError: it cannot be read, or is not such a table.
    """
    expected = "Expected human36m-multiview-labels-*.npy of learnable triangulation."
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            header(file)
            table = read_pickle(path, file, "the table").item()
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the path.") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise error if isinstance(error, FileError) else FileError(path, "is no table in an array", expected) from error
    names = [f"{name}_names" for name in ("subject", "action", "camera")]
    if not isinstance(table, dict) or not {*names, "cameras", "table"} <= set(table):
        raise FileError(path, f"lacks one of {', '.join([*names, 'cameras', 'table'])}", expected)
    counts = [len(table[name]) for name in names]
    rows, cameras = np.asarray(table["table"]), np.asarray(table["cameras"])
    shapes = _FIELDS | {"bbox_by_camera_tlbr": (counts[2], 4)}
    if rows.ndim != 1 or any(rows.dtype.names is None or name not in rows.dtype.names for name in shapes):
        raise FileError(path, f"its table has not the columns {', '.join(shapes)}", expected)
    if any(rows.dtype[name].shape != shape for name, shape in shapes.items()):
        raise FileError(path, "a column of its table has another shape than published", expected)
    if cameras.shape != (counts[0], counts[2]) or not {"R", "t", "K", "dist"} <= set(cameras.dtype.names or ()):
        raise FileError(path, f"its cameras have shape {cameras.shape}", expected)
    for name, count in (("subject_idx", counts[0]), ("action_idx", counts[1])):
        if len(rows) and not 0 <= rows[name].min() <= rows[name].max() < count:
            raise FileError(path, f"{name} is not within the {count} names", expected)
    return table, rows
