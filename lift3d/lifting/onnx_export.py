"""A whole lifter as one ONNX file: encoding, network and the understanding of its answer in one graph."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lift3d._files import writing
from lift3d.checkpoints import Checkpoint, load_network
from lift3d.errors import FileError, InputError, MissingPackageError
from lift3d.lifting.lifter import Lifter
from lift3d.lifting.observed import Observed
from lift3d.settings import to_mapping

__all__ = ["OnnxModel", "export_onnx"]

_OPSET = 17
_TOLERANCE = 1e-5  # of the largest number
_OUTPUTS = ("positions", "covariance", "deviation")
_INPUTS = ("pixels", "rays", "scores", "image_size")


@dataclass(frozen=True)
class OnnxModel:
    """What was written.

    Args:
        inputs, outputs: their shapes by name; ``"batch"`` stands for any number.
        difference: largest difference between ONNX Runtime and torch, over the largest number; None where ONNX
            Runtime is not installed and nothing could be compared.
    """

    inputs: Mapping[str, tuple[int | str, ...]]
    outputs: Mapping[str, tuple[int | str, ...]]
    difference: float | None


def export_onnx(checkpoint: str | Path | Checkpoint, path: str | Path, *, flip: bool = False) -> OnnxModel:
    """Write a lifter to an ONNX file that needs nothing of lift3d to run.

    The graph takes people of one camera (any number at once) and gives ``positions``: joints relative to the root in
    the camera's axes (x right, y down, z forward), metres; and, where the network says how sure it is, ``covariance``
    (square metres) and ``deviation`` (metres; the root of the mean variance of the three axes). Inputs are those that
    the encoding uses:

    * ``rays`` (x/z, y/z) of the joints in the camera frame, the lens undone; or ``pixels``, the lens not undone;
    * ``scores``, 0 where a joint is missing. Only lift3d's own encoding takes missing joints (with any finite ray or
      NaN); for others they must be filled first, as ``lift`` does;
    * ``image_size``: width and height, pixels.

    A network of one frame takes (batch, joints, 2); one that makes an answer from a window takes (batch, frames,
    joints, 2) of just that window and answers about the frame that the file's metadata names; one that answers every
    frame takes and gives its longest window. Metadata: skeletons, encoding, frames, licence and sources as JSON.

    Args:
        checkpoint: a shipped lifter's name, a file, or a loaded checkpoint.
        path: of the ONNX file, written whole or not at all.
        flip: average with the answer for the mirrored people, inside the graph, for twice the time.

    Raises:
        MissingPackageError: the package ``onnx`` is not installed.
        FileError: the checkpoint cannot be read, the file cannot be written, or ONNX Runtime (if it is installed)
            does not give the same numbers to 1e-5 of the largest. Then nothing is written.
        InputError: the checkpoint is no lifter, or its network has something that ONNX has not or fixes the batch.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingPackageError("onnx", "Export to ONNX") from error
    loaded = checkpoint if isinstance(checkpoint, Checkpoint) else load_network(checkpoint)
    graph = _Graph(Lifter.of(loaded), flip).eval()
    with writing(path) as temporary:
        outputs = _trace(graph, temporary)
        model = onnx.load(temporary)
        for own in model.graph.output:
            own.CopyFrom(onnx.helper.make_tensor_value_info(own.name, onnx.TensorProto.FLOAT, outputs[own.name]))
        onnx.helper.set_model_props(model, {**loaded.extra, **_metadata(graph.lifter, loaded.name, flip)})
        onnx.checker.check_model(model)
        onnx.save(model, temporary)
        difference = _difference(graph, temporary)
        if difference is not None and not difference <= _TOLERANCE:
            raise FileError(
                path, f"ONNX Runtime differs from torch by {difference:.1e} of the largest number; expected at most "
                f"{_TOLERANCE:.0e}", "This is a fault of lift3d or of ONNX Runtime; please report it.",
            )  # fmt: skip
    inputs = {own.name: _shape(own) for own in model.graph.input}
    return OnnxModel(inputs, outputs, difference)


