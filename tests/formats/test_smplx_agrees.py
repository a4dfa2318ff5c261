"""Users' SMPL, SMPL-H and SMPL-X files: smplx makes the same meshes of the same file, hands, jaw and face included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from smpl_files import VERTICES, pickled, smpl_arrays, write_npz

from lift3d.formats import read_body, write_body

smplx = pytest.importorskip("smplx")
from smplx import body_models  # noqa: E402
from smplx.utils import Struct  # noqa: E402

BATCH = 3
POSES = {  # smplx's names of the parts of a pose, in the order of the joints: how many each has
    "smpl": {"global_orient": 1, "body_pose": 23},
    "smplh": {"global_orient": 1, "body_pose": 21, "left_hand_pose": 15, "right_hand_pose": 15},
    "smplx": {"global_orient": 1, "body_pose": 21, "jaw_pose": 1, "leye_pose": 1, "reye_pose": 1,
              "left_hand_pose": 15, "right_hand_pose": 15},
}  # fmt: skip


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra joints of smplx are numbered vertices, of which the made-up files have fewer."""
    for ids in body_models.VERTEX_IDS.values():
        for name in ids:
            monkeypatch.setitem(ids, name, 0)


def beside() -> dict[str, np.ndarray]:
    """What else smplx asks of a file with hands and a face: poses of the hands, and landmarks."""
    random = np.random.default_rng(5)
    return {
        **{f"hands_components{side}": np.eye(45) for side in "lr"},
        **{f"hands_mean{side}": random.normal(size=45) * 0.3 for side in "lr"},
        "lmk_faces_idx": np.zeros(51, dtype=np.int64),
        "lmk_bary_coords": np.full((51, 3), 1 / 3),
    }


def in_smplx(family: str, arrays: dict[str, np.ndarray], path: Path, **options: Any) -> Any:
    more = {"batch_size": BATCH, "use_pca": False, **options}
    if family == "smplx":
        return smplx.SMPLX(str(write_npz(path, {**arrays, **beside()})), **more)
    kind = {"smpl": smplx.SMPL, "smplh": smplx.SMPLH}[family]
    return kind(".", data_struct=Struct(**arrays, **beside()), **more)


def turns_of(family: str) -> dict[str, torch.Tensor]:
    return {name: torch.randn(BATCH, count, 3) * 0.5 for name, count in POSES[family].items()}


@pytest.mark.parametrize("family", POSES)
@pytest.mark.parametrize("suffix", [".npz", ".pkl"])
def test_meshes_and_joints_are_the_same(family: str, suffix: str, tmp_path: Path) -> None:
    arrays = smpl_arrays(family, shapes=20 if family == "smplx" else 10)
    path = tmp_path / f"{family}{suffix}"
    if suffix == ".npz":
        write_npz(path, {**arrays, **beside()})
    else:
        path.write_bytes(pickled(arrays, 2))
    theirs = in_smplx(family, arrays, tmp_path / "theirs.npz", flat_hand_mean=True)
    body = read_body(path)
    turns, betas, moved = turns_of(family), torch.randn(BATCH, body.shapes), torch.randn(BATCH, 3)
    given = {name: one.flatten(1) for name, one in turns.items()}
    if family == "smplx":
        given["expression"] = betas[:, 10:]
    with torch.no_grad():
        expected = theirs(betas=betas[:, :10], transl=moved, **given)
    posed = body.with_shape(betas).with_pose(torch.cat(list(turns.values()), dim=1), moved)
    assert expected.vertices.shape == (BATCH, VERTICES, 3)
    torch.testing.assert_close(posed.mesh(), expected.vertices, atol=1e-5, rtol=0)
    joints = len(body.skeleton)
    torch.testing.assert_close(posed.joints, expected.joints[:, :joints], atol=1e-5, rtol=0)


@pytest.mark.parametrize("gender", ["neutral", "male", "female"])
def test_the_body_in_the_box_is_opened_by_smplx(gender: str, tmp_path: Path) -> None:
    body = read_body(gender=gender)
    write_body(body, tmp_path / f"SMPL_{gender.upper()}.pkl")
    theirs = smplx.create(str(tmp_path / f"SMPL_{gender.upper()}.pkl"), model_type="smpl", batch_size=BATCH)
    turns, betas = turns_of("smpl"), torch.randn(BATCH, 10)
    with torch.no_grad():
        expected = theirs(betas=betas, **{name: one.flatten(1) for name, one in turns.items()})
    posed = body.with_shape(betas).with_pose(torch.cat(list(turns.values()), dim=1))
    torch.testing.assert_close(posed.mesh(), expected.vertices, atol=1e-5, rtol=0)
    torch.testing.assert_close(posed.joints, expected.joints[:, :24], atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", ["smplh", "smplx"])
def test_a_mean_pose_of_the_hands_is_added_by_the_user(family: str, tmp_path: Path) -> None:
    arrays, turns = smpl_arrays(family), turns_of(family)
    theirs = in_smplx(family, arrays, tmp_path / "theirs.npz", flat_hand_mean=False, num_expression_coeffs=0)
    with torch.no_grad():
        expected = theirs(**{name: one.flatten(1) for name, one in turns.items()})
    for side in ("left", "right"):
        mean = torch.from_numpy(beside()[f"hands_mean{side[0]}"]).float()
        turns[f"{side}_hand_pose"] = turns[f"{side}_hand_pose"] + mean.reshape(15, 3)
    body = read_body(write_npz(tmp_path / "ours.npz", arrays))
    mesh = body.with_shape().with_pose(torch.cat(list(turns.values()), dim=1)).mesh()
    torch.testing.assert_close(mesh, expected.vertices, atol=1e-5, rtol=0)
