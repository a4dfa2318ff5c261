"""Detect, triangulate and measure real footage; prints one JSON object.

    python tests/benchmarks/film_footage.py CALIBRATION VIDEO... [--offset CAMERA=FRAMES] [--refine]
    python tests/benchmarks/film_footage.py CALIBRATION KEYPOINTS.npz

For each method, ``as_filmed`` and, if offsets are given, ``with_offset``, and with ``--refine`` the same again with the
calibration mended by ``refine_rig`` (``held_out``: mended on the first half of the frames, measured on the second):
reprojection errors in pixels over all detections of triangulated joints, used or not, and their medians by camera; the
share of joints that were triangulated and of detections that took part; standard deviation over mean of each thigh's
and shank's length, per cent. Of videos also the frames detected a second of wall time, with torch's number of threads.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

from lift3d import CameraRig, Keypoints2D, Poses3D, detect, read_cameras, read_keypoints
from lift3d.triangulation import METHODS, refine_rig, triangulate_in_detail


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("calibration")
    parser.add_argument("footage", nargs="+", help="videos, or one file of what was detected in them")
    parser.add_argument("--offset", action="append", default=[], metavar="CAMERA=FRAMES")
    parser.add_argument("--refine", action="store_true")
    parser.add_argument("--method", nargs="+", choices=METHODS, default=list(METHODS))
    arguments = parser.parse_args()
    rig = read_cameras(arguments.calibration)
    detected, figures = _detected(arguments.footage)
    figures["as_filmed"] = {method: _figures(detected, rig, method) for method in arguments.method}
    if arguments.offset:
        words = (offset.rpartition("=") for offset in arguments.offset)
        moved = detected.shifted({name: int(frames) for name, _, frames in words})
        figures["with_offset"] = {method: _figures(moved, rig, method) for method in arguments.method}
        if arguments.refine:
            mended = refine_rig(moved, rig).rig
            figures["with_offset_refined"] = {method: _figures(moved, mended, method) for method in arguments.method}
    if arguments.refine:
        mended = refine_rig(detected, rig).rig
        figures["refined"] = {method: _figures(detected, mended, method) for method in arguments.method}
        half = len(detected.times) // 2
        mended, rest = refine_rig(detected.between(0, half), rig).rig, detected.between(half, len(detected.times))
        figures["held_out"] = {method: _figures(rest, mended, method) for method in arguments.method}
    print(json.dumps(figures))


def _detected(footage: list[str]) -> tuple[Keypoints2D, dict[str, Any]]:
    if Path(footage[0]).suffix == ".npz":
        return read_keypoints(footage[0]), {}
    start = time.perf_counter()
    keypoints = detect(footage, progress=False)
    seconds = time.perf_counter() - start
    pictures = keypoints.pixels.shape[0] * keypoints.pixels.shape[1]
    return keypoints, {"frames_per_s": round(pictures / seconds, 1), "threads": torch.get_num_threads()}


def _figures(keypoints: Keypoints2D, rig: CameraRig, method: str) -> dict[str, Any]:
    found = triangulate_in_detail(keypoints, rig, method)
    error = found.errors[found.errors.isfinite()]
    by_camera = zip(keypoints.camera_names, found.errors, strict=True)
    return {
        "reprojection_median_px": round(error.median().item(), 2),
        "reprojection_mean_px": round(error.mean().item(), 2),
        "reprojection_p90_px": round(error.quantile(0.9).item(), 2),
        "median_px_by_camera": {name: round(own.nanmedian().item(), 2) for name, own in by_camera},
        "coverage": round(found.poses.positions.isfinite().all(-1).double().mean().item(), 4),
        "detections_used": round((found.used.sum() / (keypoints.scores > 0).sum()).item(), 4),
        "bone_spread_percent": _spreads(found.poses),
    }


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
