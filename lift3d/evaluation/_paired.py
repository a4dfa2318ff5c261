"""Predicted and true positions of the same samples, and the errors of every kind between them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lift3d.errors import ShapeError
from lift3d.evaluation.bones import bone_distances, bone_spreads, illegal_angles
from lift3d.evaluation.metrics import joint_auc, joint_distances, joint_hits, joint_velocity_distances
from lift3d.skeletons import Skeleton, mapping_between

__all__ = ["MILLIMETRES", "Pair", "first_missing", "hits"]

MILLIMETRES = 1000.0
_PCK_THRESHOLD = 0.150
_PELVIS = Skeleton("pelvis", ("pelvis",), (-1,))


@dataclass(frozen=True)
class Pair:
    """Prediction and target (..., joints, 3), and the pelvis of each (..., 1, 3); metres.

    Args:
        skeleton: what the joints are.
        kept: indices of the joints that are averaged; errors are of these.
    """

    prediction: Tensor
    target: Tensor
    prediction_root: Tensor
    target_root: Tensor
    skeleton: Skeleton
    kept: list[int]

    @classmethod
    def of(cls, prediction: Tensor, target: Tensor, skeleton: Skeleton, kept: Sequence[int]) -> Pair:
        """The pair of positions on a skeleton, once their shapes are checked."""
        wanted = (*target.shape[:-2], len(skeleton), 3)
        for name, positions in (("targets", target), ("predictions", prediction)):
            if tuple(positions.shape) != wanted:
                raise ShapeError(name, tuple(positions.shape), f"{wanted}, of skeleton {skeleton.name!r}")
        return cls(prediction, target, _pelvis(prediction, skeleton), _pelvis(target, skeleton), skeleton, list(kept))

    def samples(self, own: list[int]) -> Pair:
        """Some of the samples."""
        axes = ("prediction", "target", "prediction_root", "target_root")
        return replace(self, **{name: getattr(self, name)[own] for name in axes})

    @property
    def wanted(self) -> Tensor:
        """Which of the kept joints the target has."""
        return torch.isfinite(self.target[..., self.kept, :]).all(-1)

    def distances(self, alignment: str) -> Tensor:
        """Metres, of each joint after the alignment; ``"root"`` and ``"scale"`` are about the pelvis."""
        prediction, target = self.prediction[..., self.kept, :], self.target[..., self.kept, :]
        if alignment in ("root", "scale"):
            kind = "scale" if alignment == "scale" else "none"
            return joint_distances(prediction - self.prediction_root, target - self.target_root, kind)
        return joint_distances(prediction, target, alignment)

    def velocities(self) -> Tensor:
        """Metres a frame, relative to the pelvis; the first axis is time and gets one shorter."""
        prediction, target = self.prediction - self.prediction_root, self.target - self.target_root
        moves = joint_velocity_distances(prediction.movedim(0, -3), target.movedim(0, -3)).movedim(-2, 0)
        return moves[..., self.kept]

    def bone_errors(self) -> Tensor:
        """Metres, of the bones that end in the kept joints."""
        return bone_distances(self.prediction, self.target, self.skeleton)[..., self.kept]

    def body_figures(self, groups: Sequence[Hashable]) -> dict[str, Tensor]:
        """Of the prediction alone: metres by which bones change within a group, and illegal angles, by metric.

        Args:
            groups: of each pose, all axes before the joints flattened.
        """
        return _body_figures(self.prediction, self.skeleton, groups, self.kept)

    def target_figures(self, groups: Sequence[Hashable]) -> str:
        """The same of the target, in a line: what a perfect prediction would have."""
        figures = _body_figures(self.target, self.skeleton, groups, self.kept)
        means = {name: values.double().nanmean().item() for name, values in figures.items()}
        return "the target itself: " + ", ".join(f"{name} {mean:.1f}" for name, mean in means.items())


def hits(distances: Tensor) -> dict[str, Tensor]:
    """Percentages by metric."""
    within = 100 * joint_hits(distances, _PCK_THRESHOLD)
    return {"pck150_percent": within, "auc_percent": 100 * joint_auc(distances)}


def first_missing(steps: Tensor) -> Tensor:
    """One step less than frames becomes one a frame; the first has no step."""
    shape = (1, *steps.shape[1:])
    return torch.cat([steps.new_full(shape, torch.nan), steps])


def _body_figures(
    positions: Tensor, skeleton: Skeleton, groups: Sequence[Hashable], kept: Sequence[int]
) -> dict[str, Tensor]:
    flat = positions.reshape(-1, *positions.shape[-2:])
    figures = {
        "bone_spread_mm": MILLIMETRES * bone_spreads(flat, skeleton, groups),
        "illegal_angle_percent": 100 * illegal_angles(flat, skeleton),
    }
    return {name: values.reshape(positions.shape[:-1])[..., list(kept)] for name, values in figures.items()}


def _pelvis(positions: Tensor, skeleton: Skeleton) -> Tensor:
    """The pelvis or the middle of the hips; the skeleton's root where it has neither."""
    mapping = mapping_between(skeleton, _PELVIS)
    if mapping.missing:
        return positions[..., skeleton.root, None, :]
    return mapping.coordinates(positions)
