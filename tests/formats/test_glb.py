"""Animated glTF, read back by a small player written from the specification: it moves the vertices as the body does."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from motion_files import made_motion
from scipy.spatial.transform import Rotation
from test_motion_files import TO_Y_UP

from lift3d.formats import write_motion

TYPES = {5126: "<f4", 5125: "<u4", 5123: "<u2", 5121: "u1"}
WIDTHS = {"SCALAR": (), "VEC3": (3,), "VEC4": (4,), "MAT4": (4, 4)}


class Player:
    """What the specification says of a file's nodes, skins and animation."""

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        magic, version, length = struct.unpack_from("<4sII", content)
        assert (magic, version, length) == (b"glTF", 2, len(content))
        size, kind = struct.unpack_from("<I4s", content, 12)
        assert kind == b"JSON"
        self.json: dict[str, Any] = json.loads(content[20 : 20 + size])
        after, kind = struct.unpack_from("<I4s", content, 20 + size)
        assert kind == b"BIN\0"
        assert size % 4 == after % 4 == 0
        self.numbers = content[28 + size :]
        assert len(self.numbers) == after == self.json["buffers"][0]["byteLength"]

    def accessor(self, index: int) -> np.ndarray:
        entry = self.json["accessors"][index]
        view = self.json["bufferViews"][entry["bufferView"]]
        start, width = view["byteOffset"], WIDTHS[entry["type"]]
        assert start % 4 == 0
        flat = np.frombuffer(self.numbers[start : start + view["byteLength"]], TYPES[entry["componentType"]])
        values = flat.reshape(entry["count"], *width)
        return values.swapaxes(-1, -2) if entry["type"] == "MAT4" else values  # stored column by column

    def matrices(self, frame: int) -> np.ndarray:
        """World matrices of all nodes at a key of the animation."""
        nodes = [dict(node) for node in self.json["nodes"]]
        (animation,) = self.json["animations"]
        for channel in animation["channels"]:
            values = self.accessor(animation["samplers"][channel["sampler"]]["output"])
            nodes[channel["target"]["node"]][channel["target"]["path"]] = values[frame]
        world = np.zeros((len(nodes), 4, 4))

        def visit(node: int, above: np.ndarray) -> None:
            own = np.eye(4)
            own[:3, :3] = Rotation.from_quat(nodes[node].get("rotation", [0, 0, 0, 1])).as_matrix()
            own[:3, 3] = nodes[node].get("translation", [0, 0, 0])
            world[node] = above @ own
            for child in nodes[node].get("children", ()):
                visit(child, world[node])

        for root in self.json["scenes"][self.json["scene"]]["nodes"]:
            visit(root, np.eye(4))
        return world

    def vertices(self, node: dict[str, Any], world: np.ndarray) -> np.ndarray:
        """Vertices of a skinned mesh: where its joints take them."""
        (primitive,) = self.json["meshes"][node["mesh"]]["primitives"]
        attributes = {name: self.accessor(index) for name, index in primitive["attributes"].items()}
        skin = self.json["skins"][node["skin"]]
        joint = world[skin["joints"]] @ self.accessor(skin["inverseBindMatrices"])
        weights = attributes["WEIGHTS_0"]
        assert np.abs(weights.sum(1) - 1).max() < 1e-6
        moved = np.einsum("vk,vkij->vij", weights, joint[attributes["JOINTS_0"]])
        return np.einsum("vij,vj->vi", moved[:, :3, :3], attributes["POSITION"]) + moved[:, :3, 3]


@pytest.mark.parametrize("people", [1, 2])
def test_a_player_shows_the_bodys_meshes(people: int, tmp_path: Path) -> None:
    motion = made_motion(people=people)
    write_motion(motion, tmp_path / "walk.glb")
    player = Player(tmp_path / "walk.glb")
    skinned = [node for node in player.json["nodes"] if "skin" in node]
    assert len(skinned) == people
    for frame in (0, 4):
        world = player.matrices(frame)
        wanted = (motion.mesh(frame) @ TO_Y_UP.T).numpy()
        for person, node in enumerate(skinned):
            assert np.abs(player.vertices(node, world) - wanted[person]).max() < 1e-5


def test_rotations_between_the_keys_take_the_short_way(tmp_path: Path) -> None:
    """Whatever a player does between two keys, their quaternions lie in one half of the sphere."""
    write_motion(made_motion(frames=30), tmp_path / "walk.glb")
    player = Player(tmp_path / "walk.glb")
    (animation,) = player.json["animations"]
    times = {sampler["input"] for sampler in animation["samplers"]}
    assert len(times) == 1
    assert np.abs(player.accessor(times.pop()) - np.arange(30) / 25).max() < 1e-6
    turns = [player.accessor(s["output"]) for s in animation["samplers"] if player.accessor(s["output"]).shape[1] == 4]
    assert len(turns) == 24
    assert all(((one[1:] * one[:-1]).sum(-1) > 0).all() for one in turns)


def test_normals_point_outward_and_bounds_are_stated(tmp_path: Path) -> None:
    write_motion(made_motion(), tmp_path / "walk.glb")
    player = Player(tmp_path / "walk.glb")
    attributes = player.json["meshes"][0]["primitives"][0]["attributes"]
    places, normals = player.accessor(attributes["POSITION"]), player.accessor(attributes["NORMAL"])
    assert np.abs(np.linalg.norm(normals, axis=1) - 1).max() < 1e-5
    assert normals[places[:, 1].argmax(), 1] > 0.8  # the top of the head looks up
    entry = player.json["accessors"][attributes["POSITION"]]
    assert entry["min"] == pytest.approx(places.min(0).tolist())
    assert entry["max"] == pytest.approx(places.max(0).tolist())
