"""Lift the 2D joints of one camera to 3D."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lift3d._progress import progress
from lift3d.cameras import Camera
from lift3d.checkpoints import Checkpoint, load_network
from lift3d.errors import InputError
from lift3d.keypoints import Keypoints2D
from lift3d.lifting.encodings.turned_rays import decode, encode
from lift3d.lifting.root_position import root_position
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton

__all__ = ["DEFAULT_LIFTER", "MIN_JOINTS", "lift"]

DEFAULT_LIFTER = "residual_mlp_cmu17"
MIN_JOINTS = 5
_BATCH = 4096


@torch.no_grad()
def lift(
    keypoints: Keypoints2D,
    camera: Camera | None = None,
    checkpoint: str | Path | Checkpoint = DEFAULT_LIFTER,
    *,
    flip: bool = True,
    device: str = "cpu",
) -> Poses3D:
    """3D joints of every person in every frame of one camera.

    Joints that the detector did not see are filled in by the network and scored 0. A person with fewer than
    ``MIN_JOINTS`` seen joints in a frame is NaN. The root's position is the closed-form least-squares one (see
    ``lift3d.lifting.root_position``), so that the result, projected, lies on the picture. Distances are as good as the
    guess of the person's size that the network makes: a child far away and an adult farther away look the same.

    Args:
        keypoints: of one camera; on any skeleton that maps to the network's.
        camera: its calibration, of which the intrinsics and the lens are used. Without one, a pinhole whose longer
            image side spans 50 degrees is assumed (``Camera.assumed``), which needs the image size.
        checkpoint: a shipped lifter's name, a file, or a loaded checkpoint.
        flip: average with the answer for the mirrored person (test-time augmentation).
        device: where to compute.

    Returns:
        Poses in the camera frame, metres, on the network's skeleton.

    Raises:
        InputError: not exactly one camera, or neither camera nor image size is known.
        FileError: the checkpoint cannot be read.
    """
    if len(keypoints.camera_names) != 1:
        raise InputError(
            f"Lifting takes one camera; got {len(keypoints.camera_names)}. Choose one with keypoints.only([name])."
        )
    loaded = checkpoint if isinstance(checkpoint, Checkpoint) else load_network(checkpoint)
    network = loaded.network.to(device)
    own = keypoints.mapped_to(loaded.skeleton)
    shape = own.scores.shape[1:]
    camera = camera if camera is not None else _assumed(keypoints)
    rays = camera.to(torch.float64).normalise(own.pixels.reshape(-1, 2).to(torch.float64)).float()
    rays, scores = rays.reshape(-1, shape[-1], 2), own.scores.reshape(-1, shape[-1]).float()
    parts = [
        _lift_batch(network, loaded.skeleton, rays_part.to(device), scores_part.to(device), flip).cpu()
        for rays_part, scores_part in progress(
            zip(rays.split(_BATCH), scores.split(_BATCH), strict=True), "lifting", "batch", -(-len(rays) // _BATCH)
        )
    ]
    positions = torch.cat(parts) if parts else rays.new_empty(0, shape[-1], 3)
    positions = positions.reshape(*shape, 3)
    scores = scores.reshape(shape).masked_fill(~torch.isfinite(positions).all(-1), 0.0)
    return Poses3D(positions, scores, keypoints.times, loaded.skeleton, frame="camera", up="-y")


def _assumed(keypoints: Keypoints2D) -> Camera:
    size = keypoints.image_sizes[0]
    if not bool(torch.isfinite(size).all()):
        raise InputError(
            "Lifting needs the camera's calibration, or at least the image size to assume one; the keypoints hold "
            "neither. Pass camera=Camera.assumed((width, height)), or --image-size WIDTH HEIGHT on the command line."
        )
    return Camera.assumed(size.tolist())


def _lift_batch(
    network: nn.Module,
    skeleton: Skeleton,
    rays: Float[Tensor, "batch joints 2"],
    scores: Float[Tensor, "batch joints"],
    flip: bool,
) -> Float[Tensor, "batch joints 3"]:
    """Joints in the camera frame, metres; NaN for people with too few seen joints."""
    relative = _relative(network, skeleton, rays, scores)
    if flip:
        twins = list(skeleton.flip_order)
        mirror = rays.new_tensor([-1.0, 1.0])
        mirrored = _relative(network, skeleton, rays[:, twins] * mirror, scores[:, twins])
        relative = 0.5 * (relative + mirrored[:, twins] * rays.new_tensor([-1.0, 1.0, 1.0]))
    root = root_position(relative, rays, scores.square())
    few = (scores > 0).sum(-1) < MIN_JOINTS
    return (relative + root[:, None]).masked_fill(few[:, None, None], torch.nan)


def _relative(network: nn.Module, skeleton: Skeleton, rays: Tensor, scores: Tensor) -> Tensor:
    encoding = encode(rays, scores)
    return decode(network(encoding.features), encoding, skeleton.root).relative
