"""The statistics of the encoding ``standardised``: mean and deviation of each number over all that is learned from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor

from lift3d.lifting.encodings.standardised import StandardisedSettings, encode
from lift3d.lifting.observed import Observed
from lift3d.skeletons import Skeleton

__all__ = ["with_statistics"]


def with_statistics(
    settings: StandardisedSettings,
    samples: Iterable[tuple[Observed, Tensor]],
    input_skeleton: Skeleton,
    skeleton: Skeleton,
) -> StandardisedSettings:
    """The settings with the statistics of samples: for each number, over all frames of all cameras.

    Args:
        settings: in what units; whatever statistics they hold are replaced.
        samples: people as cameras saw them, and their joints relative to the root, metres. Missing joints are NaN and
            do not count.
        input_skeleton: of the joints seen.
        skeleton: of the joints relative to the root.

    Raises:
        InputError: a number never changes, or is never known.
    """
    given, others = 2 * len(input_skeleton), skeleton.others
    plain = replace(settings, mean_2d=(0.0,) * given, std_2d=(1.0,) * given, mean_3d=(), std_3d=())
    seen, true = _Moments(given), _Moments(3 * len(others))
    for observed, truth in samples:
        features = encode(observed, plain).features.flatten(0, -2)
        missing = ~observed.seen.repeat_interleave(2, dim=-1).flatten(0, -2)
        seen.add(features.masked_fill(missing, torch.nan))
        true.add((truth[..., others, :] / settings.metres).flatten(-2).flatten(0, -2))
    mean_2d, std_2d = seen.mean_and_deviation()
    mean_3d, std_3d = true.mean_and_deviation()
    return replace(settings, mean_2d=mean_2d, std_2d=std_2d, mean_3d=mean_3d, std_3d=std_3d)


class _Moments:
    """Sums of numbers and of their squares, about a first guess of the mean, in double precision."""

    def __init__(self, numbers: int) -> None:
        self.guess: Tensor | None = None
        self.count, self.sum, self.square = (torch.zeros(numbers, dtype=torch.float64) for _ in range(3))

    def add(self, rows: Tensor) -> None:
        """Rows of numbers; those that are not finite do not count."""
        rows, known = rows.double(), torch.isfinite(rows)
        if self.guess is None:
            self.guess = rows.nanmean(0).nan_to_num(0.0)
        away = torch.where(known, rows - self.guess, 0.0)
        self.count += known.sum(0)
        self.sum += away.sum(0)
        self.square += away.square().sum(0)

    def mean_and_deviation(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        assert self.guess is not None
        mean = self.sum / self.count
        variance = (self.square / self.count - mean.square()).clamp_min(0)
        return tuple((self.guess + mean).tolist()), tuple(variance.sqrt().tolist())
