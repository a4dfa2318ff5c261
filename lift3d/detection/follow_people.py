"""Following several people through a video.

In every frame people are looked at in boxes that are given, or where they were, or the whole picture is searched:
every frame with a detector of whole pictures, now and then with one that looks at one person at a time. Who is found
twice is suppressed; who is like somebody known is the same person. No frame is used before its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from lift3d.detection.asking import Asking, Look, Search
from lift3d.detection.box import Box
from lift3d.detection.follow import FollowSettings
from lift3d.detection.identity import same_people
from lift3d.detection.joints import Joints
from lift3d.detection.oks import areas_of, joint_similarities, oks_suppressed
from lift3d.detection.readings import Reading

__all__ = ["PeopleFollower", "PeopleSettings"]

_SEGMENT = 0.5  # a person covers about so much of the box around the joints: the area that OKS is made for


@dataclass(frozen=True)
class PeopleSettings:
    """How several people are kept apart.

    Args:
        search_every: frames after which the whole picture is searched for newcomers again, where people are followed.
        same_oks: similarity (OKS) above which two that are found in a frame are one person.
        patience: frames for which somebody may be out of sight and still be the same person.
        fewest_frames: who is seen in fewer frames of a recording is dropped, if no number of people was asked for.
        lowest_box_score: boxes of a file with a lower score are not looked at.
    """

    search_every: int = 10
    same_oks: float = 0.7
    patience: int = 15
    fewest_frames: int = 5
    lowest_box_score: float = 0.3


@dataclass(eq=False)
class Track:
    """Somebody who was seen.

    Args:
        pixels: sure joints as last seen; NaN elsewhere.
        view: where to look next.
        unseen: frames since.
    """

    pixels: Float[Tensor, "joints 2"]
    view: Box
    unseen: int = 0


@dataclass
class PeopleFollower:
    """Finds the same people in one picture after another.

    Args:
        reading: that is asked.
        sigmas: of the joints, see ``lift3d.skeletons.joint_sigmas``.
        most: people to follow; None for everybody.
        follow, settings: see there.
        tracks: everybody so far; the place says who. With ``most``, the place of somebody lost goes to a newcomer.
    """

    reading: Reading
    sigmas: Float[Tensor, "joints"]
    most: int | None = None
    follow: FollowSettings = field(default_factory=FollowSettings)
    settings: PeopleSettings = field(default_factory=PeopleSettings)
    tracks: list[Track] = field(default_factory=list)
    frames: int = 0

    def next(
        self, rgb: UInt8[Tensor, "height width 3"], boxes: Sequence[Box] | None = None
    ) -> Asking[list[Joints | None]]:
        """Everybody's joints in the next picture, in the order of the tracks; None for who is not seen.

        Args:
            rgb: the picture.
            boxes: where people are; None to look where they were.
        """
        if boxes is not None:
            found = yield [Look(rgb, box.grown(self.reading.box_scale)) for box in boxes]
        elif self.reading.look is None:
            (found,) = yield [Search(rgb)]
        else:
            found = yield from self._where_they_were(rgb)
        self.frames += 1
        return self._named(self._distinct([seen for seen in found if self.follow.is_person(seen)]))

    def _where_they_were(self, rgb: Tensor) -> Asking[list[Joints]]:
        """Those known, and from time to time newcomers, each with a closer look of their own."""
        known = [track for track in self.tracks if track.unseen <= self.settings.patience]
        searching = self.reading.search is not None and (not known or self.frames % self.settings.search_every == 0)
        looks = [Look(rgb, track.view, track.pixels) for track in known]
        answers = yield [*looks, *([Search(rgb)] if searching else [])]
        if not searching:
            return answers
        still = [seen for seen in answers[:-1] if self.follow.is_person(seen)]
        others = self._distinct([*still, *(seen for seen in answers[-1] if self.follow.is_person(seen))], len(still))
        newcomers = others[len(still) :]
        closer = yield [
            Look(rgb, self.follow.next_view(seen, self.reading.joint_scale, None), self._sure(seen))
            for seen in newcomers
        ]
        return [*still, *closer]

    def _distinct(self, found: list[Joints], first: int = 0) -> list[Joints]:
        """Nobody twice; the first so many are kept in any case. The surest come first otherwise."""
        if len(found) < 2:
            return found
        pixels = torch.stack([self._sure(seen) for seen in found])
        areas = _SEGMENT * areas_of(pixels)
        if first:
            known = self._known_already(pixels[first:], pixels[:first], (areas[first:, None] + areas[:first]) / 2)
            new = [seen for seen, own in zip(found[first:], known, strict=True) if not own > self.settings.same_oks]
            return [*found[:first], *self._distinct(new)]
        scores = torch.stack([seen.scores.mean() for seen in found])
        return [found[i] for i in oks_suppressed(pixels, scores, areas, self.sigmas, self.settings.same_oks)]

    def _known_already(self, new: Tensor, known: Tensor, areas: Tensor) -> Float[Tensor, "new"]:
        """Similarity to whom of those known each is most like, or to the nearest joints of all of them together.

        A detector of one person that sees two close together may mix their joints: who is made of others is nobody.
        """
        alike = joint_similarities(new[:, None], known, areas, self.sigmas)  # (new, known, joints)
        nearest = alike.nan_to_num(-1.0).amax(1)
        of_one, of_all = alike.nanmean(-1).nan_to_num(0.0).amax(1), nearest.where(nearest >= 0, torch.nan).nanmean(-1)
        return torch.maximum(of_one, of_all.nan_to_num(0.0))

    def _named(self, found: list[Joints]) -> list[Joints | None]:
        """Put each who is found to the track that is theirs; newcomers begin one."""
        places = [place for place, track in enumerate(self.tracks) if track.unseen <= self.settings.patience]
        shape = (0, len(self.sigmas), 2)
        known, now = (
            torch.stack(own) if own else torch.zeros(shape, dtype=torch.float64)
            for own in ([self.tracks[i].pixels for i in places],
                        [self._sure(seen) for seen in found])
        )  # fmt: skip
        same = {new: places[old] for new, old in same_people(known, now, self.sigmas).items()}
        for track in self.tracks:
            track.unseen += 1
        named: dict[int, Joints] = {}
        for i, seen in enumerate(found):
            place = same[i] if i in same else self._new_place()
            if place is None:
                continue
            view = self.tracks[place].view if i in same else None
            track = Track(now[i], self.follow.next_view(seen, self.reading.joint_scale, view))
            self.tracks[place : place + 1] = [track]
            named[place] = seen
        return [named.get(place) for place in range(len(self.tracks))]

    def _sure(self, seen: Joints) -> Float[Tensor, "joints 2"]:
        """Joints that are sure; NaN elsewhere."""
        return seen.without_unsure(self.follow.sure_score).pixels

    def _new_place(self) -> int | None:
        """For a newcomer; None if there are enough people."""
        if self.most is None or len(self.tracks) < self.most:
            return len(self.tracks)
        lost = [place for place, track in enumerate(self.tracks) if track.unseen > self.settings.patience]
        return lost[0] if lost else None
