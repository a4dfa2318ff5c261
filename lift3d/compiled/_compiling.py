"""How loops are compiled: by these decorators.

What may be reordered for speed is; NaN and infinity keep their meaning. Division by zero gives infinity, as in NumPy.
"""

from __future__ import annotations

from numba import njit

__all__ = ["entry", "once", "part"]

_FAST = {"contract", "reassoc", "arcp", "nsz"}

entry = njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)  # called from Python, kept on disk
part = njit(nogil=True, error_model="numpy", fastmath=_FAST)
once = njit(nogil=True, error_model="numpy", fastmath=_FAST, inline="always")  # a part of few loops
