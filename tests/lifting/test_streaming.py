"""A stream says, frame by frame, what lifting the whole clip says with the same look-ahead."""

from dataclasses import replace

import pytest
import torch
from tiny_networks import HUMAN, SIXTEEN, STATISTICS, Attention, Convolution, OneFrame, carried_on, lifter

from lift3d.errors import InputError, ShapeError
from lift3d.keypoints import Keypoints2D
from lift3d.lifting import LifterStream, lift
from lift3d.poses import Poses3D
from lift3d.synthetic import observe, ring_rig, walk

RIG = ring_rig(cameras=1)
CAMERA = RIG["cam0"]
MOVING = {"name": "turned_rays", "temporal": True, "uncertainty": True}


def _seen(frames: int = 15, missing: float = 0.1) -> Keypoints2D:
    return observe(walk(frames), RIG, noise_px=1.0, missing=missing)


def _streamed(stream: LifterStream, seen: Keypoints2D) -> tuple[list[Poses3D | None], list[Poses3D]]:
    frames = [stream.push(*frame) for frame in zip(seen.pixels[0, :, 0], seen.scores[0, :, 0], strict=True)]
    return frames, stream.finish()


def _agree(poses: Poses3D, expected: Poses3D, atol: float = 2e-4) -> None:
    torch.testing.assert_close(poses.positions, expected.positions, atol=atol, rtol=0, equal_nan=True)
    torch.testing.assert_close(poses.times, expected.times)
    torch.testing.assert_close(poses.scores, expected.scores)
    if expected.covariance is not None:
        torch.testing.assert_close(poses.covariance, expected.covariance, atol=1e-4, rtol=1e-4, equal_nan=True)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(
    ("model", "delay"),
    [
        (lifter(OneFrame), 0),
        (lifter(OneFrame, STATISTICS, HUMAN, SIXTEEN), 0),
        (lifter(Convolution, MOVING, before=4, after=2), 2),
        (lifter(Convolution, {"name": "screen"}, before=4, after=2), 2),
        (lifter(Convolution, before=6, after=0), 0),
    ],
    ids=["one frame", "Martinez", "convolution", "VideoPose3D", "causal"],
)
@pytest.mark.parametrize("frames", [1, 2, 3, 15])
def test_the_stream_agrees_with_the_whole_clip(model, delay: int, flip: bool, frames: int) -> None:
    """Without missing joints where the encoding fills them: a stream does not know how a gap will end."""
    seen = _seen(frames, missing=0.1 if model.encoding["name"] == "turned_rays" else 0.0)
    stream = LifterStream(model, CAMERA, flip=flip, given="human36m17")
    assert stream.delay == delay
    pushed, rest = _streamed(stream, seen)
    assert [poses is None for poses in pushed] == [frame < delay for frame in range(frames)]
    final = [poses for poses in pushed if poses is not None] + rest
    expected = lift(seen, CAMERA, model, flip=flip)
    assert len(final) == frames
    for frame, poses in enumerate(final):
        _agree(poses, expected.between(frame, frame + 1))
    again, _ = _streamed(stream, seen)  # the stream is as new
    assert [poses is None for poses in again] == [frame < delay for frame in range(frames)]


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("delay", [0, 1, 5, 8])
def test_a_network_that_carries_on_says_what_it_says_of_all_frames_so_far(delay: int, flip: bool) -> None:
    model, seen = lifter(carried_on, MOVING), _seen(30)
    pushed, rest = _streamed(LifterStream(model, CAMERA, delay=delay, flip=flip), seen)
    assert len(rest) == delay
    for newest in range(delay, 30):
        so_far = lift(seen.between(0, newest + 1), CAMERA, model, flip=flip)
        _agree(pushed[newest], so_far.between(newest - delay, newest - delay + 1))
    whole = lift(seen, CAMERA, model, flip=flip)
    for frame, poses in enumerate(rest, 30 - delay):
        _agree(poses, whole.between(frame, frame + 1))


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("delay", [0, 3, 11])
def test_a_window_is_the_last_frames_that_the_network_takes(delay: int, flip: bool) -> None:
    model, seen = lifter(Attention, MOVING, longest=20), _seen(30)
    pushed, rest = _streamed(LifterStream(model, CAMERA, delay=delay, window=12, flip=flip), seen)
    assert len(rest) == delay
    for newest, poses in enumerate(pushed):
        if newest < delay:
            assert poses is None
            continue
        first = max(0, newest - 11)
        window = lift(seen.between(first, newest + 1), CAMERA, model, flip=flip)
        _agree(poses, window.between(newest - delay - first, newest - delay - first + 1))
    last = lift(seen.between(18, 30), CAMERA, model, flip=flip)
    for frame, poses in enumerate(rest):
        _agree(poses, last.between(12 - delay + frame, 12 - delay + frame + 1))


def test_a_faster_stream_gives_the_network_every_other_frame() -> None:
    model, seen = lifter(Attention, MOVING, longest=6), replace(_seen(24), times=torch.arange(24) / 60.0)
    pushed, rest = _streamed(LifterStream(model, CAMERA, fps=60.0, delay=3), seen)
    for newest in (14, 15):
        about = newest - 3
        slower = _every_other(seen.between(newest - 10, newest + 1), (about - (newest - 10)) % 2)
        window = lift(slower, CAMERA, model, flip=False)
        own = (about - (newest - 10)) // 2
        expected = replace(window.between(own, own + 1), times=torch.tensor([about / 60.0], dtype=torch.float64))
        _agree(pushed[newest], expected, atol=1e-4)
    assert len(rest) == 3


