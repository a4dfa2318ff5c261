"""A detector's network as a function from pictures to its answer, run by ONNX Runtime.

ONNX Runtime fuses layers and lays data out for the processor at hand: on a CPU it takes half of torch's time or less.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lift3d._files import writing
from lift3d.checkpoints import Checkpoint
from lift3d.detection.running import Run, final_answer
from lift3d.errors import FileError, InputError, MissingPackageError
from lift3d.settings import to_mapping

__all__ = ["onnx_run"]

_OPSET = 17
_TOLERANCE = 1e-4  # of the largest number
_ANY_SIZE = (256, 256)  # to write a network with that takes pictures of any size


def onnx_run(checkpoint: Checkpoint, folder: str | Path | None = None) -> Run:
    """The checkpoint's network as ONNX Runtime runs it on the CPU, with as many threads as torch has now.

    Args:
        checkpoint: of a detector.
        folder: where the network is kept as ONNX from one time to the next, under a name made of its weights; None to
            write it anew each time, in memory.

    Raises:
        MissingPackageError: the package ``onnxruntime`` is not installed.
        InputError: the network cannot be written as ONNX, or ONNX Runtime does not give the same numbers as torch, to
            1e-4 of the largest.
        FileError: the folder cannot be written to, or what it keeps is damaged.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingPackageError("onnxruntime", "Running a detector with ONNX Runtime") from error
    kept = None if folder is None else Path(folder) / f"{checkpoint.name}-{_digest(checkpoint)}.onnx"
    if kept is not None and kept.is_file():
        try:
            return _session(onnxruntime, str(kept))
        except Exception as error:  # its errors have no class of their own
            reason = str(error).splitlines()[0]
            raise FileError(kept, f"cannot be run as ONNX ({reason})", "Delete it: it is written anew.") from error
    content = _written(checkpoint)
    run = _session(onnxruntime, content)
    _compare(checkpoint, run)
    if kept is not None:
        with writing(kept) as temporary:
            temporary.write_bytes(content)
    return run


class _Answer(nn.Module):
    """The network's final answer as plain tensors."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return final_answer(self.network(images))


def _session(onnxruntime: Any, model: str | bytes) -> Run:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leave the processor to others
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(images: Tensor) -> tuple[Tensor, ...]:
        return tuple(torch.from_numpy(own) for own in session.run(None, {"images": images.contiguous().numpy()}))

    return run


def _written(checkpoint: Checkpoint) -> bytes:
    """The network as ONNX, for any number of pictures."""
    example, axes = _example(checkpoint), {0: "batch"}
    if not _fixed_size(checkpoint):
        axes |= {2: "height", 3: "width"}
    graph = _Answer(checkpoint.network).eval()
    device = next((own.device for own in graph.parameters()), torch.device("cpu"))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        file = Path(folder) / "network.onnx"
        warnings.simplefilter("ignore")
        outputs = [f"answer{place}" for place in range(len(graph(example.to(device))))]
        try:
            torch.onnx.export(
                graph, (example.to(device),), str(file), input_names=["images"], output_names=outputs,
                dynamic_axes={"images": axes, **{name: axes if len(axes) > 1 else {0: "batch"} for name in outputs}},
                opset_version=_OPSET, dynamo=False,
            )  # fmt: skip
        except torch.onnx.errors.OnnxExporterError as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"The network {checkpoint.name} cannot be written as ONNX: {reason}") from error
        return file.read_bytes()


def _fixed_size(checkpoint: Checkpoint) -> tuple[int, int] | None:
    """Width and height of the pictures it takes; None if they vary."""
    if "image_size" in checkpoint.encoding:
        width, height = checkpoint.encoding["image_size"]
        return int(width), int(height)
    side = getattr(checkpoint.settings, "image_size", None)
    return None if side is None else (side, side)


def _example(checkpoint: Checkpoint) -> Tensor:
    width, height = _fixed_size(checkpoint) or _ANY_SIZE
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))


def _compare(checkpoint: Checkpoint, run: Run) -> None:
    example = _example(checkpoint)[:1]
    device = next((own.device for own in checkpoint.network.parameters()), torch.device("cpu"))
    with torch.no_grad():
        expected = [own.cpu() for own in final_answer(checkpoint.network(example.to(device)))]
    for ours, theirs in zip(run(example), expected, strict=True):
        difference = float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-12))
        if not difference <= _TOLERANCE:
            raise InputError(
                f"ONNX Runtime differs from torch by {difference:.1e} of the largest number for the network "
                f"{checkpoint.name}; expected at most {_TOLERANCE:.0e}. Use the runtime 'torch'."
            )


def _digest(checkpoint: Checkpoint) -> str:
    """Short, of everything that the ONNX file depends on."""
    known = [checkpoint.name, to_mapping(checkpoint.settings), _fixed_size(checkpoint), torch.__version__, _OPSET]
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    for name, own in sorted(checkpoint.network.state_dict().items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(own.detach().cpu().numpy()).tobytes())
    return digest.hexdigest()[:16]
