"""Asking a detector for several followers at once.

A follower is written as if it were alone: it yields what it wants to know, goes on with the answers, and returns what
it has found. Here many of them, one for each camera, are led side by side, so that the network sees one batch.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from jaxtyping import Float, UInt8
from torch import Tensor

from lift3d.detection.box import Box
from lift3d.detection.readings import Reading

__all__ = ["Ask", "Asking", "Look", "Search", "answered"]

_BATCH = 8  # pictures that a network is given at once; more need memory and save no time


@dataclass(frozen=True, eq=False)
class Look:
    """Who is in a part of a picture? The answer: Joints.

    Args:
        rgb: the picture.
        box: the part.
        near: where the person's joints are expected, NaN where not known: there may be others beside. None if the
            person is simply the one in the middle.
    """

    rgb: UInt8[Tensor, "height width 3"]
    box: Box
    near: Float[Tensor, "joints 2"] | None = None


@dataclass(frozen=True, eq=False)
class Search:
    """Who is in a picture? The answer: a list of Joints."""

    rgb: UInt8[Tensor, "height width 3"]


Found = TypeVar("Found")
Ask: TypeAlias = Look | Search
Asking: TypeAlias = Generator[Sequence[Ask], list[Any], Found]


def answered(askings: Sequence[Asking[Found]], reading: Reading) -> list[Found]:
    """What each asking returns, in their order; in each round all that is asked goes to the network together."""
    found: dict[int, Found] = {}
    answers: dict[int, list[Any] | None] = dict.fromkeys(range(len(askings)))
    while answers:
        asked: dict[int, Sequence[Ask]] = {}
        for place, given in answers.items():
            try:
                asked[place] = next(askings[place]) if given is None else askings[place].send(given)
            except StopIteration as end:
                found[place] = end.value
        all_answers = iter(_answers([ask for own in asked.values() for ask in own], reading))
        answers = {place: [next(all_answers) for _ in own] for place, own in asked.items()}
    return [found[place] for place in range(len(askings))]


def _answers(asked: Sequence[Ask], reading: Reading) -> list[Any]:
    """Answers in the order of what is asked."""
    looks = [ask for ask in asked if isinstance(ask, Look)]
    searches = [ask.rgb for ask in asked if isinstance(ask, Search)]
    joints, people = [], []
    for start in range(0, len(looks), _BATCH):
        assert reading.look is not None
        part = looks[start : start + _BATCH]
        joints += reading.look([ask.rgb for ask in part], [ask.box for ask in part], [ask.near for ask in part])
    for start in range(0, len(searches), _BATCH):
        assert reading.search is not None
        people += reading.search(searches[start : start + _BATCH])
    next_look, next_search = iter(joints), iter(people)
    return [next(next_look if isinstance(ask, Look) else next_search) for ask in asked]
