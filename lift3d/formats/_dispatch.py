"""Find the format of a path, and read or write the noun it holds."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from lift3d._discovery import entries_of
from lift3d._files import check_place, writing, writing_folder
from lift3d._natural_order import natural_order
from lift3d.bodies import BodyModel, BodyMotion
from lift3d.cameras import CameraRig, check_up
from lift3d.errors import FileError, InputError, UnknownNameError
from lift3d.formats._entry import FileFormat
from lift3d.formats._rigs import rig_of
from lift3d.formats._units import METRES
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton, get_skeleton

__all__ = [
    "all_formats",
    "check_target",
    "kinds_of",
    "read_cameras",
    "read_keypoints",
    "read_poses",
    "write_cameras",
    "write_keypoints",
    "write_poses",
]

Paths = str | Path | Sequence[str | Path]

# how a format is named, in Python and on the command line
_HOW_TO_READ = "(format=..., --format or --from ...)"
_HOW_TO_WRITE = "(format=..., --to ...)"

# what a format holds that does not take an option which chooses among several
_CHOICES = {
    "subject": "one rig, not one for each subject",
    "sequence": "one sequence, none to choose from",
    "unit": "metres, or states its unit",
    "gender": "one body, not one for each gender",
    "body": "its own body",
}


@cache
def all_formats() -> dict[str, FileFormat]:
    """Every format by name."""
    return entries_of("lift3d.formats", "FORMAT", FileFormat)


def read_cameras(
    path: str | Path,
    format: str | None = None,  # noqa: A002
    unit: str | None = None,
    subject: str | None = None,
    up: str | None = None,
) -> CameraRig:
    """A calibrated rig, in metres, from a file or folder.

    Args:
        path: the calibration.
        format: name of the format; by default found out from the file.
        unit: ``"m"``, ``"cm"`` or ``"mm"``, of the file's lengths, where the format leaves it open or is wrong.
        subject: which rig, such as ``"S1"``, of the formats that hold one for each subject (Human3.6M).
        up: the axis of the file's world that points up, such as ``"+z"`` or ``"-y"``, where the format leaves it open
            or is wrong. Only stated, never turned.

    A unit or an up axis that neither the caller nor the file states is guessed from where the cameras stand and how
    they are held, with a warning.

    Raises:
        FileError: no format fits, several do, the file is damaged, or a subject is missing or not asked for.
        UnknownNameError: there is no such format, unit or axis.
    """
    if unit not in (None, *METRES):
        raise UnknownNameError("unit", unit, METRES)
    if up is not None:
        check_up(up)
    told = _read(Path(path), CameraRig, format, **({} if subject is None else {"subject": subject}))
    return rig_of(Path(path), told, unit, up)


def read_keypoints(
    path: Paths,
    format: str | None = None,  # noqa: A002
    skeleton: str | Skeleton | None = None,
    fps: float | None = None,
    camera_names: Sequence[str] | None = None,
    sequence: str | None = None,
) -> Keypoints2D:
    """2D detections of one or several cameras.

    Args:
        path: a file or folder; several, one a camera; or a folder that holds one file or folder a camera, which are
            taken in natural order (``cam2`` before ``cam10``) and named after the files.
        format: name of the format; by default found out from the files.
        skeleton: what the joints are, where the format leaves it open.
        fps: frames a second, where the file does not say; 30 if neither does.
        camera_names: names for the cameras, in the order of the paths.
        sequence: which one, such as ``"S1/Walking 1"``, of the formats that hold several (VideoPose3D).

    Raises:
        FileError: no format fits, several do, a file is damaged, or a sequence is missing or not asked for.
        InputError: the number of names is not that of the cameras.
    """
    options: dict[str, Any] = {"skeleton": get_skeleton(skeleton) if skeleton is not None else None, "fps": fps}
    if sequence is not None:
        options["sequence"] = sequence
    if isinstance(path, str | Path):
        parts = _read_one_or_folder(Path(path), format, options)
    else:
        parts = [_read(Path(one), Keypoints2D, format, **options) for one in path]
        parts = _named_apart(parts, [Path(one) for one in path])
    keypoints = Keypoints2D.stacked(parts)
    if camera_names is None:
        return keypoints
    if len(camera_names) != len(keypoints.camera_names):
        raise InputError(
            f"{len(camera_names)} camera names for {len(keypoints.camera_names)} cameras; expected one each."
        )
    return _renamed(keypoints, tuple(camera_names))


def read_poses(
    path: str | Path,
    format: str | None = None,  # noqa: A002
    skeleton: str | Skeleton | None = None,
    unit: str | None = None,
) -> Poses3D:
    """3D poses, in metres.

    Args:
        path: the file.
        format: name of the format; by default found out from the file.
        skeleton: what the joints are, where the file leaves it open.
        unit: ``"m"``, ``"cm"`` or ``"mm"``, of the lengths in files that may leave it open (BVH, C3D, wide CSV).

    Raises:
        FileError: no format fits, several do, or the file is damaged.
        UnknownNameError: there is no such format, skeleton or unit.
    """
    if unit not in (None, *METRES):
        raise UnknownNameError("unit", unit, METRES)
    own = get_skeleton(skeleton) if skeleton is not None else None
    return _read(Path(path), Poses3D, format, skeleton=own, **({} if unit is None else {"unit": unit}))


def write_cameras(rig: CameraRig, path: str | Path, format: str | None = None) -> None:  # noqa: A002
    """Write a rig; the format follows from ``format``, else from the suffix. Whole or not at all.

    Formats with a file for each camera, or for lenses and poses, are written as a new folder.

    Raises:
        InputError: the format cannot hold the rig, such as its lens; nothing is dropped.
        FileError: the path does not say which format to write, or cannot be written.
        UnknownNameError: there is no such format.
    """
    _write(rig, Path(path), CameraRig, format)


def write_keypoints(keypoints: Keypoints2D, path: str | Path, format: str | None = None) -> None:  # noqa: A002
    """Write keypoints; the format follows from ``format``, else from the suffix. Whole or not at all."""
    _write(keypoints, Path(path), Keypoints2D, format)


def write_poses(poses: Poses3D, path: str | Path, format: str | None = None) -> None:  # noqa: A002
    """Write poses; the format follows from ``format``, else from the suffix. Whole or not at all."""
    _write(poses, Path(path), Poses3D, format)


def check_target(path: str | Path, holds: type, format: str | None = None) -> None:  # noqa: A002
    """Refuse, before long work, a path that what comes of it could not be written to.

    Args:
        path: where it is to be written.
        holds: the noun: ``CameraRig``, ``Keypoints2D``, ``Poses3D``, ``BodyModel`` or ``BodyMotion``.
        format: name of the format; by default it follows from the suffix.

    Raises:
        FileError: the path does not say which format to write, its folder cannot be made or written to, or it is a
            folder in which something is.
        UnknownNameError: there is no such format.
    """
    target = Path(path)
    check_place(target, folder=_as_folder(_writer(target, holds, format)))


def kinds_of(path: str | Path) -> set[type]:
    """The nouns that a path could be read as, by the formats that recognise it."""
    place = Path(path)
    inside = sorted(place.iterdir())[:64] if place.is_dir() else []
    found = {holds for holds in (CameraRig, Keypoints2D, Poses3D, BodyModel, BodyMotion) if _candidates(place, holds)}
    return found or ({Keypoints2D} if any(_candidates(one, Keypoints2D) for one in inside) else set())


def _read(path: Path, holds: type, name: str | None, **options: Any) -> Any:
    if not path.exists():
        raise FileError(path, "does not exist", "Check the path.")
    entry = _by_name(name, holds, "read") if name is not None else _sniffed(path, holds)
    assert entry.read is not None
    for option in set(options) - set(inspect.signature(entry.read).parameters):
        raise FileError(path, f"{entry.name} holds {_CHOICES[option]}", f"Leave out {option}.")
    try:
        return entry.read(path, **options)
    except InputError as error:  # numbers that make no noun: say in which file
        raise FileError(path, str(error)) from error


def _sniffed(path: Path, holds: type) -> FileFormat:
    found = _candidates(path, holds)
    if len(found) == 1:
        return found[0]
    names = ", ".join(entry.name for entry in found)
    known = ", ".join(entry.name for entry in _readable(holds))
    if found:
        raise FileError(path, f"cannot tell which format this is (candidates: {names})", f"Name it {_HOW_TO_READ}.")
    raise FileError(path, f"is in none of the formats for {holds.__name__}", f"Name it {_HOW_TO_READ}: {known}.")


def _candidates(path: Path, holds: type) -> list[FileFormat]:
    suffix = "" if path.is_dir() else path.suffix.lower()
    fitting = [entry for entry in _readable(holds) if suffix in entry.suffixes]
    return [entry for entry in fitting if entry.recognises is not None and entry.recognises(path)]


def _readable(holds: type) -> list[FileFormat]:
    return [entry for entry in all_formats().values() if entry.holds is holds and entry.read is not None]


def _by_name(name: str, holds: type, action: str) -> FileFormat:
    able = {e.name: e for e in all_formats().values() if e.holds is holds and getattr(e, action) is not None}
    if name not in able:
        raise UnknownNameError(f"format to {action} {holds.__name__}", name, able)
    return able[name]


def _read_one_or_folder(path: Path, name: str | None, options: Mapping[str, Any]) -> list[Keypoints2D]:
    """The keypoints of a path; of a folder that is itself in no format, those of everything in it."""

    def fits(one: Path) -> bool:
        return any(name in (None, entry.name) for entry in _candidates(one, Keypoints2D))

    if path.is_dir() and not fits(path):
        inside = sorted((one for one in path.iterdir() if fits(one)), key=lambda one: natural_order(one.name))
        if inside:
            return _named_apart([_read(one, Keypoints2D, name, **options) for one in inside], inside)
    return [_read(path, Keypoints2D, name, **options)]


def _named_apart(parts: list[Keypoints2D], paths: list[Path]) -> list[Keypoints2D]:
    """The parts; if two have a camera of the same name, all are renamed after their files.

    Raises:
        FileError: the name is from the files' own, so that they are two files of one camera.
        InputError: a file that holds several cameras is among them.
    """
    names = [name for part in parts for name in part.camera_names]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is None:
        return parts
    same = [path for part, path in zip(parts, paths, strict=True) if twice in part.camera_names]
    if len({path.parent for path in same}) == 1 and all(path.name.startswith(twice) for path in same):
        files = ", ".join(path.name for path in same)
        raise FileError(
            same[0].parent, f"holds camera {twice!r} more than once: {files}", "Name the files, or the format."
        )
    if any(len(part.camera_names) != 1 for part in parts):
        raise InputError(f"camera names repeat across files: {', '.join(names)}. Pass camera_names=[...].")
    return [_renamed(part, (path.stem,)) for part, path in zip(parts, paths, strict=True)]


def _renamed(keypoints: Keypoints2D, names: tuple[str, ...]) -> Keypoints2D:
    return replace(keypoints, camera_names=names)


def _write(noun: Any, path: Path, holds: type, name: str | None) -> None:
    entry = _writer(path, holds, name)
    assert entry.write is not None
    with writing_folder(path) if _as_folder(entry) else writing(path) as temporary:
        entry.write(noun, temporary)


def _writer(path: Path, holds: type, name: str | None) -> FileFormat:
    """The format that is written to a path."""
    if name is not None:
        entry = _by_name(name, holds, "write")
    else:
        able = [e for e in all_formats().values() if e.holds is holds and e.write is not None]
        fitting = [e for e in able if path.suffix.lower() in e.suffixes and e.by_suffix]
        own = [e for e in fitting if e.name.startswith("lift3d_")] or fitting
        if len(own) != 1:
            known = ", ".join(f"{e.name} ({e.suffixes[0] or 'folder'})" for e in able)
            raise FileError(path, "the suffix does not say which format to write", f"Name it {_HOW_TO_WRITE}: {known}.")
        entry = own[0]
    if _as_folder(entry) and path.suffix.lower() in entry.suffixes[1:]:
        raise FileError(path, f"{entry.name} is written as a folder", f"Leave out the suffix {path.suffix}.")
    return entry


def _as_folder(entry: FileFormat) -> bool:
    return entry.suffixes[0] == ""
