"""How much to trust each view, learned from its deepest features (Iskakov et al., ICCV 2019, section 3.1)."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

__all__ = ["ConfidenceHead", "shares_of_views"]


class ConfidenceHead(nn.Module):
    """Two convolutions of 3x3, each followed by pooling, the mean over the picture and three linear layers.

    Args:
        inputs: channels of the features.
        outputs: confidences, such as one a joint.
        width: of the widest layers; 512 as published.
    """

    def __init__(self, inputs: int, outputs: int, width: int = 512) -> None:
        super().__init__()
        half = width // 2
        layers = [(inputs, width), (width, half)]
        self.features = nn.Sequential(*(pooled_convolution(*channels) for channels in layers))
        self.head = nn.Sequential(
            nn.Linear(half, width), nn.ReLU(), nn.Linear(width, half), nn.ReLU(), nn.Linear(half, outputs)
        )

    def forward(self, features: Float[Tensor, "batch inputs rows columns"]) -> Float[Tensor, "batch outputs"]:
        """Confidences from 0 to 1; the features need at least 4 rows and columns."""
        return F.sigmoid(self.head(self.features(features).mean((-2, -1))))


def pooled_convolution(inputs: int, outputs: int) -> nn.Sequential:
    """A convolution of 3x3, batch norm, the largest of each 2x2 and ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.MaxPool2d(2), nn.ReLU())


def shares_of_views(
    confidences: Float[Tensor, "batch views outputs"], seen: Bool[Tensor, "batch views"]
) -> Float[Tensor, "batch views outputs"]:
    """Confidences that sum to 1 over the views that there are; 0 of the others."""
    known = confidences.masked_fill(~seen[..., None], 0.0)
    total = known.sum(1, keepdim=True)
    return known / total.masked_fill(total == 0, 1.0)
