"""What a tailor would measure of a body's shape: heights, lengths of limbs and girths of the body at rest.

Lengths of limbs are between joints. Girths are the length of a tape drawn tight around a plane section (the outline of
its convex hull), level around head and trunk, square to the bone around neck and limbs, at the place that the name
says below; the skin of other limbs does not count. Left and right are averaged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from lift3d.bodies.model import ShapedBody
from lift3d.bodies.sections import section, tape_length
from lift3d.errors import InputError

__all__ = ["DENSITY", "Measurements", "measure"]

DENSITY = 985.0  # kg/m^3 of a living body with air in its lungs, for the weight from the volume
_STEPS = 25  # sections that are looked at for one girth
_UP = np.array([0.0, 1.0, 0.0])
_ARM = ("shoulder", "elbow", "wrist", "hand")
_LEG = ("hip", "knee", "ankle", "foot")


@dataclass(frozen=True)
class Measurements:
    """A body's measures, metres.

    Args:
        height: from the soles to the top of the head, as the body stands at rest, barefoot.
        inside_leg: from the soles to where the legs meet.
        shoulder_width: between the shoulders' joints.
        hip_width: between the hips' joints.
        trunk: from the pelvis to the neck, along the joints of the spine.
        upper_arm, forearm: from shoulder to elbow, from elbow to wrist.
        thigh, lower_leg: from hip to knee, from knee to ankle.
        head_girth: the largest above the head's joint.
        neck_girth: the smallest between the joints of neck and head.
        chest_girth: where the trunk is deepest from front to back, between the spine's middle and the neck.
        waist_girth: the smallest between the pelvis and the spine's uppermost joint.
        hips_girth: the largest about the hips' joints.
        upper_arm_girth: the largest in the middle of the upper arm.
        forearm_girth: the largest in its upper half.
        wrist_girth: the smallest above the wrist.
        thigh_girth: the largest in the thigh's middle half.
        calf_girth: the largest in the upper half of the lower leg.
        ankle_girth: the smallest above the ankle.
        volume: that the surface encloses, cubic metres.
    """

    height: float
    inside_leg: float
    shoulder_width: float
    hip_width: float
    trunk: float
    upper_arm: float
    forearm: float
    thigh: float
    lower_leg: float
    head_girth: float
    neck_girth: float
    chest_girth: float
    waist_girth: float
    hips_girth: float
    upper_arm_girth: float
    forearm_girth: float
    wrist_girth: float
    thigh_girth: float
    calf_girth: float
    ankle_girth: float
    volume: float

    @property
    def weight_estimate(self) -> float:
        """Volume times 985 kg per cubic metre, kilograms: an estimate; no scale was asked."""
        return self.volume * DENSITY

    def rows(self) -> list[list[str]]:
        """Name and value with its unit, as text."""
        rows = [[one.name.replace("_", " "), f"{100 * getattr(self, one.name):.1f} cm"] for one in fields(self)[:-1]]
        return [
            *rows,
            ["volume", f"{1000 * self.volume:.1f} l"],
            [f"weight at {DENSITY:g} kg/m3", f"{self.weight_estimate:.1f} kg"],
        ]


def measure(body: ShapedBody) -> Measurements:
    """Measures of one body at rest, with its arms held out sideways or hanging away from the trunk.

    Raises:
        InputError: the body has no batch axes of its own to choose from, or lacks one of SMPL's joints.
    """
    if body.betas.ndim != 1:
        raise InputError(f"measure takes one body; these have batch axes {tuple(body.betas.shape[:-1])}.")
    return _Tailor(body).measures()


class _Tailor:
    """A body at rest as arrays, and where its parts are; y up."""

    def __init__(self, body: ShapedBody) -> None:
        self.vertices = body.vertices.detach().cpu().double().numpy()
        self.faces = body.model.faces.cpu().numpy()
        self.weights = body.model.weights.detach().cpu().numpy()
        self.skeleton = body.model.skeleton
        self.joints = body.joints.detach().cpu().double().numpy()
        limbs = [f"{side}_{joint}" for side in ("left", "right") for joint in (*_ARM, *_LEG[1:])]
        self.trunk = self.faces[(self._share(limbs)[self.faces] < 0.5).all(1)]

    def joint(self, name: str) -> np.ndarray:
        if name not in self.skeleton.joints:
            raise InputError(f"measure needs the joint {name!r}, which {self.skeleton.name!r} does not have.")
        return self.joints[self.skeleton.index(name)]

    def measures(self) -> Measurements:
        heights = self.vertices[:, 1]
        corners = self.vertices[self.faces]
        return Measurements(
            height=float(np.ptp(heights)),
            inside_leg=self._crotch() - float(heights.min()),
            shoulder_width=self._length("left_shoulder", "right_shoulder"),
            hip_width=self._length("left_hip", "right_hip"),
            trunk=self._length("pelvis", "spine1", "spine2", "spine3", "neck"),
            upper_arm=self._twice("{}_shoulder", "{}_elbow"),
            forearm=self._twice("{}_elbow", "{}_wrist"),
            thigh=self._twice("{}_hip", "{}_knee"),
            lower_leg=self._twice("{}_knee", "{}_ankle"),
            **self._girths_of_trunk(),
            upper_arm_girth=self._limb(_ARM, "shoulder", "elbow", (0.35, 0.75), max),
            forearm_girth=self._limb(_ARM, "elbow", "wrist", (0.1, 0.5), max),
            wrist_girth=self._limb(_ARM, "elbow", "wrist", (0.75, 1.0), min),
            thigh_girth=self._limb(_LEG, "hip", "knee", (0.25, 0.75), max),
            calf_girth=self._limb(_LEG, "knee", "ankle", (0.1, 0.5), max),
            ankle_girth=self._limb(_LEG, "knee", "ankle", (0.75, 1.0), min),
            volume=float(np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6),
        )

    def _girths_of_trunk(self) -> dict[str, float]:
        named = ("pelvis", "left_hip", "left_knee", "spine2", "spine3", "neck", "head")
        pelvis, hip, knee, middle, upper, neck, head = (float(self.joint(name)[1]) for name in named)
        chest = max(self._levels(middle, (upper + neck) / 2, self.trunk), key=lambda cut: float(np.ptp(cut[:, 2])))
        along = self.joint("head") - self.joint("neck")
        necks = [section(self.vertices, self.trunk, self.joint("neck") + t * along, along) for t in _shares(0.0, 1.0)]
        above = self._levels(head, head + 0.9 * (float(self.vertices[:, 1].max()) - head), self.faces)
        return {
            "head_girth": max(tape_length(cut, _UP) for cut in above),
            "neck_girth": min(tape_length(cut, along) for cut in necks),
            "chest_girth": tape_length(chest, _UP),
            "waist_girth": min(self._tapes(pelvis, upper)),
            "hips_girth": max(self._tapes(hip - 0.2 * (hip - knee), pelvis)),
        }

    def _levels(self, low: float, high: float, faces: np.ndarray) -> list[np.ndarray]:
        """Level sections between two heights."""
        return [section(self.vertices, faces, np.array([0.0, y, 0.0]), _UP) for y in _shares(low, high)]

    def _tapes(self, low: float, high: float) -> list[float]:
        """Girths of the trunk between two heights."""
        return [tape_length(cut, _UP) for cut in self._levels(low, high, self.trunk)]

    def _crotch(self) -> float:
        """The lowest height of the surface half-way between the hips."""
        across = self.joint("left_hip") - self.joint("right_hip")
        middle = (self.joint("left_hip") + self.joint("right_hip")) / 2
        return float(section(self.vertices, self.trunk, middle, across)[:, 1].min())

    def _limb(
        self,
        limb: tuple[str, ...],
        upper: str,
        lower: str,
        part: tuple[float, float],
        choose: Callable[[list[float]], float],
    ) -> float:
        """The largest or smallest girth of a part of a limb, mean of left and right."""
        girths = []
        for side in ("left", "right"):
            own = self.faces[(self._share([f"{side}_{joint}" for joint in limb])[self.faces] > 0.5).all(1)]
            start, end = self.joint(f"{side}_{upper}"), self.joint(f"{side}_{lower}")
            cuts = [section(self.vertices, own, start + t * (end - start), end - start) for t in _shares(*part)]
            girths.append(choose([tape_length(cut, end - start) for cut in cuts]))
        return float(np.mean(girths))

    def _share(self, joints: list[str]) -> np.ndarray:
        """How far each vertex follows some joints, those of them that the body has."""
        known = [self.skeleton.index(joint) for joint in joints if joint in self.skeleton.joints]
        return self.weights[:, known].sum(1)

    def _length(self, *names: str) -> float:
        """Along a chain of joints."""
        chain = np.stack([self.joint(name) for name in names])
        return float(np.linalg.norm(np.diff(chain, axis=0), axis=1).sum())

    def _twice(self, first: str, second: str) -> float:
        return (
            self._length(first.format("left"), second.format("left"))
            + self._length(first.format("right"), second.format("right"))
        ) / 2


def _shares(low: float, high: float) -> np.ndarray:
    """So many shares from one to the other."""
    return np.linspace(low, high, _STEPS)
