"""VideoPose3D's 2D archives: ``data_2d_h36m_*.npz`` and ``data_2d_custom_*.npz``.

They hold ``positions_2d`` = {subject: {action: one (frames, joints, 2) array a camera}} and ``metadata``, both object
arrays; those are read by an allow-list that runs nothing of the file (see ``_safe_pickle``). A custom archive is
{video: {"custom": [array]}}, and its metadata gives each video's size.

Distorted pixels; a missing joint is NaN; there are no scores (1 where seen; a third column is not read) and no frame
rate: pass ``fps=50`` for Human3.6M. Of several sequences one must be chosen, ``sequence="S1/Walking 1"``. Cameras are
``cam0``, ``cam1``, ... in the file's order, or the video's name if there is one only.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lift3d.errors import FileError
from lift3d.formats._detections import check_dense
from lift3d.formats._entry import FileFormat
from lift3d.formats._safe_npz import member_names, read_objects
from lift3d.formats._videopose3d import LAYOUTS, cameras_of, dict_of
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton, get_skeleton, skeleton_names

_SHOWN = 20  # sequences that an error lists


def _recognises(path: Path) -> bool:
    return path.is_file() and "positions_2d" in member_names(path)


def _read(
    path: Path, skeleton: Skeleton | None = None, fps: float | None = None, sequence: str | None = None
) -> Keypoints2D:
    arrays = read_objects(path)
    table = dict_of(path, arrays, "positions_2d")
    sequences = {f"{subject}/{action}": cameras for (subject, action), cameras in cameras_of(path, table).items()}
    metadata = dict_of(path, arrays, "metadata") if "metadata" in arrays else {}
    chosen = _chosen(path, sequences, sequence)
    cameras = [_camera(path, array, chosen) for array in sequences[chosen]]
    joints = {camera.shape[1] for camera in cameras}
    if len(joints) != 1:
        raise FileError(path, f"{chosen}: cameras have {sorted(joints)} joints; expected the same number in each")
    pixels = _stacked(path, cameras)
    video = chosen.removesuffix("/custom")
    custom = chosen != video
    return Keypoints2D.of(
        pixels[:, :, None],
        skeleton=_skeleton(path, joints.pop(), metadata, skeleton),
        fps=fps or 30.0,
        camera_names=[Path(video).stem] if custom and len(cameras) == 1 else None,
        image_sizes=np.tile(_size(metadata, video), (len(cameras), 1)),
    )


def _chosen(path: Path, sequences: Mapping[str, Any], sequence: str | None) -> str:
    if sequence is None and len(sequences) == 1:
        return next(iter(sequences))
    for name in (sequence, f"{sequence}/custom"):
        if name is not None and name in sequences:
            return name
    known = [name.removesuffix("/custom") for name in sequences]
    listed = difflib.get_close_matches(sequence, known, n=_SHOWN, cutoff=0.0) if sequence else known[:_SHOWN]
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    problem = f"holds {len(known)} sequences" + (f", none of them {sequence!r}" if sequence else "")
    raise FileError(path, f"{problem}: {', '.join(listed)}{more}", f"Pass sequence='...', such as {listed[0]!r}.")


def _camera(path: Path, array: Any, sequence: str) -> np.ndarray:
    """One camera's pixels, (frames, joints, 2)."""
    fits = isinstance(array, np.ndarray) and array.dtype.kind in "iuf" and array.ndim == 3 and array.shape[2] >= 2
    if not fits:
        raise FileError(path, f"{sequence}: a camera is no array of numbers of shape (frames, joints, 2)")
    return array[..., :2].astype(np.float32 if array.dtype == np.float32 else np.float64)


def _stacked(path: Path, cameras: list[np.ndarray]) -> np.ndarray:
    """The cameras as (cameras, frames, joints, 2); those with fewer frames end in missing joints."""
    frames, joints = max(len(camera) for camera in cameras), cameras[0].shape[1]
    check_dense(path, frames, len(cameras), joints)
    pixels = np.full((len(cameras), frames, joints, 2), np.nan, dtype=np.result_type(*cameras))
    for own, camera in zip(pixels, cameras, strict=True):
        own[: len(camera)] = camera
    return pixels


def _skeleton(path: Path, joints: int, metadata: Mapping[Any, Any], given: Skeleton | None) -> Skeleton:
    """The skeleton given; else by the layout's name; else the one with that many joints and those on the left."""
    named = LAYOUTS.get(str(metadata.get("layout_name")))
    skeleton = given or (get_skeleton(named) if named else None)
    if skeleton is None:
        symmetry = metadata.get("keypoints_symmetry")
        left = _left(symmetry[0]) if isinstance(symmetry, list | tuple | np.ndarray) and len(symmetry) else set()
        fitting = [one for one in map(get_skeleton, skeleton_names()) if len(one) == joints and _left_of(one) == left]
        if len(fitting) != 1:
            raise FileError(
                path, f"does not say what its {joints} joints are",
                "Pass skeleton='...': 'human36m17', 'coco17' or 'mpii16'.",
            )  # fmt: skip
        skeleton = fitting[0]
    if len(skeleton) != joints:
        raise FileError(path, f"has {joints} joints; skeleton {skeleton.name!r} has {len(skeleton)}")
    return skeleton


def _left(numbers: Any) -> set[int]:
    values = numbers if isinstance(numbers, list | tuple | np.ndarray) else []
    return {int(one) for one in values if isinstance(one, int | np.integer)}


def _left_of(skeleton: Skeleton) -> set[int]:
    return {joint for joint in range(len(skeleton)) if skeleton.side(joint) == "left"}


def _size(metadata: Mapping[Any, Any], video: str) -> tuple[float, float]:
    """Width and height of a custom video; NaN where the file does not say."""
    sizes = metadata.get("video_metadata")
    size = sizes.get(video) if isinstance(sizes, Mapping) else None
    width, height = (size.get("w"), size.get("h")) if isinstance(size, Mapping) else (None, None)
    if isinstance(width, int | float) and isinstance(height, int | float):
        return float(width), float(height)
    return float("nan"), float("nan")


FORMAT = FileFormat(
    name="videopose3d_npz",
    holds=Keypoints2D,
    suffixes=(".npz",),
    about="VideoPose3D's 2D archives (Human3.6M and custom), distorted pixels; several sequences: pass sequence.",
    recognises=_recognises,
    read=_read,
)
