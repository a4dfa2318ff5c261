"""The length unit of a calibration file: what the caller says, what the file says, else a guess said aloud."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

__all__ = ["METRES", "metres_of_points", "metres_per_unit", "unit_named"]

METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001}

_SPELLINGS = {
    "m": ("m", "metre", "metres", "meter", "meters"),
    "cm": ("cm", "centimetre", "centimetres", "centimeter", "centimeters"),
    "mm": ("mm", "millimetre", "millimetres", "millimeter", "millimeters"),
}


def metres_per_unit(path: Path, farthest: float, unit: str | None, stated: str | None) -> float:
    """What to multiply a file's lengths by to have metres.

    If neither the caller nor the file or its format says it, the farthest camera tells: people are filmed from 1 to 20
    metres away. Up to 50 it is metres, below 1000 centimetres, else millimetres; the choice is warned of.

    Args:
        path: for the warning.
        farthest: the largest distance of a camera from the world's origin, which is the length of its translation, in
            the file's unit; 0 if there is nothing to scale.
        unit: ``"m"``, ``"cm"`` or ``"mm"``, the caller's; goes before everything else.
        stated: the same, as the file or its format says; None if they do not.
    """
    known = unit or stated
    if known is not None:
        return METRES[known]
    if farthest == 0:
        return 1.0
    guess = "m" if farthest <= 50 else "cm" if farthest < 1000 else "mm"
    warnings.warn(
        f"{path}: the file does not state its length unit; took {guess!r}, since its farthest camera is "
        f"{farthest:.4g} from the origin. State it to be sure (unit=..., --unit ...).",
        stacklevel=2,
    )
    return METRES[guess]


def metres_of_points(path: Path, points: np.ndarray, unit: str | None, said: str | None) -> float:
    """What to multiply the points of a recording by to have metres.

    If neither the caller nor the file says it, the points tell: within 10 of their middle it is metres, else
    millimetres; the choice is warned of.

    Args:
        path: for the warning.
        points: (..., 3) in the file's unit, NaN where missing.
        unit: ``"m"``, ``"cm"`` or ``"mm"``, the caller's; goes before everything else.
        said: the file's word for its unit; None or a word that is no unit if it does not say.
    """
    known = unit or (unit_named(said) if said is not None else None)
    if known is not None:
        return METRES[known]
    seen = points.reshape(-1, 3)[np.isfinite(points).all(-1).reshape(-1)]
    farthest = float(np.abs(seen - np.median(seen, axis=0)).max()) if len(seen) else 0.0
    guess = "m" if farthest <= 10 else "mm"
    warnings.warn(
        f"{path}: the file does not state its length unit; took {guess!r}, since its points lie up to {farthest:.4g} "
        "from their middle. State it to be sure (unit=..., --unit ...).",
        stacklevel=2,
    )
    return METRES[guess]


def unit_named(text: object) -> str | None:
    """``"m"``, ``"cm"`` or ``"mm"`` for a word such as ``"millimeters"``; None if it is none of them."""
    word = str(text).strip().lower()
    return next((unit for unit, words in _SPELLINGS.items() if word in words), None)
