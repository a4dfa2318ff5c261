"""Samples from pairs: windows of what a detector saw of people, and where their joints truly were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Generator, Tensor

from lift3d.datasets.pair_clips import gathered_pairs
from lift3d.datasets.pose_pairs import PairClip, read_pose_pairs
from lift3d.lifting.observed import Observed
from lift3d.training.detector_noise import NoiseSettings, detect_like
from lift3d.training.lifter_settings import LifterTraining, PairData, check_names

__all__ = ["PairSamples"]

_FRAMES_AT_ONCE = 1 << 16


class PairSamples:
    """Draws windows of pairs, of all cameras alike.

    Args:
        settings: of the run.
        context: frames before and after its own that the network makes an answer from.

    Attributes:
        input_skeleton, skeleton: of the joints seen and of the true ones.
        about: what there is to learn from, for people.

    Raises:
        FileError: the pairs cannot be read.
        InputError: a camera is not known.
        SettingsError: there is nobody to train on, or nobody of those to be held out.
    """

    def __init__(self, settings: LifterTraining, context: tuple[int, int] = (0, 0)) -> None:
        data: PairData = settings.data
        pairs = read_pose_pairs(data.path, data.detections or None, data.format or None, cameras=data.cameras or None)
        held = [clip for clip in pairs.clips if {clip.subject, clip.split} & set(data.hold_out)]
        trained = [clip for clip in pairs.clips if clip not in held and _wanted(clip, data)]
        check_names(data, {name for clip in pairs.clips for name in (clip.subject, clip.split) if name}, trained)
        pairs = pairs.only(subjects={clip.subject for clip in trained + held})
        self._clips = gathered_pairs(pairs, data.left_out)
        self.input_skeleton, self.skeleton = self._clips.keypoint_skeleton, self._clips.skeleton
        self._starts = torch.tensor(self._clips.starts)
        self._ends = self._starts + torch.tensor([clip.frames for clip in pairs.clips])
        self._trained, self._held = self._frames_of(trained), self._frames_of(held)
        self.about = f"{len(self._trained)} frames of {len({clip.subject for clip in trained})} subjects"
        self._mirror, self._noise = data.mirror, settings.noise
        before, after = context
        answered = data.frames - before - after
        self._window = torch.arange(data.frames) - before - (answered - 1) // 2

    def draw(self, count: int, generator: Generator) -> tuple[Observed, Tensor]:
        """What a detector saw of so many windows of people, and their joints relative to the root, metres.

        Joints are NaN where they are not known, and beyond the ends of a clip.
        """
        number = torch.randint(len(self._trained), (count,), generator=generator)
        observed, truth = self._at(self._trained[number], self._window)
        mirrored = torch.rand(count, generator=generator) < self._mirror
        observed, truth = self._mirrored(observed, truth, mirrored)
        return (observed if self._noise is None else _noisier(observed, self, self._noise, generator)), truth

    def held(self, count: int) -> Iterator[tuple[str, Observed, Tensor]]:
        """So many windows of the people held out, always the same, in parts."""
        if not len(self._held):
            return
        number = torch.randint(len(self._held), (count,), generator=Generator().manual_seed(1))
        for part in self._held[number].split(max(1, _FRAMES_AT_ONCE // len(self._window))):
            yield "held_out", *self._at(part, self._window)

    def everything(self) -> Iterator[tuple[Observed, Tensor]]:
        """All single frames that there are to learn from."""
        for part in self._trained.split(_FRAMES_AT_ONCE):
            yield self._at(part, torch.zeros(1, dtype=torch.int64))

    def _frames_of(self, clips: list[PairClip]) -> Tensor:
        """Numbers of the frames of some clips."""
        chosen = torch.tensor([clip in clips for clip in self._clips.clips])
        return chosen[self._clips.clip].nonzero()[:, 0]

    def _at(self, frame: Tensor, window: Tensor) -> tuple[Observed, Tensor]:
        """Windows around frames."""
        clips, clip = self._clips, self._clips.clip[frame]
        first, last = self._starts[clip][:, None], self._ends[clip][:, None] - 1
        moment = frame[:, None] + window
        inside = torch.minimum(torch.maximum(moment, first), last)
        seen, positions = clips.seen[inside], clips.positions[inside]
        truth = positions - positions[:, :, self.skeleton.root : self.skeleton.root + 1]
        observed = Observed(
            pixels=seen[..., :2],
            rays=seen[..., 2:4],
            scores=seen[..., 4],
            intrinsics=clips.intrinsics[clip][:, None],
            image_size=clips.image_size[clip][:, None],
        )
        return observed, truth.masked_fill((moment != inside)[..., None, None], torch.nan)

    def _mirrored(self, observed: Observed, truth: Tensor, chosen: Tensor) -> tuple[Observed, Tensor]:
        """Some of the people mirrored."""
        turned = observed.mirrored(self.input_skeleton.flip_order)
        flipped = truth[:, :, list(self.skeleton.flip_order)] * truth.new_tensor([-1.0, 1.0, 1.0])

        def either(one: Tensor, other: Tensor) -> Tensor:
            return torch.where(chosen.reshape(-1, *[1] * (one.ndim - 1)), other, one)

        names = observed.__dataclass_fields__
        mixed = Observed(**{name: either(getattr(observed, name), getattr(turned, name)) for name in names})
        return mixed, either(truth, flipped)


def _wanted(clip: PairClip, data: PairData) -> bool:
    of_split = not data.splits or clip.split in data.splits
    return of_split and (not data.subjects or clip.subject in data.subjects)


def _noisier(observed: Observed, samples: PairSamples, noise: NoiseSettings, generator: Generator) -> Observed:
    """More errors in the pixels; rays follow them as a pinhole's do."""
    pixels, scores = detect_like(observed.pixels, samples.input_skeleton, noise, generator)
    moved = (pixels - observed.pixels) / observed.intrinsics.diagonal(dim1=-2, dim2=-1)[..., None, :2]
    return replace(observed, pixels=pixels, rays=observed.rays + moved, scores=observed.scores * scores)
