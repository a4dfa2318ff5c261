"""Lifting while the camera films: one frame at a time, with a bounded delay and constant memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
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
from lift3d.lifting.observed import Observed
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton, get_skeleton, mapping_between

__all__ = ["LifterStream"]


class LifterStream:
    """Lifts one person as the frames come in::

        stream = LifterStream("residual_mlp_cmu17", camera, fps=30)
        for pixels, scores in detections:
            poses = stream.push(pixels, scores)  # of one frame, or None while it waits for what comes after
        rest = stream.finish()  # the frames that were still waiting

    Where a network makes an answer from frames before and after (``context``), the poses are those of ``lift`` over
    the whole clip, as long as the delay is the network's own. With a shorter one, the newest frame stands in for those
    that have not come yet. A network that takes a window (``longest``) sees the last frames that it can take, up to
    the newest; its answer about the frame ``delay`` ago is what ``lift`` says of that clip. Missing joints that an
    encoding fills over time are filled with what the window holds.

    Args:
        checkpoint: a shipped lifter's name, a file, or a loaded checkpoint.
        camera: its calibration: intrinsics, lens and, for networks that see pixels over the width, image size.
        fps: frames a second, for the times of the poses.
        delay: frames to wait before a frame is final; by default the frames after that the network looks at, or half
            of its window. 0 answers at once.
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
        self.delay = _checked_delay(delay, self._lifter)
        self._start()

    def _start(self) -> None:
        self._seen: Observed | None = None  # the last frames, as the network is given them
        self._waiting: deque[tuple[int, Observed]] = deque()  # frames not answered yet, on the network's skeleton
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
        frame = self._observed(pixels, scores, given)
        self._waiting.append((self._pushed, frame if given == answered else self._observed(pixels, scores, answered)))
        self._remember(frame)
        return self._answered(self._pushed - 1 - self.delay)

    def finish(self) -> list[Poses3D]:
        """The poses of the frames that were still waiting, in order; the stream is then as new."""
        rest = []
        while self._waiting and self._seen is not None:
            if self._lifter.longest is None:  # the last frame is repeated, as at the end of a clip
                self._remember(self._seen[:, -1:])
            next_one = self._waiting[0][0]
            if self._lifter.longest is not None or self._pushed - 1 - self.delay >= next_one:
                rest.append(self._answered(next_one))
        self._start()
        return [poses for poses in rest if poses is not None]

    def _observed(self, pixels: Tensor, scores: Tensor, skeleton: Skeleton) -> Observed:
        """One frame (1, 1, joints) on a skeleton."""
        if skeleton != self.given:
            mapping = mapping_between(self.given, skeleton)
            pixels, scores = mapping.coordinates(pixels), mapping.scores(scores)
        missing = ~torch.isfinite(pixels).all(-1) | ~(scores > 0)
        scores = scores.clamp(0, 1).masked_fill(missing, 0.0)
        return Observed.by(
            self._camera, pixels.masked_fill(missing[:, None], torch.nan)[None, None], scores[None, None]
        )

    def _remember(self, frame: Observed) -> None:
        """Put the newest frame at the end of what the network will be given, and forget the oldest."""
        before, _ = self._lifter.context
        kept = self._lifter.longest or before + 1 + self.delay
        if self._seen is not None:
            self._seen = _together([self._seen[:, -(kept - 1) :] if kept > 1 else self._seen[:, :0], frame])
        else:  # the first frame is repeated, as at the start of a clip
            self._seen = frame if self._lifter.longest is not None else _together([frame] * kept)
        self._pushed += 1

    def _answered(self, number: int) -> Poses3D | None:
        """The poses of the frame of that number, the first that waits; None where it is not time yet."""
        if number < 0 or self._seen is None:
            return None
        lifter, window = self._lifter, self._seen
        _, after = lifter.context
        if lifter.longest is None and after > self.delay:
            window = _together([window, *[window[:, -1:]] * (after - self.delay)])
        with torch.inference_mode():
            answer = lifter.answer(lifter.filled(window).to(lifter.device), self._flip)
        about = window.scores.shape[1] - (self._pushed - number) if lifter.longest is not None else 0
        own, observed = self._waiting.popleft()
        times = torch.tensor([own / self._fps], dtype=torch.float64)
        one = Answer(*(values[:, about : about + 1].cpu().clone() for values in answer.values))
        poses = placed(one, observed, lifter.skeleton, times)
        return poses if self._target is None else poses.mapped_to(self._target)


def _checked_delay(delay: int | None, lifter: Lifter) -> int:
    most = lifter.context[1] if lifter.longest is None else lifter.longest - 1
    usual = lifter.context[1] if lifter.longest is None else lifter.longest // 2
    if delay is not None and not 0 <= delay <= most:
        raise InputError(
            f"LifterStream: delay={delay}; this network looks at most {most} frames ahead: expected 0 to {most}."
        )
    return usual if delay is None else delay


def _together(parts: Sequence[Observed]) -> Observed:
    """Frames (people, frames, joints) one after the other."""
    names = ("pixels", "rays", "scores")
    return replace(parts[0], **{name: torch.cat([getattr(part, name) for part in parts], dim=1) for name in names})
