"""What is found of one person in one picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["Joints"]


@dataclass(frozen=True, eq=False)
class Joints:
    """The joints of one person in one picture.

    Args:
        pixels: in the picture; NaN where missing.
        scores: 0 to 1; 0 where missing.
    """

    pixels: Float[Tensor, "joints 2"]
    scores: Float[Tensor, "joints"]

    @classmethod
    def nobody(cls, count: int) -> Joints:
        """So many missing joints."""
        return cls(torch.full((count, 2), torch.nan, dtype=torch.float64), torch.zeros(count, dtype=torch.float64))

    def without_unsure(self, lowest: float) -> Joints:
        """With joints of a lower score missing."""
        unseen = ~(self.scores >= lowest)
        return Joints(self.pixels.masked_fill(unseen[:, None], torch.nan), self.scores.masked_fill(unseen, 0.0))
