"""Peak memory of reading, triangulating and writing a long clip; prints one JSON object.

    python tests/benchmarks/memory_long_clip.py [--frames 100000] [--suffix .npz]

Four cameras, the 25 joints of OpenPose's BODY_25, float32. The clip is made by another process; the peak is that of
the process that runs ``lift3d triangulate``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

FRAMES_MADE = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--suffix", default=".npz")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        maker = multiprocessing.get_context("spawn").Process(target=_make, args=(folder, arguments.frames))
        maker.start()
        maker.join()
        print(json.dumps({"frames": arguments.frames, **_measure(folder, arguments.suffix)}))


def _make(folder: Path, frames: int) -> None:
    from lift3d import Keypoints2D, write_cameras, write_keypoints
    from lift3d.synthetic import observe, ring_rig, walk

    rig = ring_rig(cameras=4)
    seen = observe(walk(frames=FRAMES_MADE, skeleton="body25"), rig, noise_px=2, missing=0.1)
    times = -(-frames // FRAMES_MADE)
    pixels = seen.pixels.float().repeat(1, times, 1, 1, 1)[:, :frames]
    scores = seen.scores.float().repeat(1, times, 1, 1)[:, :frames]
    write_cameras(rig, folder / "rig.toml")
    write_keypoints(
        Keypoints2D.of(pixels, scores, skeleton=seen.skeleton, camera_names=rig.names), folder / "keypoints.npz"
    )


def _measure(folder: Path, suffix: str) -> dict[str, float]:
    from lift3d.cli import main as lift3d

    words = ["triangulate", "keypoints.npz", "-c", "rig.toml", "-o", f"poses{suffix}", "--threads", "1"]
    start = time.perf_counter()
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        lift3d(words)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    size = (folder / f"poses{suffix}").stat().st_size
    return {"peak_gb": round(peak / 1e9, 2), "seconds": round(seconds, 1), "written_mb": round(size / 1e6, 1)}


if __name__ == "__main__":
    main()
