"""Acclaim motion (CMU's and HDM05's): an AMC file, with the ASF file of its skeleton beside it.

The skeleton is ``walk.asf`` for ``walk.amc``; else the longest name that the motion's begins with (``02.asf`` for
``02_01.amc``, ``HDM_dg.asf`` for ``HDM_dg_kick_017_120.amc``); else the only ASF file of the folder.

A bone turns about axes of its own, C, which the ASF file gives, by the angles M of the frame. With the parent's
orientation G, the bone's is ``G C M C^-1``, and its end is its begin plus that times its direction and length. The
joints are the ends of the bones, and the root, which in Acclaim is a point of its own between the hips and the back.
Those that a body has go by the names of lift3d's skeletons (the end of ``lfemur`` is ``left_knee``, that of
``lclavicle`` is ``left_shoulder``, that of ``upperneck``, on the neck's axis, stands for ``neck_nose``); all others by
their bone's. So ``poses.mapped_to(get_skeleton("human36m17"))`` finds all 17, the pelvis half-way between the hips.

``skeleton=`` maps to it. Lengths are inches divided by the ``length`` of ``:units``, as both collections have
them (0.45: a unit is 56.4 mm), unless ``unit=`` says otherwise. Up is +y. The files state no frame rate: 120 a second,
that of nearly all of both collections.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lift3d.errors import FileError
from lift3d.formats._acclaim_text import ROOT, AcclaimBone, AcclaimSkeleton, read_amc, read_asf
from lift3d.formats._entry import FileFormat
from lift3d.formats._euler_angles import rotations_of_angles
from lift3d.formats._json import beginning
from lift3d.formats._units import METRES
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton

_INCH = 0.0254  # metres
_FRAMES_PER_SECOND = 120.0
_JOINTS = {  # the joint at which a bone ends
    "lhipjoint": "left_hip", "lfemur": "left_knee", "ltibia": "left_ankle", "lfoot": "left_foot",
    "lowerback": "spine", "upperback": "upper_back", "lowerneck": "neck", "upperneck": "neck_nose",
    "lclavicle": "left_shoulder", "lhumerus": "left_elbow", "lradius": "left_forearm", "lhand": "left_hand",
}  # fmt: skip


def _recognises(path: Path) -> bool:
    told = [line.split() for line in beginning(path, 2048).splitlines() if line.strip() and line[0] not in "#:"]
    return len(told) > 1 and len(told[0]) == 1 and told[0][0].isdecimal() and told[1][0].isidentifier()


def _read(path: Path, skeleton: Skeleton | None = None, unit: str | None = None) -> Poses3D:
    acclaim = read_asf(_skeleton_file(path))
    positions = _places(acclaim, read_amc(path, acclaim))
    names = _joint_names(list(acclaim.bones))
    order = {name: place for place, name in enumerate(acclaim.bones)}
    parents = tuple(order.get(acclaim.parents[name], -1) for name in acclaim.bones)
    own = Skeleton(f"acclaim{len(names)}", tuple(names), parents)
    metres = _INCH / acclaim.unit if unit is None else METRES[unit]
    poses = Poses3D.of(positions[:, None] * metres, skeleton=own, fps=_FRAMES_PER_SECOND, up="+y")
    return poses if skeleton is None else poses.mapped_to(skeleton)


def _skeleton_file(path: Path) -> Path:
    """The ASF file of a motion."""
    found = [one for one in path.parent.iterdir() if one.suffix.lower() == ".asf"] if path.is_file() else []
    beginnings = [one for one in found if path.stem.lower().startswith(one.stem.lower())]
    if beginnings:
        return max(beginnings, key=lambda one: len(one.stem))
    if len(found) == 1:
        return found[0]
    problem = "has no ASF file beside it" if not found else f"cannot tell which of {len(found)} ASF files is its own"
    raise FileError(path, problem, f"Put its skeleton there as {path.stem}.asf.")


def _joint_names(bones: list[str]) -> list[str]:
    """Our names of the ends of bones; a side is told by a twin: ``lthumb`` beside ``rthumb`` is ``left_thumb``."""
    sides = {"l": ("r", "left_"), "r": ("l", "right_")}
    names = []
    for bone in bones:
        twin, side = sides.get(bone[:1], ("", ""))
        if side and twin + bone[1:] in bones:
            left = "l" + bone[1:]
            names.append(side + _JOINTS.get(left, f"left_{bone[1:]}").removeprefix("left_"))
        else:
            names.append(_JOINTS.get(bone, bone))
    return names


def _places(skeleton: AcclaimSkeleton, values: dict[str, np.ndarray]) -> np.ndarray:
    """(frames, bones, 3): where the bones end, in the file's unit and axes, y up."""
    frames = len(values[ROOT]) if ROOT in values else len(next(iter(values.values())))
    ends: dict[str, np.ndarray] = {}
    turns: dict[str, np.ndarray] = {}
    for name, bone in skeleton.bones.items():
        own = values.get(name, np.zeros((frames, 0)))
        axes = _turn(bone.axis_order, np.array(bone.axis), skeleton.degrees)
        turn = axes @ _turn_of(bone, own, skeleton.degrees) @ axes.T
        parent = skeleton.parents[name]
        if not parent:
            turns[name] = turn
            ends[name] = np.stack([_channel(bone, own, axis, frames) for axis in ("tx", "ty", "tz")], axis=-1)
            continue
        turns[name] = turns[parent] @ turn
        length = bone.length + _channel(bone, own, "l", frames)
        ends[name] = ends[parent] + turns[name] @ np.array(bone.direction) * length[:, None]
    return np.stack(list(ends.values()), axis=1)


def _turn_of(bone: AcclaimBone, values: np.ndarray, degrees: bool) -> np.ndarray:
    """(frames, 3, 3) of the rotation channels of a bone."""
    places = [place for place, channel in enumerate(bone.channels) if channel in ("rx", "ry", "rz")]
    axes = "".join(bone.channels[place][1].upper() for place in places)
    return _turn(axes, values[:, places], degrees)


def _turn(axes: str, angles: np.ndarray, degrees: bool) -> np.ndarray:
    """Rotations about fixed axes, one after another: ``"XYZ"`` is ``Rz @ Ry @ Rx``."""
    return rotations_of_angles(axes[::-1], (angles if degrees else np.degrees(angles))[..., ::-1])


def _channel(bone: AcclaimBone, values: np.ndarray, channel: str, frames: int) -> np.ndarray:
    return values[:, bone.channels.index(channel)] if channel in bone.channels else np.zeros(frames)


FORMAT = FileFormat(
    name="asf_amc",
    holds=Poses3D,
    suffixes=(".amc",),
    about="Acclaim motion (CMU, HDM05): AMC with its ASF skeleton beside it; bone ends as joints, 120 a second, Y up.",
    recognises=_recognises,
    read=_read,
)
