"""What a file of this folder declares: one kind of published checkpoint, under the name ``IMPORTER``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lift3d.checkpoints import Checkpoint

__all__ = ["ImporterEntry"]


@dataclass(frozen=True)
class ImporterEntry:
    """A kind of published checkpoint.

    Args:
        name: such as ``"videopose3d"``.
        networks: of ``lift3d.networks`` that it may become.
        about: one line for people.
        options: names of what ``convert`` can be told besides the file.
        recognises: whether the content of a file is of this kind, by its keys.
        convert: networks by what they predict, from the file's path (for error texts), its content and options.
        accepts: whether it is taken when this kind is asked for by name, where its keys may be those of another kind
            too; by default only what ``recognises`` says.
    """

    name: str
    networks: tuple[str, ...]
    about: str
    options: tuple[str, ...]
    recognises: Callable[[Any], bool]
    convert: Callable[..., Mapping[str, Checkpoint]]
    accepts: Callable[[Any], bool] | None = None
