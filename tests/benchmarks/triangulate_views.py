"""Measure a triangulator on a file of views, grouped by clip into four-view rigs; prints one JSON object.

    python tests/benchmarks/triangulate_views.py FILE --method dlt

World millimetres against the truth over all triangulated joints; ``relative`` after subtracting the pelvis;
``coverage`` is the share of joints that were triangulated.
"""

from __future__ import annotations

import argparse
import json

import torch
from view_files import View, read_views, rigs

from lift3d import CameraRig, Keypoints2D
from lift3d.triangulation import METHODS, triangulate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--method", choices=METHODS, default="dlt")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    groups = rigs(read_views(arguments.file))
    print(json.dumps({kind: _figures(groups, kind, arguments.method) for kind in ("detected", "occluded")}))


def _figures(groups: list[tuple[CameraRig, list[View]]], kind: str, method: str) -> dict[str, float]:
    found, truth = [], []
    for rig, views in groups:
        keypoints = Keypoints2D.stacked([view.keypoints[kind] for view in views])
        found.append(triangulate(keypoints, rig, method).positions[:, 0])
        truth.append(views[0].camera.camera_to_world(views[0].positions.double()))
    points, true_points = torch.cat(found).double(), torch.cat(truth)
    error = 1000 * (points - true_points).norm(dim=-1)
    relative = 1000 * ((points - points[:, :1]) - (true_points - true_points[:, :1])).norm(dim=-1)
    finite = error[error.isfinite()]
    return {
        "mean_mm": round(finite.mean().item(), 2),
        "median_mm": round(finite.median().item(), 2),
        "p95_mm": round(finite.kthvalue(int(0.95 * len(finite))).values.item(), 2),
        "relative_mm": round(relative.nanmean().item(), 2),
        "coverage": round(error.isfinite().double().mean().item(), 4),
    }


if __name__ == "__main__":
    main()
