"""Lift each camera of real footage alone and compare with what all cameras triangulate; prints one JSON object.

    python tests/benchmarks/lift_footage.py CALIBRATION VIDEO... [--model MODEL ...] [--missing JOINT ...]
    python tests/benchmarks/lift_footage.py CALIBRATION KEYPOINTS.npz --model runs/single/weights.safetensors

The person is detected, and triangulated with the rig mended by ``refine_rig``. For each lifter and camera: PA-MPJPE and
MPJPE in millimetres, relative to the middle of the hips, over hips, knees, ankles, shoulders, elbows and wrists, which
both skeletons truly have. Then how far the cameras' answers, brought into the world, are from each other: the mean
distance of each joint, relative to the middle of the hips, from its mean over the cameras; and, of people put on the
floor, that of the middle of the hips, and its distance from the triangulated one. The floor is where the triangulated
feet stand, which need not be at height 0 of the calibration.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lift3d import CameraRig, Keypoints2D, Poses3D, detect, lift, read_cameras, read_keypoints, triangulate
from lift3d.checkpoints import Checkpoint, load_network
from lift3d.evaluation import mpjpe, pa_mpjpe
from lift3d.lifting import DEFAULT_LIFTER, stood_on_floor, with_steady_distance
from lift3d.lifting.ground import ANKLE_HEIGHT
from lift3d.triangulation import refine_rig

JOINTS = [
    f"{side}_{joint}" for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for side in ("left", "right")
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("calibration")
    parser.add_argument("footage", nargs="+", help="videos, or one file of what was detected in them")
    parser.add_argument("--model", nargs="+", default=[DEFAULT_LIFTER], help="shipped lifters or checkpoint files")
    parser.add_argument("--missing", nargs="*", default=[], help="joints that the lifter is not given")
    arguments = parser.parse_args()
    rig = read_cameras(arguments.calibration)
    from_file = Path(arguments.footage[0]).suffix == ".npz"
    seen = read_keypoints(arguments.footage[0]) if from_file else detect(arguments.footage, progress=False)
    rig = refine_rig(seen, rig).rig
    truth = triangulate(seen, rig)
    print(json.dumps({name: figures(seen, rig, truth, load_network(name), arguments.missing)
                      for name in arguments.model}))  # fmt: skip


def figures(seen: Keypoints2D, rig: CameraRig, truth: Poses3D, model: Checkpoint, missing: list[str]) -> dict[str, Any]:
    """All figures of one lifter."""
    expected = _joints(truth)
    lifted = [lifted_alone(seen, rig, name, model, missing) for name in seen.camera_names]
    floor = floor_height(truth)
    standing = [
        _hips(stood_on_floor(poses, rig[name], floor=floor))
        for poses, name in zip(lifted, seen.camera_names, strict=True)
    ]
    found = [_joints(poses) for poses in lifted]
    relative = torch.stack([_centred(own) for own in found])
    by_camera = {
        name: {"pa_mpjpe_mm": _mm(pa_mpjpe(own, expected)), "mpjpe_mm": _mm(mpjpe(_centred(own), _centred(expected)))}
        for name, own in zip(seen.camera_names, found, strict=True)
    }
    return {
        "cameras": by_camera,
        "pa_mpjpe_mm": round(sum(own["pa_mpjpe_mm"] for own in by_camera.values()) / len(by_camera), 1),
        "mpjpe_mm": round(sum(own["mpjpe_mm"] for own in by_camera.values()) / len(by_camera), 1),
        "cameras_disagree_mm": _mm(_from_mean(relative)),
        "floor_m": round(floor, 3),
        "on_floor_hips_disagree_mm": _mm(_from_mean(torch.stack(standing))),
        "on_floor_hips_error_mm": _mm((torch.stack(standing) - _hips(truth)).norm(dim=-1)),
    }


def lifted_alone(seen: Keypoints2D, rig: CameraRig, name: str, model: Checkpoint, missing: list[str]) -> Poses3D:
    """What one camera says, in the world, at a steady distance."""
    own = seen.only([name])
    if missing:
        own = own.mapped_to(model.input_skeleton)
        gone = own.skeleton.indices(*missing)
        pixels, scores = own.pixels.clone(), own.scores.clone()
        pixels[..., gone, :], scores[..., gone] = torch.nan, 0.0
        own = replace(own, pixels=pixels, scores=scores)
    return with_steady_distance(lift(own, rig[name], model)).to_world(rig[name], rig.up)


def floor_height(poses: Poses3D) -> float:
    """Along up, metres: a standing ankle's height below the lowest ankles."""
    sign, axis = 1.0 if poses.up[0] == "+" else -1.0, "xyz".index(poses.up[1])
    ankles = poses.positions[:, 0, poses.skeleton.indices("left_ankle", "right_ankle"), axis]
    return (sign * ankles).amin(-1).nanquantile(0.25).item() - ANKLE_HEIGHT


def _joints(poses: Poses3D) -> Tensor:
    """(frames, joints, 3) of the first person, metres."""
    return poses.positions[:, 0, poses.skeleton.indices(*JOINTS)].double()


def _hips(poses: Poses3D) -> Tensor:
    return _joints(poses)[:, :2].mean(1)


def _centred(joints: Tensor) -> Tensor:
    return joints - joints[:, :2].mean(1, keepdim=True)


def _from_mean(positions: Tensor) -> Tensor:
    """Distance of what each camera (first axis) says from the mean of all."""
    return (positions - positions.mean(0)).norm(dim=-1)


def _mm(metres: Tensor) -> float:
    return round(1000 * metres.nanmean().item(), 1)


if __name__ == "__main__":
    main()
