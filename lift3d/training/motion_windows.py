"""Windows of some frames drawn from clips of motion, played at changed speeds, forwards and backwards."""

from __future__ import annotations

from collections.abc import Container

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from lift3d.datasets.motion_clips import MotionClips

__all__ = ["MotionWindows"]

_SLOWEST, _FASTEST = 0.5, 2.0


class MotionWindows:
    """Draws windows around random frames.

    Args:
        clips: the motion.
        frames: of a window, at most. Where a clip ends, the motion runs back.
        balance: 0 draws every frame alike, 1 every subject alike; between them, by the power of the frames.
        without: subjects and names of clips that are never drawn.
        speed: standard deviation of the logarithm of the factor on the speed; motion then also runs backwards, with
            probability one half. With 0 windows are as they were recorded.
    """

    def __init__(
        self, clips: MotionClips, frames: int, balance: float, without: Container[str] = (), speed: float = 0.0
    ) -> None:
        self.positions, self.frames, self.speed = clips.positions, frames, speed
        self.first = torch.tensor(clips.starts)[clips.clip]
        self.last = self.first + torch.tensor(clips.lengths)[clips.clip] - 1
        both = zip(clips.subjects, clips.names, strict=True)
        allowed = torch.tensor([subject not in without and name not in without for subject, name in both])[clips.clip]
        self.weights = _frame_weights(clips, balance) * allowed

    def draw(self, count: int, generator: Generator, shorter: float = 0.0) -> Float[Tensor, "batch frames joints 3"]:
        """So many windows, metres, world z up.

        Args:
            count: windows.
            generator: random numbers.
            shorter: probability that all are shorter, of a number of frames whose logarithm is drawn evenly, and so
                many more that they have as many frames in all.
        """
        frames = self._length(generator) if shorter and torch.rand((), generator=generator) < shorter else self.frames
        count = count * self.frames // frames
        middle = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        step = self._speeds(count, generator)
        moment = middle[:, None] + step[:, None] * (torch.arange(frames) - frames // 2)
        first, last = self.first[middle][:, None], self.last[middle][:, None]
        return _at(self.positions, _reflected(moment, first, last), last)

    def _length(self, generator: Generator) -> int:
        share = torch.rand((), generator=generator).item()
        return min(self.frames, int((self.frames + 1) ** share))

    def _speeds(self, count: int, generator: Generator) -> Tensor:
        factor = torch.exp(self.speed * torch.randn(count, generator=generator)).clamp(_SLOWEST, _FASTEST)
        backwards = (torch.rand(count, generator=generator) < 0.5) & (self.speed > 0)
        return torch.where(backwards, -factor, factor)


def _reflected(moment: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Moments beyond the ends turned back into the clip."""
    length = (last - first).clamp_min(1)
    phase = (moment - first) % (2 * length)
    return first + torch.minimum(phase, 2 * length - phase).clamp_max(last - first)


def _at(positions: Tensor, moment: Tensor, last: Tensor) -> Tensor:
    """Positions at moments between two frames, on the line between them."""
    before = moment.floor().long()
    share = (moment - before)[..., None, None].to(positions.dtype)
    after = torch.minimum(before + 1, last)
    return torch.lerp(positions[before], positions[after], share)


def _frame_weights(clips: MotionClips, balance: float) -> Float[Tensor, "frames"]:
    people = sorted(set(clips.subjects))
    person = torch.tensor([people.index(subject) for subject in clips.subjects])[clips.clip]
    return torch.bincount(person).double()[person] ** -balance