class _Graph(nn.Module):
    """The lifter as a function of plain tensors."""

    def __init__(self, lifter: Lifter, flip: bool) -> None:
        super().__init__()
        self.lifter, self.flip = lifter, flip
        self.network = lifter.network
        used = set(lifter.encoding.uses(lifter.settings))
        used |= {"image_size"} if flip and "pixels" in used else set()  # pixels are mirrored about its middle
        self.names = [name for name in _INPUTS if name in used]
        self.frames = lifter.longest or (None if lifter.single else lifter.window)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(self.names, tensors, strict=True))
        points = given.get("rays", given.get("pixels"))
        assert points is not None
        observed = Observed(
            pixels=given.get("pixels", points),
            rays=given.get("rays", points),
            scores=given.get("scores", torch.ones_like(points[..., 0])),
            intrinsics=torch.eye(3),
            image_size=given.get("image_size", torch.full((2,), torch.nan)),
        )
        answer = self.lifter.answer(observed, self.flip)
        values = answer.values
        if answer.covariance is not None:
            variances = sum(answer.covariance[..., axis, axis] for axis in range(3)) / 3
            values = (*values, torch.as_tensor(variances).sqrt())
        alone = self.frames is not None and self.lifter.longest is None
        return tuple(own[:, 0] for own in values) if alone else values

    def example(self, batch: int, seed: int = 0) -> tuple[Tensor, ...]:
        """Made-up people, some with a missing joint where those are allowed."""
        random = torch.Generator().manual_seed(seed)
        shape = (batch, *([] if self.frames is None else [self.frames]), len(self.lifter.input_skeleton))
        middle = 0.3 * torch.randn(batch, *[1] * len(shape), generator=random)
        rays = middle + 0.12 * torch.randn(*shape, 2, generator=random)
        scores = torch.rand(shape, generator=random)
        if self.lifter.encoding.fill is None:
            scores = scores * (scores > 0.1)
            rays[(scores == 0) & (torch.rand(shape, generator=random) < 0.5)] = torch.nan
        made = {"rays": rays, "pixels": 1000 * rays + 500, "scores": scores}
        made["image_size"] = torch.tensor([1000.0, 1002.0])
        return tuple(made[name] for name in self.names)


def _trace(graph: _Graph, path: Path) -> dict[str, tuple[int | str, ...]]:
    """Write the graph; the shapes of its outputs by name.

    The exporter of traced graphs is torch's older one: it needs no package besides torch.
    """
    example = graph.example(batch=2)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        given = graph(*example)
        outputs = dict(zip(_OUTPUTS, given, strict=False))
        axes = {name: {0: "batch"} for name in (*graph.names, *outputs) if name != "image_size"}
        try:
            torch.onnx.export(
                graph,
                example,
                str(path),
                input_names=graph.names,
                output_names=list(outputs),
                dynamic_axes=axes,
                opset_version=_OPSET,
                dynamo=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"This network cannot be written as ONNX: {reason}") from error
    return {name: ("batch", *own.shape[1:]) for name, own in outputs.items()}


def _metadata(lifter: Lifter, network: str, flip: bool) -> dict[str, str]:
    """What a user of the file must know, as text."""
    before, after = lifter.context
    tables: dict[str, Any] = {
        "network": network,
        "skeleton": {
            "name": lifter.skeleton.name,
            "joints": lifter.skeleton.joints,
            "parents": lifter.skeleton.parents,
        },
        "input_skeleton": {"name": lifter.input_skeleton.name, "joints": lifter.input_skeleton.joints},
        "encoding": lifter.encoding.name,
        "encoding_settings": to_mapping(lifter.settings),
        "missing_joints": "score 0" if lifter.encoding.fill is None else "must be filled before",
        "frames_before": before,
        "frames_after": after,
        "flip": flip,
    }
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in tables.items()}


def _difference(graph: _Graph, path: Path) -> float | None:
    """Largest difference between what ONNX Runtime and torch say, over the largest number."""
    try:
        import onnxruntime
    except ImportError:
        return None
    quietly = onnxruntime.SessionOptions()
    quietly.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), quietly, providers=["CPUExecutionProvider"])
    worst = 0.0
    for batch in (1, 5):
        example = graph.example(batch, seed=batch)
        given = {name: own.numpy() for name, own in zip(graph.names, example, strict=True)}
        with torch.inference_mode():
            expected = graph(*example)
        try:
            answers = session.run(None, given)
        except Exception as error:  # its exceptions have no common class
            reason = " ".join(str(error).split())
            raise InputError(f"ONNX Runtime cannot run this network with a batch of {batch}: {reason}") from error
        worst = max(worst, *_relative(answers, [own.numpy() for own in expected]))
    return worst


def _relative(values: Sequence[Any], expected: Sequence[np.ndarray]) -> list[float]:
    return [
        float(np.abs(np.asarray(own) - its).max() / max(np.abs(its).max(), 1e-12))
        if np.shape(own) == its.shape and np.isfinite(its).all() else np.inf
        for own, its in zip(values, expected, strict=True)
    ]  # fmt: skip


def _shape(own: Any) -> tuple[int | str, ...]:
    return tuple(axis.dim_param or axis.dim_value for axis in own.type.tensor_type.shape.dim)
