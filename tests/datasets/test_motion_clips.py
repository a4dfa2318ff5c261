"""Clips of motion: units, origins, splits, and files that are none."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from lift3d.datasets.motion_clips import read_motion_clips
from lift3d.errors import FileError


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    path = tmp_path / "clips.h5"
    with h5py.File(path, "w") as file:
        file.attrs["unit_mm"] = 0.25
        file["positions"] = np.arange(10 * 17 * 3, dtype="i2").reshape(10, 17, 3)
        group = file.create_group("clips")
        group["name"] = [b"walk", b"jump", b"sit"]
        group["subject"] = [b"01", b"02", b"01"]
        group["split"] = [b"train", b"test", b"train"]
        group["start"], group["length"] = [0, 4, 7], [4, 3, 3]
        group["origin_mm"] = [[0, 0, 0], [0, 0, 0], [1000, 2000, 3000]]
    return path


def test_positions_are_metres_with_their_origin(clips: Path) -> None:
    read = read_motion_clips(clips, ("train",))
    assert (read.names, read.subjects, read.clip.tolist()) == (("walk", "sit"), ("01", "01"), [0] * 4 + [1] * 3)
    counts = np.arange(10 * 17 * 3).reshape(10, 17, 3)
    expected = np.concatenate([counts[:4] * 0.25e-3, counts[7:] * 0.25e-3 + [1, 2, 3]])
    np.testing.assert_allclose(read.positions.numpy(), expected, atol=1e-6)
    assert read.skeleton.name == "human36m17"


def test_several_splits_keep_the_files_order(clips: Path) -> None:
    assert read_motion_clips(clips, ("test", "train")).names == ("walk", "jump", "sit")


def test_bad_files_say_what_is_wrong(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"has no split other.*test, train"):
        read_motion_clips(clips, ("other",))
    with pytest.raises(FileError, match="does not exist"):
        read_motion_clips(tmp_path / "none.h5", ("train",))
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(FileError, match="is no file of motion clips"):
        read_motion_clips(tmp_path / "text.h5", ("train",))
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with pytest.raises(FileError, match="is no file of motion clips"):
        read_motion_clips(tmp_path / "empty.h5", ("train",))
