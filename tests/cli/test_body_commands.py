"""Body models on the command line: a user's model is converted once, and lift3d tells what it knows of it."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from command_runs import does, fails

from lift3d import formats
from lift3d.formats import read_body


@pytest.fixture
def smpl_arrays() -> dict[str, np.ndarray]:
    body = read_body()
    return {
        "v_template": body.template.numpy(),
        "shapedirs": body.shape_directions.numpy(),
        "J_regressor": body.joint_regressor.numpy(),
        "weights": body.weights.numpy(),
        "f": body.faces.numpy(),
        "kintree_table": np.stack([np.array(body.parents), np.arange(24)]),
    }


def test_a_pickle_is_converted_once(
    smpl_arrays: dict[str, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "SMPL_MALE.pkl").write_bytes(pickle.dumps(smpl_arrays, protocol=2))
    assert "body" in does(capsys, "convert", tmp_path / "SMPL_MALE.pkl", tmp_path / "body.npz")
    body = read_body(tmp_path / "body.npz")
    assert (body.gender, body.name) == ("male", "smpl")
    assert torch.equal(body.template, read_body().template)
    told = does(capsys, "info", tmp_path / "body.npz")
    assert "6999 vertices" in told
    assert "of the file's owner" in told


def test_a_pickle_that_would_run_something_is_refused(
    smpl_arrays: dict[str, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Calls:
        def __reduce__(self) -> tuple[object, ...]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    (tmp_path / "SMPL_MALE.pkl").write_bytes(pickle.dumps({**smpl_arrays, "J": Calls()}, protocol=2))
    text = fails(capsys, "convert", tmp_path / "SMPL_MALE.pkl", tmp_path / "body.npz")
    assert "refused: it asks to run posix.system" in text
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "body.npz").exists()


@pytest.mark.parametrize("name", ["SMPL_MALE.pkl", "SMPL_MALE.npz"])
def test_a_file_cut_short_is_known_as_such(
    name: str, smpl_arrays: dict[str, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    if path.suffix == ".pkl":
        path.write_bytes(pickle.dumps(smpl_arrays, protocol=2))
    else:
        np.savez(path, **smpl_arrays)  # pyright: ignore[reportArgumentType]
    path.write_bytes(path.read_bytes()[:-1000])
    for words in (("info", path), ("convert", path, tmp_path / "body.npz")):
        text = fails(capsys, *words)
        assert "is damaged" in text
        assert "\n" not in text  # and `fails` has seen that it is one line
    assert not (tmp_path / "body.npz").exists()


def test_one_gender_of_several_is_converted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shipped = Path(formats.__file__).parents[1] / "data" / "bodies" / "makehuman.npz"
    does(capsys, "convert", shipped, tmp_path / "body.npz", "--gender", "female")
    body = read_body(tmp_path / "body.npz")
    assert body.gender == "female"
    assert torch.equal(body.template, read_body(gender="female").template)
    with_one = fails(capsys, "convert", tmp_path / "body.npz", tmp_path / "other.npz", "--gender", "male")
    assert "no body of gender 'male'. Choose one of: female" in with_one


def test_a_body_that_comes_along_is_converted_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    does(capsys, "convert", "makehuman", tmp_path / "male.npz", "--gender", "male")
    assert torch.equal(read_body(tmp_path / "male.npz").template, read_body(gender="male").template)
    assert "Path 'makehumen' does not exist" in fails(capsys, "convert", "makehumen", tmp_path / "no.npz")
    assert [one.name for one in tmp_path.iterdir()] == ["male.npz"]


def test_the_bodies_that_come_along_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    told = does(capsys, "info", "bodies")
    assert "makehuman" in told
    assert "neutral male female" in told
    assert "lift3d_body_npz" in does(capsys, "info", "formats")
