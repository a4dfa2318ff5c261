"""What a file of this folder declares: one network, under the name ``NETWORK``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

__all__ = ["NetworkEntry"]


@dataclass(frozen=True)
class NetworkEntry:
    """A network that checkpoints and configs name.

    Args:
        name: such as ``"residual_mlp"``.
        settings: the frozen dataclass of its settings.
        build: makes the network from its settings.
        about: one line for people.
    """

    name: str
    settings: type
    build: Callable[..., nn.Module]
    about: str
