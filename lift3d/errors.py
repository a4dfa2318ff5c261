"""Every exception that lift3d raises on purpose.

    Lift3dError                  something the caller can mend; its text is one clear line
    ├── InputError (ValueError)  a value: wrong shape, unit, range or combination
    │   ├── ShapeError           an array's shape
    │   └── UnknownNameError     a name that is not among the known ones
    ├── FileError (ValueError)   a file: missing, cut short, not what it should be
    ├── SettingsError            a settings file or an override
    └── MissingPackageError (ImportError)   an optional package is not installed

The text of each says what is wrong, where, what was expected and what to do. The command line prints that text
alone and exits with 2; any other exception is our own fault and exits with 1.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = [
    "FileError",
    "InputError",
    "Lift3dError",
    "MissingPackageError",
    "SettingsError",
    "ShapeError",
    "UnknownNameError",
]


class Lift3dError(Exception):
    """The root of all errors that lift3d raises on purpose."""


class InputError(Lift3dError, ValueError):
    """A value has a wrong shape, unit, range or does not go with another."""


class ShapeError(InputError):
    """An array's shape is not what was expected.

    >>> str(ShapeError("pixels", (3, 4), "(cameras, frames, people, joints, 2)"))
    'pixels has shape (3, 4); expected (cameras, frames, people, joints, 2).'
    """

    def __init__(self, what: str, shape: Sequence[int], expected: str, advice: str = "") -> None:
        super().__init__(f"{what} has shape {tuple(shape)}; expected {expected}.{' ' + advice if advice else ''}")


class UnknownNameError(InputError, KeyError):
    """A name is not among the known ones; suggests the nearest.

    >>> str(UnknownNameError("skeleton", "coco_17", ["coco17", "smpl24"]))
    "No skeleton named 'coco_17'. Did you mean 'coco17'? Known: coco17, smpl24."
    """

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(str(name), names, n=1)
        guess = f" Did you mean {near[0]!r}?" if near else ""
        self.text = f"No {kind} named {name!r}.{guess} Known: {', '.join(names) or 'none'}."
        super().__init__(self.text)

    def __str__(self) -> str:  # KeyError would print the repr
        return self.text


class FileError(Lift3dError, ValueError):
    """A file is missing, cut short, or not what it should be.

    >>> str(FileError("walk.json", "holds no people", "Choose another file."))
    'walk.json: holds no people. Choose another file.'
    """

    def __init__(self, path: str | Path, problem: str, advice: str = "") -> None:
        self.path = Path(path)
        super().__init__(f"{path}: {problem.rstrip('.')}.{' ' + advice if advice else ''}")


class SettingsError(Lift3dError, ValueError):
    """A settings file or an override does not fit the settings."""


class MissingPackageError(Lift3dError, ImportError):
    """An optional package is needed and not installed."""

    def __init__(self, package: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the package {package!r}: pip install {package}")
