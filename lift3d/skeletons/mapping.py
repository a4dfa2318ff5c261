"""From one skeleton to another by joint names, with midpoints where a joint has no twin.

A joint that the source does not have under the same name is looked for under the stand-ins below, in order: one
joint (another name for almost the same point) or the midpoint of two. Stand-ins may themselves be stood in for
(the spine is half-way between pelvis and thorax, and the pelvis half-way between the hips). A joint with no
stand-in stays missing: NaN with score 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.skeletons.skeleton import Skeleton

__all__ = ["JointMapping", "mapping_between"]

STAND_INS: dict[str, tuple[tuple[str, ...], ...]] = {
    "pelvis": (("left_hip", "right_hip"),),
    "spine": (("spine2",), ("pelvis", "thorax")),
    "thorax": (("neck",), ("left_shoulder", "right_shoulder")),
    "neck": (("thorax",), ("left_shoulder", "right_shoulder")),
    "upper_neck": (("neck_nose",),),
    "neck_nose": (("upper_neck",), ("nose",)),
    "head": (("head_top",), ("left_eye", "right_eye"), ("left_ear", "right_ear")),
    "head_top": (("head",),),
    "left_foot": (("left_foot_index",), ("left_big_toe",)),
    "right_foot": (("right_foot_index",), ("right_big_toe",)),
    "left_big_toe": (("left_foot_index",), ("left_foot",)),
    "right_big_toe": (("right_foot_index",), ("right_foot",)),
    "left_foot_index": (("left_big_toe",), ("left_foot",)),
    "right_foot_index": (("right_big_toe",), ("right_foot",)),
}

_OTHER_POINTS = ("nose",)  # that stand for a joint decimetres away, for want of better


@dataclass(frozen=True)
class JointMapping:
    """For each joint of ``target``, the joints of ``source`` whose mean it is.

    Args:
        source, target: the skeletons.
        sources: per target joint, a tuple of ``(source joint index, weight)``; empty where there is none.
    """

    source: Skeleton
    target: Skeleton
    sources: tuple[tuple[tuple[int, float], ...], ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the target's joints that the source cannot give."""
        return tuple(name for name, own in zip(self.target.joints, self.sources, strict=True) if not own)

    @property
    def guessed(self) -> tuple[str, ...]:
        """Names of the target's joints that are midpoints, or another point for want of better.

        They say nothing that their sources do not, and are not quite where the joint is: whoever can do without a
        joint had better. The single joints of another name are not among them.
        """
        return tuple(
            name
            for name, own in zip(self.target.joints, self.sources, strict=True)
            if len(own) > 1 or any(self.source.joints[i] in _OTHER_POINTS and name not in _OTHER_POINTS for i, _ in own)
        )

    def coordinates(self, values: Float[Tensor, "*batch joints_from axes"]) -> Float[Tensor, "*batch joints_to axes"]:
        """Coordinates on the target's joints; NaN where the source has no such joint or one it needs is NaN."""
        return self._weighted(values, power=1)

    def covariance(
        self, values: Float[Tensor, "*batch joints_from axes axes"]
    ) -> Float[Tensor, "*batch joints_to axes axes"]:
        """Covariance on the target's joints, of independent errors: squares of the weights."""
        return self._weighted(values.flatten(-2), power=2).unflatten(-1, values.shape[-2:])

    def scores(self, values: Float[Tensor, "*batch joints_from"]) -> Float[Tensor, "*batch joints_to"]:
        """Scores on the target's joints: the lowest of the joints that take part; 0 where there are none."""
        lowest = values[..., self._slots[0][0]]
        for index in self._slots[0][1:]:
            lowest = torch.minimum(lowest, values[..., index])
        return lowest.masked_fill(self._none.to(values.device), 0.0) if self.missing else lowest

    @cached_property
    @torch.inference_mode(False)  # what is kept serves gradients too
    def _slots(self) -> tuple[list[list[int]], Float[Tensor, "slots joints_to"]]:
        """The first, second, ... source of every joint, and its weight; those with fewer repeat their first with 0."""
        most = max(1, *(len(own) for own in self.sources))
        padded = [(*own, *[((own or ((0, 0.0),))[0][0], 0.0)] * (most - len(own))) for own in self.sources]
        slots = list(zip(*padded, strict=True))
        index = [[joint for joint, _ in slot] for slot in slots]
        return index, torch.tensor([[weight for _, weight in slot] for slot in slots], dtype=torch.float64)

    @cached_property
    @torch.inference_mode(False)
    def _none(self) -> Bool[Tensor, "joints_to"]:
        """Which joints the source cannot give."""
        return torch.tensor([not own for own in self.sources])

    def _weighted(self, values: Float[Tensor, "*batch joints_from axes"], power: int) -> Tensor:
        index, weights = self._slots
        weights = weights.pow(power).to(values)[..., None]
        total = values[..., index[0], :] * weights[0]
        for number in range(1, len(index)):
            total = total + values[..., index[number], :] * weights[number]
        return total.masked_fill(self._none.to(values.device)[:, None], torch.nan) if self.missing else total


@lru_cache(maxsize=64)
def mapping_between(source: Skeleton, target: Skeleton) -> JointMapping:
    """The mapping from one skeleton to another, by joint names and the stand-ins above.

    >>> from lift3d.skeletons import get_skeleton
    >>> mapping = mapping_between(get_skeleton("coco17"), get_skeleton("human36m17"))
    >>> mapping.sources[mapping.target.index("pelvis")]
    ((11, 0.5), (12, 0.5))
    """
    sources = tuple(tuple(sorted(_find(joint, source, ()).items())) for joint in target.joints)
    return JointMapping(source, target, sources)


def _find(joint: str, source: Skeleton, asked: tuple[str, ...]) -> dict[int, float]:
    """Source joints and weights that stand for a joint; empty if there are none."""
    if joint in source.joints:
        return {source.index(joint): 1.0}
    for names in STAND_INS.get(joint, ()):
        parts = [_find(name, source, (*asked, joint)) for name in names if name not in asked]
        if len(parts) == len(names) and all(parts):
            weights: dict[int, float] = {}
            for part in parts:
                for i, weight in part.items():
                    weights[i] = weights.get(i, 0.0) + weight / len(parts)
            return weights
    return {}
