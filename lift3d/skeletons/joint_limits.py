"""Which poses a body can take, as far as joints alone show it: limits on the directions of the limbs.

Each limb has a direction in a frame that the body gives (``lift3d.geometry.joint_angles``): the thighs, the spine and
the line of the shoulders in the frame of the hips; the upper arms, collars and the neck in that of the shoulders; and
shins and forearms in the frame of the hips or shoulders carried along with the thigh or upper arm. A limb is within its
limits where its direction lies in a cell that real motion takes. So a knee or an elbow bends one way only, and how far.

The table of cells is ``lift3d/data/joint_limits.toml``: directions seen in the CMU Motion Capture Database, widened by
15 degrees; right limbs are mirrored and counted with the left (``data_tools/make_joint_limits.py``). Lengths play no
part, nor where the body stands or how it is turned. Left and right exchanged is no body: its knees bend forward.

The neck and head are those of the table's skeleton, on the axis of the neck; where "neck_nose" is a nose, as in
Human3.6M, heads that hang far forward may count as outside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.errors import ShapeError
from lift3d.geometry.joint_angles import body_frame, carried_back, cell_of, in_frame
from lift3d.settings import read_toml
from lift3d.skeletons.mapping import mapping_between
from lift3d.skeletons.skeleton import Skeleton, get_skeleton

__all__ = ["LIMBS", "Limb", "limb_directions", "limbs_within_limits", "plausible", "within_limits"]

_TABLE = Path(__file__).parents[1] / "data" / "joint_limits.toml"
_BODY = "human36m17"


@dataclass(frozen=True)
class Limb:
    """A line between two joints whose direction is limited.

    Args:
        name: such as ``"left_shin"``.
        table: of its limits, the same on both sides, such as ``"shin"``.
        start, end: names of the joints.
        frame: ``"hips"`` or ``"shoulders"``: which line across the body gives the left.
        mirrored: whether left and right are exchanged before it is looked up, as for limbs of the right side.
        upper: index in :data:`LIMBS` of the limb that it hangs on and is carried with; -1 where there is none.
    """

    name: str
    table: str
    start: str
    end: str
    frame: str
    mirrored: bool = False
    upper: int = -1


LIMBS = (
    Limb("left_thigh", "thigh", "left_hip", "left_knee", "hips"),
    Limb("right_thigh", "thigh", "right_hip", "right_knee", "hips", mirrored=True),
    Limb("left_upper_arm", "upper_arm", "left_shoulder", "left_elbow", "shoulders"),
    Limb("right_upper_arm", "upper_arm", "right_shoulder", "right_elbow", "shoulders", mirrored=True),
    Limb("left_shin", "shin", "left_knee", "left_ankle", "hips", upper=0),
    Limb("right_shin", "shin", "right_knee", "right_ankle", "hips", mirrored=True, upper=1),
    Limb("left_forearm", "forearm", "left_elbow", "left_wrist", "shoulders", upper=2),
    Limb("right_forearm", "forearm", "right_elbow", "right_wrist", "shoulders", mirrored=True, upper=3),
    Limb("left_collar", "collar", "thorax", "left_shoulder", "shoulders"),
    Limb("right_collar", "collar", "thorax", "right_shoulder", "shoulders", mirrored=True),
    Limb("hips", "hips", "right_hip", "left_hip", "hips"),
    Limb("shoulders", "shoulders", "right_shoulder", "left_shoulder", "hips"),
    Limb("spine", "spine", "pelvis", "spine", "hips"),
    Limb("neck", "neck", "thorax", "neck_nose", "shoulders"),
    Limb("head", "head", "neck_nose", "head", "shoulders"),
)

# Where a limb points that another is carried with (forward, left, up): in the middle of where it can point, opposite
# to where it cannot, and where the carried frame would jump.
_RESTS = {"thigh": (0.5, 0.0, -0.85), "upper_arm": (0.7, 0.5, -0.5)}


def limb_directions(
    positions: Float[Tensor, "*batch joints 3"], skeleton: str | Skeleton
) -> Float[Tensor, "*batch limbs 3"]:
    """Direction of each limb of :data:`LIMBS` as it is looked up: forward, left and up, of length 1.

    Args:
        positions: in any unit, in any right-handed axes; NaN where missing.
        skeleton: what the joints are; mapped by joint names.

    Returns:
        NaN where a joint that is needed is missing, or a limb has no length.

    Raises:
        ShapeError: the positions are not those of the skeleton's joints.
    """
    own, body = get_skeleton(skeleton), get_skeleton(_BODY)
    if positions.ndim < 2 or tuple(positions.shape[-2:]) != (len(own), 3):
        raise ShapeError("positions", tuple(positions.shape), f"(..., {len(own)}, 3), of skeleton {own.name!r}")
    joints = positions if own.joints == body.joints else mapping_between(own, body).coordinates(positions)
    starts, ends = (body.indices(*names) for names in zip(*((limb.start, limb.end) for limb in LIMBS), strict=True))
    lines = joints[..., ends, :] - joints[..., starts, :]
    up = joints[..., body.index("thorax"), :] - joints[..., body.index("pelvis"), :]
    names = [limb.name for limb in LIMBS]
    frames = {part: body_frame(lines[..., names.index(part), :], up) for part in ("hips", "shoulders")}
    mirror = positions.new_tensor([[1.0, -1.0 if limb.mirrored else 1.0, 1.0] for limb in LIMBS])
    plain = in_frame(torch.stack([frames[limb.frame] for limb in LIMBS], dim=-3), lines) * mirror
    return torch.stack([_as_looked_up(plain, limb, place) for place, limb in enumerate(LIMBS)], dim=-2)


def _as_looked_up(plain: Float[Tensor, "*batch limbs 3"], limb: Limb, place: int) -> Float[Tensor, "*batch 3"]:
    if limb.upper < 0:
        return plain[..., place, :]
    rest = torch.nn.functional.normalize(plain.new_tensor(_RESTS[LIMBS[limb.upper].table]), dim=-1)
    return carried_back(plain[..., place, :], plain[..., limb.upper, :], rest)


def limbs_within_limits(
    positions: Float[Tensor, "*batch joints 3"], skeleton: str | Skeleton
) -> Bool[Tensor, "*batch limbs"]:
    """Whether each limb of :data:`LIMBS` points where it can; true where a joint that is needed is missing.

    Args and errors as of :func:`limb_directions`.
    """
    return within_limits(limb_directions(positions, skeleton))


def within_limits(directions: Float[Tensor, "*batch limbs 3"]) -> Bool[Tensor, "*batch limbs"]:
    """Whether directions of :func:`limb_directions` lie where those limbs can point; true where they are NaN."""
    limits = _limits().to(directions.device)
    known = torch.isfinite(directions).all(-1)
    cells = cell_of(directions.nan_to_num(0.0), math.isqrt(limits.shape[-1] // 2))
    return limits[torch.arange(len(LIMBS), device=directions.device), cells] | ~known


def plausible(positions: Float[Tensor, "*batch joints 3"], skeleton: str | Skeleton) -> Bool[Tensor, "*batch"]:
    """Whether a body can take each pose: every limb is within its limits.

    Joints that are missing are not held against a pose. Args and errors as of :func:`limb_directions`.

    >>> from lift3d.synthetic import walk
    >>> person = walk(frames=1).positions[0, 0]
    >>> bool(plausible(person, "human36m17"))
    True
    >>> bool(plausible(person * person.new_tensor([1, 1, -1]), "human36m17"))  # knees bend forward in the mirror
    False
    """
    return limbs_within_limits(positions, skeleton).all(-1)


@cache
def _limits() -> Bool[Tensor, "limbs cells"]:
    """Whether each cell of each limb's sphere is within its limits."""
    tables = read_toml(_TABLE)
    maps = {name: "".join(rows) for name, rows in tables["maps"].items()}
    return torch.tensor([[mark == "#" for mark in maps[limb.table]] for limb in LIMBS])
