"""BVH, the skeletons and rotations of animation programs (Biovision).

Written: centimetres, y up (the world turned as for TRC), degrees, as channels Zrotation Xrotation Yrotation applied in
that order from the outside in. The hierarchy is the skeleton's tree in a T-pose that faces +z, with the bones' lengths
seen in the clip (``_rest_pose``); rotations come from ``lift3d.geometry.kinematics``. Bones keep their length and
shoulders, hips, face, hands and feet their shape, so joints come back near where they were, not exactly there; a
warning says so where the median is over 2 cm. Thighs and upper arms are twisted so that knees and elbows bend about
their axes; no other bone is twisted. Angles run without jumps; frames are evenly spaced in time.

Several people are several ROOTs, their joints called ``person1_pelvis``, ``person2_pelvis``, ... A missing joint is
interpolated in time; one never seen is left out, but for the root, which takes the middle of its children. A warning
says how many. Scores are not kept: read back, all that is there has score 1.

Read: any hierarchy and order of channels, end sites aside. Position channels of a joint stand in place of its offset.
Several ROOTs of the same tree are several people. Up is +y, as everywhere in BVH. The file states no unit: lengths are
taken as centimetres, unless a person would be a giant or a dwarf; ``unit=`` is sure. The skeleton is a known one if
the joints' names and bones are its own (or, with other names for them, those of all its joints), else the file's own.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lift3d.errors import FileError, InputError
from lift3d.formats._bvh_text import BvhJoint, BvhMotion, read_bvh, write_bvh
from lift3d.formats._entry import FileFormat
from lift3d.formats._euler_angles import curves_of_rotations, rotations_of_angles
from lift3d.formats._joint_names import joint_places, skeleton_with
from lift3d.formats._json import beginning
from lift3d.formats._rest_pose import RestTree, branch_name, rest_tree, turn_of_root
from lift3d.formats._tracks import people_and_joints, person_prefixes, warn_of_gaps, without_gaps, y_up_positions
from lift3d.formats._units import METRES
from lift3d.geometry.kinematics import forward_kinematics, inverse_kinematics
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton, get_skeleton, skeleton_names

_POSITIONS = ("Xposition", "Yposition", "Zposition")
_ROTATIONS = ("Zrotation", "Xrotation", "Yrotation")
_FAR = 0.02  # metres; a median distance between written and given joints that is worth a warning
_CHAIN = (1.0, 5.5)  # metres along the bones between the two joints of a person that are farthest apart that way


def _recognises(path: Path) -> bool:
    return beginning(path, 64).upper().startswith("HIERARCHY")


# --- reading


@dataclass
class _Tree:
    """One ROOT's joints: names, parents among them, and their places among the file's joints."""

    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    nodes: list[int] = field(default_factory=list)


def _read(path: Path, skeleton: Skeleton | None = None, unit: str | None = None) -> Poses3D:
    return poses_of_motion(path, read_bvh(path), skeleton, unit)


def poses_of_motion(
    path: Path, motion: BvhMotion, skeleton: Skeleton | None = None, unit: str | None = None
) -> Poses3D:
    """The poses of a file that has been read; ``path`` is for errors and for the name of a skeleton of its own."""
    places = _places(motion)
    people, names = people_and_joints([joint.name for joint in motion.joints])
    trees = _trees(motion.joints, names)
    named = len(set(people)) == len(trees)  # by person; else they are numbered as they come
    numbers = [people[tree.nodes[0]] if named else number for number, tree in enumerate(trees)]
    chosen = _skeleton(path, trees, skeleton)
    positions = np.full((len(places), max(numbers) + 1, len(chosen), 3), np.nan)
    for number, tree in zip(numbers, trees, strict=True):
        same = tree.parents == trees[0].parents  # then the first one's names hold: they may differ by person
        own = joint_places(path, trees[0].names if same else tree.names, chosen)
        positions[:, number, own] = places[:, tree.nodes]
    metres = METRES[unit] if unit is not None else _metres(path, _longest_chain(trees[0], places[0]))
    times = np.arange(len(places)) * motion.frame_time
    return Poses3D.of(positions * metres, skeleton=chosen, times=times, up="+y")


def _places(motion: BvhMotion) -> np.ndarray:
    """(frames, joints, 3) in the file's unit and axes, by forward kinematics."""
    frames = len(motion.values)
    offsets = np.tile([joint.offset for joint in motion.joints], (frames, 1, 1))
    rotations, column = [], 0
    for place, joint in enumerate(motion.joints):
        values = dict(zip(joint.channels, motion.values[:, column:].T, strict=False))
        column += len(joint.channels)
        turns = [name for name in joint.channels if name.endswith("rotation")]
        degrees = np.stack([values[name] for name in turns], axis=-1) if turns else np.zeros((frames, 0))
        rotations.append(rotations_of_angles("".join(name[0] for name in turns), degrees))
        for axis, name in enumerate(_POSITIONS):
            offsets[:, place, axis] = values.get(name, offsets[:, place, axis])
    parents = [joint.parent for joint in motion.joints]
    return forward_kinematics(
        torch.from_numpy(np.stack(rotations, 1)), torch.from_numpy(offsets), parents
    ).places.numpy()


