"""A lifter run over a clip of any length, a bounded number of frames at a time."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d._progress import progress
from lift3d.lifting.encodings import Answer
from lift3d.lifting.lifter import Lifter
from lift3d.lifting.observed import Observed

__all__ = ["answer_over_clip"]

_FRAMES_AT_ONCE = 4096  # of all people together, given to a network in one call


def answer_over_clip(lifter: Lifter, observed: Observed, frames_per_second: float, flip: bool) -> Answer:
    """What a lifter says about every frame of a clip.

    A network that makes an answer from frames before and after is given the first and the last frame repeatedly at
    the ends. One that takes a bounded number of frames at once (``longest``) runs in windows that overlap by half;
    their answers are blended, each weighing less towards the ends of its window. A clip of a much higher frame rate
    than the network has learned is taken as several of a lower one (:meth:`Lifter.stride`).

    Args:
        lifter: on its device.
        observed: people (people, frames, joints) on ``lifter.input_skeleton``, without a jump in time.
        frames_per_second: of the clip.
        flip: average with the answer for the mirrored people.

    Returns:
        An answer (people, frames, joints), on the device of ``observed``.
    """
    observed, frames = lifter.filled(observed), observed.scores.shape[1]
    stride = min(lifter.stride(frames_per_second), max(1, frames))
    if stride == 1:
        return _over_frames(lifter, observed, flip)
    parts = [_over_frames(lifter, observed[:, first::stride], flip) for first in range(stride)]
    place = torch.cat([torch.arange(frames)[first::stride] for first in range(stride)]).argsort()
    return Answer(*(torch.cat(own, dim=1)[:, place] for own in zip(*(part.values for part in parts), strict=True)))


def _over_frames(lifter: Lifter, observed: Observed, flip: bool) -> Answer:
    """What a lifter says about frames that are as far apart as it has learned."""
    if lifter.longest is None or observed.scores.shape[1] <= lifter.longest:
        return _by_chunks(lifter, observed, flip)
    return _blended(lifter, observed, flip, lifter.longest)


def _by_chunks(lifter: Lifter, observed: Observed, flip: bool) -> Answer:
    """The frames in one go where they are few, else chunk by chunk with the frames around each."""
    people, frames = observed.scores.shape[:2]
    if not people or not frames:
        return Answer(observed.rays.new_zeros(people, frames, len(lifter.skeleton), 3))
    before, after = lifter.context
    size = frames if lifter.longest is not None else max(1, _FRAMES_AT_ONCE // people)
    parts = []
    for start in progress(range(0, frames, size), "lifting", "batch"):
        stop = min(start + size, frames)
        index = torch.arange(start - before, stop + after)[None]
        part = observed[:, index.clamp(0, frames - 1)]  # (people, windows, frames of a window, joints)
        parts.append(_answered(lifter, part, flip))
    return Answer(*(torch.cat(own, dim=1) for own in zip(*(part.values for part in parts), strict=True)))


def _blended(lifter: Lifter, observed: Observed, flip: bool, longest: int) -> Answer:
    """Windows that overlap by half, each weighing linearly less towards its ends."""
    people, frames = observed.scores.shape[:2]
    starts = [*range(0, frames - longest, max(1, longest // 2)), frames - longest]
    weight = torch.minimum(torch.arange(longest) + 1, longest - torch.arange(longest)).to(observed.rays)
    total, sums = torch.zeros(frames).to(observed.rays), list[Tensor]()
    several = max(1, _FRAMES_AT_ONCE // (people * longest))
    for first in progress(range(0, len(starts), several), "lifting", "batch"):
        chosen = starts[first : first + several]
        index = torch.tensor(chosen)[:, None] + torch.arange(longest)
        values = _answered(lifter, observed[:, index], flip).values  # (people, windows * longest, joints)
        sums = sums or [torch.zeros_like(own[:, :1]).repeat_interleave(frames, dim=1) for own in values]
        for number, start in enumerate(chosen):
            total[start : start + longest] += weight
            for into, own in zip(sums, values, strict=True):
                window = own[:, number * longest : (number + 1) * longest]
                into[:, start : start + longest] += window * _beside(weight, own)
    return Answer(*(own / _beside(total, own) for own in sums))


@torch.inference_mode()
def _answered(lifter: Lifter, windows: Observed, flip: bool) -> Answer:
    """Answers to windows (people, windows, frames, joints), one after the other (people, frames, joints)."""
    people, count = windows.scores.shape[:2]
    flat = replace(windows, **{name: getattr(windows, name).flatten(0, 1) for name in ("pixels", "rays", "scores")})
    answer = lifter.answer(flat.to(lifter.device), flip)
    device = windows.rays.device
    return Answer(*(own.to(device).unflatten(0, (people, count)).flatten(1, 2) for own in answer.values))


def _beside(weight: Float[Tensor, "frames"], values: Tensor) -> Tensor:
    """Weights of frames shaped to multiply values (people, frames, ...)."""
    return weight.reshape(-1, *[1] * (values.ndim - 2))
