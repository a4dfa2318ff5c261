"""Samples from 3D motion: people drawn from clips and filmed by virtual cameras."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Generator, Tensor

from lift3d.lifting.observed import Observed
from lift3d.training.body_variation import BodySettings
from lift3d.training.chosen_people import chosen_people
from lift3d.training.detector_noise import NoiseSettings
from lift3d.training.filmed_motion import FilmSettings, filmed
from lift3d.training.lifter_settings import LifterTraining
from lift3d.training.motion_windows import MotionWindows

__all__ = ["MotionSamples"]

_FRAMES_AT_ONCE = 1 << 16
_COUNTED = 1 << 17  # frames that stand for all in statistics
_KINDS = {
    "exact": NoiseSettings(exact=1, occluded=0, head_missing=0),
    "detected": NoiseSettings(exact=0, occluded=0, head_missing=0),
}
_AS_THEY_ARE = BodySettings(body_scale=0, bone_scale=0, tilt_deg=0, mirror=0)


class MotionSamples:
    """Draws people filmed by virtual cameras.

    Args:
        settings: of the run.

    Attributes:
        input_skeleton, skeleton: of the joints seen and of the true ones.
        about: what there is to learn from, for people.

    Raises:
        FileError: the motion cannot be read, or has no such split.
        SettingsError: there is nobody to train on, or nobody of those to be held out, or no clip to be left out.
    """

    def __init__(self, settings: LifterTraining) -> None:
        data = settings.data
        assert settings.bodies is not None
        assert settings.views is not None
        assert settings.noise is not None
        people = chosen_people(data)
        clips, self.about = people.clips, people.about
        self.input_skeleton = self.skeleton = clips.skeleton
        self._shorter = data.shorter
        self._film = FilmSettings(settings.bodies, settings.views, settings.noise)
        self._drawn = MotionWindows(clips, data.frames, data.balance, people.untrained, data.speed)
        self._single = MotionWindows(clips, 1, data.balance, people.untrained)
        unheld = people.unheld
        self._held = MotionWindows(clips, data.frames, 0.0, unheld) if unheld is not None else None

    def draw(self, count: int, generator: Generator) -> tuple[Observed, Tensor]:
        """What a detector saw of so many windows of people, and their joints relative to the root, metres."""
        return filmed(self._drawn.draw(count, generator, self._shorter), self.skeleton, self._film, generator)

    def held(self, count: int) -> Iterator[tuple[str, Observed, Tensor]]:
        """So many windows of the people held out, always the same, seen exactly and by a detector: parts of a kind."""
        if self._held is None:
            return
        motion = self._held.draw(count, Generator().manual_seed(1))
        for kind, noise in _KINDS.items():
            film, generator = FilmSettings(_AS_THEY_ARE, self._film.views, noise), Generator().manual_seed(2)
            for part in motion.split(max(1, _FRAMES_AT_ONCE // motion.shape[1])):
                yield kind, *filmed(part, self.skeleton, film, generator)

    def everything(self) -> Iterator[tuple[Observed, Tensor]]:
        """Single frames that stand for all that there is to learn from."""
        generator = Generator().manual_seed(3)
        for _ in range(0, _COUNTED, _FRAMES_AT_ONCE):
            motion = self._single.draw(_FRAMES_AT_ONCE, generator)
            yield filmed(motion, self.skeleton, self._film, generator)
