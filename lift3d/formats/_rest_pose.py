"""The skeleton that a BVH file is written with: its tree of joints, its rest pose and the lengths of its bones.

The rest pose is a T-pose in metres, y up, facing +z, the left side at +x: arms sideways with the palms down, legs
straight down, feet forward. Bones have the directions of a standing person's (the table below, made for lift3d) and
the lengths seen in the clip.

Children of one joint turn together only where they are one rigid part: twins such as both hips or both shoulders, the
joints of the head, of a hand, of a foot. For any other branch - the spine beside the hips, the head beside the
shoulders - the tree gets a joint between, at the same place (offset zero), called ``pelvis_to_spine``: as motion
capture files do, so that the head can turn while the shoulders stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.geometry.alignment import best_rotation
from lift3d.skeletons import Skeleton

__all__ = ["RestTree", "branch_name", "rest_tree", "turn_of_root"]

# joint: place in the T-pose of a person of 1.70 m; rows with "left_" are mirrored for the right
_T_POSE: dict[str, tuple[float, float, float]] = {
    "pelvis": (0.0, 0.93, 0.0),
    "spine1": (0.0, 1.03, 0.0),
    "spine": (0.0, 1.16, 0.0),
    "spine2": (0.0, 1.16, 0.0),
    "spine3": (0.0, 1.26, 0.0),
    "thorax": (0.0, 1.41, 0.0),
    "neck": (0.0, 1.44, 0.0),
    "upper_neck": (0.0, 1.51, 0.02),
    "neck_nose": (0.0, 1.52, 0.05),
    "head": (0.0, 1.69, 0.03),
    "head_top": (0.0, 1.69, 0.03),
    "nose": (0.0, 1.54, 0.12),
    "left_eye": (0.033, 1.58, 0.10),
    "left_eye_inner": (0.018, 1.58, 0.105),
    "left_eye_outer": (0.046, 1.58, 0.09),
    "left_ear": (0.075, 1.57, 0.03),
    "left_mouth": (0.022, 1.50, 0.11),
    "left_collar": (0.07, 1.39, 0.0),
    "left_shoulder": (0.17, 1.39, 0.0),
    "left_elbow": (0.45, 1.39, 0.0),
    "left_wrist": (0.70, 1.39, 0.0),
    "left_hand": (0.78, 1.39, 0.0),
    "left_pinky": (0.78, 1.39, -0.03),
    "left_index": (0.79, 1.39, 0.03),
    "left_thumb": (0.75, 1.39, 0.04),
    "left_hip": (0.10, 0.91, 0.0),
    "left_knee": (0.10, 0.49, 0.0),
    "left_ankle": (0.10, 0.07, 0.0),
    "left_heel": (0.10, 0.0, -0.05),
    "left_foot": (0.10, 0.0, 0.12),
    "left_big_toe": (0.09, 0.0, 0.18),
    "left_small_toe": (0.15, 0.0, 0.14),
    "left_foot_index": (0.10, 0.0, 0.18),
}
_UNKNOWN = {"left": (0.1, 0.0, 0.0), "right": (-0.1, 0.0, 0.0), "middle": (0.0, 0.1, 0.0)}  # from the parent
_RIGID_PARTS = {
    "head": ("nose", "eye", "eye_inner", "eye_outer", "ear", "mouth", "head", "head_top"),
    "hand": ("hand", "pinky", "index", "thumb"),
    "foot": ("heel", "foot", "foot_index", "big_toe", "small_toe"),
    "shoulder": ("collar", "shoulder"),
}
_PART_OF = {joint: part for part, joints in _RIGID_PARTS.items() for joint in joints}
_BENDS = {"knee": (0.0, 0.0, -1.0), "elbow": (0.0, 0.0, 1.0)}  # where the bone below goes from the T-pose
_END = 0.3  # of the bone before it: how far an end site stands out
_ROUNDS = 6  # of finding the mean shape of a rigid part


@dataclass(frozen=True, eq=False)
class RestTree:
    """Nodes of the tree, from the root outward, each branch finished before the next.

    Args:
        names: of the nodes.
        parents: -1 for the root.
        joints: index of each node's joint in the skeleton; of a node between, the joint at the same place.
        between: which nodes stand at the place of their parent.
        offsets: from the parent, metres, y up; zero for the root and nodes between.
        hinges: axis of knees and elbows in the T-pose; zero elsewhere.
        ends: offset of the end site of each leaf, by node.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    joints: tuple[int, ...]
    between: tuple[bool, ...]
    offsets: Float[Tensor, "nodes 3"]
    hinges: Float[Tensor, "nodes 3"]
    ends: dict[int, Float[Tensor, "3"]]


def rest_tree(skeleton: Skeleton, positions: Float[Tensor, "frames joints 3"]) -> RestTree:
    """The tree of a skeleton with bones as long as they are in a clip: the median of the frames that see both ends.

    Args:
        skeleton: whose joints are all seen.
        positions: metres, y up, float64; NaN where missing. Each bone's two ends are both there in some frame.
    """
    names, parents, joints, between = _nodes(skeleton)
    places = _t_pose(skeleton)
    offsets = torch.zeros(len(names), 3, dtype=torch.float64)
    ends = {}
    for node in range(len(names)):
        bones = [child for child, parent in enumerate(parents) if parent == node and not between[child]]
        own = [joints[child] for child in bones]
        if own:
            rest, seen = places[own] - places[joints[node]], positions[:, own] - positions[:, [joints[node]]]
            offsets[bones] = _bones(rest, seen)
        if node not in parents:
            ends[node] = _end(skeleton, joints[node], offsets[node])
    hinges = torch.stack([_hinge(skeleton, joint) for joint in joints])
    hinges[torch.tensor(between)] = 0.0
    return RestTree(names, parents, joints, between, offsets, hinges, ends)


