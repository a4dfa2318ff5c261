"""How pictures go into a detector and joints come out, one file each."""

from __future__ import annotations

from functools import cache

from lift3d._discovery import entries_of
from lift3d.checkpoints import Checkpoint
from lift3d.detection.readings._entry import Model, Reading, ReadingEntry
from lift3d.errors import InputError, UnknownNameError
from lift3d.settings import from_mapping

__all__ = ["Model", "Reading", "ReadingEntry", "all_readings", "check_detector", "open_reading", "reading_named"]

_UNNAMED = "single_person"  # of checkpoints without an encoding


@cache
def all_readings() -> dict[str, ReadingEntry]:
    """Every reading, by name."""
    return entries_of("lift3d.detection.readings", "READING", ReadingEntry)


def reading_named(name: str) -> ReadingEntry:
    """A reading by name.

    Raises:
        UnknownNameError: there is no such reading.
    """
    if name not in all_readings():
        raise UnknownNameError("reading", name, all_readings())
    return all_readings()[name]


def check_detector(checkpoint: Checkpoint) -> None:
    """Refuse what is no detector.

    Raises:
        InputError: no reading is for it.
    """
    if checkpoint.encoding.get("name", _UNNAMED) not in all_readings():
        raise InputError(f"The model is a {checkpoint.name}, which is no detector; pass one such as 'movenet_thunder'.")


def open_reading(model: Model) -> Reading:
    """The reading that the model's checkpoint says.

    Raises:
        InputError: the model is no detector.
        SettingsError: the checkpoint has settings that its reading has not.
    """
    checkpoint = model.checkpoint
    check_detector(checkpoint)
    tables = dict(checkpoint.encoding)
    entry = reading_named(tables.pop("name", _UNNAMED))
    return entry.open(model, from_mapping(entry.settings, tables, f"the model's reading {entry.name!r}"))
