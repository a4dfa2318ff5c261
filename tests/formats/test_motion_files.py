"""Bodies in motion as files: what is written is the same motion, seen by other routes than ours where there are any."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from motion_files import made_motion

from lift3d.errors import FileError, InputError
from lift3d.formats import read_body, read_motion, read_poses, write_motion

# (X, Y, Z) of a world with Z up in a world with Y up, and the other way round, as CONTRIBUTING and TRC have it
TO_Y_UP = torch.tensor([[0, 1, 0], [0, 0, 1], [1, 0, 0]], dtype=torch.float64)


def test_amass_comes_back_as_it_was(tmp_path: Path) -> None:
    motion = made_motion()
    write_motion(motion, tmp_path / "walk.npz")
    back = read_motion(tmp_path / "walk.npz")
    assert (back.up, back.model.gender) == ("+z", "female")
    assert (back.joints().positions - motion.joints().positions).abs().max() < 1e-6
    assert (back.times - motion.times).abs().max() < 1e-9
    assert torch.allclose(back.betas, motion.betas)


def test_amass_has_the_layout_that_others_read(tmp_path: Path) -> None:
    """52 joints of SMPL-H with resting fingers, z up, without a pickle."""
    motion = made_motion(up="+y")
    write_motion(motion, tmp_path / "walk.npz")
    with np.load(tmp_path / "walk.npz", allow_pickle=False) as arrays:
        assert arrays["poses"].shape == (6, 156)
        assert not arrays["poses"][:, 66:].any()
        assert arrays["mocap_framerate"] == pytest.approx(25)
        assert str(arrays["gender"]) == "female"
        poses, trans = torch.from_numpy(arrays["poses"]), torch.from_numpy(arrays["trans"])
    rotations = torch.cat([poses[:, :66], torch.zeros(6, 6)], dim=1).reshape(6, 24, 3)
    joints = motion.model.with_shape(motion.betas[0]).with_pose(rotations, trans).joints
    assert (joints @ TO_Y_UP.T - motion.joints().positions[:, 0]).abs().max() < 1e-6


def test_amass_files_of_others_need_a_body(tmp_path: Path) -> None:
    poses = np.zeros((4, 165))
    poses[:, 0:3] = (0.1, 0.2, 0.3)
    arrays = {"betas": np.ones(16), "gender": np.array(b"male"), "mocap_frame_rate": np.array(120.0)}
    np.savez(tmp_path / "other.npz", poses=poses, trans=np.zeros((4, 3)), **arrays)
    with pytest.raises(FileError, match="does not carry the body model"):
        read_motion(tmp_path / "other.npz")
    body = replace(read_body(), name="of_a_user")
    motion = read_motion(tmp_path / "other.npz", body)
    assert motion.betas.tolist() == [[1.0] * 10]
    assert motion.frames_per_second == pytest.approx(120)
    parts = {"root_orient": poses[:, :3], "pose_body": poses[:, 3:66]}
    np.savez(tmp_path / "parts.npz", **parts, trans=np.zeros((4, 3)), **arrays)
    assert torch.equal(read_motion(tmp_path / "parts.npz", body).rotations, motion.rotations)
    with pytest.warns(UserWarning, match="not of the body 'makehuman'"):
        assert not read_motion(tmp_path / "other.npz", read_body()).betas.any()


def test_smpl_files_come_back_but_for_the_shape_which_is_not_smpls(tmp_path: Path) -> None:
    motion = made_motion(up="+y")
    write_motion(motion, tmp_path / "walk.smpl")
    back = read_motion(tmp_path / "walk.smpl", replace(motion.model, name="of_a_user"))
    assert (back.joints().positions - motion.joints().positions).abs().max() < 1e-5
    with np.load(tmp_path / "walk.smpl", allow_pickle=False) as arrays:
        assert {name: arrays[name].shape for name in arrays.files} == {
            "codecVersion": (), "smplVersion": (), "gender": (), "shapeParameters": (10,), "frameCount": (),
            "frameRate": (), "bodyTranslation": (6, 3), "bodyPose": (6, 24, 3),
        }  # fmt: skip
        assert (arrays["codecVersion"], arrays["smplVersion"], arrays["gender"]) == (2, 0, 2)


@pytest.mark.parametrize("suffix", [".npz", ".smpl"])
def test_formats_of_one_person_refuse_two(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds one person"):
        write_motion(made_motion(people=2), tmp_path / f"walk{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("people", [1, 2])
def test_bvh_has_exactly_the_bodys_joints(people: int, tmp_path: Path) -> None:
    motion = made_motion(people=people)
    write_motion(motion, tmp_path / "walk.bvh")
    back = read_poses(tmp_path / "walk.bvh")
    assert back.skeleton.joints == motion.model.skeleton.joints
    assert (back.positions - motion.joints().positions @ TO_Y_UP.T).abs().max() < 1e-5


@pytest.mark.parametrize(("name", "suffix"), [("obj_frames", "obj"), ("ply_frames", "ply")])
def test_meshes_of_frames_open_elsewhere(name: str, suffix: str, tmp_path: Path) -> None:
    motion = made_motion(people=2).between(0, 2)
    gone = motion.translation.clone()
    gone[1, 0] = math.nan
    write_motion(replace(motion, translation=gone), tmp_path / "meshes", name)
    files = sorted((tmp_path / "meshes").iterdir())
    assert [file.name for file in files] == [f"000000.{suffix}", f"000001.{suffix}"]
    first, second = (trimesh.load_mesh(file, process=False) for file in files)
    wanted = (motion.mesh(0).double() @ TO_Y_UP.T).flatten(0, 1).numpy()
    assert np.abs(first.vertices - wanted).max() < 1e-5
    assert first.is_watertight
    assert first.volume > 0.05  # outward
    assert len(second.vertices) == 6999


def test_missing_poses_are_filled_in_and_said(tmp_path: Path) -> None:
    motion = made_motion(people=2)
    gone = motion.translation.clone()
    gone[2, 0], gone[:, 1] = math.nan, math.nan
    with pytest.warns(UserWarning, match="1 missing poses were filled in over time; people never seen .*: person2"):
        write_motion(replace(motion, translation=gone), tmp_path / "walk.bvh")
    assert read_poses(tmp_path / "walk.bvh").positions.shape == (6, 1, 24, 3)
    gone[:] = math.nan
    for name in ("walk.glb", "walk.bvh"):
        with pytest.raises(InputError, match="nobody is seen"):
            write_motion(replace(motion, translation=gone), tmp_path / name)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"poses": np.zeros((4, 100))}, "expected .frames, 72, 156"),
        ({"trans": np.zeros((3, 3))}, "expected .frames, 72, 156"),
        ({"poses": np.full((4, 72), np.nan)}, "no finite number"),
        ({"mocap_framerate": np.array(0.0)}, "frames a second"),
    ],
)
def test_damaged_amass_files_are_refused(change: dict[str, np.ndarray], complaint: str, tmp_path: Path) -> None:
    whole = {"poses": np.zeros((4, 72)), "trans": np.zeros((4, 3)), "betas": np.zeros(10)}
    np.savez(tmp_path / "bad.npz", **{**whole, **change})
    with pytest.raises(FileError, match=complaint):
        read_motion(tmp_path / "bad.npz", read_body())
