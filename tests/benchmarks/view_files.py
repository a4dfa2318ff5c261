"""Files of views: 3D motion filmed by virtual cameras, exact and with a detector's errors (npz).

For N samples of S sequences: ``positions`` (N, 17, 3) in the camera frame, metres; ``pixels_<kind>`` (N, 17, 2);
``scores_<kind>`` (N, 17) but for the kind ``exact``; ``sequence`` (N); ``intrinsics``, ``rotation`` (S, 3, 3) and
``translation`` (S, 3), ``x_camera = R x_world + t``. Sequences after each other are views of one clip, mostly four.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lift3d import Camera, CameraRig, Keypoints2D, get_skeleton

KINDS = ("exact", "detected", "occluded")
VIEWS = 4


@dataclass(frozen=True)
class View:
    """One clip seen by one camera; positions in the camera frame, metres; keypoints by kind."""

    camera: Camera
    positions: Tensor
    keypoints: dict[str, Keypoints2D]


def read_views(path: str | Path, cameras: int = VIEWS) -> list[View]:
    """The views of a file, in order, so many of each clip."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    return [_view(arrays, number, f"cam{number % cameras}") for number in range(len(arrays["intrinsics"]))]


def rigs(views: list[View], cameras: int = VIEWS) -> list[tuple[CameraRig, list[View]]]:
    """The views grouped by clip, each group with its rig."""
    groups = [views[start : start + cameras] for start in range(0, len(views), cameras)]
    return [(CameraRig.of({f"cam{i}": view.camera for i, view in enumerate(group)}), group) for group in groups]


def _view(arrays: dict[str, np.ndarray], sequence: int, name: str) -> View:
    rows = arrays["sequence"] == sequence
    camera = Camera.of(
        arrays["intrinsics"][sequence],
        rotation=arrays["rotation"][sequence],
        translation=arrays["translation"][sequence],
        image_size=(1000, 1000),
    )
    skeleton = get_skeleton("human36m17")
    keypoints = {}
    for kind in KINDS:
        pixels = arrays[f"pixels_{kind}"][rows][None, :, None]
        scores = arrays[f"scores_{kind}"][rows][None, :, None] if kind != "exact" else None
        keypoints[kind] = Keypoints2D.of(
            pixels, scores, skeleton=skeleton, camera_names=[name], image_sizes=[[1000.0, 1000.0]]
        )
    return View(camera, torch.from_numpy(arrays["positions"][rows]), keypoints)
