"""Search for the flat shapes that are most alike: whatever their place and size, whichever joints are missing.

Alike is the correlation of two shapes over the joints seen, weighted: 1 where one is the other, moved and enlarged. As
the joints that take part differ from query to query, an index of points (a k-d tree) does not fit: moved and scaled by
other joints, every point of it is another. Instead shapes are put into small groups by halving (along the coordinate
that differs most, at its median); the groups whose means are most alike are looked through.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["ShapeIndex"]

_GROUP = 32  # shapes a group, about
_QUERIES = 128  # at once: bounds memory


@dataclass(frozen=True, eq=False)
class ShapeIndex:
    """Shapes in groups of the same size; a shape may be in a group twice, to fill it.

    Args:
        shapes: of unit size, about their middle, joint by joint x and y.
        numbers: which shape each is, in the order given to :meth:`of`.
        means: of the groups.
    """

    shapes: Float[Tensor, "groups size numbers"]
    numbers: Int[Tensor, "groups size"]
    means: Float[Tensor, "groups numbers"]

    @classmethod
    def of(cls, shapes: Float[Tensor, "shapes joints 2"]) -> ShapeIndex:
        """The index of complete shapes."""
        centred = (shapes - shapes.mean(-2, keepdim=True)).flatten(1)
        unit = centred / centred.norm(dim=-1, keepdim=True).clamp_min(1e-9)
        numbers = _halved(unit, max(0, round(math.log2(max(len(unit), 1) / _GROUP))))
        grouped = unit[numbers]
        return cls(grouped, numbers, grouped.mean(1))

    def nearest(
        self,
        queries: Float[Tensor, "queries joints 2"],
        weights: Float[Tensor, "queries joints"],
        count: int = 1,
        groups: int = 32,
    ) -> Int[Tensor, "queries count"]:
        """Numbers of the shapes that are most alike, the best first; the same one may come twice.

        Args:
            queries: any finite value where a joint is missing.
            weights: how much each joint counts; 0 where it is missing.
            count: how many to find; fewer are found where the groups hold fewer.
            groups: how many groups to look through; more are surer and slower.
        """
        parts = zip(queries.split(_QUERIES), weights.split(_QUERIES), strict=True)
        return torch.cat([self._nearest(query, weight, count, min(groups, len(self.means))) for query, weight in parts])

    def _nearest(self, queries: Tensor, weights: Tensor, count: int, groups: int) -> Tensor:
        near = _likeness(queries, weights, self.means).topk(groups, dim=-1, sorted=False).indices
        candidates, numbers = self.shapes[near].flatten(1, 2), self.numbers[near].flatten(1)
        best = _likeness(queries, weights, candidates).topk(min(count, numbers.shape[-1]), dim=-1).indices
        return numbers.gather(-1, best)


def _likeness(
    queries: Float[Tensor, "queries joints 2"],
    weights: Float[Tensor, "queries joints"],
    shapes: Float[Tensor, "*queries shapes numbers"],
) -> Float[Tensor, "queries shapes"]:
    """Weighted correlation, times the size of the query, which is the same for all its shapes."""
    total = weights.sum(-1, keepdim=True).clamp_min(1e-9)
    middle = (queries * weights[..., None]).sum(-2, keepdim=True) / total[..., None]
    along = torch.eye(2, dtype=shapes.dtype, device=shapes.device)
    sum_x, sum_y = (_mixed((weights[..., None] * axis).flatten(1), shapes) for axis in along)
    squares = _mixed(weights.repeat_interleave(2, dim=-1), shapes * shapes)
    spread = squares - (sum_x * sum_x + sum_y * sum_y) / total
    return _mixed(((queries - middle) * weights[..., None]).flatten(1), shapes) / spread.clamp_min(1e-9).sqrt()


def _mixed(factors: Float[Tensor, "queries numbers"], shapes: Tensor) -> Float[Tensor, "queries shapes"]:
    """Sums of a shape's numbers, times a query's factors: of the same shapes for all queries, or each of its own."""
    return factors @ shapes.mT if shapes.ndim == 2 else (shapes @ factors[..., None])[..., 0]


def _halved(shapes: Float[Tensor, "shapes numbers"], times: int) -> Int[Tensor, "groups size"]:
    """Numbers of the shapes in ``2 ** times`` groups, each half of what was alike before."""
    groups = torch.arange(len(shapes))[None]
    for _ in range(times):
        members = shapes[groups]
        widest = members.var(1).argmax(-1)[:, None, None].expand(-1, groups.shape[1], 1)
        order = members.gather(-1, widest)[..., 0].argsort(-1)
        groups = groups.gather(-1, order)
        if groups.shape[1] % 2:
            groups = torch.cat([groups, groups[:, -1:]], dim=-1)
        groups = groups.reshape(-1, groups.shape[1] // 2)
    return groups
