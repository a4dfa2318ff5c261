"""Peak memory and time of one person filmed for an hour; prints one JSON object.

    python tests/benchmarks/hour_recording.py [--minutes 60] [--cameras 8] [--method temporal robust]

60 frames a second, float32. A process of its own makes the recording; for each method a fresh one reads it,
triangulates it on one thread, and writes the poses as npz and CSV. ``peak_gb`` is the most memory that process held up
to the end of each step, ``seconds`` the wall time of each step. The first, ``start``, imports lift3d and compiles the
loops, or reads them from disk.
"""

from __future__ import annotations

import single_thread  # noqa: F401

# isort: split
import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

FRAMES_PER_SECOND = 60
_PART = 3600  # frames made at once
_WARM_UP_FRAMES = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--skeleton", default="human36m17")
    parser.add_argument("--method", nargs="+", default=["temporal", "robust"])
    arguments = parser.parse_args()
    frames = round(60 * FRAMES_PER_SECOND * arguments.minutes)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _in_fresh_process(_make, folder, frames, arguments.cameras, arguments.skeleton)
        figures: dict[str, Any] = {"frames": frames, "cameras": arguments.cameras}
        figures["recording_mb"] = round((folder / "keypoints.npz").stat().st_size / 1e6, 1)
        for method in arguments.method:
            figures[method] = _in_fresh_process(_measure, folder, method)
        print(json.dumps(figures))


def _in_fresh_process(work: Any, *arguments: Any) -> Any:
    """What a function returns that is called in a process that has held no other memory."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        raise SystemExit(f"{work.__name__} failed; see above.") from None
    finally:
        process.join()


def _send(connection: Connection, work: Any, arguments: tuple) -> None:
    connection.send(work(*arguments))


def _make(folder: Path, frames: int, cameras: int, skeleton: str) -> None:
    import torch

    from lift3d import Keypoints2D, write_cameras, write_keypoints
    from lift3d.synthetic import observe, ring_rig, walk

    rig = ring_rig(cameras=cameras)
    poses = walk(frames=frames, fps=FRAMES_PER_SECOND, skeleton=skeleton)
    joints = poses.positions.shape[2]
    pixels, scores = torch.empty(cameras, frames, 1, joints, 2), torch.empty(cameras, frames, 1, joints)
    for part, start in enumerate(range(0, frames, _PART)):
        stop = min(start + _PART, frames)
        seen = observe(poses.between(start, stop), rig, noise_px=2, missing=0.1, outliers=0.02, seed=part)
        pixels[:, start:stop], scores[:, start:stop] = seen.pixels, seen.scores
    names = {"skeleton": poses.skeleton, "camera_names": rig.names, "times": poses.times}
    write_cameras(rig, folder / "rig.toml")
    write_keypoints(Keypoints2D.of(pixels, scores, **names), folder / "keypoints.npz")


def _measure(folder: Path, method: str) -> dict[str, Any]:
    clock = _Clock()
    import torch

    from lift3d import read_cameras, read_keypoints, triangulate, write_poses
    from lift3d.synthetic import observe, ring_rig, walk

    torch.set_num_threads(1)
    triangulate(
        observe(walk(_WARM_UP_FRAMES), ring_rig(3), noise_px=1, missing=0.1, outliers=0.05), ring_rig(3), method
    )
    clock.tick("start")
    rig, keypoints = read_cameras(folder / "rig.toml"), read_keypoints(folder / "keypoints.npz")
    clock.tick("read")
    poses = triangulate(keypoints, rig, method)
    clock.tick("triangulate")
    write_poses(poses, folder / "poses.npz")
    clock.tick("write_npz")
    write_poses(poses, folder / "poses.csv")
    clock.tick("write_csv")
    found = poses.positions.isfinite().all(-1).double().mean().item()
    return {"seconds": clock.seconds, "peak_gb": clock.peaks, "coverage": round(found, 4)}


class _Clock:
    """Seconds since the step before, and the most memory held so far, by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.peaks: dict[str, float] = {}
        self._last = time.perf_counter()

    def tick(self, step: str) -> None:
        """A step ends."""
        now = time.perf_counter()
        self.seconds[step], self._last = round(now - self._last, 1), now
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        self.peaks[step] = round(peak / 1e9, 2)


if __name__ == "__main__":
    main()
