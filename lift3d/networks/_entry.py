"""What a file of this folder declares: one network, under the name ``NETWORK``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

__all__ = ["NetworkEntry", "PublishedSize"]


@dataclass(frozen=True)
class PublishedSize:
    """A size of a network of pictures that a paper reports; `lift3d info networks` counts it.

    Args:
        name: such as ``"W32"``.
        settings: that give this size.
        image_size: width and height of the picture that it is counted with, pixels.
        published: parameters and operations as the literature gives them, such as ``"28.5 M, 7.1 G"``.
    """

    name: str
    settings: Any
    image_size: tuple[int, int]
    published: str = ""


@dataclass(frozen=True)
class NetworkEntry:
    """A network that checkpoints and configs name.

    Args:
        name: such as ``"residual_mlp"``.
        settings: the frozen dataclass of its settings.
        build: makes the network from its settings.
        about: one line for people.
        published: sizes of a network of pictures; empty for networks of joints.
        example: of networks of volumes or of several views: what one call takes, a batch of one, from the settings.
    """

    name: str
    settings: type
    build: Callable[..., nn.Module]
    about: str
    published: tuple[PublishedSize, ...] = ()
    example: Callable[[Any], tuple[Tensor, ...]] | None = None
