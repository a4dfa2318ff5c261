"""Integral regression: a joint's place as the mean of the cells' coordinates under the map's probabilities.

Sun, Xiao, Wei, Liang, Wei: "Integral Human Pose Regression", ECCV 2018. The mean of a coordinate needs only the map
summed over the other axes, so that a volume of 64 x 64 x 64 cells is never multiplied with a grid of coordinates.

Coordinates are in cells, (x, y) or (x, y, z) = (column, row, depth), and the centre of the first cell is 0: a map of n
equal cells has its mean at (n - 1) / 2. Where a cell lies in the picture is told in ``lift3d.heatmaps.cells``.

Everything in the map pulls on the mean. Empty cells that all have the same small probability pull towards the middle of
the map: where they hold the share u of all probability, the mean is ``(1 - u) place + u middle``. Gu, Yang, Yao:
"Removing the Bias of Integral Pose Regression", ICCV 2021, solve this for the place; see ``correction``.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.errors import UnknownNameError

__all__ = ["CORRECTIONS", "NORMALISATIONS", "cell_probabilities", "marginals", "mean_cell", "soft_argmax"]

NORMALISATIONS = ("softmax", "sum")
CORRECTIONS = ("none", "zero", "lowest")


def soft_argmax(
    maps: Float[Tensor, "*batch_and_cells"],
    temperature: float = 1.0,
    *,
    axes: int = 2,
    normalisation: str = "softmax",
    correction: str = "none",
) -> Float[Tensor, "*batch axes"]:
    """Mean of all cells' coordinates under the map's probabilities: x, y and, with three axes, z, in cells.

    Exact for one peak far from the edges. A cell of minus infinity takes no part.

    Args:
        maps: (*batch, cells), (*batch, rows, columns) or (*batch, depth, rows, columns).
        temperature: as in :func:`cell_probabilities`.
        axes: how many of the last axes are cells: 1, 2 or 3.
        normalisation: as in :func:`cell_probabilities`.
        correction: what is taken for the background that the mean is freed of. ``"none"``; ``"zero"``: a cell where
            nothing is has the value 0 (as in the paper; true of networks taught so); ``"lowest"``: it has that of the
            map's lowest cell, which never corrects too much.

    Returns:
        In a map that is nothing but background, its middle.

    Raises:
        UnknownNameError: there is no such normalisation or correction.
    """
    probabilities = cell_probabilities(maps, axes, temperature, normalisation)
    mean = mean_cell(probabilities, axes)
    if correction == "none":
        return mean
    share = _background_share(maps, probabilities, axes, temperature, normalisation, correction)[..., None]
    middle = mean.new_tensor([(size - 1) / 2 for size in maps.shape[-axes:][::-1]])
    something = share < 1 - 1e-6
    freed = (mean - share * middle) / torch.where(something, 1 - share, torch.ones_like(share))
    return torch.where(something, freed, middle)


def cell_probabilities(
    maps: Float[Tensor, "*batch_and_cells"],
    axes: int = 2,
    temperature: float = 1.0,
    normalisation: str = "softmax",
) -> Float[Tensor, "*batch_and_cells"]:
    """Maps whose cells sum to 1.

    Args:
        maps: as in :func:`soft_argmax`.
        axes: how many of the last axes are cells.
        temperature: of the softmax; the lower, the closer the mean comes to the highest cell. Learnable triangulation's
            multiplier of 100 is a temperature of 0.01.
        normalisation: ``"softmax"`` of ``maps / temperature``; or ``"sum"``: the positive part over its sum, for maps
            that are themselves like a probability, such as Gaussians of height 1. A map without a positive cell
            becomes uniform. The temperature then plays no part.

    Raises:
        UnknownNameError: there is no such normalisation.
    """
    flat = maps.flatten(-axes)
    if normalisation == "softmax":
        shares = (flat / temperature).softmax(-1)
    elif normalisation == "sum":
        positive = flat.clamp_min(0)
        total = positive.sum(-1, keepdim=True)
        least = torch.finfo(flat.dtype).tiny
        shares = torch.where(total > least, positive / total.clamp_min(least), 1 / flat.shape[-1])
    else:
        raise UnknownNameError("normalisation", normalisation, NORMALISATIONS)
    return shares.unflatten(-1, maps.shape[-axes:])


def mean_cell(probabilities: Float[Tensor, "*batch_and_cells"], axes: int = 2) -> Float[Tensor, "*batch axes"]:
    """Mean of the cells' coordinates, x first, under weights that sum to 1."""
    means = [
        along @ torch.arange(along.shape[-1], dtype=along.dtype, device=along.device)
        for along in marginals(probabilities, axes)
    ]
    return torch.stack(means, dim=-1)


def marginals(weights: Float[Tensor, "*batch_and_cells"], axes: int = 2) -> tuple[Float[Tensor, "*batch _"], ...]:
    """The map summed over all its axes but one: along x, along y and, of a volume, along z.

    Those of x and y are sums of one plane, so that a volume is gone through twice, not three times.
    """
    if axes == 1:
        return (weights,)
    if axes == 2:
        return weights.sum(-2), weights.sum(-1)
    plane = weights.sum(-3)
    return plane.sum(-2), plane.sum(-1), weights.sum((-2, -1))


def _background_share(
    maps: Tensor, probabilities: Tensor, axes: int, temperature: float, normalisation: str, correction: str
) -> Float[Tensor, "*batch"]:
    """The share of all probability that cells with the background's value would hold if all had it; 0 to 1."""
    flat = probabilities.flatten(-axes)
    if correction == "lowest":
        return flat.amin(-1) * flat.shape[-1]
    if correction != "zero":
        raise UnknownNameError("correction", correction, CORRECTIONS)
    if normalisation == "sum":
        return torch.zeros_like(flat[..., 0])
    logs = (maps.flatten(-axes) / temperature).logsumexp(-1)
    return (flat.shape[-1] * torch.exp(-logs)).clamp_max(1.0)
