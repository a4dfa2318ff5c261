"""Samples of drawn people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Generator

from lift3d.datasets.drawn_people import DrawnPeople, DrawnPeopleSettings
from lift3d.training.picture_samples import Samples

__all__ = ["DrawnSamples"]

_HELD = 1_000_003  # seed of the drawings that are measured


class DrawnSamples:
    """Draws people, as many as are wanted, no two alike.

    Args:
        drawing: what the drawings are like.
        image_size: their width and height, pixels.
    """

    about = "drawn people"

    def __init__(self, drawing: DrawnPeopleSettings, image_size: tuple[int, int]) -> None:
        self._people = DrawnPeople(replace(drawing, image_size=image_size))
        self.skeleton = self._people.skeleton

    def draw(self, count: int, generator: Generator) -> Samples:
        """So many of them."""
        crops, places = self._people.draw(count, generator)
        return Samples(crops, places, torch.ones_like(places[..., 0]))

    def held(self, count: int, at_once: int = 64) -> Iterator[Samples]:
        """So many that no training sees, always the same, some at a time."""
        generator = Generator().manual_seed(_HELD)
        for first in range(0, count, at_once):
            yield self.draw(min(at_once, count - first), generator)
