"""Clips and rates of frame times."""

import pytest
import torch

from lift3d._times import clips_of, frame_rate


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([], []),
        ([3.0], [(0, 1)]),
        ([3.0, 9.0], [(0, 2)]),
        ([0.0, 0.1, 0.2, 0.34, 0.44], [(0, 5)]),  # a step of 1.4 is jitter
        ([0.0, 0.1, 0.2, 0.36, 0.46], [(0, 3), (3, 5)]),
        ([0.0, 0.1, 0.2, 0.0, 0.1, 0.2], [(0, 3), (3, 6)]),  # backwards
        ([0.0, 0.1, 0.2, 5.0, 9.0, 9.1, 9.2], [(0, 3), (3, 4), (4, 7)]),
    ],
)
def test_clips_are_frames_that_follow_each_other(times: list[float], expected: list[tuple[int, int]]) -> None:
    found = clips_of(torch.tensor(times, dtype=torch.float64))
    assert [(clip.start, clip.stop) for clip in found] == expected


def test_the_rate_is_that_of_most_frames() -> None:
    assert frame_rate(torch.tensor([0.0, 0.02, 0.04, 7.0, 7.02])) == pytest.approx(50, rel=1e-4)
    assert frame_rate(torch.tensor([1.0])) == 30
