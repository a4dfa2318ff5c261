"""From one skeleton to another by joint names, with midpoints where a joint has no twin.

A joint that the source does not have under the same name is looked for under the stand-ins below, in order: one
joint (another name for almost the same point) or the midpoint of two. Stand-ins may themselves be stood in for
(the spine is half-way between pelvis and thorax, and the pelvis half-way between the hips). A joint with no
stand-in stays missing: NaN with score 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
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

    def coordinates(self, values: Float[Tensor, "*batch joints_from axes"]) -> Float[Tensor, "*batch joints_to axes"]:
        """Coordinates on the target's joints; NaN where the source has no such joint or one it needs is NaN."""
        columns = [_weighted(values, own) for own in self.sources]
        return torch.stack(columns, dim=-2)

    def covariance(
        self, values: Float[Tensor, "*batch joints_from axes axes"]
    ) -> Float[Tensor, "*batch joints_to axes axes"]:
        """Covariance on the target's joints, of independent errors: squares of the weights."""
        squares = [tuple((i, weight * weight) for i, weight in own) for own in self.sources]
        columns = [_weighted(values.flatten(-2), own) for own in squares]
        return torch.stack(columns, dim=-2).unflatten(-1, values.shape[-2:])

    def scores(self, values: Float[Tensor, "*batch joints_from"]) -> Float[Tensor, "*batch joints_to"]:
        """Scores on the target's joints: the lowest of the joints that take part; 0 where there are none."""
        columns = [
            torch.stack([values[..., i] for i, _ in own], dim=-1).amin(-1) if own else torch.zeros_like(values[..., 0])
            for own in self.sources
        ]
        return torch.stack(columns, dim=-1)


def _weighted(values: Tensor, own: tuple[tuple[int, float], ...]) -> Tensor:
    if not own:
        return torch.full_like(values[..., 0, :], torch.nan)
    return torch.stack([weight * values[..., i, :] for i, weight in own]).sum(0)


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