def turn_of_root(skeleton: Skeleton, positions: Float[Tensor, "frames joints 3"]) -> Float[Tensor, "frames 3 3"]:
    """Orientation of the root by all of its children, as far as they are seen: where the person faces."""
    children = [joint for joint, parent in enumerate(skeleton.parents) if parent == skeleton.root]
    rest = _t_pose(skeleton)
    source = (rest[children] - rest[skeleton.root]).expand(len(positions), -1, -1)
    target = positions[:, children] - positions[:, [skeleton.root]]
    return best_rotation(source, target, torch.eye(3, dtype=positions.dtype))


def branch_name(joint: str, branch: str) -> str:
    """Name of a node that stands at the place of ``joint`` and carries one branch of its children."""
    return f"{joint}_to_{branch}"


def _nodes(skeleton: Skeleton) -> tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...], tuple[bool, ...]]:
    """Names, parents and joints of the nodes, and which of them stand between a joint and a branch."""
    rows: list[tuple[str, int, int, bool]] = []
    waiting: list[tuple[str, int, int, list[int] | None]] = [(skeleton.joints[skeleton.root], -1, skeleton.root, None)]
    while waiting:
        name, parent, joint, branch = waiting.pop()
        node = len(rows)
        rows.append((name, parent, joint, branch is not None))
        own, *others = [branch] if branch is not None else (_parts(skeleton, joint) or [[]])
        inner: list[tuple[str, int, int, list[int] | None]] = [
            (branch_name(skeleton.joints[joint], _part(skeleton, part[0])), node, joint, part) for part in others
        ]
        inner += [(skeleton.joints[child], node, child, None) for child in own]
        waiting.extend(reversed(inner))
    names, parents, joints, between = zip(*rows, strict=True)
    return names, parents, joints, between


def _parts(skeleton: Skeleton, joint: int) -> list[list[int]]:
    """The children of a joint by rigid part; first the part that the joint itself turns: twins, if there are any."""
    parts: dict[str, list[int]] = {}
    for child, parent in enumerate(skeleton.parents):
        if parent == joint:
            parts.setdefault(_part(skeleton, child), []).append(child)
    twins = {key: len({skeleton.side(child) for child in part} & {"left", "right"}) for key, part in parts.items()}
    return [parts[key] for key in sorted(parts, key=lambda key: -twins[key])]


def _part(skeleton: Skeleton, joint: int) -> str:
    """The rigid part that a joint belongs to: one of the table, else its name without the side."""
    plain = _without_side(skeleton.joints[joint])
    return _PART_OF.get(plain, plain)


def _without_side(joint: str) -> str:
    side, _, rest = joint.partition("_")
    return rest if side in ("left", "right") and rest else joint


def _t_pose(skeleton: Skeleton) -> Float[Tensor, "joints 3"]:
    """Places of the joints; one that is not in the table stands beside or above its parent."""
    places = torch.zeros(len(skeleton), 3, dtype=torch.float64)
    for joint in skeleton.outward:
        side = skeleton.side(joint)
        place = _T_POSE.get(skeleton.joints[joint].replace("right_", "left_", 1))
        if place is not None:
            mirror = -1.0 if side == "right" else 1.0
            places[joint] = torch.tensor([mirror * place[0], *place[1:]], dtype=torch.float64)
        elif skeleton.parents[joint] >= 0:
            places[joint] = places[skeleton.parents[joint]] + torch.tensor(_UNKNOWN[side], dtype=torch.float64)
    return places


def _bones(rest: Float[Tensor, "bones 3"], seen: Float[Tensor, "frames bones 3"]) -> Float[Tensor, "bones 3"]:
    """Offsets of the bones that one joint turns: as long as seen, in the shape seen, turned as in the rest pose."""
    lengths = seen.norm(dim=-1).nanmedian(dim=0).values
    rest = torch.nn.functional.normalize(rest, dim=-1) * lengths[:, None]
    if len(rest) == 1:
        return rest
    shape, identity = rest, torch.eye(3, dtype=rest.dtype)
    for _ in range(_ROUNDS):
        rotations = best_rotation(shape.expand_as(seen), seen, identity)
        shape = (seen @ rotations).nanmedian(dim=0).values
        shape = torch.nn.functional.normalize(shape, dim=-1) * lengths[:, None]
    return shape @ best_rotation(shape, rest, identity).mT


def _hinge(skeleton: Skeleton, joint: int) -> Float[Tensor, "3"]:
    """Axis about which a knee or elbow bends, in the T-pose; zero for other joints and without a bone above."""
    name, parent = skeleton.joints[joint], skeleton.parents[joint]
    bend = _BENDS.get(_without_side(name))
    if bend is None or parent < 0:
        return torch.zeros(3, dtype=torch.float64)
    places = _t_pose(skeleton)
    axis = torch.linalg.cross(places[joint] - places[parent], torch.tensor(bend, dtype=torch.float64))
    return torch.nn.functional.normalize(axis, dim=-1)


def _end(skeleton: Skeleton, joint: int, bone: Float[Tensor, "3"]) -> Float[Tensor, "3"]:
    """Where the end site of a leaf stands: onward along its bone; of an ankle, forward."""
    ankle = _without_side(skeleton.joints[joint]) == "ankle"
    onward = torch.tensor([0.0, 0.0, 1.0], dtype=bone.dtype) * bone.norm() if ankle else bone
    return _END * onward
