"""Measure the fit of the body that comes with lift3d to recorded joints; prints one JSON object.

    python tests/benchmarks/fit_motion.py CLIPS.h5 [--split test] [--every 10] [--body NAME]
    python tests/benchmarks/fit_motion.py POSES [POSES ...]

CLIPS is a file of clips as ``data_tools/make_motion_clips.py`` writes it, of which all clips of a person are fitted
together; POSES are files of poses in any format that lift3d reads.

``residual_mm``       mean distance of the joints from where they are on the body, their offsets counted; with the 95th
                      percentile, and the largest mean of a frame
``offset_mm``         median length of the offsets, of each joint the mean over people
``backwards``         knees and elbows bent by more than 2 degrees the wrong way, by their rotations
``knees_across``      knees bent by more than 20 degrees the wrong way about the line of the hips, by the joints
                      alone, and ``given_knees_across`` in what was given; of a deep squat with the knees apart the
                      line of the hips says little
``twist_deg``         95th percentile and most of what thighs, upper arms and forearms are twisted about themselves
``seconds``           processor time of all fits
"""

from __future__ import annotations

import single_thread  # noqa: F401

# isort: split
import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from lift3d import read_poses
from lift3d.datasets import read_motion_clips
from lift3d.fitting import BodyFit, fit_body
from lift3d.formats import read_body
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton

BACKWARDS, BENT = 2.0, 20.0  # degrees
TWISTED = {"hip": "knee", "shoulder": "elbow", "elbow": "wrist"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--split", default="test")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--body", default="makehuman")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    body = read_body(arguments.body)
    given = [part for file in arguments.files for part in people(file, arguments.split, arguments.every)]
    start = time.process_time()
    fits = [fit_body(part, body) for part in given]
    seconds = time.process_time() - start
    print(json.dumps(figures(fits) | {"seconds": round(seconds, 2)}))


def people(file: str, split: str, every: int) -> Iterator[Poses3D]:
    """Poses of each person of a file, at every n-th frame."""
    if not file.endswith(".h5"):
        yield sparse(read_poses(file), every)
        return
    clips = read_motion_clips(file, [split])
    subjects = np.array(clips.subjects)[clips.clip.numpy()]
    for subject in dict.fromkeys(clips.subjects):
        own = torch.from_numpy(np.nonzero(subjects == subject)[0])
        seconds = own / clips.frames_per_second + 10.0 * clips.clip[own]  # clips do not follow each other
        joints = clips.positions[own, None].double()
        yield sparse(Poses3D.of(joints, skeleton=clips.skeleton, times=seconds, up="+z"), every)


def sparse(poses: Poses3D, every: int) -> Poses3D:
    scores, covariance = poses.scores[::every], poses.covariance
    covariance = None if covariance is None else covariance[::every]
    return replace(
        poses, positions=poses.positions[::every], scores=scores, times=poses.times[::every], covariance=covariance
    )


def figures(fits: list[BodyFit]) -> dict[str, object]:
    distances = 1000 * torch.cat([fit.residuals.flatten() for fit in fits])
    frames = 1000 * torch.cat([fit.residuals.nanmean(-1).flatten() for fit in fits])
    bends = torch.rad2deg(torch.cat([fit.bends.flatten(0, 1) for fit in fits]))
    offsets = 1000 * torch.stack([fit.offsets.norm(dim=-1).mean(0) for fit in fits]).mean(0)
    twists = torch.cat([twist_of(fit) for fit in fits]).abs().nan_to_num(0.0)
    return {
        "poses": int(torch.isfinite(bends[:, 0]).sum()),
        "failed": sum(len(fit.failures) for fit in fits),
        "residual_mm": round(distances.nanmean().item(), 2),
        "p95_mm": round(distances.nanquantile(0.95).item(), 2),
        "worst_frame_mm": round(frames.nan_to_num(0.0).max().item(), 2),
        "offset_mm": round(offsets.median().item(), 1),
        "offsets_mm": dict(zip(fits[0].points.names, offsets.round().int().tolist(), strict=True)),
        "backwards": int((bends < -BACKWARDS).sum()),
        "least_bend_deg": round(bends.nan_to_num(0.0).min().item(), 2),
        "knees_across": sum(across(fit.joints()) for fit in fits),
        "given_knees_across": sum(across(fit.poses) for fit in fits),
        "twist_deg": {
            name: [round(twists[..., i, :].quantile(0.95).item()), round(twists[..., i, :].max().item())]
            for i, name in enumerate(TWISTED)
        },
    }


def across(poses: Poses3D) -> int:
    """Knees bent by more than 20 degrees about the line of the hips the wrong way."""
    joints, skeleton = poses.positions, poses.skeleton
    if not {"left_ankle", "right_hip"} <= set(skeleton.joints):
        return 0
    hip, knee, ankle = (joints[:, :, skeleton.indices(f"left_{n}", f"right_{n}")] for n in ("hip", "knee", "ankle"))
    to_left = hip[:, :, 0] - hip[:, :, 1]
    normal = torch.linalg.cross(knee - hip, ankle - knee)
    lengths = (knee - hip).norm(dim=-1) * (ankle - knee).norm(dim=-1) * to_left.norm(dim=-1)[..., None]
    sine = (normal * to_left[:, :, None]).sum(-1) / lengths
    return int((sine < -np.sin(np.radians(BENT))).sum())


def twist_of(fit: BodyFit) -> Tensor:
    """(poses, 3, 2) degrees by which limbs are turned about their own bones: hips, shoulders, elbows; left, right."""
    skeleton: Skeleton = fit.model.skeleton
    rest = fit.model.with_shape(fit.betas).joints
    found = []
    for upper, lower in TWISTED.items():
        for side in ("left_", "right_"):
            joint, end = skeleton.index(side + upper), skeleton.index(side + lower)
            bone = torch.nn.functional.normalize(rest[:, end] - rest[:, joint], dim=-1)
            found.append(about(fit.rotations[:, :, joint], bone.expand(*fit.rotations.shape[:2], 3)))
    return torch.rad2deg(torch.stack(found, -1)).flatten(0, 1).reshape(-1, len(TWISTED), 2)


def about(vectors: Tensor, axis: Tensor) -> Tensor:
    """Radians that rotation vectors turn about an axis, when the swing of the axis is taken away."""
    matrix = rotvec_to_matrix(vectors)
    vector = torch.stack([matrix[..., 2, 1] - matrix[..., 1, 2], matrix[..., 0, 2] - matrix[..., 2, 0],
                          matrix[..., 1, 0] - matrix[..., 0, 1]], -1)  # fmt: skip
    trace = matrix.diagonal(dim1=-2, dim2=-1).sum(-1)
    return 2 * torch.atan2((vector * axis).sum(-1), 1 + trace)  # tan of half: x sin(a/2) / cos(a/2), both by 4 cos(a/2)


if __name__ == "__main__":
    main()
