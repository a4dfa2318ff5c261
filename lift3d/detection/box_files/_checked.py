"""One box as it stands in a file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lift3d.detection.box import Box
from lift3d.detection.people_boxes import ScoredBox
from lift3d.errors import FileError

__all__ = ["scored_box"]


def scored_box(path: Path, where: str, box: Sequence[Any], score: Any) -> ScoredBox:
    """The box, with how sure it is.

    Raises:
        FileError: it is not four finite numbers with a width and height above 0, or the score is no number.
    """
    numbers = [own for own in (*box, score) if isinstance(own, int | float) and math.isfinite(own)]
    if len(box) != 4 or len(numbers) != 5 or min(numbers[2:4]) <= 0:
        raise FileError(
            path, f"{where}: the box is {list(box)}, its score {score!r}; expected left, top, width, height and score, "
            "numbers, width and height above 0",
        )  # fmt: skip
    return ScoredBox(Box(*map(float, numbers[:4])), float(score))
