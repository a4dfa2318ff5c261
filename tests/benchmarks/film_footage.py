"""Detect, triangulate and measure real footage; prints one JSON object.

    python tests/benchmarks/film_footage.py CALIBRATION VIDEO... [--offset CAMERA=FRAMES]

Reprojection errors in pixels over all triangulated joints; standard deviation over mean of each thigh's and shank's
length, per cent; frames detected a second of wall time with the threads of torch's default.
"""

from __future__ import annotations

import argparse
import json
import time

import torch

from lift3d import Poses3D, detect, read_cameras, reprojection_error, triangulate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("calibration")
    parser.add_argument("videos", nargs="+")
    parser.add_argument("--offset", action="append", default=[], metavar="CAMERA=FRAMES")
    arguments = parser.parse_args()
    rig = read_cameras(arguments.calibration)
    start = time.perf_counter()
    detected = detect(arguments.videos, progress=False)
    seconds = time.perf_counter() - start
    keypoints = detected.shifted(
        {name: int(frames) for name, _, frames in (o.rpartition("=") for o in arguments.offset)}
    )
    poses = triangulate(keypoints, rig)
    error = reprojection_error(poses, keypoints, rig)
    error = error[error.isfinite()]
    figures = {
        "reprojection_median_px": round(error.median().item(), 2),
        "reprojection_mean_px": round(error.mean().item(), 2),
        "reprojection_p90_px": round(error.quantile(0.9).item(), 2),
        "coverage": round(poses.positions.isfinite().all(-1).double().mean().item(), 4),
        "bone_spread_percent": _spreads(poses),
        "frames_per_s": round(detected.pixels.shape[0] * detected.pixels.shape[1] / seconds, 1),
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(figures))


def _spreads(poses: Poses3D) -> dict[str, float]:
    spreads = {}
    for side in ("left", "right"):
        for bone, upper, lower in (("thigh", "hip", "knee"), ("shank", "knee", "ankle")):
            ends = poses.positions[:, 0, poses.skeleton.indices(f"{side}_{upper}", f"{side}_{lower}")]
            length = (ends[:, 0] - ends[:, 1]).norm(dim=-1)
            length = length[length.isfinite()]
            spreads[f"{side}_{bone}"] = round(100 * (length.std() / length.mean()).item(), 2)
    return spreads


if __name__ == "__main__":
    main()