def _trees(joints: list[BvhJoint], names: list[str]) -> list[_Tree]:
    """The trees of the file without the joints that only stand between two of ours."""
    trees: list[_Tree] = []
    place = {-1: -1}
    for node, joint in enumerate(joints):
        if joint.parent < 0:
            trees.append(_Tree())
        if _stands_between(joint, names[node], names[joint.parent]):
            place[node] = place[joint.parent]
            continue
        tree = trees[-1]
        place[node] = len(tree.nodes)
        tree.names.append(names[node])
        tree.parents.append(place[joint.parent])
        tree.nodes.append(node)
    return trees


def _stands_between(joint: BvhJoint, name: str, parent: str) -> bool:
    turns_only = joint.parent >= 0 and not any(joint.offset) and joint.channels == _ROTATIONS
    return turns_only and name.startswith(branch_name(parent, "")) and joint.end is None


def _skeleton(path: Path, trees: list[_Tree], given: Skeleton | None) -> Skeleton:
    """The skeleton given; else the smallest known one with these joints and bones; else the file's own."""
    if given is not None:
        return skeleton_with(path, trees[0].names, given)
    known = sorted((get_skeleton(name) for name in skeleton_names()), key=len)
    for one in known:
        if all(_is_part_of(tree, one) for tree in trees):
            return one
    if any(tree.parents != trees[0].parents for tree in trees):
        raise FileError(path, f"its {len(trees)} ROOTs are not people of one skeleton", "Make a file of each.")
    try:
        called_otherwise = skeleton_with(path, trees[0].names)
    except FileError:
        called_otherwise = None
    if called_otherwise is not None and len(called_otherwise) == len(trees[0].names):
        return called_otherwise
    return Skeleton(path.stem or "bvh", tuple(trees[0].names), tuple(trees[0].parents))


def _is_part_of(tree: _Tree, skeleton: Skeleton) -> bool:
    """Whether all joints are the skeleton's, by its own names, and hang together as there."""
    if not set(tree.names) <= set(skeleton.joints) or len(set(tree.names)) < len(tree.names):
        return False
    if tree.names[0] != skeleton.joints[skeleton.root]:
        return False
    return skeleton.only(tree.names).parents == tuple(tree.parents)


def _longest_chain(tree: _Tree, places: np.ndarray) -> float:
    """Length along the bones between the two joints that are farthest apart that way."""
    depth = np.zeros(len(tree.names))
    longest = 0.0
    for joint in range(len(tree.names) - 1, 0, -1):  # children come after their parents
        parent = tree.parents[joint]
        reach = depth[joint] + float(np.linalg.norm(places[tree.nodes[joint]] - places[tree.nodes[parent]]))
        longest = max(longest, depth[parent] + reach)
        depth[parent] = max(depth[parent], reach)
    return longest


def _metres(path: Path, longest: float) -> float:
    """Metres of the file's unit: centimetres, unless only another unit makes a person of it."""
    fitting = [unit for unit in ("cm", "m", "mm") if _CHAIN[0] <= longest * METRES[unit] <= _CHAIN[1]]
    unit = fitting[0] if fitting else "cm"
    if unit != "cm" or not fitting:
        warnings.warn(
            f"{path}: BVH states no length unit; took {unit!r}, which makes the longest chain of bones "
            f"{longest * METRES[unit]:.3g} m. State it to be sure (unit=..., --unit ...).",
            stacklevel=2,
        )
    return METRES[unit]


# --- writing


@dataclass(frozen=True, eq=False)
class _Person:
    """What a file says of one person, and how far its joints are from the poses, metres."""

    joints: list[BvhJoint]
    values: np.ndarray
    distances: Tensor
    filled: int
    left_out: list[str]


def _write(poses: Poses3D, path: Path) -> None:
    positions = y_up_positions(poses)
    times = poses.times.numpy()
    even, frame_time = _even_times(times, poses.frames_per_second)
    prefixes = person_prefixes(positions.shape[1])
    seen_people = np.array([bool(np.isfinite(positions[:, person]).all(-1).any()) for person in range(len(prefixes))])
    people = [
        _person(poses.skeleton, positions[:, person], times, even, prefixes[person])
        for person in np.flatnonzero(seen_people)
    ]
    if not people:
        raise InputError("A BVH file needs a joint that is seen at least once; these poses have none.")
    joints: list[BvhJoint] = []
    for person in people:
        first = len(joints)
        joints += [
            BvhJoint(one.name, one.parent + first if one.parent >= 0 else -1, one.offset, one.channels, one.end)
            for one in person.joints
        ]
    write_bvh(BvhMotion(joints, np.concatenate([person.values for person in people], axis=1), frame_time), path)
    nobody = [prefixes[person].rstrip("_") for person in np.flatnonzero(~seen_people)]
    left_out = nobody + [name for person in people for name in person.left_out]
    warn_of_gaps("BVH", sum(person.filled for person in people), left_out)
    _warn_of_distance(torch.cat([person.distances.flatten() for person in people]))


