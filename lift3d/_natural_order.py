"""Sorting names as people count: ``cam2`` before ``cam10``."""

from __future__ import annotations

import re

__all__ = ["natural_order"]


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """Sorting key of a name; numbers within it are compared by their value, and come before letters.

    >>> sorted(["cam10", "cam2", "cam1"], key=natural_order)
    ['cam1', 'cam2', 'cam10']
    """
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name)]
