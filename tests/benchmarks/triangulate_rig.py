"""Measure a triangulator on a file of a rig that films real motion (see ``rig_files``); prints one JSON object.

    python tests/benchmarks/triangulate_rig.py FILE --method robust [--peers] [--aniposelib-python PYTHON]

Errors in millimetres, the share of points found and the mean normalised squared error; the same of an oracle that
knows the clean views and their noise, each point by itself, and the ratios to it. Thousand points a second of processor
time on one thread, the best of ten runs; for ``robust`` and ``temporal`` a run includes the covariances and the errors
of all views. ``first_call_s`` is the wall time of the first call, in which the loops are compiled or, the next time,
read from disk.

``--peers`` adds the peers of that method that are installed (``pip install 'lift3d[bench]'``), in the same run, each on
as many of the same points as its speed allows, with our own figures on those points beside it; ``ratio`` is how many
times as many points a second ours does. aniposelib 0.8.0 needs an environment of its own, whose Python is given.
"""

from __future__ import annotations

import single_thread  # noqa: F401

# isort: split
import argparse
import json
import time
from typing import Any

import numpy as np
import torch
from rig_files import Arrays, cameras_of, keypoints_of, oracle, read_rig, score
from rig_peers import Measured, measure_peers

from lift3d.triangulation import METHODS, Triangulation, triangulate_in_detail

RUNS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--method", choices=METHODS, default="dlt")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--aniposelib-python", metavar="PYTHON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rig = read_rig(arguments.file)
    found, figures = _own(rig, arguments.method)
    points = found.poses.positions[:, 0].numpy() * 1000
    covariance = None if found.poses.covariance is None else found.poses.covariance[:, 0].numpy() * 1e6
    figures |= score(points, rig, covariance)
    figures["oracle"] = score(oracle(rig), rig)
    figures["ratio_to_oracle"] = _ratios(figures, figures["oracle"])
    if arguments.peers:
        peers = measure_peers(rig, arguments.method, arguments.aniposelib_python)
        speed = figures["thousand_points_per_s"]
        figures["peers"] = {name: _peer(peer, rig, points, speed) for name, peer in peers.items()}
    print(json.dumps(figures))


def _own(rig: Arrays, method: str) -> tuple[Triangulation, dict[str, Any]]:
    keypoints, cameras = keypoints_of(rig), cameras_of(rig)

    def run() -> Triangulation:
        found = triangulate_in_detail(keypoints, cameras, method)
        if method != "dlt":
            _ = found.errors
        return found

    start = time.perf_counter()
    found = run()
    first = time.perf_counter() - start
    seconds = []
    for _ in range(RUNS):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    cameras_frames = dict(zip(("cameras", "frames"), rig["pixels"].shape[:2], strict=True))
    return found, {
        "method": method,
        **cameras_frames,
        "first_call_s": round(first, 2),
        **_speed(seconds, np.prod(rig["positions"].shape[:2])),
    }


def _speed(seconds: list[float], points: int) -> dict[str, Any]:
    """Milliseconds: the best run, the median and the worst."""
    spread = [round(1000 * float(one), 2) for one in (min(seconds), np.median(seconds), max(seconds))]
    return {
        "points": int(points),
        "milliseconds": dict(zip(("least", "median", "most"), spread, strict=True)),
        "thousand_points_per_s": float(f"{points / min(seconds) / 1000:.4g}"),
    }


def _ratios(own: dict[str, Any], best: dict[str, Any]) -> dict[str, dict[str, float]]:
    groups = [name for name, figures in best.items() if isinstance(figures, dict)]
    return {
        name: {figure: round(own[name][figure] / best[name][figure], 3) for figure in ("median_mm", "p95_mm")}
        for name in groups
    }


def _peer(peer: Measured, rig: Arrays, own: np.ndarray, own_speed: float) -> dict[str, Any]:
    points = np.full((own.shape[0] * own.shape[1], 3), np.nan)
    points[peer.chosen] = peer.points
    speed = _speed(peer.seconds, len(peer.chosen))
    return {
        **speed,
        "ratio": float(f"{own_speed / speed['thousand_points_per_s']:.4g}"),
        **score(points.reshape(own.shape), rig, chosen=peer.chosen),
        "own": score(own, rig, chosen=peer.chosen),
    }


if __name__ == "__main__":
    main()
