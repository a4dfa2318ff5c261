"""Animated bodies as binary glTF 2.0 (Khronos Group 2021), for browsers, Blender and game engines.

Written: metres, y up (the world turned as for TRC); for each person a skinned mesh at rest in their own shape, a node
for each joint under the body's names, and one animation with the joints' rotations and the root's place over time. A
vertex follows its four strongest joints, as glTF has it; of bodies with pose corrections (SMPL's) those are left out,
since glTF has none. Missing poses are filled in over time, people never seen left out, with a warning.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from lift3d.bodies import BodyMotion
from lift3d.formats._entry import FileFormat
from lift3d.formats._gltf import ARRAY, ELEMENTS, GltfFile, write_glb
from lift3d.formats._ready_motions import ready_motion
from lift3d.formats._surfaces import vertex_normals
from lift3d.formats._tracks import person_prefixes
from lift3d.geometry.rotations import matrix_to_quaternion, rotvec_to_matrix

_INFLUENCES = 4
_SKIN = [0.72, 0.60, 0.53, 1.0]  # linear RGBA


def _write(motion: BodyMotion, path: Path) -> None:
    own = ready_motion(motion, "+y", "GLB")
    file = GltfFile()
    material = file.add(
        "materials",
        {
            "name": "body",
            "pbrMetallicRoughness": {"baseColorFactor": _SKIN, "metallicFactor": 0, "roughnessFactor": 0.7},
        },
    )
    faces = own.model.faces.detach().cpu().numpy()
    shared = {
        "indices": file.accessor(faces.reshape(-1).astype(np.uint32), ELEMENTS),
        "material": material,
    }
    joints, weights = _influences(own.model.weights)
    follows = {"JOINTS_0": file.accessor(joints, ARRAY), "WEIGHTS_0": file.accessor(weights, ARRAY)}
    times = file.accessor((own.times - own.times[0]).numpy().astype(np.float32), bounds=True)
    animation: dict[str, list] = {"samplers": [], "channels": []}
    scene: list[int] = []
    for person, prefix in enumerate(person_prefixes(own.people)):
        mesh = _mesh(file, own, person, shared, follows, prefix)
        first = _nodes(file, own, person, prefix)
        skin = _skin(file, own, person, first)
        scene += [first, file.add("nodes", {"name": f"{prefix}body", "mesh": mesh, "skin": skin})]
        _animate(file, animation, own, person, first, times)
    file.add("animations", {"name": "motion", **animation})
    licence = own.model.licence or "of the body model"
    write_glb(file, {"generator": "lift3d", "copyright": f"{own.model.name}: {licence}"}, scene, path)


def _influences(weights: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The four strongest joints of each vertex, and their weights, which sum to 1; where a weight is 0, joint 0."""
    count = min(_INFLUENCES, weights.shape[1])
    largest = weights.detach().cpu().double().topk(count, dim=1)
    values = np.zeros((len(weights), _INFLUENCES))
    values[:, :count] = largest.values.clamp_min(0).numpy()
    joints = np.zeros((len(weights), _INFLUENCES), np.uint8)
    joints[:, :count] = np.where(values[:, :count] > 0, largest.indices.numpy(), 0)
    return joints, (values / values.sum(1, keepdims=True)).astype(np.float32)


def _mesh(
    file: GltfFile, motion: BodyMotion, person: int, shared: dict[str, int], follows: dict[str, int], prefix: str
) -> int:
    rest = motion.shaped.vertices[person].detach().cpu().double().numpy()
    normals = vertex_normals(rest, motion.model.faces.cpu().numpy())
    attributes = {
        "POSITION": file.accessor(rest.astype(np.float32), ARRAY, bounds=True),
        "NORMAL": file.accessor(normals.astype(np.float32), ARRAY),
        **follows,
    }
    return file.add("meshes", {"name": f"{prefix}body", "primitives": [{"attributes": attributes, **shared}]})


def _nodes(file: GltfFile, motion: BodyMotion, person: int, prefix: str) -> int:
    """A node for each joint, at rest; index of the root's."""
    offsets = motion.shaped.offsets[person].detach().cpu().double().tolist()
    parents, first = motion.model.parents, len(file.parts.get("nodes", []))
    for joint, name in enumerate(motion.model.skeleton.joints):
        children = [first + child for child, parent in enumerate(parents) if parent == joint]
        node = {"name": prefix + name, "translation": offsets[joint], "rotation": [0, 0, 0, 1]}
        file.add("nodes", {**node, "children": children} if children else node)
    return first


def _skin(file: GltfFile, motion: BodyMotion, person: int, first: int) -> int:
    """What takes each joint from its place at rest to the origin."""
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(motion.model.parents), 1, 1))
    inverse[:, :3, 3] = -motion.shaped.joints[person].detach().cpu().numpy()
    nodes = list(range(first, first + len(motion.model.parents)))
    return file.add("skins", {"joints": nodes, "skeleton": first, "inverseBindMatrices": file.accessor(inverse)})


def _animate(
    file: GltfFile, animation: dict[str, list], motion: BodyMotion, person: int, first: int, times: int
) -> None:
    """Rotations of the person's joints and the way of the root over time."""
    turns = matrix_to_quaternion(rotvec_to_matrix(motion.rotations[:, person].double()))
    curves = _without_jumps(turns.detach().cpu().numpy())[..., [1, 2, 3, 0]]  # glTF: x, y, z, w
    place = (motion.translation[:, person] + motion.shaped.offsets[person, 0]).detach().cpu().numpy()
    tracks = [(first, "translation", place)]
    tracks += [(first + joint, "rotation", curves[:, joint]) for joint in range(curves.shape[1])]
    for node, what, values in tracks:
        output = file.accessor(values.astype(np.float32))
        animation["samplers"].append({"input": times, "output": output, "interpolation": "LINEAR"})
        target = {"node": node, "path": what}
        animation["channels"].append({"sampler": len(animation["samplers"]) - 1, "target": target})


def _without_jumps(quaternions: np.ndarray) -> np.ndarray:
    """(frames, joints, 4) with the sign of each that is nearer to the frame before."""
    flips = (quaternions[1:] * quaternions[:-1]).sum(-1) < 0
    signs = np.where(np.cumsum(flips, axis=0) % 2 == 1, -1.0, 1.0)
    return np.concatenate([quaternions[:1], quaternions[1:] * signs[..., None]])


FORMAT = FileFormat(
    name="glb",
    holds=BodyMotion,
    suffixes=(".glb",),
    about="Animated bodies with skin as binary glTF 2.0, for browsers and Blender; metres, Y up.",
    write=_write,
)
