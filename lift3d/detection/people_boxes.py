"""Where people are in the frames of videos, as another program found them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lift3d.detection.box import Box
from lift3d.errors import UnknownNameError

__all__ = ["PeopleBoxes", "ScoredBox"]


class ScoredBox(NamedTuple):
    """A box and how sure it is, 0 to 1."""

    box: Box
    score: float


@dataclass(frozen=True)
class PeopleBoxes:
    """Boxes by camera and frame.

    Args:
        cameras: by camera name, by number of the frame from 0: the people's boxes. The name is None where the file
            does not say it; then it is of one camera alone.

    In a frame without boxes people are looked for where they were.
    """

    cameras: Mapping[str | None, Mapping[int, tuple[ScoredBox, ...]]]

    def of(self, camera: str, lowest_score: float) -> dict[int, list[Box]]:
        """Boxes of a camera by frame, without those of a lower score.

        Raises:
            UnknownNameError: the file has boxes of other cameras only.
        """
        own = self.cameras.get(camera, self.cameras.get(None))
        if own is None:
            raise UnknownNameError("camera with boxes", camera, [name for name in self.cameras if name is not None])
        return {frame: [box for box, score in boxes if score >= lowest_score] for frame, boxes in own.items()}
