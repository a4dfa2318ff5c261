"""Following one person through a video with a detector that looks at one person at a time.

The first frame is looked at whole, then closer. In the next the network looks where the joints were; when too few
are sure any more, the whole picture is searched again. No frame is used before its time, so a live camera would do.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Bool, UInt8
from torch import Tensor

from lift3d.detection.asking import Asking, Look
from lift3d.detection.box import Box
from lift3d.detection.joints import Joints

__all__ = ["FollowSettings", "Follower"]


@dataclass(frozen=True)
class FollowSettings:
    """How a person is kept in view.

    Args:
        margin: size of the part that is looked at, in sizes of the person's box.
        steadiness: share of it that stays from frame to frame, 0 to 1: a part that jumps makes joints jump.
        sure_score: from which score on a joint is sure.
        fewest_joints: with fewer sure joints the person counts as lost.
    """

    margin: float = 1.25
    steadiness: float = 0.5
    sure_score: float = 0.3
    fewest_joints: int = 6

    def sure(self, seen: Joints) -> Bool[Tensor, "joints"]:
        """Which joints are sure."""
        return seen.scores >= self.sure_score

    def is_person(self, seen: Joints) -> bool:
        """Whether enough joints are sure."""
        return int(self.sure(seen).sum()) >= self.fewest_joints

    def next_view(self, seen: Joints, joint_scale: float, view: Box | None) -> Box:
        """Where to look in the next frame.

        Args:
            seen: the person's joints; at least one sure.
            joint_scale: of the reading.
            view: where was looked before; None if elsewhere.
        """
        wanted = Box.around(seen.pixels[self.sure(seen)]).grown(joint_scale * self.margin)
        return wanted if view is None else view.towards(wanted, 1 - self.steadiness)


@dataclass
class Follower:
    """Finds the same person in one picture after another.

    Args:
        settings: see there.
        joint_scale: of the reading that is asked.
        view: where to look next; None while nobody is in view.
    """

    settings: FollowSettings = field(default_factory=FollowSettings)
    joint_scale: float = 1.0
    view: Box | None = None

    def next(self, rgb: UInt8[Tensor, "height width 3"]) -> Asking[Joints | None]:
        """The person's joints in the next picture; None if nobody is seen."""
        found = (yield from self._person(rgb, self.view)) if self.view else None
        if found is None:
            found = yield from self._search(rgb)
        self.view = None if found is None else self._next_view(found)
        return found

    def _search(self, rgb: Tensor) -> Asking[Joints | None]:
        """The person in the whole picture, and then once more from close by."""
        self.view = None
        seen = yield from self._person(rgb, Box.whole(rgb))
        return None if seen is None else (yield from self._person(rgb, self._next_view(seen)))

    def _person(self, rgb: Tensor, view: Box) -> Asking[Joints | None]:
        (seen,) = yield [Look(rgb, view)]
        return seen if self.settings.is_person(seen) else None

    def _next_view(self, seen: Joints) -> Box:
        return self.settings.next_view(seen, self.joint_scale, self.view)
