"""What was found in one camera, frame by frame, as keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from lift3d.detection.joints import Joints
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton

__all__ = ["Recording"]


@dataclass
class Recording:
    """The people of one camera over time, gathered.

    Args:
        name: of the camera.
        width, height: of its pictures, pixels.
        times: of the frames, seconds.
        people: of each frame, in the order of their places; None for who is not seen.
    """

    name: str
    width: int
    height: int
    times: list[float] = field(default_factory=list)
    people: list[Sequence[Joints | None]] = field(default_factory=list)

    def add(self, time: float, people: Sequence[Joints | None]) -> None:
        """One more frame."""
        self.times.append(time)
        self.people.append(people)

    def keypoints(self, skeleton: Skeleton, lowest_score: float, people: int | None, fewest_frames: int) -> Keypoints2D:
        """Everything as one noun.

        Args:
            skeleton: of the joints.
            lowest_score: joints with a lower score are missing.
            people: how many places there are; None for all that were given, at least one.
            fewest_frames: who is seen in fewer frames, and in less than all, is left out.
        """
        places = people or max(1, *(len(found) for found in self.people))
        nobody = Joints.nobody(len(skeleton))
        rows = [[_at(found, place) or nobody for place in range(places)] for found in self.people]
        pixels, scores = (
            torch.stack([torch.stack([getattr(own, name).double() for own in row]) for row in rows])
            for name in ("pixels", "scores")
        )
        scores = scores.masked_fill(scores < lowest_score, 0.0)
        often = (scores > 0).any(-1).sum(0) >= min(fewest_frames, len(rows))
        kept = often.nonzero()[:, 0] if often.any() else torch.arange(1)
        return Keypoints2D.of(
            pixels[:, kept][None],
            scores[:, kept][None],
            skeleton=skeleton,
            times=torch.tensor(self.times, dtype=torch.float64),
            camera_names=[self.name],
            image_sizes=torch.tensor([[self.width, self.height]]),
        )


def _at(found: Sequence[Joints | None], place: int) -> Joints | None:
    return found[place] if place < len(found) else None
