"""Lift the 2D joints of one camera to 3D."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d._times import clips_of
from lift3d.cameras import Camera
from lift3d.checkpoints import Checkpoint
from lift3d.errors import InputError
from lift3d.keypoints import Keypoints2D
from lift3d.lifting.encodings import Answer
from lift3d.lifting.lifter import DEFAULT_LIFTER, Lifter
from lift3d.lifting.observed import Observed, without
from lift3d.lifting.root_position import root_position
from lift3d.lifting.sequences import answer_over_clip
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton, get_skeleton

__all__ = ["MIN_JOINTS", "lift", "placed"]

MIN_JOINTS = 5


def lift(
    keypoints: Keypoints2D,
    camera: Camera | None = None,
    checkpoint: str | Path | Checkpoint = DEFAULT_LIFTER,
    *,
    flip: bool = True,
    device: str = "cpu",
    skeleton: str | Skeleton | None = None,
) -> Poses3D:
    """3D joints of every person in every frame of one camera.

    Joints that the detector did not see are filled in by the network and scored 0. A network that handles missing
    joints also fills in those that another skeleton could only guess (``JointMapping.guessed``, such as the spine
    half-way between pelvis and thorax); they keep the score of what the guess is made of. A person with fewer than
    ``MIN_JOINTS`` seen joints in a frame is NaN. The root's position is the closed-form least-squares one (see
    ``lift3d.lifting.root_position``), so that the result, projected, lies on the picture. Distances are as good as the
    guess of the person's size that the network makes: a child far away and an adult farther away look the same.

    A network of several frames sees each person over time; what it sees does not cross a jump in time. Person p is
    taken to be the same person in all frames.

    Args:
        keypoints: of one camera; on any skeleton that maps to the network's.
        camera: its calibration, of which the intrinsics, the lens and the image size are used. Without one, a pinhole
            whose longer image side spans 50 degrees is assumed (``Camera.assumed``), which needs the image size.
        checkpoint: a shipped lifter's name, a file, or a loaded checkpoint.
        flip: average with the answer for the mirrored person (test-time augmentation).
        device: where to compute.
        skeleton: of the result; by default the network's own. See ``lift3d.skeletons.mapping``.

    Returns:
        Poses in the camera frame, metres. Where the network says how sure it is, the covariance is that of each joint
        relative to the root (0 for the root itself): how far off the whole person stands is not in it.

    Raises:
        InputError: not exactly one camera, or neither camera nor image size is known, or the checkpoint is no lifter.
        FileError: the checkpoint cannot be read.
        UnknownNameError: there is no such skeleton.
    """
    if len(keypoints.camera_names) != 1:
        raise InputError(
            f"Lifting takes one camera; got {len(keypoints.camera_names)}. Choose one with keypoints.only([name])."
        )
    target = None if skeleton is None else get_skeleton(skeleton)
    lifter = Lifter.of(checkpoint, device)
    camera = _with_size(camera, keypoints, lifter)
    given, scores = _observed(keypoints, camera, lifter.input_skeleton, lifter)
    own = given
    if lifter.skeleton != lifter.input_skeleton:
        own, scores = _observed(keypoints, camera, lifter.skeleton, lifter)
    over_time = lifter.window > 1 or lifter.longest is not None or lifter.encoding.fill is not None
    clips = clips_of(keypoints.times) if over_time else [slice(0, len(keypoints.times))]
    rate = keypoints.frames_per_second
    parts = [
        placed(
            answer_over_clip(lifter, given[:, clip], rate, flip),
            own[:, clip],
            scores[:, clip],
            lifter.skeleton,
            keypoints.times[clip],
        )
        for clip in clips or [slice(0, 0)]
    ]
    poses = parts[0] if len(parts) == 1 else _joined(parts)
    return poses if target is None else poses.mapped_to(target)


def placed(
    answer: Answer,
    observed: Observed,
    scores: Float[Tensor, "people frames joints"],
    skeleton: Skeleton,
    times: Float[Tensor, "frames"],
) -> Poses3D:
    """Poses in the camera frame, from joints relative to the root and the rays that they are seen along.

    Args:
        answer: people (people, frames, joints).
        observed: the same people, on the same skeleton.
        scores: of the poses.
        skeleton: of all.
        times: of the frames, seconds.
    """
    root = root_position(answer.relative, observed.rays, observed.scores.square())
    few = (observed.scores > 0).sum(-1) < MIN_JOINTS
    positions = (answer.relative + root[..., None, :]).masked_fill(few[..., None, None], torch.nan)
    missing = ~torch.isfinite(positions).all(-1)
    covariance = answer.covariance
    if covariance is not None:
        covariance = covariance.masked_fill(missing[..., None, None], torch.nan).transpose(0, 1).contiguous()
    return Poses3D(
        positions.transpose(0, 1).contiguous(),
        scores.masked_fill(missing, 0.0).transpose(0, 1).contiguous(),
        times,
        skeleton,
        frame="camera",
        up="-y",
        covariance=covariance,
    )


def _observed(
    keypoints: Keypoints2D, camera: Camera, skeleton: Skeleton, lifter: Lifter
) -> tuple[Observed, Float[Tensor, "people frames joints"]]:
    """People (people, frames, joints) on a skeleton as the lifter sees them, and their scores, those of guesses too."""
    own = keypoints.mapped_to(skeleton)
    pixels, scores = own.pixels[0].transpose(0, 1), own.scores[0].transpose(0, 1)
    guessed = lifter.left_out(keypoints.skeleton, skeleton)
    return Observed.by(camera, *without(guessed, pixels, scores)), scores.float()


def _with_size(camera: Camera | None, keypoints: Keypoints2D, lifter: Lifter) -> Camera:
    """The camera, or an assumed one, with the size of its pictures where either source knows it."""
    size = keypoints.image_sizes[0]
    known = bool(torch.isfinite(size).all())
    if camera is None and not known:
        raise InputError(
            "Lifting needs the camera's calibration, or at least the image size to assume one; the keypoints hold "
            "neither. Pass camera=Camera.assumed((width, height)), or --image-size WIDTH HEIGHT on the command line."
        )
    if camera is None:
        return Camera.assumed(size.tolist())
    if bool(torch.isfinite(camera.image_size).all()):
        return camera
    if not known and "image_size" in lifter.encoding.uses(lifter.settings):
        raise InputError(
            f"This lifter sees pixels over the picture's width (encoding {lifter.encoding.name!r}), and neither the "
            "calibration nor the keypoints say the image size. Add it to the calibration."
        )
    return replace(camera, image_size=size.to(camera.image_size))


def _joined(parts: list[Poses3D]) -> Poses3D:
    """Poses of clips one after the other."""
    covariances = [part.covariance for part in parts if part.covariance is not None]
    return replace(
        parts[0],
        positions=torch.cat([part.positions for part in parts]),
        scores=torch.cat([part.scores for part in parts]),
        times=torch.cat([part.times for part in parts]),
        covariance=torch.cat(covariances) if covariances else None,
    )
