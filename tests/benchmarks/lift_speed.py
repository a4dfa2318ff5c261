"""Measure how fast a lifter is on one thread; prints one JSON object.

    python tests/benchmarks/lift_speed.py [MODEL ...] [--seconds 1]

Poses a second of processor time, the median of five runs, on random people: of the exported file by ONNX Runtime (a
call with 1 and, where the network takes single frames, with 1024 people), of ``lift`` on 1024 frames (from pixels to
poses in the camera frame, without the flip), and of ``LifterStream`` frame by frame. For the exported file also the
share of the time that the network takes and what is around it, as ONNX Runtime's own profile tells it; the profile
itself costs each of the many small steps around the network as much again.
"""

from __future__ import annotations

import single_thread  # noqa: F401  before NumPy and torch

# isort: split
import argparse
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from lift3d import Keypoints2D, lift
from lift3d.cameras import Camera
from lift3d.checkpoints import Checkpoint, load_network
from lift3d.lifting import DEFAULT_LIFTER, LifterStream, export_onnx
from lift3d.lifting.lifter import Lifter

BATCHES = (1, 1024)
CAMERA = Camera.of([[1100.0, 0, 640], [0, 1100.0, 360], [0, 0, 1]], image_size=(1280, 720))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=[DEFAULT_LIFTER], help="shipped lifters or checkpoint files")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each run")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(json.dumps({name: figures(load_network(name), arguments.seconds) for name in arguments.models}))


def figures(model: Checkpoint, seconds: float) -> dict[str, Any]:
    """All figures of one lifter."""
    frames = 1024
    random = torch.Generator().manual_seed(0)
    joints = len(model.input_skeleton)
    middle = torch.tensor([640.0, 360.0]) + 100 * torch.randn(1, frames, 1, 1, 2, generator=random)
    pixels = middle + 80 * torch.randn(1, frames, 1, joints, 2, generator=random)
    seen = Keypoints2D.of(pixels, skeleton=model.input_skeleton, image_sizes=[[1280, 720]])
    stream, tracked = LifterStream(model, CAMERA), iter(())

    def push() -> None:
        nonlocal tracked
        frame = next(tracked, None)
        if frame is None:
            tracked = iter(zip(seen.pixels[0, :, 0], seen.scores[0, :, 0], strict=True))
            frame = next(tracked)
        stream.push(*frame)

    return {
        "parameters": sum(own.numel() for own in model.network.parameters()),
        "onnx": _exported(model, seconds),
        "lift": round(frames * _rate(lambda: lift(seen, CAMERA, model, flip=False), seconds)),
        "stream": round(_rate(push, seconds)),
    }


def _exported(model: Checkpoint, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        shapes = export_onnx(model, file).inputs
        window = Lifter.of(model).window
        result: dict[str, Any] = {}
        for batch in BATCHES if window == 1 and len(shapes[next(iter(shapes))]) == 3 else BATCHES[:1]:
            given = {name: _random(shape, batch) for name, shape in shapes.items()}
            session = onnxruntime.InferenceSession(str(file), _options(), providers=["CPUExecutionProvider"])
            result[f"batch_{batch}"] = round(batch * _rate(lambda s=session, g=given: s.run(None, g), seconds))
            result[f"batch_{batch}_share_percent"] = _shares(file, given, folder)
        return result


def _random(shape: tuple[int | str, ...], batch: int) -> np.ndarray:
    sizes = [batch if size == "batch" else int(size) for size in shape]
    if sizes == [2]:
        return np.array([1280, 720], np.float32)
    return np.random.default_rng(0).uniform(0.1, 0.9, sizes).astype(np.float32)


def _options(profile: str = "") -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_profiling, options.profile_file_prefix = bool(profile), profile or "unused"
    return options


def _rate(function: Callable[[], object], seconds: float) -> float:
    """Calls a second of processor time: the median of five runs."""
    function()
    rates = []
    for _ in range(5):
        calls, start = 0, time.process_time()
        while (spent := time.process_time() - start) < seconds / 5:
            function()
            calls += 1
        rates.append(calls / spent)
    return statistics.median(rates)


def _shares(file: Path, given: dict[str, np.ndarray], folder: str) -> dict[str, float]:
    """Time of the network and of what is around it (encoding and decoding), percent of the nodes' time."""
    session = onnxruntime.InferenceSession(str(file), _options(f"{folder}/profile"), providers=["CPUExecutionProvider"])
    for _ in range(20):
        session.run(None, given)
    spent: Counter[str] = Counter()
    for event in json.loads(Path(session.end_profiling()).read_text(encoding="utf-8")):
        if event.get("cat") == "Node":
            spent["network" if "/network/" in event["name"] else "encoding"] += event["dur"]
    return {name: round(100 * own / sum(spent.values()), 1) for name, own in spent.items()}


if __name__ == "__main__":
    main()
