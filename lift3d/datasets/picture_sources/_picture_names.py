"""Names of very many pictures, kept small: text is made when a name is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

__all__ = ["FrameNames"]


class FrameNames(Sequence[str]):
    """Names that differ by a folder and a number, such as ``S9/Walking-1/54138969/img_000001.jpg``.

    Args:
        patterns: one a folder, such as ``"S9/Walking-1/54138969/img_%06d.jpg"``.
        folder: (pictures) which pattern a picture follows.
        number: (pictures) what is put into it.
    """

    def __init__(self, patterns: Sequence[str], folder: np.ndarray, number: np.ndarray) -> None:
        self.patterns, self.folder, self.number = list(patterns), folder, number

    def __len__(self) -> int:
        return len(self.folder)

    def __getitem__(self, picture: Any) -> Any:  # a number, or a slice, as of every sequence
        if isinstance(picture, slice):
            return FrameNames(self.patterns, self.folder[picture], self.number[picture])
        return self.patterns[int(self.folder[picture])] % int(self.number[picture])

    def __iter__(self) -> Iterator[str]:
        return (self[picture] for picture in range(len(self)))
