"""Martinez' network takes its statistics along: of the right joints, in the right order, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from published_files import martinez, martinez_statistics, save
from published_networks import published

from lift3d.checkpoints import Checkpoint
from lift3d.errors import FileError
from lift3d.importers import import_networks
from lift3d.importers._statistics import read_statistics
from lift3d.skeletons import get_skeleton

JOINTS = get_skeleton("human36m17").joints
RAW = dict(zip(JOINTS, (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27), strict=True))
TRAINING = ("S1", "S5", "S6", "S7", "S8")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return save(tmp_path / "gt_ckpt_best.pth.tar", martinez())


def imported(source: Path, *statistics: Path) -> Checkpoint:
    return import_networks(source, statistics=statistics)["pose"]


def both(folder: Path, old: bool = False) -> list[Path]:
    return [save(folder / f"stat_{axes}d.pth.tar", martinez_statistics(axes), old) for axes in (2, 3)]


@pytest.mark.parametrize("old", [False, True])
def test_statistics_are_those_of_the_joints_in_and_out(source: Path, old: bool, tmp_path: Path) -> None:
    checkpoint = imported(source, *reversed(both(tmp_path, old)))
    given, predicted = checkpoint.input_skeleton.joints, JOINTS[1:]
    assert given == tuple(joint for joint in JOINTS if joint != "neck_nose")
    encoding = checkpoint.encoding
    assert encoding["name"] == "standardised"
    for axes, joints in ((2, given), (3, predicted)):
        expected = [10.0 * RAW[joint] + axis for joint in joints for axis in range(axes)]
        assert encoding[f"mean_{axes}d"] == expected
        assert encoding[f"std_{axes}d"] == [value + 1 for value in expected]


def test_answers_as_published(tmp_path: Path) -> None:
    golden = published("martinez")
    checkpoint = imported(save(tmp_path / "a.pth.tar", {"state_dict": golden.state}), *both(tmp_path))
    golden.assert_answers(checkpoint.network(golden.features), tolerance=1e-5)


def test_numbers_of_the_used_joints_alone_and_npz_are_read_too(tmp_path: Path) -> None:
    whole = [read_statistics(path) for path in both(tmp_path)]
    for one in whole:
        np.savez(tmp_path / "used.npz", mean=np.array(one.mean), std=np.array(one.std))
        assert read_statistics(tmp_path / "used.npz") == one


def test_those_of_the_pixels_can_be_computed_from_videopose3ds_archive(source: Path, tmp_path: Path) -> None:
    """The mean over frames and cameras of the training subjects, and of no other."""
    random = np.random.default_rng(0)
    clips = {
        name: {"Walking": [random.normal(500, 90, (frames, 17, 2)).astype("f4") for frames in (3, 5)]}
        for name in (*TRAINING, "S9")
    }
    np.savez(tmp_path / "data_2d_h36m_gt.npz", positions_2d=np.array(clips, dtype=object))
    checkpoint = imported(source, tmp_path / "data_2d_h36m_gt.npz", both(tmp_path)[1])
    frames = np.concatenate([clip for name in TRAINING for clip in clips[name]["Walking"]]).astype("f8")
    of_joint = dict(zip(JOINTS, frames.swapaxes(0, 1), strict=True))
    mean, std = (np.reshape(checkpoint.encoding[f"{what}_2d"], (16, 2)) for what in ("mean", "std"))
    for place, joint in enumerate(checkpoint.input_skeleton.joints):
        np.testing.assert_allclose(mean[place], of_joint[joint].mean(0))
        np.testing.assert_allclose(std[place], of_joint[joint].std(0), rtol=1e-6)


def test_what_is_missing_is_said_with_what_to_pass(source: Path, tmp_path: Path) -> None:
    two, three = both(tmp_path)
    for given, missing, there in (
        ([], ("stat_3d", "data_2d"), ()),
        ([three], ("data_2d",), ("stat_3d",)),
        ([two], ("stat_3d",), ("data_2d",)),
    ):
        with pytest.raises(FileError, match="statistics are part of the model") as caught:
            imported(source, *given)
        assert all(name in str(caught.value) for name in missing)
        assert not any(name in str(caught.value) for name in there)
        assert "\n" not in str(caught.value)


def wrong(axes: int, **changes: Any) -> dict[str, Any]:
    return {**martinez_statistics(axes), **changes}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"mean": np.zeros(96)}, "holds no 'mean' and 'std'"),
        ([1, 2], "holds no 'mean' and 'std'"),
        ({"mean": np.zeros(51), "std": np.ones(51)}, "has 51 means"),
        (wrong(3, std=np.ones(64)), "96 means and 64 standard deviations"),
        (wrong(3, std=np.zeros(96)), "a deviation is not above 0"),
        (wrong(3, mean=np.full(96, np.nan)), "is no number"),
        (wrong(3, mean="none"), "no numbers of the expected kind"),
        (wrong(3, dim_use=np.arange(48)), "'dim_use' names other numbers"),
        (wrong(2, dim_use=np.arange(32)), "'dim_use' names other numbers"),
    ],
)
def test_statistics_that_cannot_be_are_refused(content: Any, problem: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=problem) as caught:
        read_statistics(save(tmp_path / "stat.pth.tar", content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("subjects", [("S1",), (*TRAINING, "S9")])
def test_other_archives_are_refused(subjects: tuple[str, ...], tmp_path: Path) -> None:
    clips = {name: {"Walking": [np.zeros((3, 16, 2))]} for name in subjects}
    np.savez(tmp_path / "data_2d.npz", positions_2d=np.array(clips, dtype=object))
    with pytest.raises(FileError, match=r"Expected data_2d_h36m_gt\.npz"):
        read_statistics(tmp_path / "data_2d.npz")


def test_networks_without_the_pelvis_are_refused(tmp_path: Path) -> None:
    content = martinez()
    for key, value in list(content["state_dict"].items()):
        if key in ("w2.weight", "w2.bias"):
            content["state_dict"][key] = value[:42]
    with pytest.raises(FileError, match=r"takes 32 numbers and gives 42.*14 joints"):
        import_networks(save(tmp_path / "a.pth.tar", content), statistics=both(tmp_path))
