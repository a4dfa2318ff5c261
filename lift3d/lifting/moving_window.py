"""The last frames of a stream, and what a network says about one of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import torch

from lift3d.lifting.encodings import Answer
from lift3d.lifting.lifter import Lifter
from lift3d.lifting.observed import Observed

__all__ = ["MovingWindow", "moving_window"]


@runtime_checkable
class MovingWindow(Protocol):
    """Frames (1, 1, joints) come in; the oldest are forgotten."""

    def add(self, frame: Observed) -> None:
        """The newest frame."""
        ...

    def answer(self, ago: int) -> Answer:
        """What the network says (1, 1, joints) about the frame so many frames before the newest."""
        ...


def moving_window(lifter: Lifter, window: int, delay: int, stride: int, flip: bool) -> MovingWindow:
    """The window that suits a network.

    Args:
        lifter: of any network.
        window: frames that a network of windows is given.
        delay: how many frames ago the earliest frame is that will be asked about.
        stride: see :meth:`Lifter.stride`.
        flip: average with the answer for the mirrored person.
    """
    if lifter.longest is None:
        return _Around(lifter, delay, flip)
    if lifter.carries_on:
        return _CarriedOn(lifter, delay, stride, flip)
    return _Whole(lifter, (window - 1) * stride + 1, stride, flip)


class _Around:
    """Of a network that makes an answer from frames before and after; at the start, the first frame stands for them."""

    def __init__(self, lifter: Lifter, delay: int, flip: bool) -> None:
        self._lifter, self._delay, self._flip = lifter, delay, flip
        self._frames: Observed | None = None

    def add(self, frame: Observed) -> None:
        kept = self._lifter.context[0] + 1 + self._delay
        known = [frame] * (kept - 1) if self._frames is None else [self._frames[:, 1:]]
        self._frames = _together([*known, frame])

    def answer(self, ago: int) -> Answer:  # noqa: ARG002  the frame of the network's own delay
        assert self._frames is not None
        ahead = self._lifter.context[1] - self._delay  # the newest frame stands in for those that have not come
        frames = _together([self._frames, *[self._frames[:, -1:]] * ahead])
        return self._lifter.answer(self._lifter.filled(frames).to(self._lifter.device), self._flip)


class _Whole:
    """Of a network that answers every frame of a window: all of it is asked anew each time."""

    def __init__(self, lifter: Lifter, kept: int, stride: int, flip: bool) -> None:
        self._lifter, self._stride, self._flip = lifter, stride, flip
        self._frames: deque[Observed] = deque(maxlen=kept)

    def add(self, frame: Observed) -> None:
        self._frames.append(frame)

    def answer(self, ago: int) -> Answer:
        about = len(self._frames) - 1 - ago
        frames = _together(list(self._frames)[about % self._stride :: self._stride])
        answer = self._lifter.answer(self._lifter.filled(frames).to(self._lifter.device), self._flip)
        own = about // self._stride
        return Answer(*(values[:, own : own + 1] for values in answer.values))


class _CarriedOn:
    """Of a network that goes on with what it has computed (``stream``): its answers are those of all frames so far."""

    def __init__(self, lifter: Lifter, delay: int, stride: int, flip: bool) -> None:
        network: Any = lifter.network
        self._lifter, self._stride, self._flip = lifter, stride, flip
        self._streams = [network.stream(delay // stride) for _ in range(stride)]
        self._encoded: deque[list[Any]] = deque(maxlen=delay + 1)  # of each frame, and of its mirror image
        self._count = 0

    def add(self, frame: Observed) -> None:
        views = [frame]
        if self._flip:
            views.append(frame.mirrored(self._lifter.input_skeleton.flip_order))
        encoded = [self._lifter.encoded(view.to(self._lifter.device)) for view in views]
        self._streams[self._count % self._stride].add(torch.cat([own.features for own in encoded]))
        self._encoded.append(encoded)
        self._count += 1

    def answer(self, ago: int) -> Answer:
        lifter = self._lifter
        outputs = self._streams[(self._count - 1 - ago) % self._stride].answer(ago // self._stride)
        answers = [
            lifter.encoding.decode(outputs[view : view + 1], encoded, lifter.skeleton, lifter.settings)
            for view, encoded in enumerate(self._encoded[-1 - ago])
        ]
        return answers[0].mean_with(answers[1].mirrored(lifter.skeleton.flip_order)) if self._flip else answers[0]


def _together(parts: Sequence[Observed]) -> Observed:
    """Frames (1, frames, joints) one after the other."""
    names = ("pixels", "rays", "scores")
    return replace(parts[0], **{name: torch.cat([getattr(part, name) for part in parts], dim=1) for name in names})
