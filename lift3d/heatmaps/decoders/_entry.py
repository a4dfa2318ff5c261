"""What a file of this folder declares: one rule to read heatmaps, under the name ``DECODER``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

__all__ = ["Decoder", "NoSettings"]


@dataclass(frozen=True)
class NoSettings:
    """Of a rule that has nothing to set."""


@dataclass(frozen=True)
class Decoder:
    """A rule to read heatmaps.

    Args:
        name: such as ``"quarter"``; also what a checkpoint says.
        about: one line for people.
        decode: ``decode(maps, settings)``: maps are (batch, joints, rows, columns), or with a depth before the rows;
            gives the joints' places in cells, (batch, joints, 2 or 3), x first, and scores (batch, joints).
        settings: the frozen dataclass of its settings, all with defaults.
        volumes: whether it also reads maps with a depth.
    """

    name: str
    about: str
    decode: Callable[[Tensor, Any], tuple[Tensor, Tensor]]
    settings: type = NoSettings
    volumes: bool = True
