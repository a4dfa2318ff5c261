"""Following one person through a video with a network that looks at square crops.

The first frame is looked at whole, then closer. In the next the network looks where the joints were; when too few
are sure any more, the whole picture is searched again. No frame is used before its time, so a live camera would do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from lift3d.detection.crop import Crop, crop_around, whole_picture

__all__ = ["FollowSettings", "Follower", "Joints", "Look"]


@dataclass(frozen=True)
class FollowSettings:
    """How a person is kept in view.

    Args:
        margin: side of the crop, in sides of the smallest square around the sure joints.
        steadiness: share of the crop that stays from frame to frame, 0 to 1: a crop that jumps makes joints jump.
        sure_score: from which score on a joint is sure.
        fewest_joints: with fewer sure joints the person counts as lost.
    """

    margin: float = 1.25
    steadiness: float = 0.5
    sure_score: float = 0.3
    fewest_joints: int = 6


@dataclass(frozen=True, eq=False)
class Joints:
    """The joints of one person in one picture.

    Args:
        pixels: in the picture.
        scores: 0 to 1.
    """

    pixels: Float[Tensor, "joints 2"]
    scores: Float[Tensor, "joints"]


Look = Callable[[UInt8[Tensor, "height width 3"], Crop], Joints]


@dataclass
class Follower:
    """Finds the same person in one picture after another.

    Args:
        look: gives the joints that the network sees in a crop of a picture.
        settings: see there.
        crop: where to look next; None while nobody is in view.
    """

    look: Look
    settings: FollowSettings = FollowSettings()
    crop: Crop | None = None

    def next(self, rgb: UInt8[Tensor, "height width 3"]) -> Joints | None:
        """The person's joints in the next picture; None if nobody is seen."""
        found = self._person(rgb, self.crop) if self.crop else None
        if found is None:
            found = self._search(rgb)
        self.crop = None if found is None else self._next_crop(found)
        return found

    def _search(self, rgb: Tensor) -> Joints | None:
        """The person in the whole picture, and then once more from close by."""
        self.crop = None
        seen = self._person(rgb, whole_picture(rgb.shape[1], rgb.shape[0]))
        return None if seen is None else self._person(rgb, self._next_crop(seen))

    def _person(self, rgb: Tensor, crop: Crop) -> Joints | None:
        seen = self.look(rgb, crop)
        return seen if self._sure(seen).sum() >= self.settings.fewest_joints else None

    def _next_crop(self, seen: Joints) -> Crop:
        wanted = crop_around(seen.pixels[self._sure(seen)], self.settings.margin)
        return wanted if self.crop is None else _between(self.crop, wanted, self.settings.steadiness)

    def _sure(self, seen: Joints) -> Tensor:
        return seen.scores >= self.settings.sure_score


def _between(old: Crop, new: Crop, share: float) -> Crop:
    """A crop that lies ``share`` of the way back from the new one to the old one."""
    middles = torch.tensor([[crop.left + crop.side / 2, crop.top + crop.side / 2, crop.side] for crop in (old, new)])
    x, y, side = (share * middles[0] + (1 - share) * middles[1]).tolist()
    side = round(side)
    return replace(new, left=round(x - side / 2), top=round(y - side / 2), side=side)