def _even_times(times: np.ndarray, rate: float) -> tuple[np.ndarray, float]:
    """Times of the file's frames, and seconds between them: the poses' own where those are even to half a frame."""
    if len(times) < 2:
        return times, 1.0 / rate
    even = np.linspace(times[0], times[-1], len(times))
    step = float(times[-1] - times[0]) / (len(times) - 1)
    if step > 0 and np.abs(times - even).max() < step / 2:
        return times, step
    warnings.warn(f"BVH: the frames are not evenly spaced in time; written at {rate:.6g} a second.", stacklevel=2)
    return np.arange(times[0], times[-1] + 0.5 / rate, 1.0 / rate), 1.0 / rate


def _person(skeleton: Skeleton, positions: np.ndarray, times: np.ndarray, even: np.ndarray, prefix: str) -> _Person:
    seen = np.asarray(np.isfinite(positions).all(-1))
    root = skeleton.root
    left_out = [prefix + name for joint, name in enumerate(skeleton.joints) if not seen[:, joint].any()]
    kept = skeleton.only([name for joint, name in enumerate(skeleton.joints) if seen[:, joint].any() or joint == root])
    own = skeleton.indices(*kept.joints)
    exact, given = _filled(kept, positions[:, own], times, times), positions[:, own]
    for parent, child in kept.bones:
        if not (seen[:, own[parent]] & seen[:, own[child]]).any():  # never together: as long as when filled in
            given[:, [parent, child]] = exact[:, [parent, child]]
    tree = rest_tree(kept, torch.from_numpy(given))
    wanted = torch.from_numpy(exact if even is times else _filled(kept, positions[:, own], times, even))
    nodes = wanted[:, list(tree.joints)]
    start = turn_of_root(kept, wanted)
    turned = inverse_kinematics(nodes, tree.offsets, tree.parents, start, tree.hinges)
    offsets = tree.offsets.repeat(len(nodes), 1, 1)
    offsets[:, 0] = turned.root
    posed = forward_kinematics(turned.rotations, offsets, tree.parents).places
    angles = curves_of_rotations("ZXY", turned.rotations.numpy())
    values = np.concatenate([100 * turned.root.numpy(), angles.reshape(len(angles), -1)], axis=1)
    filled = int((~seen[:, seen.any(0)]).sum())
    return _Person(_bvh_joints(tree, prefix), values, (posed - nodes).norm(dim=-1), filled, left_out)


def _filled(skeleton: Skeleton, positions: np.ndarray, times: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(frames, joints, 3) at other times without a gap; a root never seen is in the middle of its twin children."""
    seen = np.asarray(np.isfinite(positions).all(-1))
    filled = np.full((len(at), len(skeleton), 3), np.nan)
    for joint in np.flatnonzero(seen.any(0)):
        filled[:, joint] = without_gaps(positions[:, joint], seen[:, joint], times, at)
    if not seen[:, skeleton.root].any():
        children = [child for child, parent in enumerate(skeleton.parents) if parent == skeleton.root]
        twins = [child for child in children if skeleton.flip_order[child] in set(children) - {child}]
        filled[:, skeleton.root] = filled[:, twins or children].mean(axis=1)
    return filled


def _bvh_joints(tree: RestTree, prefix: str) -> list[BvhJoint]:
    """The tree as joints of a file, centimetres."""
    return [
        BvhJoint(
            prefix + "_".join(name.replace("{", " ").replace("}", " ").split()),
            parent,
            _centimetres(tree.offsets[node]),
            _ROTATIONS if parent >= 0 else _POSITIONS + _ROTATIONS,
            _centimetres(tree.ends[node]) if node in tree.ends else None,
        )
        for node, (name, parent) in enumerate(zip(tree.names, tree.parents, strict=True))
    ]


def _centimetres(offset: Tensor) -> tuple[float, float, float]:
    x, y, z = (100 * offset).tolist()
    return x, y, z


def _warn_of_distance(distances: Tensor) -> None:
    median = float(distances.median())
    if median > _FAR:
        warnings.warn(
            f"BVH: bones keep their length there: half of the joints are over {1000 * median:.0f} mm from the poses.",
            stacklevel=2,
        )


FORMAT = FileFormat(
    name="bvh",
    holds=Poses3D,
    suffixes=(".bvh",),
    about="BVH of animation programs: T-pose with the clip's bone lengths, rotations ZXY; centimetres, Y up.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
