"""Wide CSV: round trips, and the tables of caliscope and Anipose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pose_files import TRUTH, refused, same, some_poses

from lift3d.errors import FileError, UnknownNameError
from lift3d.formats import read_poses, write_poses
from lift3d.formats._dispatch import _candidates
from lift3d.formats._joint_names import marker_names
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton, get_skeleton, skeleton_names

LOOSE = pytest.mark.filterwarnings("ignore:.*are of no known skeleton")


def written(poses: Poses3D, path: Path) -> Path:
    write_poses(poses, path, "csv_wide")
    return path


def table(path: Path, header: list[str], rows: Any) -> Path:
    path.write_text("\n".join([",".join(header), *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("people", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_comes_back_as_it_was(dtype: torch.dtype, people: int, tmp_path: Path) -> None:
    poses = some_poses(people=people, dtype=dtype)
    path = written(poses, tmp_path / "walk.csv")
    assert [entry.name for entry in _candidates(path, Poses3D)] == ["csv_wide"]
    same(read_poses(path), poses)


@pytest.mark.parametrize("skeleton", skeleton_names())
def test_every_skeleton_comes_back(skeleton: str, tmp_path: Path) -> None:
    poses = some_poses(skeleton=skeleton)
    same(read_poses(written(poses, tmp_path / "walk.csv")), poses)


@pytest.mark.parametrize(("frame", "up"), [("world", "+y"), ("world", "-x"), ("camera", "-y"), ("root", "-y")])
def test_space_comes_back(frame: str, up: str, tmp_path: Path) -> None:
    poses = some_poses(frame=frame, up=up)
    same(read_poses(written(poses, tmp_path / "walk.csv")), poses)


def test_filled_joints_keep_their_place_and_score_0(tmp_path: Path) -> None:
    poses = some_poses(missing=False)
    scores = poses.scores.clone()
    scores[1, 0, 3] = 0.0
    poses = replace(poses, scores=scores)
    same(read_poses(written(poses, tmp_path / "walk.csv")), poses)


def test_is_plain(tmp_path: Path) -> None:
    poses = Poses3D.of(
        torch.tensor([[[[0.5, -2.0, 1e-5], [1, torch.nan, 3]]]], dtype=torch.float64), [[[0.25, 1.0]]],
        skeleton=Skeleton("two", ("pelvis", "head"), (-1, 0)), times=torch.tensor([0.5]),
    )  # fmt: skip
    lines = written(poses, tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()
    assert lines == [
        "frame,time,pelvis_x,pelvis_y,pelvis_z,pelvis_score,head_x,head_y,head_z,head_score",
        "0,0.5,0.5,-2.0,1e-05,0.25,,,,0.0",
    ]


def test_is_written_only_by_its_name(tmp_path: Path) -> None:
    write_poses(some_poses(), tmp_path / "walk.csv")
    assert [entry.name for entry in _candidates(tmp_path / "walk.csv", Poses3D)] == ["csv"]


def test_caliscope_is_metres(tmp_path: Path) -> None:
    names = [f"{name}_{axis}" for name in marker_names(get_skeleton("human36m17")) for axis in "xyz"]
    rows = [[frame + 3, *TRUTH[frame].reshape(-1).tolist()] for frame in range(5)]
    poses = read_poses(table(tmp_path / "xyz_labelled.csv", ["sync_index", *names], rows))
    assert poses.skeleton.name == "human36m17"
    assert np.abs(poses.positions[:, 0].numpy() - TRUTH).max() == 0
    assert poses.times.tolist() == pytest.approx([frame / 30 for frame in range(3, 8)])
    assert bool((poses.scores == 1).all())


def anipose(path: Path, scale: float) -> Path:
    names = get_skeleton("human36m17").joints
    header = [f"{name}_{part}" for name in names for part in ("x", "y", "z", "error", "ncams", "score")]
    header += [f"M_{row}{column}" for row in range(3) for column in range(3)]
    header += ["center_0", "center_1", "center_2", "fnum"]
    rows = []
    for frame in range(5):
        row = [value for xyz in TRUTH[frame] * scale for value in (*xyz.tolist(), 1.5, 3, 0.75)]
        rows.append([*row, *np.eye(3).reshape(-1).tolist(), 0, 0, 0, frame])
    rows[2][0:3] = ["", "", ""]
    return table(path, header, rows)


@pytest.mark.parametrize(("scale", "unit"), [(1000.0, "mm"), (1.0, "m")])
def test_anipose_unit_is_told_from_the_numbers_with_a_warning(scale: float, unit: str, tmp_path: Path) -> None:
    path = anipose(tmp_path / "walk.csv", scale)
    with pytest.warns(UserWarning, match=f"does not state its length unit; took '{unit}'"):
        poses = read_poses(path)
    assert np.nanmax(np.abs(poses.positions[:, 0].numpy() - TRUTH)) < 1e-12
    assert poses.positions.isnan().any(-1).nonzero().tolist() == [[2, 0, 0]]
    assert poses.scores[0, 0].tolist() == [0.75] * 17
    assert poses.scores[2, 0, 0] == 0
    same(read_poses(path, unit=unit), poses)  # without a warning
    torch.testing.assert_close(read_poses(path, unit="cm").positions, poses.positions * (scale / 100), equal_nan=True)


def test_units_are_known_and_taken_only_where_they_may_be_open(tmp_path: Path) -> None:
    write_poses(some_poses(), tmp_path / "walk.csv")
    assert "csv holds metres, or states its unit. Leave out unit." in refused(tmp_path / "walk.csv", unit="mm")
    with pytest.raises(UnknownNameError, match="No unit named 'inch'"):
        read_poses(tmp_path / "walk.csv", unit="inch")


@LOOSE
def test_joints_of_no_known_skeleton_make_one_of_their_own(tmp_path: Path) -> None:
    own = Skeleton("own", ("tail", "tail_x_end"), (-1, 0))
    poses = Poses3D.of(torch.rand(2, 2, 2, 3, dtype=torch.float64), skeleton=own)
    path = written(poses, tmp_path / "a.csv")
    assert read_poses(path).skeleton.joints == own.joints
    same(read_poses(path, skeleton=own), poses)


@pytest.mark.parametrize(
    ("header", "rows", "text"),
    [
        (["frame", "a_x", "a_y"], [[0, 1, 2]], "no joint with _x, _y and _z"),
        (["time", "a_x", "a_y", "a_z"], [[0, 1, 2, 3]], "has no frame"),
        (["frame", "a_x", "a_y", "a_z"], [], "holds no rows"),
        (["frame", "a_x", "a_y", "a_z"], [[0, 1, 2]], "line 2 has 3 fields; expected 4"),
        (["frame", "a_x", "a_y", "a_z"], [[0, 1, 2, "b"]], "line 2: could not convert"),
        (["frame", "a_x", "a_y", "a_z"], [[0.5, 1, 2, 3]], "line 2: frame 0.5; expected whole numbers"),
        (["frame", "a_x", "a_y", "a_z"], [["inf", 1, 2, 3]], "line 2: frame inf"),
        (["frame", "a_x", "a_y", "a_z"], [[1, 1, 2, 3], [1, 1, 2, 3]], "line 3: frame 1; expected"),
        (["frame", "time", "a_x", "a_y", "a_z"], [[1, "", 1, 2, 3]], "a frame has no time"),
        (["frame", "a_x", "a_y", "a_z", "space", "up"], [[0, 1, 2, 3, "moon", "+z"]], "No frame named 'moon'"),
        (
            ["frame", "a_x", "a_y", "a_z", "space", "up"],
            [[0, 1, 2, 3, "world", "+z"], [1, 1, 2, 3, "world", "+y"]],
            "changes from row to row",
        ),
        (["frame", "a_x", "a_y", "a_z"], [['"0', 1, 2, 3]], "is no CSV"),
    ],
)
@LOOSE
@pytest.mark.filterwarnings("ignore:.*does not state its length unit")
def test_bad_content(header: list[str], rows: list[list[Any]], text: str, tmp_path: Path) -> None:
    assert text in refused(table(tmp_path / "a.csv", header, rows), format="csv_wide")


def test_cut_short_is_refused_or_shorter(tmp_path: Path) -> None:
    content = written(some_poses(), tmp_path / "a.csv").read_bytes()
    for kept in (0, 10, 500, len(content) // 2, len(content) - 30):
        (tmp_path / "b.csv").write_bytes(content[:kept])
        try:
            poses = read_poses(tmp_path / "b.csv", format="csv_wide")
        except FileError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert len(poses.times) < 5
