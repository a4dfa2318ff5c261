"""A lifter on a data set of pairs: its predictions as labelled samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lift3d._progress import progress
from lift3d.cameras import Camera
from lift3d.datasets.pose_pairs import PairClip, PosePairs
from lift3d.errors import InputError
from lift3d.evaluation.labels import subject_name
from lift3d.evaluation.protocols import Protocol, protocols_named
from lift3d.evaluation.samples import PoseSamples
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D

__all__ = ["clips_of_protocols", "lift_pairs"]


def lift_pairs(
    pairs: PosePairs, lift: Callable[[Keypoints2D, Camera | None], Poses3D], notes: Sequence[str] = ()
) -> PoseSamples:
    """Lift every clip of a data set; a clip at a time is in memory, besides the result.

    Args:
        pairs: detections with the true joints.
        lift: poses in the camera frame from the keypoints of one camera, such as ``lift3d.lift``; they are mapped to
            the joints of the truth by name, and those that it cannot have are missing.
        notes: lines that say how the predictions are made; kept with them.

    Raises:
        InputError: there is no clip, or a clip cannot be lifted.
    """
    if not pairs.clips:
        raise InputError("there is nothing to lift: the data set has no clip of these subjects.")
    predictions, targets = [], []
    for number, clip in enumerate(progress(pairs.clips, "lifting", "clip", len(pairs.clips))):
        prediction, target = _lifted(pairs, number, clip, lift)
        predictions.append(prediction)
        targets.append(target)
    frames = [len(target) for target in targets]
    return PoseSamples(
        predictions=torch.cat(predictions),
        targets=torch.cat(targets),
        clip=torch.repeat_interleave(torch.tensor(frames)),
        frames=torch.cat([torch.arange(count) for count in frames]),
        subjects=tuple(clip.subject for clip in pairs.clips),
        actions=tuple(clip.action or clip.sequence for clip in pairs.clips),
        sequences=tuple(clip.sequence for clip in pairs.clips),
        cameras=tuple(clip.camera_name for clip in pairs.clips),
        skeleton=pairs.skeleton,
        notes=tuple(notes),
    )


def clips_of_protocols(pairs: PosePairs, protocols: Sequence[str | Protocol]) -> PosePairs:
    """The clips of the subjects that at least one of the protocols tests; all of them where none is named.

    Raises:
        UnknownNameError: there is no such protocol.
    """
    tested = [protocol.test for name in protocols for protocol in protocols_named(name)]
    if not all(tested) or not tested:
        return pairs
    wanted = {subject for subjects in tested for subject in subjects}
    return pairs.only(subjects={clip.subject for clip in pairs.clips if subject_name(clip.subject) in wanted})


def _lifted(
    pairs: PosePairs, number: int, clip: PairClip, lift: Callable[[Keypoints2D, Camera | None], Poses3D]
) -> tuple[Tensor, Tensor]:
    """Predicted and true joints of a clip (frames, joints, 3), metres in the camera frame."""
    pixels, scores, positions = pairs.read(number)
    keypoints = Keypoints2D.of(
        pixels[None, :, None],
        scores[None, :, None],
        skeleton=pairs.keypoint_skeleton,
        fps=clip.frames_per_second,
        camera_names=[clip.camera_name],
        image_sizes=None if clip.camera is None else clip.camera.image_size[None],
    )
    poses = lift(keypoints, clip.camera).mapped_to(pairs.skeleton)
    return poses.positions[:, 0].to(positions.dtype), positions
