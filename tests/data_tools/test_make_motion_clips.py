"""Any motion to one file of clips: rates, splits, cleaning, units; AMASS through a made-up body model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from data_tools import make_motion_clips
from data_tools.amass import JOINTS, BodyModels, amass_joints, read_body_model
from lift3d.datasets import open_motion
from lift3d.errors import FileError
from lift3d.formats import write_poses
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.poses import Poses3D
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import walk

GOLDEN = Path(__file__).parents[1] / "golden" / "poses"
HUMAN36M, SMPL = get_skeleton("human36m17"), get_skeleton("smpl24")


def made(folder: Path, *options: str) -> Path:
    make_motion_clips.main([*options, "-o", str(folder / "clips.h5")])
    return folder / "clips.h5"


def test_clips_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two subjects at 60 a second come out at 30, the second in the split asked for; a foreign file is said."""
    source = tmp_path / "source"
    for subject, seed in (("anna", 1), ("ben", 2)):
        (source / subject).mkdir(parents=True)
        write_poses(walk(60, fps=60, seed=seed), source / subject / "walk.npz")
    write_poses(Poses3D.of(torch.zeros(9, 1, 17, 3), skeleton=HUMAN36M, frame="camera"), source / "camera.npz")
    path = made(tmp_path, str(source), "--fps", "30", "--test", "ben", "--about", "made up")
    assert "left out" in capsys.readouterr().err
    motion = open_motion(path)
    assert [(clip.name, clip.subject, clip.split, clip.frames) for clip in motion.clips] == [
        ("anna/walk", "anna", "train", 30),
        ("ben/walk", "ben", "test", 30),
    ]
    assert motion.clips[0].frames_per_second == 30
    np.testing.assert_allclose(motion.read(1).numpy(), walk(60, fps=60, seed=2).positions[::2, 0].numpy(), atol=1.4e-4)
    with pytest.raises(SystemExit, match=r"camera\.npz: its poses are in the 'camera' frame"):
        made(tmp_path, str(source), "--strict")


def test_cleaning(tmp_path: Path) -> None:
    positions = walk(60).positions
    positions[20:, ...] += 1.0  # 30 m/s
    positions[50:, :, 3, 2] = -0.5
    write_poses(Poses3D.of(positions, skeleton=HUMAN36M), tmp_path / "07_01.npz")
    clips = open_motion(made(tmp_path, str(tmp_path / "07_01.npz"), "--skip", "2")).clips
    assert [(clip.name, clip.subject, clip.frames) for clip in clips] == [("07_01#0", "07", 18), ("07_01#1", "07", 30)]
    kept = made(tmp_path, str(tmp_path / "07_01.npz"), "--fastest", "99", "--lowest", "-9", "--float")
    assert open_motion(kept).clips[0].frames == 60


def test_acclaim_files_give_cmus_joints(tmp_path: Path) -> None:
    path = made(tmp_path, str(GOLDEN / "02_01.amc"), "--shortest", "0", "--fps", "30")
    expected = np.load(GOLDEN / "cmu_02_01_human36m17_mm.npy")[::4]
    motion = open_motion(path)
    assert motion.clips[0].subject == "02"
    np.testing.assert_allclose(1000 * motion.read(0).numpy(), expected, atol=0.2)


def test_a_unit_of_its_own(tmp_path: Path) -> None:
    """The same walk as BVH in CMU's unit, without its first frame, a T-pose; the others are far apart in time."""
    options = ["--metres-per-unit", "0.0564444", "--skip", "1", "--shortest", "0", "--fastest", "9999"]
    motion = open_motion(made(tmp_path, str(GOLDEN / "cmu_02_01.bvh"), *options))
    legs = motion.read(0).numpy()[:, [1, 2, 3, 4, 5, 6]]
    np.testing.assert_allclose(1000 * legs, np.load(GOLDEN / "cmu_02_01_legs_mm.npy"), atol=0.3)


def test_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds no file of poses"):
        made(tmp_path, str(tmp_path))
    write_poses(walk(4), tmp_path / "a.npz")
    with pytest.raises(SystemExit, match="there are no clips"):
        made(tmp_path, str(tmp_path / "a.npz"), "--shortest", "5")


# --- AMASS


def body_model(path: Path, betas: int = 10) -> np.ndarray:
    """A model whose vertices are the joints themselves, upright with y up, and a crown; the first beta is height."""
    standing = walk(1, skeleton=SMPL).positions[0, 0].numpy()
    rest = (standing - standing[0])[:, [1, 2, 0]]  # x forward, y left, z up -> x left, y up, z forward
    crown = rest[SMPL.index("head")] + [0.0, 0.25, 0.0]
    template = np.concatenate([rest, crown[None]])
    shapes = np.zeros((25, 3, betas))
    shapes[..., 0] = 0.1 * template
    parents = np.array([-1, *SMPL.parents[1:]], dtype=np.int64).astype(np.uint32)
    np.savez(
        path, v_template=template, shapedirs=shapes, J_regressor=np.eye(24, 25),
        kintree_table=np.stack([parents, np.arange(24)]), notes=np.array([{}], dtype=object),
    )  # fmt: skip
    return template


