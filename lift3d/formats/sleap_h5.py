"""SLEAP's analysis HDF5: one camera, one slot for each track.

``tracks`` holds pixels and ``point_scores`` their scores, with the axes that the JSON attribute ``dims`` lists
("track", "xy", "node", "frame"), else track, xy, node, frame; newer files of the preset "standard" have frame, track,
node, xy. Frames count from 0; distorted pixels; NaN is a missing joint; a joint that is there without a score was
labelled by hand and has 1.

The skeleton is the known one that has all of ``node_names``, else one of their own with the file's edges. The camera is
the video's name in ``<labels>.<number>_<video>.analysis.h5``, else the file's without ``.analysis``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from lift3d.errors import FileError
from lift3d.formats._detections import check_dense
from lift3d.formats._entry import FileFormat
from lift3d.formats._h5 import array_of, holds_all, opened, texts
from lift3d.formats._joint_names import joint_places, skeleton_of_names
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton

_AXES = ("track", "xy", "node", "frame")
_WANTED = ("frame", "track", "node", "xy")


def _recognises(path: Path) -> bool:
    return holds_all(path, ("tracks", "node_names"))


def _read(path: Path, skeleton: Skeleton | None = None, fps: float | None = None) -> Keypoints2D:
    with opened(path) as file:
        names = texts(path, file, "node_names")
        pixels = _turned(path, file, "tracks", _AXES)
        scores = (
            _turned(path, file, "point_scores", [axis for axis in _AXES if axis != "xy"])
            if "point_scores" in file
            else np.ones(pixels.shape[:3])
        )
        bones = _bones(path, file, len(names))
    frames, people, joints, coordinates = pixels.shape
    if (joints, coordinates) != (len(names), 2) or scores.shape != pixels.shape[:3]:
        raise FileError(
            path, f"tracks of shape {pixels.shape} (frames, tracks, nodes, xy) and scores of shape {scores.shape} do "
            f"not go with {len(names)} nodes", "Export the analysis file again.",
        )  # fmt: skip
    chosen = skeleton_of_names(path, names, skeleton, bones)
    places = joint_places(path, names, chosen)
    check_dense(path, frames, max(people, 1), len(chosen))
    own_pixels = np.full((frames, max(people, 1), len(chosen), 2), np.nan)
    own_scores = np.zeros(own_pixels.shape[:3])
    own_pixels[:, :people, places] = pixels
    own_scores[:, :people, places] = np.where(np.isnan(scores), 1.0, scores)
    return Keypoints2D.of(
        own_pixels[None], own_scores[None], skeleton=chosen, fps=fps or 30.0, camera_names=[_camera_name(path)]
    )


def _turned(path: Path, file: h5py.File, name: str, usual: Sequence[str]) -> np.ndarray:
    """A data set in float64 with the axes frame, track, node, xy, as far as it has them."""
    values = array_of(path, file, name)
    dims = file[name].attrs.get("dims")
    axes = list(usual) if dims is None else _listed(dims)
    if sorted(axes) != sorted(usual) or values.ndim != len(usual) or values.dtype.kind not in "iuf":
        raise FileError(
            path, f"{name} has shape {values.shape} and the axes {', '.join(map(str, axes))}; expected numbers over "
            f"{', '.join(usual)}", "Export the analysis file again.",
        )  # fmt: skip
    return values.transpose([axes.index(axis) for axis in _WANTED if axis in axes]).astype(np.float64)


def _listed(dims: Any) -> list[Any]:
    try:
        axes = json.loads(dims)
    except (TypeError, ValueError, RecursionError):
        return []
    return [str(axis) for axis in axes] if isinstance(axes, list) else []


def _bones(path: Path, file: h5py.File, nodes: int) -> list[tuple[int, int]]:
    if "edge_inds" not in file:
        return []
    pairs = array_of(path, file, "edge_inds")
    if not pairs.size:
        return []
    if (
        pairs.ndim != 2
        or pairs.shape[1] != 2
        or pairs.dtype.kind not in "iu"
        or pairs.max() >= nodes
        or pairs.min() < 0
    ):
        raise FileError(path, "edge_inds are no pairs of nodes", "Export the analysis file again.")
    return [(first, second) for first, second in pairs.tolist()]


def _camera_name(path: Path) -> str:
    stem = re.sub(r"\.analysis$", "", path.stem)
    video = re.search(r"\.[0-9]{3}_(.+)$", stem)
    return video[1] if video else stem


FORMAT = FileFormat(
    name="sleap_h5",
    holds=Keypoints2D,
    suffixes=(".h5", ".hdf5"),
    about="SLEAP's analysis HDF5 of one camera, a slot for each track, distorted pixels.",
    recognises=_recognises,
    read=_read,
)
