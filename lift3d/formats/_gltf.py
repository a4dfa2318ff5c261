"""The container of binary glTF 2.0 (Khronos Group 2021): a JSON chunk and one chunk of numbers.

A ``GltfFile`` collects numbers as accessors and what refers to them; ``write_glb`` puts both in a file.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["ARRAY", "ELEMENTS", "GltfFile", "write_glb"]

ARRAY, ELEMENTS = 34962, 34963  # what a buffer view is for: vertices, indices of triangles
_COMPONENTS = {"float32": 5126, "uint32": 5125, "uint16": 5123, "uint8": 5121}
_KINDS = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}


@dataclass
class GltfFile:
    """The parts of a file while it is made: top-level lists of the JSON by name, and the numbers so far."""

    parts: dict[str, list[Any]] = field(default_factory=dict)
    numbers: bytearray = field(default_factory=bytearray)

    def add(self, part: str, entry: dict[str, Any]) -> int:
        """Add an entry to a top-level list, such as ``"nodes"``; its index."""
        self.parts.setdefault(part, []).append(entry)
        return len(self.parts[part]) - 1

    def accessor(self, values: np.ndarray, target: int | None = None, bounds: bool = False) -> int:
        """Add numbers, one element a row; matrices are stored column by column, as glTF wants them.

        Args:
            values: (count), (count, 2..4) or (count, 4, 4), of float32 or unsigned integers.
            target: ``ARRAY`` or ``ELEMENTS``, for numbers of a mesh.
            bounds: whether to state the least and greatest values.
        """
        stored = np.ascontiguousarray(values.swapaxes(-1, -2) if values.ndim == 3 else values)
        self.numbers.extend(bytes(-len(self.numbers) % 4))
        view = {"buffer": 0, "byteOffset": len(self.numbers), "byteLength": stored.nbytes}
        self.numbers.extend(stored.astype(stored.dtype.newbyteorder("<"), copy=False).tobytes())
        entry = {
            "bufferView": self.add("bufferViews", view if target is None else {**view, "target": target}),
            "componentType": _COMPONENTS[stored.dtype.name],
            "count": len(stored),
            "type": _KINDS[values.shape[1:]],
        }
        if bounds:
            flat = stored.reshape(len(stored), -1)
            entry |= {"min": flat.min(0).tolist(), "max": flat.max(0).tolist()}
        return self.add("accessors", entry)


def write_glb(file: GltfFile, asset: dict[str, Any], scene_nodes: list[int], path: Path) -> None:
    """Write the file: header, JSON chunk and chunk of numbers, each filled up to a multiple of four bytes."""
    numbers = bytes(file.numbers) + bytes(-len(file.numbers) % 4)
    content = {
        "asset": {"version": "2.0", **asset},
        "scene": 0,
        "scenes": [{"nodes": scene_nodes}],
        **file.parts,
        "buffers": [{"byteLength": len(numbers)}],
    }
    text = json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    with path.open("wb") as out:
        out.write(struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(numbers)))
        out.write(struct.pack("<I4s", len(text), b"JSON") + text)
        out.write(struct.pack("<I4s", len(numbers), b"BIN\0") + numbers)
