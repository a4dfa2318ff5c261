"""Measure a triangulator on a file of a rig that films real motion; prints one JSON object.

    python tests/benchmarks/triangulate_rig.py FILE --method dlt [--peers]

The file (npz, millimetres) holds for C cameras and F frames: ``pixels`` (C, F, 17, 2) distorted, NaN where missing;
``scores`` and ``outlier`` (C, F, 17); ``positions`` (F, 17, 3); ``intrinsics``, ``distortion`` (C, 5), ``rotation``,
``translation``. Figures: errors in millimetres over all points and over those with three or more clean views, the
share of points with two or more clean views that were triangulated, and thousand points a second of processor time
on one thread (the best of five runs). ``--peers`` adds the peers that are installed, on the same data in the same run.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from lift3d import Camera, CameraRig, Keypoints2D, get_skeleton
from lift3d.triangulation import METHODS, triangulate_in_detail

Arrays = dict[str, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--method", choices=METHODS, default="dlt")
    parser.add_argument("--peers", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with np.load(arguments.file) as file:
        rig = {name: file[name] for name in file.files}
    figures: dict[str, Any] = _measured(_own(rig, arguments.method), rig)
    if arguments.peers:
        figures["peers"] = {name: _measured(run, rig) for name, run in _peers(rig).items()}
        for name, peer in figures["peers"].items():
            figures[f"ratio_{name}"] = round(figures["thousand_points_per_s"] / peer["thousand_points_per_s"], 2)
    print(json.dumps(figures))


def _own(rig: Arrays, method: str) -> Callable[[], np.ndarray]:
    names = [f"cam{i}" for i in range(len(rig["pixels"]))]
    cameras = {
        name: Camera.of(k, d, r, t / 1000)
        for name, k, d, r, t in zip(
            names, rig["intrinsics"], rig["distortion"], rig["rotation"], rig["translation"], strict=True
        )
    }
    keypoints = Keypoints2D.of(
        rig["pixels"][:, :, None], rig["scores"][:, :, None], skeleton=get_skeleton("human36m17"), camera_names=names
    )
    calibrated = CameraRig.of(cameras)
    return lambda: triangulate_in_detail(keypoints, calibrated, method).poses.positions[:, 0].numpy() * 1000


def _peers(rig: Arrays) -> dict[str, Callable[[], np.ndarray]]:
    """Weighted triangulation of the peers that are installed."""
    try:
        import cv2
        from aniposelib import Camera as PeerCamera
        from aniposelib import CameraGroup
    except ImportError:
        return {}
    count = len(rig["pixels"])
    group = CameraGroup(
        [
            PeerCamera(
                matrix=rig["intrinsics"][c],
                dist=rig["distortion"][c],
                size=(1920, 1080),
                rvec=cv2.Rodrigues(rig["rotation"][c])[0].ravel(),
                tvec=rig["translation"][c],
                name=f"cam{c}",
            )
            for c in range(count)
        ]
    )
    pixels, weights = rig["pixels"].reshape(count, -1, 2), rig["scores"].reshape(count, -1)
    shape = rig["positions"].shape
    return {
        "aniposelib_pytorch_weighted": lambda: np.asarray(group.triangulate(pixels, weights=weights)).reshape(shape)
    }


def _measured(run: Callable[[], np.ndarray], rig: Arrays, repeats: int = 5) -> dict[str, Any]:
    seconds = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(repeats + 1):  # the first warms up
            start = time.process_time()
            points = run()
            seconds.append(time.process_time() - start)
    count = np.prod(rig["positions"].shape[:2])
    return {**_score(points, rig), "thousand_points_per_s": round(float(count) / min(seconds[1:]) / 1000, 1)}


def _score(points: np.ndarray, rig: Arrays) -> dict[str, Any]:
    seen = (~np.isnan(rig["pixels"][..., 0]) & ~rig["outlier"]).sum(0)
    error = np.linalg.norm(points - rig["positions"], axis=-1)
    finite = np.isfinite(error)
    groups = {"all": seen >= 0, "clean>=3": seen >= 3}
    figures: dict[str, Any] = {"coverage": round(float(finite[seen >= 2].mean()), 4)}
    for name, mask in groups.items():
        values = error[mask & finite]
        median, p95 = np.percentile(values, [50, 95])
        figures[name] = {
            "median_mm": round(float(median), 3),
            "mean_mm": round(float(values.mean()), 3),
            "p95_mm": round(float(p95), 3),
        }
    return figures


if __name__ == "__main__":
    main()
