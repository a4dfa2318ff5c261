"""How far each detection lies from where its triangulated joint is seen."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.cameras import CameraRig
from lift3d.compiled import point_loops
from lift3d.errors import InputError, ShapeError
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.triangulation.views import PackedRig, Views, frame_chunks

__all__ = ["matching_cameras", "reprojection_error"]


def reprojection_error(
    poses: Poses3D, keypoints: Keypoints2D, rig: CameraRig
) -> Float[Tensor, "cameras frames people joints"]:
    """Distance in pixels, lens distortion included, per camera and point; NaN where either is missing.

    Args:
        poses: in the rig's world, on the keypoints' skeleton, frames and people.
        keypoints: the detections; their cameras are matched to the rig's by name.
        rig: the cameras.

    Raises:
        ShapeError: poses and keypoints differ in frames, people or joints.
        InputError: a camera of the keypoints is not in the rig.
    """
    if poses.scores.shape != keypoints.scores.shape[1:]:
        raise ShapeError("poses", tuple(poses.scores.shape), f"{tuple(keypoints.scores.shape[1:])}, of the keypoints")
    packed = PackedRig.of(matching_cameras(keypoints, rig))
    errors = torch.empty_like(keypoints.scores)

    def work(part: slice) -> None:
        views = Views.of(keypoints.pixels[:, part], keypoints.scores[:, part])
        points = poses.positions[part].detach().double().numpy().reshape(-1, 3) - packed.origin
        own = np.empty(views.scores.shape)
        point_loops.distances(packed.lens, packed.numbers, points, views.pixels, own)
        errors[:, part] = torch.from_numpy(own).reshape(errors[:, part].shape).to(errors.dtype)

    frame_chunks(tuple(keypoints.scores.shape), work, "reprojecting")
    return errors


def matching_cameras(keypoints: Keypoints2D, rig: CameraRig) -> CameraRig:
    """The rig's cameras in the order of the keypoints', matched by name.

    Raises:
        InputError: fewer than two cameras, or a camera of the keypoints is not in the rig.
    """
    if len(keypoints.camera_names) < 2:
        raise InputError("Triangulation needs keypoints of at least two cameras; got one. Use lifting for one camera.")
    strangers = [name for name in keypoints.camera_names if name not in rig.names]
    if strangers:
        raise InputError(
            f"The calibration has no camera {', '.join(map(repr, strangers))}; it has {', '.join(rig.names)}. "
            "Name the keypoints' cameras as the calibration does (camera_names=[...], --cameras)."
        )
    return rig if rig.names == keypoints.camera_names else rig.only(keypoints.camera_names)
