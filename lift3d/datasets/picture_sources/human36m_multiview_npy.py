"""Human3.6M's frames as learnable triangulation labels them (Iskakov et al. 2019).

``human36m-multiview-labels-GTbboxes.npy`` (or with MRCNN's or SSD's boxes) is one table; see
``datasets/_multiview_labels``.

Pictures are ``S9/Walking-1/imageSequence-undistorted/54138969/img_000001.jpg``, or ``imageSequence``, below the folder
``processed``: the pixels are of the undistorted ones, unless only the others are there. Frame n is picture n + 1.
Joints come in the order of ``human36m17``. The boxes are the published crops, without any growing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from lift3d.cameras import Camera, Lens
from lift3d.datasets._multiview_labels import PUBLISHED_ORDER, is_multiview_labels, read_multiview_labels
from lift3d.datasets.labelled_pictures import LabelledPeople, LabelledPictures, PictureOptions, PicturesFormat
from lift3d.datasets.picture_sources._picture_files import PictureFiles
from lift3d.datasets.picture_sources._picture_names import FrameNames
from lift3d.errors import FileError, InputError
from lift3d.formats._human36m import picture_size
from lift3d.skeletons import get_skeleton

_UNDISTORTED, _AS_FILMED = "imageSequence-undistorted", "imageSequence"


def _read(path: Path, images: Path | None, options: PictureOptions) -> LabelledPictures:  # noqa: ARG001
    table, rows = read_multiview_labels(path)
    subjects, actions, cameras = (list(map(str, table[f"{name}_names"])) for name in ("subject", "action", "camera"))
    seen = rows["bbox_by_camera_tlbr"].astype(float)
    frame, view = np.nonzero(seen.any(axis=-1))
    where = _folder_name(images, subjects, actions, cameras)
    recording = (rows["subject_idx"].astype(int) * len(actions) + rows["action_idx"])[frame] * len(cameras) + view
    names = FrameNames(
        [f"{s}/{a}/{where}/{c}/img_%06d.jpg" for s in subjects for a in actions for c in cameras],
        recording.astype(np.int32), rows["frame_idx"][frame].astype(np.int32) + 1,
    )  # fmt: skip
    world = rows["keypoints"][:, PUBLISHED_ORDER].astype(float)[frame] / 1000
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
    recognises=is_multiview_labels,
    read=_read,
)
