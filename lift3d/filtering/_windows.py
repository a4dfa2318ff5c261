"""Windows in frames, from seconds."""

from __future__ import annotations

import math

__all__ = ["odd_frames"]


def odd_frames(seconds: float, rate: float) -> int:
    """The odd number of frames that is nearest to a time, at least 1.

    >>> [odd_frames(seconds, 30.0) for seconds in (0.0, 0.1, 0.2, 0.25)]
    [1, 3, 7, 7]
    """
    return 2 * math.floor(seconds * rate / 2 + 1e-6) + 1