def amass(path: Path, poses: np.ndarray, trans: np.ndarray, beta: float = 0.0, **more: object) -> Path:
    betas = np.array([beta] + 15 * [0.0])
    values = {"gender": "female", "mocap_framerate": 60.0, **more}
    np.savez(path, poses=poses, trans=trans, betas=betas, dmpls=np.zeros(3), **values)  # type: ignore[arg-type]
    return path


def test_amass_at_rest_and_turned(tmp_path: Path) -> None:
    """At rest the model's own joints, moved and as tall as beta says; turned about the root, they turn about it."""
    template = body_model(tmp_path / "model.npz")
    models, moved = BodyModels(tmp_path / "model.npz"), np.array([1.0, 2.0, 3.0])
    rest, fps = amass_joints(amass(tmp_path / "a.npz", np.zeros((2, 156)), np.tile(moved, (2, 1)), beta=2.0), models)
    assert fps == 60
    expected = 1.2 * template[[*range(22), 24]]
    np.testing.assert_allclose(rest[0], expected + moved, atol=1e-9)
    poses = np.zeros((1, 156))
    poses[0, :3] = [np.pi / 2, 0, 0]  # y up to z up
    turned, _ = amass_joints(amass(tmp_path / "b.npz", poses, np.zeros((1, 3)), beta=2.0), models)
    root = expected[0]
    np.testing.assert_allclose(turned[0] - root, (expected - root)[:, [0, 2, 1]] * [1, -1, 1], atol=1e-9)


def test_amass_bends_one_joint_and_what_hangs_on_it(tmp_path: Path) -> None:
    template = body_model(tmp_path / "model.npz")
    poses = np.zeros((1, 72))
    vector = torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64)
    elbow, wrist = JOINTS.indices("left_elbow", "left_wrist")
    poses[0, 3 * elbow : 3 * elbow + 3] = vector
    joints, _ = amass_joints(amass(tmp_path / "a.npz", poses, np.zeros((1, 3))), BodyModels(tmp_path / "model.npz"))
    expected = template[[*range(22), 24]].copy()
    expected[wrist] = expected[elbow] + rotvec_to_matrix(vector).numpy() @ (template[wrist] - template[elbow])
    np.testing.assert_allclose(joints[0], expected, atol=1e-9)


def test_amass_becomes_clips(tmp_path: Path) -> None:
    source, models = tmp_path / "ACCAD" / "Female1", tmp_path / "models"
    source.mkdir(parents=True)
    for gender in ("male", "female"):
        (models / gender).mkdir(parents=True)
        body_model(models / gender / "model.npz")
    poses = np.zeros((60, 156))
    poses[:, 0] = np.pi / 2
    amass(source / "stand_poses.npz", poses, np.tile([0.0, 0, 1], (60, 1)))
    np.savez(source / "shape.npz", betas=np.zeros(16), gender="female")  # AMASS has such a file a subject
    motion = open_motion(made(tmp_path, str(tmp_path / "ACCAD"), "--body-model", str(models), "--fps", "30"))
    assert [(clip.name, clip.subject, clip.frames) for clip in motion.clips] == [("Female1/stand_poses", "Female1", 30)]
    joints = dict(zip(HUMAN36M.joints, motion.read(0)[0], strict=True))
    heights = [joints[name][2].item() for name in ("left_ankle", "left_knee", "pelvis", "spine", "thorax", "head")]
    assert heights == sorted(heights)
    assert joints["left_hip"][0] > joints["right_hip"][0]
    assert joints["head"][2] - joints["neck_nose"][2] == pytest.approx(0.25, abs=1e-3)
    with pytest.raises(SystemExit, match=r"need a body model"):
        made(tmp_path, str(source / "stand_poses.npz"), "--strict")


def test_bad_amass_and_models(tmp_path: Path) -> None:
    body_model(tmp_path / "model.npz")
    models = BodyModels(tmp_path / "model.npz")
    with pytest.raises(FileError, match=r"poses has shape \(2, 9\)"):
        amass_joints(amass(tmp_path / "a.npz", np.zeros((2, 9)), np.zeros((2, 3))), models)
    np.savez(tmp_path / "b.npz", poses=np.zeros((2, 72)), trans=np.zeros((2, 3)), betas=np.zeros(10))
    with pytest.raises(FileError, match="lacks poses, trans, betas or mocap_framerate"):
        amass_joints(tmp_path / "b.npz", models)
    with pytest.raises(FileError, match="is no body model: it lacks v_template"):
        read_body_model(tmp_path / "b.npz")
    (tmp_path / "none").mkdir()
    with pytest.raises(FileError, match="has 0 models for the gender 'male'"):
        BodyModels(tmp_path / "none")("male")
    arrays = dict(np.load(tmp_path / "model.npz", allow_pickle=True))
    del arrays["notes"]
    np.savez(tmp_path / "c.npz", **arrays | {"J_regressor": np.eye(24)})
    with pytest.raises(FileError, match="are not those of SMPL"):
        read_body_model(tmp_path / "c.npz")
