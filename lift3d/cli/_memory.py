"""Memory that is given back is kept for the next layer."""

from __future__ import annotations

import ctypes

__all__ = ["keep_freed_memory"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's mallopt(3)
_KEPT = 1 << 30  # bytes


def keep_freed_memory() -> bool:
    """Let this process keep up to a gigabyte of what it frees, and say whether that could be arranged.

    By default glibc asks the system for each large tensor and returns it right away; the system clears every page
    anew. On one thread that took a third of MoveNet's time. Elsewhere than with glibc nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # Windows; other C libraries
        return False
    return bool(mallopt(_TRIM_THRESHOLD, _KEPT) and mallopt(_MMAP_THRESHOLD, _KEPT))
