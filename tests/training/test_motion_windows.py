"""Windows are stretches of clips: in order, within one clip, at the speed and of the people that are asked for."""

import pytest
import torch
from torch import Generator

from lift3d import get_skeleton
from lift3d.datasets import MotionClips
from lift3d.training.motion_windows import MotionWindows

LENGTHS = (5, 40, 95)
SUBJECTS = ("a", "a", "b")


def _clips() -> MotionClips:
    """Every joint of a frame holds the number of the clip, of the frame in it, and of the joint."""
    clip = torch.repeat_interleave(torch.arange(3), torch.tensor(LENGTHS))
    frame = torch.cat([torch.arange(length) for length in LENGTHS])
    joints = torch.arange(17.0).expand(len(clip), 17)
    positions = torch.stack([clip[:, None].expand(-1, 17), frame[:, None].expand(-1, 17), joints], dim=-1).float()
    return MotionClips(positions, clip, ("x", "y", "z"), SUBJECTS, get_skeleton("human36m17"), lengths=LENGTHS)


def _drawn(frames: int, count: int = 4000, **settings: float) -> torch.Tensor:
    windows = MotionWindows(_clips(), frames, **{"balance": 0.0, **settings})  # type: ignore[arg-type]
    return windows.draw(count, Generator().manual_seed(0))


def test_a_window_is_of_one_clip_with_the_joints_in_order() -> None:
    drawn = _drawn(9, speed=0.3)
    assert drawn.shape == (4000, 9, 17, 3)
    assert (drawn[..., 0] == drawn[:, :1, :1, 0]).all()
    torch.testing.assert_close(drawn[..., 2], torch.arange(17.0).expand(4000, 9, 17))
    torch.testing.assert_close(drawn[..., 1], drawn[:, :, :1, 1].expand(-1, -1, 17))


def test_frames_follow_each_other_and_run_back_where_a_clip_ends() -> None:
    drawn = _drawn(9)[:, :, 0]
    steps = torch.diff(drawn[..., 1], dim=1)
    assert (steps.abs() == 1).all()
    assert ((steps == 1).all(1) | (drawn[:, 1:-1, 1] == 0).any(1) | (drawn[..., 0] < 3).any(1)).all()
    inside = (drawn[:, 4, 1] >= 4) & (drawn[:, 4, 1] < torch.tensor(LENGTHS)[drawn[:, 0, 0].long()] - 4)
    assert (steps[inside] == 1).all()
    assert inside.float().mean() > 0.8
    short = drawn[(drawn[:, 0, 0] == 0) & (drawn[:, 4, 1] == 4)]  # the window is longer than the clip
    assert (short[..., 1] == torch.tensor([0.0, 1, 2, 3, 4, 3, 2, 1, 0])).all()


def test_shorter_windows_are_of_any_length_and_hold_as_many_frames() -> None:
    windows = MotionWindows(_clips(), 24, 0.0)
    lengths = [windows.draw(10, Generator().manual_seed(seed), shorter=0.5).shape[:2] for seed in range(600)]
    assert all(count == 240 // frames for count, frames in lengths)
    frames = torch.tensor([frames for _, frames in lengths])
    assert (frames == 24).float().mean().item() == pytest.approx(0.5, abs=0.06)
    shorter = frames[frames < 24]
    assert set(shorter.tolist()) > {1, 2, 3, 6, 12}
    assert (shorter < 5).float().mean().item() == pytest.approx(0.5, abs=0.08)  # 5 is the root of 25
    drawn = windows.draw(100, Generator().manual_seed(3), shorter=1.0)
    assert (torch.diff(drawn[:, :, 0, 1], dim=1).abs() == 1).all()


def test_every_frame_is_drawn_alike_or_every_subject() -> None:
    for balance, share in ((0.0, 95 / 140), (1.0, 0.5)):
        of_b = (_drawn(1, 20000, balance=balance)[:, 0, 0, 0] == 2).float().mean().item()
        assert of_b == pytest.approx(share, abs=0.015)
    frames = _drawn(1, 20000)[:, 0, 0]
    counts = torch.bincount((frames[frames[:, 0] == 2][:, 1]).long(), minlength=95)
    assert counts.min() > 0.6 * counts.float().mean()


def test_people_left_out_are_never_drawn() -> None:
    windows = MotionWindows(_clips(), 3, 0.5, without={"b"})
    assert (windows.draw(2000, Generator())[..., 0] < 2).all()


def test_clips_left_out_are_never_drawn() -> None:
    windows = MotionWindows(_clips(), 3, 0.5, without={"y"})
    assert set(windows.draw(2000, Generator())[..., 0].unique().tolist()) == {0.0, 2.0}


def test_speeds_change_within_bounds_and_motion_runs_backwards() -> None:
    drawn = _drawn(5, speed=0.2)[:, :, 0]
    inside = (drawn[:, 2, 0] == 2) & (drawn[:, 2, 1] > 10) & (drawn[:, 2, 1] < 84)
    steps = torch.diff(drawn[inside][..., 1], dim=1)
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps), atol=1e-4, rtol=0)
    size = steps[:, 0].abs()
    assert size.log().std().item() == pytest.approx(0.2, rel=0.1)
    assert size.min() >= 0.5 - 1e-4
    assert size.max() <= 2 + 1e-4
    assert (steps[:, 0] < 0).float().mean().item() == pytest.approx(0.5, abs=0.03)


def test_the_same_generator_draws_the_same() -> None:
    windows = MotionWindows(_clips(), 4, 0.5, speed=0.2)
    first, second = (windows.draw(10, Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
