"""A body to be drawn: capsules around the joints, and what shows which way it faces.

A face on one side of the head, toes, and a mark on the chest tell front from back and so left from right; colours do
not: where arms and legs differ in colour, any of them may have any.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn.functional import normalize

from lift3d.skeletons import get_skeleton

__all__ = ["body_capsules", "body_colours"]

SKELETON = get_skeleton("human36m17")
_BOTH = ("left", "right")


class _Part(NamedTuple):
    """From point to point, by name: joints, and those of `_points`. Radius at both, metres; what it is made of."""

    start: str
    end: str
    first: float
    last: float
    material: str


_PARTS = tuple(_Part(*part) for part in (
    ("left_hip", "right_hip", 0.10, 0.10, "trousers"),
    ("pelvis", "spine", 0.12, 0.12, "shirt"),
    ("spine", "chest", 0.12, 0.13, "shirt"),
    ("left_shoulder", "right_shoulder", 0.06, 0.06, "shirt"),
    ("belly_front", "chest_front", 0.035, 0.04, "mark"),
    ("thorax", "chin", 0.05, 0.05, "skin"),
    ("skull", "crown", 0.09, 0.09, "hair"),
    ("face", "face", 0.085, 0.085, "skin"),
    ("nose", "nose", 0.025, 0.025, "skin"),
    ("left_eye", "left_eye", 0.02, 0.02, "eye"),
    ("right_eye", "right_eye", 0.02, 0.02, "eye"),
    *(
        (f"{side}_{start}", f"{side}_{end}", first, last, material.replace("*", side))
        for side in _BOTH
        for start, end, first, last, material in (
            ("shoulder", "elbow", 0.055, 0.045, "*_upper_arm"),
            ("elbow", "wrist", 0.043, 0.033, "*_forearm"),
            ("wrist", "hand", 0.036, 0.03, "skin"),
            ("hip", "knee", 0.085, 0.06, "*_thigh"),
            ("knee", "ankle", 0.056, 0.04, "*_shin"),
            ("ankle", "toes", 0.042, 0.03, "shoes"),
        )
    ),
))  # fmt: skip
_LIMBS = tuple(f"{side}_{part}" for side in _BOTH for part in ("upper_arm", "forearm", "thigh", "shin"))
_MATERIALS = ("skin", "hair", "eye", "shirt", "mark", "trousers", "shoes", *_LIMBS)
_SUIT = {  # red, yellow and orange on the left, blue, green and violet on the right
    "left_upper_arm": (0.9, 0.1, 0.1), "left_forearm": (1.0, 0.55, 0.0),
    "left_thigh": (0.95, 0.9, 0.1), "left_shin": (0.6, 0.3, 0.05),
    "right_upper_arm": (0.1, 0.2, 0.9), "right_forearm": (0.0, 0.8, 0.9),
    "right_thigh": (0.1, 0.7, 0.2), "right_shin": (0.55, 0.1, 0.75),
}  # fmt: skip
_SKIN = torch.tensor([[0.97, 0.80, 0.69], [0.38, 0.24, 0.17]])  # from the lightest to the darkest


def body_capsules(joints: Float[Tensor, "people joints 3"], generator: Generator) -> Float[Tensor, "people parts 2 4"]:
    """Both ends of every part of every body: x, y and z in the joints' frame, and the radius; metres.

    Args:
        joints: of ``human36m17``, in any right-handed frame, metres.
        generator: of how heads are turned and how stout people are.
    """
    points = _points(joints, generator)
    starts = torch.stack([points[part.start] for part in _PARTS], dim=1)
    ends = torch.stack([points[part.end] for part in _PARTS], dim=1)
    radii = joints.new_tensor([(part.first, part.last) for part in _PARTS])
    stout = 0.85 + 0.4 * torch.rand(len(joints), 1, 1, 1, generator=generator)
    return torch.cat([torch.stack([starts, ends], dim=2), (radii[..., None] * stout)], dim=-1)


def body_colours(
    people: int, own_colours: float, suits: float, generator: Generator
) -> Float[Tensor, "people parts 3"]:
    """A colour for every part of every body, 0 to 1.

    Args:
        people: how many.
        own_colours: share of people whose limbs have eight colours of their own, 0 to 1.
        suits: share of people whose limbs have eight colours that are the same for all of them, 0 to 1.
        generator: random numbers.
    """

    def chance(share: float) -> Tensor:
        return torch.rand(people, 1, generator=generator) < share

    colours = dict(zip(_MATERIALS, torch.rand(len(_MATERIALS), people, 3, generator=generator), strict=True))
    tone = torch.rand(people, 1, generator=generator)
    colours["skin"] = _SKIN[0] + tone * (_SKIN[1] - _SKIN[0])
    colours["hair"] = colours["hair"] * 0.7 * torch.rand(people, 1, generator=generator)
    colours["eye"] = torch.full((people, 3), 0.05)
    own, sleeves, legs, suited = chance(own_colours), chance(0.5), chance(0.6), chance(suits)
    for side in _BOTH:
        plain = {
            "upper_arm": colours["shirt"],
            "forearm": torch.where(sleeves, colours["shirt"], colours["skin"]),
            "thigh": colours["trousers"],
            "shin": torch.where(legs, colours["trousers"], colours["skin"]),
        }
        for part, colour in plain.items():
            free = torch.where(own, colours[f"{side}_{part}"], colour)
            colours[f"{side}_{part}"] = torch.where(suited, torch.tensor(_SUIT[f"{side}_{part}"]), free)
    return torch.stack([colours[part.material] for part in _PARTS], dim=1)


def _points(joints: Tensor, generator: Generator) -> dict[str, Float[Tensor, "people 3"]]:
    """The joints by name, and the points beyond them that parts reach to."""
    at = {name: joints[:, index] for index, name in enumerate(SKELETON.joints)}
    across = normalize(at["left_shoulder"] - at["right_shoulder"], dim=-1)
    ahead = normalize(torch.linalg.cross(across, at["thorax"] - at["spine"]), dim=-1)
    at["chest"] = 0.3 * at["spine"] + 0.7 * at["thorax"]
    at["chest_front"] = at["chest"] + 0.10 * ahead
    at["belly_front"] = 0.8 * at["spine"] + 0.2 * at["pelvis"] + 0.095 * ahead
    at |= _head_points(at, across, generator)
    hips = normalize(at["left_hip"] - at["right_hip"], dim=-1)
    for side in _BOTH:
        shin = normalize(at[f"{side}_ankle"] - at[f"{side}_knee"], dim=-1)
        toes = normalize(torch.linalg.cross(hips, -shin), dim=-1)
        at[f"{side}_toes"] = at[f"{side}_ankle"] + 0.15 * toes + 0.05 * shin
        forearm = normalize(at[f"{side}_wrist"] - at[f"{side}_elbow"], dim=-1)
        at[f"{side}_hand"] = at[f"{side}_wrist"] + 0.09 * forearm
    return at


def _head_points(at: dict[str, Tensor], across: Tensor, generator: Generator) -> dict[str, Tensor]:
    """The head ends at the joint "head"; it is turned up to 40 degrees to either side of where the shoulders face."""
    up = normalize(at["head"] - at["neck_nose"], dim=-1)
    ahead = normalize(torch.linalg.cross(across, up), dim=-1)
    turn = torch.deg2rad(80 * torch.rand(len(up), 1, generator=generator) - 40)
    facing = turn.cos() * ahead + turn.sin() * torch.linalg.cross(up, ahead)
    aside = torch.linalg.cross(up, facing)
    skull = at["head"] - 0.12 * up
    return {
        "chin": at["neck_nose"],
        "skull": skull,
        "crown": at["head"] - 0.09 * up,
        "face": skull + 0.03 * facing - 0.02 * up,
        "nose": skull + 0.12 * facing - 0.03 * up,
        "left_eye": skull + 0.095 * facing + 0.035 * aside + 0.01 * up,
        "right_eye": skull + 0.095 * facing - 0.035 * aside + 0.01 * up,
    }
