"""Body models from files: lift3d's own and users' SMPL files come back as they were."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from smpl_files import SKELETONS, pickled, smpl_arrays, write_npz

from lift3d.bodies import BodyModel
from lift3d.errors import FileError, InputError, UnknownNameError
from lift3d.formats import body_names, kinds_of, read_body, write_body
from lift3d.formats.lift3d_body_npz import write_bodies

FIELDS = {
    "v_template": "template", "shapedirs": "shape_directions", "posedirs": "pose_directions",
    "J_regressor": "joint_regressor", "weights": "weights", "f": "faces",
}  # fmt: skip


def check_same(body: BodyModel, arrays: dict[str, np.ndarray]) -> None:
    for name, field in FIELDS.items():
        np.testing.assert_allclose(getattr(body, field).numpy(), arrays[name], atol=1e-7, err_msg=name)
    assert body.template.dtype == torch.float32
    assert body.parents == body.skeleton.parents


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


class TestUsersFiles:
    @pytest.mark.parametrize("protocol", [0, 1, 2, 4])
    @pytest.mark.parametrize("family", SKELETONS)
    def test_pickles_of_chumpy_come_back(self, family: str, protocol: int, tmp_path: Path) -> None:
        arrays = smpl_arrays(family)
        path = written(tmp_path / f"{family.upper()}_MALE.pkl", pickled(arrays, protocol))
        body = read_body(path)
        check_same(body, arrays)
        assert (body.name, body.skeleton.name, body.gender) == (family, SKELETONS[family], "male")
        assert "owner" in body.licence
        assert kinds_of(path) == {BodyModel}

    def test_todays_names_and_a_root_of_minus_one_are_known(self, tmp_path: Path) -> None:
        arrays = smpl_arrays(unsigned_root=False)
        check_same(read_body(written(tmp_path / "a.pkl", pickled(arrays, 2, old_names=False))), arrays)

    @pytest.mark.parametrize("family", SKELETONS)
    def test_archives_come_back(self, family: str, tmp_path: Path) -> None:
        arrays = smpl_arrays(family)
        path = write_npz(tmp_path / "model.npz", arrays)
        check_same(read_body(path), arrays)
        assert kinds_of(path) == {BodyModel}

    @pytest.mark.parametrize(("stored", "first"), [(400, 301), (20, 11), (10, None)])
    def test_expressions_of_smplx_are_further_components(self, stored: int, first: int | None, tmp_path: Path) -> None:
        arrays = smpl_arrays("smplx", shapes=stored)
        body = read_body(write_npz(tmp_path / "SMPLX_NEUTRAL.npz", arrays))
        check_same(body, arrays)
        assert body.about.startswith("SMPL-X model read from SMPLX_NEUTRAL.npz")
        assert (f"from {first} on are expressions" in body.about) == (first is not None)

    def test_components_of_smpl_are_all_shapes(self, tmp_path: Path) -> None:
        assert "expressions" not in read_body(write_npz(tmp_path / "a.npz", smpl_arrays(shapes=20))).about

    @pytest.mark.parametrize(
        ("name", "gender"),
        [("SMPL_FEMALE", "female"), ("basicmodel_m_lbs_10_207_0_v1.1.0", "male"), ("male/model", "male"),
         ("SMPLX_NEUTRAL", "neutral"), ("mine", "neutral"), ("m/mine", "neutral"), ("female/SMPLH_male", "male")],
    )  # fmt: skip
    def test_the_gender_is_that_of_the_name(self, name: str, gender: str, tmp_path: Path) -> None:
        path = tmp_path / f"{name}.npz"
        path.parent.mkdir(exist_ok=True)
        assert read_body(write_npz(path, smpl_arrays())).gender == gender

    def test_converted_once_they_are_the_same(self, tmp_path: Path) -> None:
        body = read_body(written(tmp_path / "SMPL_FEMALE.pkl", pickled(smpl_arrays(), 2)))
        write_body(body, tmp_path / "body.npz")
        again = read_body(tmp_path / "body.npz")
        assert_equal(again, body)
        assert "owner" in again.licence

    def test_as_a_pickle_of_plain_arrays_they_are_the_same(self, tmp_path: Path) -> None:
        body = read_body(write_npz(tmp_path / "SMPL_MALE.npz", smpl_arrays()))
        for one in (body, replace(body, pose_directions=None)):
            write_body(one, tmp_path / "SMPL_MALE.pkl")
            again = read_body(tmp_path / "SMPL_MALE.pkl")
            assert_equal(replace(again, about=one.about), one)

    def test_other_joints_than_smpls_are_no_smpl_pickle(self, tmp_path: Path) -> None:
        body = read_body(write_npz(tmp_path / "a.npz", smpl_arrays("smplh")))
        with pytest.raises(InputError, match="24 joints; 'smplh' is on skeleton 'smplh52'"):
            write_body(body, tmp_path / "a.pkl")

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"J_regressor": None}, "lacks the arrays J_regressor"),
            ({"weights": None}, "lacks the arrays weights"),
            ({"weights": np.zeros(24)}, "weights is float64 of 1 axes"),
            ({"weights": np.zeros((60, 16))}, "16 joints; expected 24"),
            ({"v_template": np.full((60, 3), np.nan)}, "not finite"),
            ({"v_template": np.zeros(60)}, "v_template is float64 of 1 axes"),
            ({"posedirs": np.ones((60, 3, 216))}, r"pose_directions has shape \(60, 3, 216\)"),
            ({"kintree_table": np.zeros((2, 24), dtype=int)}, "kintree_table"),
            ({"f": np.full((5, 3), 60)}, "face"),
            ({"shapedirs": np.array(["a"])}, "shapedirs"),
            ({"shapedirs": np.array(1.0)}, "shapedirs is float64 of 0 axes"),
        ],
    )
    def test_files_that_do_not_fit_together_are_refused(
        self, change: dict[str, np.ndarray | None], says: str, tmp_path: Path
    ) -> None:
        arrays = {name: one for name, one in {**smpl_arrays(), **change}.items() if one is not None}
        for path in (
            write_npz(tmp_path / "a.npz", arrays),
            written(tmp_path / "a.pkl", pickle.dumps(arrays, protocol=2)),
        ):
            with pytest.raises(FileError, match=says) as caught:
                read_body(path, format=f"smpl_{'npz' if path.suffix == '.npz' else 'pickle'}")
            assert "\n" not in str(caught.value)


def assert_equal(first: BodyModel, second: BodyModel) -> None:
    for field in fields(BodyModel):
        one, other = getattr(first, field.name), getattr(second, field.name)
        assert torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other, field.name


class TestOwnFiles:
    @pytest.fixture
    def body(self, tmp_path: Path) -> BodyModel:
        return read_body(write_npz(tmp_path / "SMPL_MALE.npz", smpl_arrays()))

    def test_everything_comes_back(self, body: BodyModel, tmp_path: Path) -> None:
        for number, one in enumerate((body, replace(body, pose_directions=None))):
            write_body(one, tmp_path / f"{number}.npz")
            assert_equal(read_body(tmp_path / f"{number}.npz"), one)
            assert kinds_of(tmp_path / f"{number}.npz") == {BodyModel}

    def test_several_genders_share_what_is_the_same(self, body: BodyModel, tmp_path: Path) -> None:
        other = replace(body, gender="neutral", template=body.template * 1.5)
        write_bodies([body, other], tmp_path / "two.npz")
        assert_equal(read_body(tmp_path / "two.npz"), other)
        assert_equal(read_body(tmp_path / "two.npz", gender="male"), body)
        names = set(np.load(tmp_path / "two.npz").files)
        assert {"weights", "male/v_template", "neutral/v_template"} <= names
        assert "male/weights" not in names
        with pytest.raises(FileError, match=r"no body of gender 'female'\. Choose one of: male, neutral"):
            read_body(tmp_path / "two.npz", gender="female")

    def test_numbers_of_half_precision_take_half_the_room(self, body: BodyModel, tmp_path: Path) -> None:
        rounded = replace(body, shape_directions=body.shape_directions.half().float())
        write_body(rounded, tmp_path / "a.npz")
        assert np.load(tmp_path / "a.npz")["shapedirs"].dtype == np.float16
        assert_equal(read_body(tmp_path / "a.npz"), rounded)

    def test_bodies_that_do_not_belong_together_are_refused(self, body: BodyModel, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="genders repeat"):
            write_bodies([body, body], tmp_path / "a.npz")
        with pytest.raises(InputError, match="differ in name"):
            write_bodies([body, replace(body, gender="female", name="x")], tmp_path / "a.npz")

    def test_a_gender_of_a_file_of_one_is_not_asked_for(self, tmp_path: Path) -> None:
        with pytest.raises(FileError, match="not one for each gender"):
            read_body(write_npz(tmp_path / "a.npz", smpl_arrays()), gender="male")

    def test_a_name_that_is_not_there_is_told(self) -> None:
        with pytest.raises(UnknownNameError, match="Did you mean 'makehuman'"):
            read_body("makehumn")
        assert "makehuman" in body_names()
