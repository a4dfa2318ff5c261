"""What networks answer that find the joints of all people in a picture, and which joints belong together."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

__all__ = ["PartFields"]


class PartFields(NamedTuple):
    """Heatmaps and part affinity fields of a whole picture (Cao et al., CVPR 2017).

    Args:
        heatmaps: one for each joint, and the last for the background.
        fields: x and y, one after the other, of each limb's field: unit vectors along the limb, 0 elsewhere.
    """

    heatmaps: Float[Tensor, "batch joints rows columns"]
    fields: Float[Tensor, "batch axes rows columns"]
