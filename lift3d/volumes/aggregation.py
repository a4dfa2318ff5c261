"""Volumes of several views made one (Iskakov et al., ICCV 2019, equations 5 to 8)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.errors import InputError, UnknownNameError

__all__ = ["AGGREGATIONS", "aggregate_views", "check_aggregation"]

AGGREGATIONS = ("sum", "mean", "max", "softmax", "confidence")


def check_aggregation(name: str) -> None:
    """Refuse a name that is not among ``AGGREGATIONS``.

    Raises:
        UnknownNameError: there is no such aggregation.
    """
    if name not in AGGREGATIONS:
        raise UnknownNameError("aggregation of views", name, AGGREGATIONS)


def aggregate_views(
    volumes: Float[Tensor, "batch views channels *cells"],
    aggregation: str,
    seen: Bool[Tensor, "batch views"] | None = None,
    confidences: Float[Tensor, "batch views channels"] | None = None,
) -> Float[Tensor, "batch channels *cells"]:
    """One volume from those of the views.

    Args:
        volumes: of each view; whatever stands in those of missing views is not looked at.
        aggregation: ``"sum"``; ``"mean"``; ``"max"``; ``"softmax"``: the mean under the softmax over the views of the
            values themselves; ``"confidence"``: the sum of confidence times value.
        seen: which views there are; by default all.
        confidences: of ``"confidence"`` alone; used as they are, without dividing by their sum.

    Returns:
        0 where no view is.

    Raises:
        UnknownNameError: there is no such aggregation.
        InputError: ``"confidence"`` without confidences.
    """
    check_aggregation(aggregation)
    seen = torch.ones(volumes.shape[:2], dtype=torch.bool, device=volumes.device) if seen is None else seen
    one_for_all = (..., *(None,) * (volumes.ndim - 2))
    missing, some = ~seen[one_for_all], seen.any(1)[one_for_all]
    volumes = volumes.masked_fill(missing, 0.0)
    if aggregation == "confidence":
        if confidences is None:
            raise InputError("The aggregation 'confidence' needs confidences (batch, views, channels); none are given.")
        return torch.einsum("bvc,bvc...->bc...", confidences.masked_fill(~seen[..., None], 0.0), volumes)
    if aggregation == "sum":
        return volumes.sum(1)
    if aggregation == "mean":
        return volumes.sum(1) / seen.sum(1).clamp_min(1)[one_for_all]
    hidden = volumes.masked_fill(missing, -torch.inf).masked_fill(~some[:, None], 0.0)
    if aggregation == "max":
        return hidden.amax(1)
    return (hidden.softmax(1) * volumes).sum(1)
