"""What every format must do, whatever it holds: describe itself, and refuse bad paths in one clear line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lift3d._discovery import module_names
from lift3d.bodies import BodyModel, BodyMotion
from lift3d.cameras import CameraRig
from lift3d.errors import FileError
from lift3d.formats import FileFormat, all_formats, read_body, read_cameras, read_keypoints, read_motion, read_poses
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D

READERS: dict[type, Callable[..., Any]] = {
    CameraRig: read_cameras,
    Keypoints2D: read_keypoints,
    Poses3D: read_poses,
    BodyModel: read_body,
    BodyMotion: read_motion,
}
EVERY = pytest.mark.parametrize("entry", all_formats().values(), ids=all_formats())
READABLE = [entry for entry in all_formats().values() if entry.read is not None]
EVERY_READABLE = pytest.mark.parametrize("entry", READABLE, ids=[entry.name for entry in READABLE])
GARBAGE = bytes(range(256)) * 8
BAD = {
    "empty": b"",
    "garbage": GARBAGE,
    "text": b"once upon a time\n",
    "braces": b"{}",
    "list": b"[]",
    "zeros": bytes(99),
}


def suffix_of_a_file(entry: FileFormat) -> str:
    """The first suffix of the format's files; an unknown one for formats that are folders only."""
    return next((suffix for suffix in entry.suffixes if suffix), ".bin")


def refusal(path: Path, entry: FileFormat) -> str:
    with pytest.raises(FileError) as caught:
        READERS[entry.holds](path, format=entry.name)
    return str(caught.value)


def test_formats_are_named_after_their_files() -> None:
    assert list(all_formats()) == module_names("lift3d.formats")


@EVERY
def test_describes_itself(entry: FileFormat) -> None:
    assert entry.holds in READERS
    assert entry.read is not None or entry.write is not None
    assert entry.about
    assert entry.about == entry.about.strip()
    assert "\n" not in entry.about
    assert len(entry.about) <= 160


@EVERY
def test_suffixes_are_lower_case_with_a_dot(entry: FileFormat) -> None:
    assert entry.suffixes
    assert len(set(entry.suffixes)) == len(entry.suffixes)
    for suffix in entry.suffixes:
        assert suffix == suffix.lower()
        assert suffix == "" or Path("name" + suffix).suffix == suffix


@EVERY_READABLE
def test_refuses_a_missing_path(entry: FileFormat, tmp_path: Path) -> None:
    text = refusal(tmp_path / f"missing{suffix_of_a_file(entry)}", entry)
    assert "does not exist" in text
    assert "\n" not in text


@pytest.mark.parametrize("content", BAD)
@EVERY_READABLE
def test_refuses_a_file_of_something_else(entry: FileFormat, content: str, tmp_path: Path) -> None:
    path = tmp_path / f"bad{suffix_of_a_file(entry)}"
    path.write_bytes(BAD[content])
    text = refusal(path, entry)
    assert path.name in text
    assert "\n" not in text


@EVERY_READABLE
def test_refuses_an_empty_folder(entry: FileFormat, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "\n" not in refusal(folder, entry)


@pytest.mark.parametrize("content", BAD)
@EVERY_READABLE
def test_does_not_recognise_something_else(entry: FileFormat, content: str, tmp_path: Path) -> None:
    path = tmp_path / f"bad{suffix_of_a_file(entry)}"
    path.write_bytes(BAD[content])
    assert entry.recognises is None or not entry.recognises(path)
    folder = tmp_path / "folder"
    folder.mkdir()
    assert entry.recognises is None or not entry.recognises(folder)
