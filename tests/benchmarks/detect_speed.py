"""Measure how fast MoveNet finds one person in the videos of several cameras; prints one JSON object.

    python tests/benchmarks/detect_speed.py VIDEO ... [--frames 100] [--cores 1 2] [--mediapipe PYTHON]

End to end, from files to keypoints: decoding, cropping, network, joints. ``frames_per_s`` counts the frames of all
cameras; ``processor_ms`` is the processor time of a frame, of all threads together. Each figure is from a process of
its own that may use so many cores, with so many threads, after a few frames that do not count.

- ``decoding``: the frames are read, and that is all.
- ``eager``: the published graph as it stands, layer after layer, camera after camera, nothing read ahead, one pass.
- ``torch``, ``onnx``: `lift3d detect` with that runtime, one pass; with ``_mirror`` also over the mirrored picture.
- ``mediapipe``: MediaPipe's Pose (BlazePose full, 33 joints) on frames read by OpenCV, camera after camera, if the
  interpreter of an environment is given that has it (0.10.21 holds its networks in the package).

``network_ms`` is the processor time of a picture in the network alone, four at once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

KINDS = ("decoding", "eager", "torch", "onnx", "torch_mirror", "onnx_mirror")
WARM_UP = 3  # frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=100, help="of each camera")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--mediapipe", metavar="PYTHON", help="interpreter of an environment with mediapipe")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker:
        print(json.dumps(measured(chosen.worker, chosen.videos, chosen.frames, chosen.cores[0])))
        return
    results = {}
    for cores in chosen.cores:
        figures = {kind: in_own_process(sys.executable, kind, chosen, cores) for kind in chosen.kinds}
        if chosen.mediapipe:
            figures["mediapipe"] = in_own_process(chosen.mediapipe, "mediapipe", chosen, cores)
        results[f"cores_{cores}"] = with_ratios(figures)
    print(json.dumps(results, indent=1))


def in_own_process(python: str, kind: str, chosen: argparse.Namespace, cores: int) -> dict[str, Any]:
    """Figures of one kind."""
    words = ["--worker", kind, "--frames", str(chosen.frames), "--cores", str(cores)]
    threads = {name: str(cores) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")}
    command = [python, __file__, *map(str, chosen.videos), *words]
    done = subprocess.run(
        command, env=os.environ | threads | {"OMP_WAIT_POLICY": "PASSIVE"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{kind}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def with_ratios(figures: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """How many times less processor time than the eager graph's, where that was measured."""
    if "eager" in figures:
        for own in figures.values():
            own["times_less_than_eager"] = round(figures["eager"]["processor_ms"] / max(own["processor_ms"], 1e-3), 2)
    return figures


def measured(kind: str, videos: list[Path], frames: int, cores: int) -> dict[str, Any]:
    """Figures of one kind in this process."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    if kind == "mediapipe":
        return timed(lambda count: mediapipe_joints(videos, count), frames)
    import torch

    torch.set_num_threads(cores)
    if kind == "decoding":
        return timed(lambda count: sum(1 for video in videos for _ in pictures(video, count)), frames)
    from lift3d.checkpoints import load_network

    checkpoint = load_network("movenet_thunder")
    if kind == "eager":
        run, work = eager_run(checkpoint.network), eager_work(checkpoint, videos)
    else:
        run, work = detect_work(kind, checkpoint, videos)
    return timed(work, frames) | {"network_ms": network_ms(run, max(1, frames // 10))}


def timed(work: Callable[[int], int], frames: int) -> dict[str, Any]:
    """Work over so many frames of each camera gives how many frames those were; measured after a short run."""
    work(WARM_UP)
    start, spent = time.perf_counter(), time.process_time()
    count = work(frames)
    seconds, spent = time.perf_counter() - start, time.process_time() - spent
    return {
        "frames": count, "frames_per_s": round(count / seconds, 2), "processor_ms": round(1000 * spent / count, 1),
        "cores_busy": round(spent / seconds, 2),
    }  # fmt: skip


def detect_work(kind: str, checkpoint: Any, videos: list[Path]) -> tuple[Callable, Callable[[int], int]]:
    """``detect`` with a runtime, and that runtime's network."""
    import tempfile

    import torch

    from lift3d.cli._memory import keep_freed_memory
    from lift3d.detection import DetectSettings, detect
    from lift3d.detection.onnx_running import onnx_run
    from lift3d.detection.running import torch_run

    keep_freed_memory()  # as the command does
    runtime, _, mirror = kind.partition("_")
    folder = tempfile.mkdtemp()
    run = onnx_run(checkpoint, folder) if runtime == "onnx" else torch_run(checkpoint.network, torch.device("cpu"))
    settings = DetectSettings(runtime=runtime, onnx_folder=folder, mirror=bool(mirror))

    def work(count: int) -> int:
        found = detect(videos, checkpoint, frames=count, settings=settings, progress=False)
        return found.pixels.shape[0] * found.pixels.shape[1]

    return run, work


def eager_run(network: Any) -> Callable:
    """The network in torch's own layout, channels first, each layer by itself."""
    import torch

    @torch.no_grad()
    def run(images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(network(images.contiguous(memory_format=torch.contiguous_format)))

    return run


def eager_work(checkpoint: Any, videos: list[Path]) -> Callable[[int], int]:
    """One person followed in one camera after another."""
    from lift3d.detection.asking import answered
    from lift3d.detection.follow import Follower
    from lift3d.detection.readings import Model, open_reading

    reading = open_reading(Model(checkpoint, eager_run(checkpoint.network), mirror=False))

    def work(count: int) -> int:
        done = 0
        for video in videos:
            follower = Follower()
            for frame in pictures(video, count):
                answered([follower.next(frame.rgb)], reading)
                done += 1
        return done

    return work


def pictures(video: Path, count: int) -> Any:
    """The first frames of a video."""
    from lift3d.video import read_frames

    return islice(read_frames(video), count)


def network_ms(run: Callable, repeats: int, batch: int = 4) -> float:
    """Processor time of the network for a picture, milliseconds."""
    import torch

    images = torch.rand(batch, 3, 256, 256) * 2 - 1
    run(images)
    start = time.process_time()
    for _ in range(repeats):
        run(images)
    return round(1000 * (time.process_time() - start) / (batch * repeats), 1)


def mediapipe_joints(videos: list[Path], count: int) -> int:
    """Everything that MediaPipe's Pose does for a video, camera after camera."""
    import cv2  # of the environment with mediapipe
    from mediapipe.python.solutions.pose import Pose  # pyright: ignore[reportMissingImports]

    done = 0
    for video in videos:
        film = cv2.VideoCapture(str(video))
        with Pose(model_complexity=1) as pose:
            for _ in range(count):
                more, bgr = film.read()
                if not more:
                    break
                pose.process(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
                done += 1
    return done


if __name__ == "__main__":
    main()
