"""Human3.6M's frames as learnable triangulation labels them (Iskakov et al. 2019).

``human36m-multiview-labels-GTbboxes.npy`` (or with MRCNN's or SSD's boxes) is one table with ``subject_names``,
``camera_names``, ``action_names``, ``cameras`` (subjects, cameras: R, t, K, dist; world to camera, millimetres) and
``table``, a row a frame: ``subject_idx``, ``action_idx``, ``frame_idx``, ``keypoints`` (17, 3) in the world,
millimetres, and ``bbox_by_camera_tlbr`` (top, left, bottom, right; zeros where a view is missing). The file is pickled
and read by an allow-list that runs nothing (see ``formats/_safe_pickle``).

Pictures are ``S9/Walking-1/imageSequence-undistorted/54138969/img_000001.jpg``, or ``imageSequence``, below the folder
``processed``: the pixels are of the undistorted ones, unless only the others are there. Frame n is picture n + 1.
Joints come in the order of ``human36m17``. The boxes are the published crops, without any growing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lift3d.cameras import Camera, Lens
from lift3d.datasets._sequence_names import ROWS_17_OF_32
from lift3d.datasets.labelled_pictures import LabelledPeople, LabelledPictures, PictureOptions, PicturesFormat
from lift3d.datasets.picture_sources._picture_files import PictureFiles
from lift3d.datasets.picture_sources._picture_names import FrameNames
from lift3d.errors import FileError, InputError
from lift3d.formats._human36m import picture_size
from lift3d.formats._safe_pickle import read_pickle
from lift3d.skeletons import get_skeleton

_ROWS_OF_FILE = (3, 2, 1, 6, 7, 8, 0, 12, 13, 15, 27, 26, 25, 17, 18, 19, 14)  # of the 32 joints
_ORDER = [_ROWS_OF_FILE.index(row) for row in ROWS_17_OF_32]
_UNDISTORTED, _AS_FILMED = "imageSequence-undistorted", "imageSequence"
_FIELDS = {"subject_idx": (), "action_idx": (), "frame_idx": (), "keypoints": (17, 3), "bbox_by_camera_tlbr": (4,)}


def _recognises(path: Path) -> bool:
    if not path.is_file() or path.suffix.lower() != ".npy":
        return False
    try:
        with path.open("rb") as file:
            return b"bbox_by_camera_tlbr" in file.read(1 << 17)
    except OSError:
        return False


def _read(path: Path, images: Path | None, options: PictureOptions) -> LabelledPictures:  # noqa: ARG001
    table, rows = _table(path)
    subjects, actions, cameras = (list(map(str, table[f"{name}_names"])) for name in ("subject", "action", "camera"))
    seen = rows["bbox_by_camera_tlbr"].astype(float)
    frame, view = np.nonzero(seen.any(axis=-1))
    where = _folder_name(images, subjects, actions, cameras)
    recording = (rows["subject_idx"].astype(int) * len(actions) + rows["action_idx"])[frame] * len(cameras) + view
    names = FrameNames(
        [f"{s}/{a}/{where}/{c}/img_%06d.jpg" for s in subjects for a in actions for c in cameras],
        recording.astype(np.int32), rows["frame_idx"][frame].astype(np.int32) + 1,
    )  # fmt: skip
    world = rows["keypoints"][:, _ORDER].astype(float)[frame] / 1000
    positions, pixels = np.empty_like(world), np.empty((*world.shape[:2], 2))
    owner = rows["subject_idx"][frame].astype(int)
    for subject in range(len(subjects)):
        for place in range(len(cameras)):
            own = np.flatnonzero((owner == subject) & (view == place))
            camera = _camera(path, table["cameras"][subject, place], cameras[place], where)
            local = camera.world_to_camera(torch.from_numpy(world[own]).reshape(-1, 3))
            positions[own] = local.numpy().reshape(-1, 17, 3)
            pixels[own] = camera.project_camera(local).numpy().reshape(-1, 17, 2)
    top, left, bottom, right = seen[frame, view].T
    boxes = np.stack([left, top, right - left, bottom - top], axis=1)
    people = LabelledPeople.of(np.arange(len(names)), boxes, pixels, joints_3d=positions)
    return LabelledPictures(get_skeleton("human36m17"), people, names, PictureFiles(images, names, path))


def _table(path: Path) -> tuple[Mapping[str, Any], np.ndarray]:
    """What the file holds, and its rows of frames, all checked."""
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


def _folder_name(images: Path | None, subjects: list[str], actions: list[str], cameras: list[str]) -> str:
    """Which of the two kinds of pictures there are."""
    if images is not None:
        found = (images / s / a / _UNDISTORTED / c for s in subjects for a in actions for c in cameras)
        if not any(one.is_dir() for one in found) and any(images.glob(f"*/*/{_AS_FILMED}")):
            return _AS_FILMED
    return _UNDISTORTED


def _camera(path: Path, fields: Any, name: str, folder: str) -> Camera:
    k1, k2, p0, p1, k3 = (fields["dist"].astype(float) if folder == _AS_FILMED else np.zeros(5)).tolist()
    try:
        return Camera.of(
            fields["K"].astype(float), [k1, k2, p0, p1, k3], fields["R"].astype(float),
            fields["t"].astype(float).reshape(3) / 1000, picture_size(name).tolist(), Lens.HUMAN36M,
        )  # fmt: skip
    except (InputError, ValueError) as error:
        raise FileError(path, f"camera {name}: {error}") from error


PICTURES = PicturesFormat(
    name="human36m_multiview_npy",
    about="Human3.6M as learnable triangulation's human36m-multiview-labels-*.npy; pixels and the camera frame.",
    recognises=_recognises,
    read=_read,
)
