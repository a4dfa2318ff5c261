"""Times of frames, for the nouns that have them."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["frame_rate", "frame_times"]


def frame_rate(times: Float[Tensor, "frames"]) -> float:
    """Median rate of the frames, per second; 30 where there is one frame or none."""
    if len(times) < 2:
        return 30.0
    step = torch.diff(times).median().item()
    return 1.0 / step if step > 0 else 30.0


def frame_times(times: Any, frames: int, fps: float) -> Float[Tensor, "frames"]:
    """The times given, seconds in float64, or if there are none the frames' numbers divided by the rate."""
    if times is None:
        return torch.arange(frames, dtype=torch.float64) / fps
    return torch.as_tensor(times).to(torch.float64)
