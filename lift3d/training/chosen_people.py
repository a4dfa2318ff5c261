"""Whom of recorded motion a training draws, and whom it holds out."""

from __future__ import annotations

from dataclasses import dataclass

from lift3d.datasets.motion_clips import MotionClips, read_motion_clips
from lift3d.errors import SettingsError
from lift3d.training.lifter_settings import MotionData, check_names

__all__ = ["ChosenPeople", "chosen_people"]


@dataclass(frozen=True, eq=False)
class ChosenPeople:
    """The motion, and what of it is not drawn.

    Args:
        clips: the motion.
        untrained: subjects and names of clips that are not trained on.
        unheld: the same of those that are not held out; None where nobody is.
        about: what there is to learn from, for people.
    """

    clips: MotionClips
    untrained: frozenset[str]
    unheld: frozenset[str] | None
    about: str


def chosen_people(data: MotionData) -> ChosenPeople:
    """Read the motion, and choose.

    Raises:
        FileError: the motion cannot be read, or has no such split.
        SettingsError: there is nobody to train on, or nobody of those to be held out, or no clip to be left out.
    """
    clips = read_motion_clips(data.path, data.splits)
    everyone, held, without = set(clips.subjects), set(data.hold_out), set(data.without)
    trained = (set(data.subjects) or everyone) - held
    check_names(data, everyone, trained)
    if unknown := sorted(without - set(clips.names)):
        raise SettingsError(
            f"[data] without: there is no clip {', '.join(unknown)} in splits {', '.join(data.splits)}; name clips "
            "that are there, or none: --data.without=[]."
        )
    own = zip(clips.subjects, clips.names, clips.lengths, strict=True)
    lengths = [length for subject, name, length in own if subject in trained and name not in without]
    return ChosenPeople(
        clips,
        frozenset(everyone - trained | without),
        frozenset(everyone - held | without) if held else None,
        f"{sum(lengths)} frames of {len(trained)} subjects",
    )
