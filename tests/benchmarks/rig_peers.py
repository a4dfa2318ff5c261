"""Other triangulators, called as their own code calls them: one thread, all with the lens undone.

A peer turns pixels (C, N, 2) and scores (C, N) of some points into (N, 3), metres as its cameras are. Those that are
slow are given fewer points: evenly spread ones, or, where they work over time, frames that follow each other. A peer
that is not installed is left out. Where ``best`` is in a name, it is called with the settings that were found to serve
it best on these files, else with those of its own.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rig_files import Arrays

from lift3d import get_skeleton

Run = Callable[[np.ndarray, np.ndarray], Any]

_WORKER = Path(__file__).parent / "aniposelib_worker.py"
_WHOLE = 1 << 40
_FRAMES = 600  # for those that work over time


@dataclass(frozen=True)
class Peer:
    """One way to call one peer.

    Args:
        prepare: makes the cameras ready, and returns what is measured; raises ImportError if it is not installed.
        kind: the method of lift3d's that does the same.
        most: points that it is given at most, by the number of cameras up to which that holds.
        repeats: timed runs; one more, before them, warms up.
    """

    prepare: Callable[[Arrays], Run]
    kind: str
    most: dict[int, int]
    repeats: int = 5


@dataclass(frozen=True, eq=False)
class Measured:
    """What a peer found.

    Args:
        chosen: (N) numbers of the points it was given.
        points: (N, 3) millimetres.
        seconds: of processor time, one a run.
    """

    chosen: np.ndarray
    points: np.ndarray
    seconds: list[float]


def measure_peers(rig: Arrays, method: str, aniposelib_python: str | None) -> dict[str, Measured]:
    """The peers of a method that are installed, and aniposelib 0.8.0 if its Python is given."""
    found = {}
    for name, peer in PEERS.items():
        chosen = _chosen(rig, peer.kind, peer.most)
        if peer.kind == method and len(chosen):
            with contextlib.suppress(ImportError):
                found[name] = _measured(peer.prepare(rig), rig, chosen, peer.repeats)
    for name, (kind, most, repeats) in ANIPOSELIB.items() if aniposelib_python else ():
        chosen = _chosen(rig, kind, most)
        if kind == method and len(chosen):
            found[f"aniposelib_{name}"] = _in_other_python(aniposelib_python, name, rig, chosen, repeats)
    return found


def _chosen(rig: Arrays, kind: str, most: dict[int, int]) -> np.ndarray:
    """Numbers of the points that a peer is given; none if there are too many cameras for it."""
    frames, joints = rig["positions"].shape[:2]
    number = next((count for cameras, count in most.items() if len(rig["pixels"]) <= cameras), 0)
    if kind != "temporal":
        return np.unique(np.linspace(0, frames * joints - 1, min(number, frames * joints)).astype(np.int64))
    clips, lengths = np.unique(rig["clip"], return_counts=True)
    start = int(np.argmax(rig["clip"] == clips[lengths.argmax()]))
    return np.arange(start * joints, (start + min(number // joints, int(lengths.max()))) * joints)


def _seen(rig: Arrays, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    cameras = len(rig["pixels"])
    pixels, scores = rig["pixels"].reshape(cameras, -1, 2)[:, chosen], rig["scores"].reshape(cameras, -1)[:, chosen]
    return np.ascontiguousarray(pixels), np.ascontiguousarray(scores)


def _measured(run: Run, rig: Arrays, chosen: np.ndarray, repeats: int) -> Measured:
    pixels, scores = _seen(rig, chosen)
    seconds, points = [], None
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for _ in range(repeats + 1):
            start = time.process_time()
            points = run(pixels, scores)
            seconds.append(time.process_time() - start)
    return Measured(chosen, 1000 * np.asarray(points).reshape(-1, 3), seconds[1:])


def _in_other_python(python: str, method: str, rig: Arrays, chosen: np.ndarray, repeats: int) -> Measured:
    task = {name: rig[name] for name in ("intrinsics", "distortion", "rotation")}
    task |= {"translation": rig["translation"] / 1000, "pixels": _seen(rig, chosen)[0], "bones": _bones()}
    task |= {"method": np.array(method), "repeats": np.array(repeats), "joints": np.array(rig["pixels"].shape[2])}
    with tempfile.TemporaryDirectory() as folder:
        given, result = Path(folder) / "task.npz", Path(folder) / "result.npz"
        np.savez(given, **task)
        subprocess.run([python, str(_WORKER), str(given), str(result)], check=True, capture_output=True)
        with np.load(result) as file:
            return Measured(chosen, 1000 * file["points"], file["seconds"].tolist())


def _bones() -> np.ndarray:
    return np.array(get_skeleton("human36m17").bones)


def _pytorch_group(rig: Arrays) -> Any:
    import cv2
    from aniposelib import Camera, CameraGroup

    return CameraGroup(
        [
            Camera(
                matrix=rig["intrinsics"][number],
                dist=rig["distortion"][number],
                size=(1920, 1080),
                rvec=cv2.Rodrigues(rig["rotation"][number])[0].ravel(),
                tvec=rig["translation"][number] / 1000,
                name=f"cam{number}",
            )
            for number in range(len(rig["pixels"]))
        ]
    )


def _pytorch_weighted(rig: Arrays) -> Run:
    group = _pytorch_group(rig)
    return lambda pixels, scores: group.triangulate(pixels, weights=scores)


def _pytorch_robust(method: str) -> Callable[[Arrays], Run]:
    """It gives errors of all views, too; no covariances."""

    def prepare(rig: Arrays) -> Run:
        group = _pytorch_group(rig)
        return lambda pixels, _: group.triangulate_robust(pixels, method=method).p3d

    return prepare


def _pytorch_over_time(**settings: Any) -> Callable[[Arrays], Run]:
    """Smooth tracks with constant bones, by Adam."""

    def prepare(rig: Arrays) -> Run:
        group, bones = _pytorch_group(rig), _bones().tolist()
        shape = (len(rig["pixels"]), -1, rig["pixels"].shape[2], 2)
        return lambda pixels, _: group.triangulate_optim(pixels.reshape(shape), constraints=bones, **settings)

    return prepare


def _pycolmap(rig: Arrays) -> Run:
    """LO-RANSAC on the reprojection error, point by point."""
    import pycolmap

    cameras, poses = [], []
    for number, (k, lens) in enumerate(zip(rig["intrinsics"], rig["distortion"], strict=True)):
        parameters = [k[0, 0], k[1, 1], k[0, 2], k[1, 2], *lens, 0, 0, 0]
        cameras.append(pycolmap.Camera(model="FULL_OPENCV", width=1920, height=1080, params=parameters))
        rotation = pycolmap.Rotation3d(rig["rotation"][number])
        poses.append(pycolmap.Rigid3d(rotation, rig["translation"][number] / 1000))
    options = pycolmap.EstimateTriangulationOptions()
    options.residual_type = pycolmap.TriangulationResidualType.REPROJECTION_ERROR
    options.ransac.max_error = 10  # pixels
    options.ransac.random_seed = 0

    def run(pixels: np.ndarray, _: np.ndarray) -> np.ndarray:
        seen, points = np.isfinite(pixels[..., 0]), np.full((pixels.shape[1], 3), np.nan)
        for point in range(len(points)):
            views = np.flatnonzero(seen[:, point])
            if len(views) < 2:
                continue
            found = pycolmap.estimate_triangulation(
                pixels[views, point], [poses[view] for view in views], [cameras[view] for view in views], options
            )
            if found is not None:
                points[point] = found["xyz"]
        return points

    return run


def _pose2sim(rig: Arrays) -> Run:
    """With the settings of its demonstration; it is given pixels without lens distortion, which it leaves in."""
    import cv2
    from Pose2Sim.triangulation import triangulation_from_best_cameras

    settings = {"reproj_error_threshold_triangulation": 15, "min_cameras_for_triangulation": 2}
    config = {"triangulation": settings}
    outside = np.concatenate([rig["rotation"], rig["translation"][..., None] / 1000], axis=-1)
    projections = list(rig["intrinsics"] @ outside)

    def run(pixels: np.ndarray, scores: np.ndarray) -> np.ndarray:
        straight = np.stack(
            [
                cv2.undistortPoints(own, k, lens, None, k)[:, 0]
                for own, k, lens in zip(pixels, rig["intrinsics"], rig["distortion"], strict=True)
            ]
        )
        likelihood = np.where(scores < 0.3, np.nan, scores)  # its threshold
        x, y = np.moveaxis(np.where(np.isnan(likelihood)[..., None], np.nan, straight), -1, 0)
        points = np.empty((pixels.shape[1], 3))
        for point in range(len(points)):
            own = np.array((x[:, point], y[:, point], likelihood[:, point]))
            points[point] = triangulation_from_best_cameras(config, own, own, projections, None)[0]
        return points

    return run


PEERS = {
    "aniposelib_pytorch_weighted": Peer(_pytorch_weighted, "dlt", {99: _WHOLE}),
    "aniposelib_pytorch_msac": Peer(_pytorch_robust("msac"), "robust", {99: _WHOLE}),
    "aniposelib_pytorch_irls": Peer(_pytorch_robust("irls"), "robust", {99: _WHOLE}),
    "pycolmap": Peer(_pycolmap, "robust", {99: _WHOLE}, repeats=3),
    "pose2sim": Peer(_pose2sim, "robust", {4: 3000, 8: 1000, 99: 200}, repeats=2),
    "aniposelib_pytorch_optim": Peer(_pytorch_over_time(), "temporal", {99: _FRAMES * 17}, repeats=1),
    "aniposelib_pytorch_optim_best": Peer(
        _pytorch_over_time(init_ransac=True, n_deriv_smooth=2), "temporal", {99: _FRAMES * 17}, repeats=1
    ),
}

# by the name of the method: kind, most points by the number of cameras, repeats
ANIPOSELIB = {
    "triangulate": ("dlt", {99: _WHOLE}, 3),
    "triangulate_ransac": ("robust", {4: 300, 8: 20}, 1),
    "triangulate_optim": ("temporal", {99: _FRAMES * 17}, 1),
    "triangulate_optim_best": ("temporal", {4: _FRAMES * 17}, 1),
}
