"""Times of frames, for the nouns that have them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["clips_of", "frame_rate", "frame_times"]


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


def clips_of(times: Float[Tensor, "frames"]) -> list[slice]:
    """Frames that follow each other without a step of more than one and a half times the median one, or backwards.

    Args:
        times: seconds.

    Returns:
        Slices that together are all frames, in order; one where there is one frame, none where there is none.
    """
    step = np.diff(times.detach().cpu().double().numpy())
    breaks = np.nonzero((step > 1.5 * np.median(step)) | (step <= 0))[0] + 1 if len(step) else np.empty(0, np.int64)
    edges = [0, *breaks.tolist(), len(times)]
    return [slice(start, stop) for start, stop in pairwise(edges) if stop > start]
