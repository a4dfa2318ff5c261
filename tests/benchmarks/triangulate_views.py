"""Measure a triangulator on a file of views, grouped by clip into rigs; prints one JSON object.

    python tests/benchmarks/triangulate_views.py FILE --method temporal [--views 2]

World millimetres against the truth over all triangulated joints; ``relative`` after subtracting the pelvis;
``coverage`` is the share of joints that were triangulated; with covariances, the mean normalised squared error e^T
covariance^-1 e, which is 3 where they are right. Thousand points a second of processor time on one thread, all clips
once, after one that compiles the loops.
"""

from __future__ import annotations

import single_thread  # noqa: F401

# isort: split
import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from rig_files import normalised_squared_error
from view_files import VIEWS, View, read_views, rigs

from lift3d import CameraRig, Keypoints2D, Poses3D
from lift3d.triangulation import METHODS, SmoothingSettings, TriangulationSettings, triangulate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--method", choices=METHODS, default="dlt")
    parser.add_argument("--views", type=int, help="Of each rig, the first so many; by default all.")
    parser.add_argument("--cameras", type=int, default=VIEWS, help="That filmed each clip of the file.")
    parser.add_argument("--weights", default="", help="Of the methods that learn; by default what ships.")
    parser.add_argument("--no-scores", action="store_true", help="Every detection's score is 1.")
    parser.add_argument("--still", action="store_true", help="The methods that learn: single frames, not smoothed.")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    settings = TriangulationSettings(
        smoothing=SmoothingSettings(over_time=not arguments.still), weights=arguments.weights
    )
    work = partial(triangulate, method=arguments.method, settings=settings)
    groups = [(rig, views[: arguments.views]) for rig, views in _filmed(arguments.file, arguments.cameras)]
    kinds = ("detected", "occluded")
    print(json.dumps({kind: _figures(groups, kind, work, not arguments.no_scores) for kind in kinds}))


def _filmed(file: str, cameras: int) -> list[tuple[CameraRig, list[View]]]:
    return rigs(read_views(file, cameras), cameras)


def _figures(
    groups: list[tuple[CameraRig, list[View]]],
    kind: str,
    work: Callable[[Keypoints2D, CameraRig], Poses3D],
    scored: bool,
) -> dict[str, float]:
    keypoints = [Keypoints2D.stacked([view.keypoints[kind] for view in views]) for _, views in groups]
    if not scored:
        keypoints = [replace(seen, scores=(seen.scores > 0).to(seen.scores)) for seen in keypoints]
    work(keypoints[0], groups[0][0])
    start = time.process_time()
    found = [work(seen, rig) for seen, (rig, _) in zip(keypoints, groups, strict=True)]
    seconds = time.process_time() - start
    points = torch.cat([poses.positions[:, 0] for poses in found]).double()
    truth = torch.cat([views[0].camera.camera_to_world(views[0].positions.double()) for _, views in groups])
    error = 1000 * (points - truth).norm(dim=-1)
    relative = 1000 * ((points - points[:, :1]) - (truth - truth[:, :1])).norm(dim=-1)
    finite = error[error.isfinite()]
    figures = {
        "mean_mm": round(finite.mean().item(), 2),
        "median_mm": round(finite.median().item(), 2),
        "p95_mm": round(finite.kthvalue(int(0.95 * len(finite))).values.item(), 2),
        "relative_mm": round(relative.nanmean().item(), 2),
        "coverage": round(error.isfinite().double().mean().item(), 4),
        "thousand_points_per_s": float(f"{error.numel() / seconds / 1000:.4g}"),
    }
    return figures | _certainty(found, points - truth)


def _certainty(found: list[Poses3D], error: torch.Tensor) -> dict[str, float]:
    covariances = [poses.covariance[:, 0] for poses in found if poses.covariance is not None]
    if not covariances:
        return {}
    triangulated = error.isfinite().all(-1)
    own = torch.cat(covariances)[triangulated].numpy()
    return {"normalised_squared_error": round(normalised_squared_error(error[triangulated].numpy(), own), 2)}


if __name__ == "__main__":
    main()
