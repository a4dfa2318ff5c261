"""Colours as networks were trained with them."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float, UInt8
from torch import Tensor

from lift3d.errors import InputError, UnknownNameError

__all__ = ["check_colours", "normalised"]

_ORDERS = {"rgb": [0, 1, 2], "bgr": [2, 1, 0]}


def check_colours(colour: str, mean: Sequence[float], std: Sequence[float]) -> None:
    """Refuse an unknown order of channels, and statistics that are not those of three channels.

    Raises:
        UnknownNameError, InputError: see above.
    """
    if colour not in _ORDERS:
        raise UnknownNameError("order of colours", colour, _ORDERS)
    if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
        raise InputError(f"mean is {tuple(mean)}, std {tuple(std)}; expected three numbers each, std above 0.")


def normalised(
    rgb: UInt8[Tensor, "batch 3 height width"], colour: str, mean: Sequence[float], std: Sequence[float]
) -> Float[Tensor, "batch 3 height width"]:
    """Channels in another order, values from 0 to 1, less the mean, over the deviation."""
    own = rgb[:, _ORDERS[colour]].float() / 255
    return (own - own.new_tensor(mean)[:, None, None]) / own.new_tensor(std)[:, None, None]
