"""Where people are in the frames of videos, as another program found them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lift3d.detection.box import Box
from lift3d.errors import UnknownNameError

__all__ = ["PeopleBoxes", "ScoredBox"]


class ScoredBox(NamedTuple):
    """A box, how sure it is, 0 to 1, and the number of whose it is, from 0, where that is known."""

    box: Box
    score: float
    person: int | None = None


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
        own = self._of(camera)
        return {frame: [box.box for box in boxes if box.score >= lowest_score] for frame, boxes in own.items()}

    def by_person(self, camera: str, lowest_score: float) -> dict[int, dict[int, Box]]:
        """Boxes of a camera by frame and by the number of the person, without those of a lower score.

        Of boxes that do not say whose they are the surest of a frame is person 0's.

        Raises:
            UnknownNameError: the file has boxes of other cameras only.
        """
        found = {}
        for frame, boxes in self._of(camera).items():
            sure = sorted((box for box in boxes if box.score >= lowest_score), key=lambda box: box.score)
            found[frame] = {box.person or 0: box.box for box in sure}  # the surest is the last
        return found

    def _of(self, camera: str) -> Mapping[int, tuple[ScoredBox, ...]]:
        own = self.cameras.get(camera, self.cameras.get(None))
        if own is None:
            raise UnknownNameError("camera with boxes", camera, [name for name in self.cameras if name is not None])
        return own