@pytest.mark.parametrize("delay", [0, 3, 4])
def test_a_faster_stream_that_carries_on_is_two_slower_ones(delay: int) -> None:
    model, seen = lifter(carried_on, MOVING), replace(_seen(25), times=torch.arange(25) / 60.0)
    pushed, _ = _streamed(LifterStream(model, CAMERA, fps=60.0, delay=delay), seen)
    for newest in (4, 5, 19, 24):
        about = newest - delay
        so_far = lift(_every_other(seen.between(0, newest + 1), about % 2), CAMERA, model, flip=False)
        expected = so_far.between(about // 2, about // 2 + 1)
        _agree(pushed[newest], replace(expected, times=torch.tensor([about / 60.0], dtype=torch.float64)))


def test_a_fast_clip_is_lifted_as_slower_ones() -> None:
    model, seen = lifter(Attention, MOVING, longest=20), replace(_seen(17), times=torch.arange(17) / 60.0)
    lifted = lift(seen, CAMERA, model)
    for first in (0, 1):
        expected = lift(_every_other(seen, first), CAMERA, model)
        torch.testing.assert_close(lifted.positions[first::2], expected.positions, atol=1e-5, rtol=0)


def _every_other(seen: Keypoints2D, first: int) -> Keypoints2D:
    part = slice(first, None, 2)
    times = torch.arange(len(seen.times[part])) / 30.0
    return replace(seen, pixels=seen.pixels[:, part], scores=seen.scores[:, part], times=times)


def test_with_a_shorter_delay_the_newest_frame_stands_in_for_the_next() -> None:
    model, seen = lifter(Convolution, MOVING, before=4, after=2), _seen(10)
    pushed, rest = _streamed(LifterStream(model, CAMERA, delay=1), seen)
    assert len(rest) == 1
    for newest in range(1, 10):
        expected = lift(seen.between(0, newest + 1), CAMERA, model, flip=False)
        _agree(pushed[newest], expected.between(newest - 1, newest))


def test_joints_in_and_out_are_those_asked_for() -> None:
    coco = observe(walk(5, skeleton="coco17"), RIG)
    stream = LifterStream(lifter(), CAMERA, given="coco17", skeleton="coco17", fps=10.0)
    pushed, _ = _streamed(stream, coco)
    expected = lift(coco, CAMERA, lifter(), flip=False, skeleton="coco17")
    for frame, poses in enumerate(pushed):
        _agree(poses, replace(expected.between(frame, frame + 1), times=torch.tensor([frame / 10]).double()))
    assert pushed[0].skeleton.name == "coco17"


def test_memory_is_constant() -> None:
    stream = LifterStream(lifter(Convolution), CAMERA)
    seen = _seen(40)
    sizes = []
    for pixels, scores in zip(seen.pixels[0, :, 0], seen.scores[0, :, 0], strict=True):
        stream.push(pixels, scores)
        sizes.append((stream._window._frames.scores.shape[1], len(stream._waiting)))
    assert set(sizes[3:]) == {(7, 2)}


def test_memory_of_what_is_carried_on_is_constant() -> None:
    stream, seen = LifterStream(lifter(carried_on, MOVING), CAMERA, delay=3), _seen(40)
    sizes = []
    for pixels, scores in zip(seen.pixels[0, :, 0], seen.scores[0, :, 0], strict=True):
        stream.push(pixels, scores)
        own = stream._window._streams[0]
        sizes.append(tuple(tokens.shape[1] for tokens in (own._answers, *own._tokens, *own._shown)))
    assert set(sizes[10:]) == {(4, 10, 8, 6, 10, 8, 6)}


def test_a_frame_without_anybody_is_missing() -> None:
    stream = LifterStream(lifter(), CAMERA)
    poses = stream.push(torch.full((17, 2), torch.nan))
    assert poses.positions.isnan().all()
    assert poses.scores.max() == 0
    assert not poses.positions.is_inference()


def test_wrong_use_is_said_in_one_line() -> None:
    with pytest.raises(InputError, match="delay=3; this network looks at most 2 frames ahead"):
        LifterStream(lifter(Convolution), CAMERA, delay=3)
    with pytest.raises(InputError, match="window=5; this network looks at all frames so far"):
        LifterStream(lifter(carried_on, MOVING), CAMERA, window=5)
    with pytest.raises(InputError, match="needs a camera"):
        LifterStream(lifter())
    sizeless = replace(CAMERA, image_size=CAMERA.image_size * torch.nan)
    with pytest.raises(InputError, match="the camera has no size"):
        LifterStream(lifter(Convolution, {"name": "screen"}), sizeless)
    with pytest.raises(ShapeError, match=r"\(16, 2\); expected \(17, 2\), of skeleton 'human36m17'"):
        LifterStream(lifter(), CAMERA).push(torch.zeros(16, 2))
