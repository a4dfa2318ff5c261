"""A small interpreter of TensorFlow.js graph models in numpy, float64: the reference that a port is checked against.

It knows the operations of MoveNet and no more, keeps TensorFlow's layout (batch, rows, columns, channels) and shares
no code with torch: a convolution is a sum over the kernel's taps of shifted pictures.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["TfjsGraph"]

Array = np.ndarray


class TfjsGraph:
    """The nodes and constants of a model's ``.json`` and the weight files it names, all as stored.

    Args:
        path: the ``.json``; weight files lie beside it.
    """

    def __init__(self, path: str | Path) -> None:
        model = json.loads(Path(path).read_text(encoding="utf-8"))
        self.nodes: dict[str, dict[str, Any]] = {node["name"]: node for node in model["modelTopology"]["node"]}
        self.constants: dict[str, Array] = {}
        for group in model["weightsManifest"]:
            data = b"".join((Path(path).parent / name).read_bytes() for name in group["paths"])
            self._read_weights(group["weights"], data)

    def _read_weights(self, descriptions: list[dict[str, Any]], data: bytes) -> None:
        start = 0
        for described in descriptions:
            stored = np.dtype(described.get("quantization", described)["dtype"])
            count = int(np.prod(described["shape"]))
            values = np.frombuffer(data, stored, count, start).reshape(described["shape"])
            self.constants[described["name"]] = values
            start += count * stored.itemsize
        if start != len(data):
            raise ValueError(f"weights take {start} bytes but the files hold {len(data)}")

    def run(self, inputs: Mapping[str, Array], outputs: list[str]) -> list[Array]:
        """Values of the named nodes.

        Args:
            inputs: values that stand for nodes, by name; what lies before them is not computed.
            outputs: names of nodes; ``name:1`` is the second output of one that has several.
        """
        known: dict[str, Any] = dict(inputs)
        for name in self._order(outputs, set(known)):
            known[name] = self._value(name, known)
        return [_pick(known, name) for name in outputs]

    def _order(self, wanted: list[str], known: set[str]) -> list[str]:
        """Names of all nodes to compute, each after those it needs."""
        order: dict[str, None] = {}
        waiting = [_node_name(name) for name in wanted]
        while waiting:
            name = waiting[-1]
            needed = [] if name in known else [_node_name(one) for one in self.nodes[name].get("input", [])]
            missing = [one for one in needed if one not in order and one not in known]
            waiting += missing
            if not missing:
                waiting.pop()
                if name not in known:
                    order[name] = None
        return list(order)

    def _value(self, name: str, known: Mapping[str, Any]) -> Any:
        node = self.nodes[name]
        if node["op"] == "Const":
            stored = self.constants[name]
            return stored.astype(np.float64) if stored.dtype.kind == "f" else stored
        attributes = {key: _attribute(value) for key, value in node.get("attr", {}).items()}
        return OPERATIONS[node["op"]](attributes, *(_pick(known, one) for one in node["input"]))


def _node_name(name: str) -> str:
    return name.split(":")[0].lstrip("^")


def _pick(known: Mapping[str, Any], name: str) -> Array:
    value = known[_node_name(name)]
    return value[int(name.partition(":")[2] or 0)] if isinstance(value, list) else value


def _attribute(value: Mapping[str, Any]) -> Any:
    """A plain value of an attribute such as ``{"list": {"i": ["1", "2"]}}``."""
    if "list" in value:
        return [_attribute({kind: one}) for kind, several in value["list"].items() for one in several]
    kind, plain = next(iter(value.items()))
    if kind == "i":
        return int(plain)
    return base64.b64decode(plain).decode() if kind == "s" else plain


def _same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after, by TensorFlow's rule: the odd one goes after."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _taps(attributes: Mapping[str, Any], pictures: Array, rows: int, columns: int) -> Any:
    """(tap row, tap column, the picture shifted and strided so that the tap falls on each output)."""
    strides = attributes["strides"][1:3]
    if attributes["padding"] == "SAME":
        sides = [_same_padding(*of) for of in zip(pictures.shape[1:3], (rows, columns), strides, strict=True)]
        pictures = np.pad(pictures, [(0, 0), *sides, (0, 0)])
    height = (pictures.shape[1] - rows) // strides[0] + 1
    width = (pictures.shape[2] - columns) // strides[1] + 1
    for row in range(rows):
        for column in range(columns):
            part = pictures[:, row :: strides[0], column :: strides[1]]
            yield row, column, part[:, :height, :width]


def _convolution(attributes: Mapping[str, Any], pictures: Array, kernel: Array, *rest: Array) -> Array:
    total = sum(part @ kernel[row, column] for row, column, part in _taps(attributes, pictures, *kernel.shape[:2]))
    return _fused(attributes, np.asarray(total), *rest)


def _depthwise(attributes: Mapping[str, Any], pictures: Array, kernel: Array, *rest: Array) -> Array:
    total = sum(
        part * kernel[row, column, :, 0] for row, column, part in _taps(attributes, pictures, *kernel.shape[:2])
    )
    return _fused(attributes, np.asarray(total), *rest)


def _fused(attributes: Mapping[str, Any], values: Array, *rest: Array) -> Array:
    for operation in attributes.get("fused_ops", []):
        if operation == "BiasAdd":
            values = values + rest[0]
        else:
            values = np.clip(values, 0, {"Relu": np.inf, "Relu6": 6}[operation])
    return values


def _resize_bilinear(attributes: Mapping[str, Any], pictures: Array, size: Array) -> Array:
    if not attributes["half_pixel_centers"]:
        raise NotImplementedError("ResizeBilinear without half_pixel_centers")
    for axis in (1, 2):
        old, new = pictures.shape[axis], int(size[axis - 1])
        place = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        below = np.floor(place).astype(int)
        share = (place - below).reshape([-1 if one == axis else 1 for one in range(pictures.ndim)])
        above = np.minimum(below + 1, old - 1)
        pictures = pictures.take(below, axis) * (1 - share) + pictures.take(above, axis) * share
    return pictures


def _gather_nd(attributes: Mapping[str, Any], values: Array, places: Array) -> Array:  # noqa: ARG001
    return values[tuple(np.moveaxis(places, -1, 0))]


def _concatenated(attributes: Mapping[str, Any], *parts: Array) -> Array:  # noqa: ARG001
    return np.concatenate(parts[:-1], axis=int(parts[-1]))


def _cast(attributes: Mapping[str, Any], values: Array) -> Array:
    return values.astype({"DT_FLOAT": np.float64, "DT_INT32": np.int32}[attributes["DstT"]])


def _unpacked(attributes: Mapping[str, Any], values: Array) -> list[Array]:
    return list(np.moveaxis(values, attributes.get("axis", 0), 0))


def _plain(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda _, *values: function(*values)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "_FusedConv2D": _convolution,
    "DepthwiseConv2dNative": _depthwise,
    "FusedDepthwiseConv2dNative": _depthwise,
    "ResizeBilinear": _resize_bilinear,
    "GatherNd": _gather_nd,
    "ConcatV2": _concatenated,
    "Cast": _cast,
    "Unpack": _unpacked,
    "Pack": lambda attributes, *parts: np.stack(parts, attributes.get("axis", 0)),
    "ArgMax": _plain(lambda values, axis: np.argmax(values, int(axis)).astype(np.int32)),
    "Reshape": _plain(lambda values, shape: values.reshape([int(one) for one in shape])),
    "ExpandDims": _plain(lambda values, axis: np.expand_dims(values, int(axis))),
    "Squeeze": lambda attributes, values: np.squeeze(values, tuple(attributes["squeeze_dims"])),
    "AddV2": _plain(np.add),
    "Sub": _plain(np.subtract),
    "Mul": _plain(np.multiply),
    "RealDiv": _plain(np.divide),
    "FloorDiv": _plain(np.floor_divide),
    "SquaredDifference": _plain(lambda first, second: (first - second) ** 2),
    "Sqrt": _plain(np.sqrt),
    "Sigmoid": _plain(lambda values: 1 / (1 + np.exp(-values))),
    "Identity": _plain(lambda values: values),
}
