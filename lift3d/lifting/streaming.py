"""Lifting while the camera films: one frame at a time, with a bounded delay and constant memory."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.cameras import Camera
from lift3d.checkpoints import Checkpoint
from lift3d.errors import InputError, ShapeError
from lift3d.lifting.encodings import Answer
from lift3d.lifting.lift import placed
from lift3d.lifting.lifter import DEFAULT_LIFTER, Lifter
from lift3d.lifting.moving_window import moving_window
from lift3d.lifting.observed import Observed, without
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton, get_skeleton, mapping_between

__all__ = ["LifterStream"]

_USUAL_WINDOW, _USUAL_DELAY = 48, 8  # frames, of networks that take a bounded number of them


class LifterStream:
    """Lifts one person as the frames come in::

        stream = LifterStream("temporal_attention_cmu17", camera, fps=30)
        for pixels, scores in detections:
            poses = stream.push(pixels, scores)  # of one frame, or None while it waits for what comes after
        rest = stream.finish()  # the frames that were still waiting

    Where a network makes an answer from frames before and after (``context``), the poses are those of ``lift`` over
    the whole clip, as long as the delay is the network's own. With a shorter one, the newest frame stands in for those
    that have not come yet. A network that goes on with what it has computed (``temporal_attention``) answers about the
    frame ``delay`` ago what it says of all frames so far. Any other that takes a bounded number of frames (``longest``)
    sees the last ones, ``window`` of them, up to the newest; its answer is what ``lift`` says of that clip. Where the
    frame rate is much higher than what the network has learned, it is given every second or third frame. Missing
    joints that an encoding fills over time are filled with what the window holds.

    Args:
        checkpoint: a shipped lifter's name, a file, or a loaded checkpoint.
        camera: its calibration: intrinsics, lens and, for networks that see pixels over the width, image size.
        fps: frames a second, for the times of the poses.
        delay: frames to wait before a frame is final; by default the frames after that the network looks at, or, where
            those are not fixed, 8. 0 answers at once.
        window: frames that a network of windows is given; by default 48, or fewer if it takes fewer. Fewer are faster.
            Networks that go on with what they have computed have none.
        flip: average with the answer for the mirrored person, for twice the time.
        given: skeleton of the joints that are pushed; by default the one that the network is given.
        skeleton: of the poses; by default the network's own.
        device: where to compute.

    Raises:
        InputError: the delay is negative or longer than what the network looks at, ``fps`` is not positive, the image
            size is needed and not known, or the checkpoint is no lifter.
        FileError: the checkpoint cannot be read.
        UnknownNameError: there is no such skeleton.
    """

    def __init__(
        self,
        checkpoint: str | Path | Checkpoint = DEFAULT_LIFTER,
        camera: Camera | None = None,
        *,
        fps: float = 30.0,
        delay: int | None = None,
        window: int | None = None,
        flip: bool = False,
        given: str | Skeleton | None = None,
        skeleton: str | Skeleton | None = None,
        device: str = "cpu",
    ) -> None:
        if camera is None or not fps > 0:
            raise InputError("LifterStream needs a camera, such as Camera.assumed((width, height)), and fps above 0.")
        self._lifter = Lifter.of(checkpoint, device)
        self._camera, self._fps, self._flip = camera.to(torch.float64), fps, flip
        if "image_size" in self._lifter.encoding.uses(self._lifter.settings) and camera.image_size.isnan().any():
            raise InputError("LifterStream: this lifter sees pixels over the picture's width; the camera has no size.")
        self.given = self._lifter.input_skeleton if given is None else get_skeleton(given)
        self._target = None if skeleton is None else get_skeleton(skeleton)
        self._stride = self._lifter.stride(fps)
        self.window = _checked_window(window, self._lifter)
        self.delay = _checked_delay(delay, self._lifter, (self.window - 1) * self._stride)
        self._start()

    def _start(self) -> None:
        self._window = moving_window(self._lifter, self.window, self.delay, self._stride, self._flip)
        self._waiting: deque[tuple[int, Observed, Tensor]] = deque()  # frames not answered yet, and their scores
        self._newest: Observed | None = None
        self._pushed = 0

    def push(self, pixels: Float[Tensor, "joints 2"], scores: Float[Tensor, "joints"] | None = None) -> Poses3D | None:
        """Add a frame; the poses of the frame that is now final, or None while the first ones wait.

        Args:
            pixels: distorted pixels on the skeleton ``given``; NaN where missing.
            scores: 0 to 1, 0 where missing; by default 1 where there is a pixel.

        Returns:
            One frame of one person in the camera frame, metres, as ``lift`` gives it.

        Raises:
            ShapeError: there are not as many joints as ``given`` has.
        """
        if tuple(pixels.shape) != (len(self.given), 2):
            raise ShapeError("pixels", pixels.shape, f"({len(self.given)}, 2), of skeleton {self.given.name!r}")
        scores = torch.ones_like(pixels[:, 0]) if scores is None else scores
        given, answered = self._lifter.input_skeleton, self._lifter.skeleton
        frame, own = self._observed(pixels, scores, given)
        about = (frame, own) if given == answered else self._observed(pixels, scores, answered)
        self._waiting.append((self._pushed, *about))
        self._remember(frame)
        return self._answered() if self._pushed > self.delay else None

    def finish(self) -> list[Poses3D]:
        """The poses of the frames that were still waiting, in order; the stream is then as new."""
        rest = []
        while self._waiting:
            if self._lifter.longest is None and self._newest is not None:  # repeated, as at the end of a clip
                self._remember(self._newest)
            if self._lifter.longest is not None or self._pushed - 1 - self.delay >= self._waiting[0][0]:
                rest.append(self._answered())
        self._start()
        return rest

    @torch.inference_mode()
    def _observed(self, pixels: Tensor, scores: Tensor, skeleton: Skeleton) -> tuple[Observed, Tensor]:
        """One frame (1, 1, joints) on a skeleton as the lifter sees it, and its scores, those of guesses too."""
        if skeleton != self.given:
            mapping = mapping_between(self.given, skeleton)
            pixels, scores = mapping.coordinates(pixels), mapping.scores(scores)
        missing = ~torch.isfinite(pixels).all(-1) | ~(scores > 0)
        scores = scores.clamp(0, 1).masked_fill(missing, 0.0)[None, None]
        pixels = pixels.masked_fill(missing[:, None], torch.nan)[None, None]
        guessed = self._lifter.left_out(self.given, skeleton)
        return Observed.by(self._camera, *without(guessed, pixels, scores)), scores.float()

    def _remember(self, frame: Observed) -> None:
        with torch.inference_mode():
            self._window.add(frame)
        self._newest = frame
        self._pushed += 1

    def _answered(self) -> Poses3D:
        """The poses of the first frame that waits."""
        number, observed, scores = self._waiting.popleft()
        with torch.inference_mode():
            answer = self._window.answer(self._pushed - 1 - number)
        times = torch.tensor([number / self._fps], dtype=torch.float64)
        own = Answer(*(values.cpu().clone() for values in answer.values))
        poses = placed(own, observed, scores, self._lifter.skeleton, times)
        return poses if self._target is None else poses.mapped_to(self._target)


def _checked_window(window: int | None, lifter: Lifter) -> int:
    if lifter.longest is None:
        return lifter.window
    if lifter.carries_on:
        if window is not None:
            raise InputError(f"LifterStream: window={window}; this network looks at all frames so far: leave it out.")
        return lifter.longest
    if window is None:
        return min(_USUAL_WINDOW, lifter.longest)
    if not 1 <= window <= lifter.longest:
        raise InputError(f"LifterStream: window={window}; this network takes 1 to {lifter.longest} frames at once.")
    return window


def _checked_delay(delay: int | None, lifter: Lifter, window: int) -> int:
    most = lifter.context[1] if lifter.longest is None else window
    usual = lifter.context[1] if lifter.longest is None else min(_USUAL_DELAY, window)
    if delay is not None and not 0 <= delay <= most:
        raise InputError(
            f"LifterStream: delay={delay}; this network looks at most {most} frames ahead: expected 0 to {most}."
        )
    return usual if delay is None else delay
