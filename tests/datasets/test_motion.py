"""Motion: the same walk from every source, in metres with z up; cleaning; other rates; lift3d's own file."""

from __future__ import annotations

import pickle
import tracemalloc
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from made_up import HUMAN36M, as_object, recordings, thirty_two, write_videopose3d

from lift3d._discovery import module_names
from lift3d.datasets import Clip, open_motion, read_motion_clips, write_motion_clips
from lift3d.datasets._animation_names import with_our_names
from lift3d.datasets.clip_cleaning import good_stretches, resampled
from lift3d.datasets.motion import motion_sources
from lift3d.datasets.motion_clips import gathered
from lift3d.errors import FileError, InputError, ShapeError, UnknownNameError
from lift3d.formats import read_poses, write_poses
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton, get_skeleton, mapping_between
from lift3d.synthetic import walk

GOLDEN = Path(__file__).parents[1] / "golden" / "poses"


def walked(frames: int, seed: int = 0) -> np.ndarray:
    return walk(frames, seed=seed).positions[:, 0].numpy()


def test_layouts_are_found() -> None:
    assert list(motion_sources()) == ["clips_h5", "pose_files", "videopose3d_npz"]
    assert module_names("lift3d.datasets.motion_sources") == ["clips_h5", "pose_files", "videopose3d_npz"]


# --- lift3d's own file


@pytest.mark.parametrize(("unit_mm", "near"), [(0.25, 1.3e-4), (1.0, 5.1e-4), (None, 1e-7)])
def test_own_file_round_trip(unit_mm: float | None, near: float, tmp_path: Path) -> None:
    """Clips come back within half a unit, also far from the origin; everything else exactly."""
    path, skeleton = tmp_path / "clips.h5", get_skeleton("coco17")
    clips = [Clip("a", "01", 5, 60.0, "walk", "train"), Clip("b", "02", 3, 60.0, "", "test")]
    far = np.array([100.0, -50.0, 3.0])
    positions = [np.random.default_rng(0).normal(0, 1, (clip.frames, 17, 3)) + far for clip in clips]
    assert write_motion_clips(path, zip(clips, positions, strict=True), skeleton, unit_mm, "mine") == (2, 8)
    motion = open_motion(path)
    assert (motion.clips, motion.skeleton, motion.frames) == (tuple(clips), skeleton, 8)
    for number, expected in enumerate(positions):
        np.testing.assert_allclose(motion.read(number).numpy(), expected, atol=near + 1e-5)
    np.testing.assert_allclose(motion.read(0, 2, 4).numpy(), positions[0][2:4], atol=near + 1e-5)
    clips_in_memory = read_motion_clips(path, ("test", "train"))
    assert (clips_in_memory.starts, clips_in_memory.lengths) == ((0, 5), (5, 3))
    assert (clips_in_memory.frames_per_second, clips_in_memory.actions) == (60.0, ("walk", ""))
    torch.testing.assert_close(clips_in_memory.positions[5:], motion.read(1))
    with h5py.File(path) as file:
        assert file.attrs["about"] == "mine"


def test_own_file_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    path, positions = tmp_path / "clips.h5", walked(4)
    own = Clip("a", "01", 4)
    with pytest.raises(InputError, match="'a' is wider than 16 m"):
        write_motion_clips(path, [(own, positions * np.linspace(1, 30, 4)[:, None, None])], HUMAN36M)
    missing = positions.copy()
    missing[1, 2, 0] = np.nan
    with pytest.raises(InputError, match="'a' has missing joints"):
        write_motion_clips(path, [(own, missing)], HUMAN36M)
    with pytest.raises(InputError, match="one frame rate; got 30, 60"):
        write_motion_clips(path, [(own, positions), (replace(own, frames_per_second=60.0), positions)], HUMAN36M)
    with pytest.raises(ShapeError, match=r"expected \(5, 17, 3\) of clip 'a'"):
        write_motion_clips(path, [(replace(own, frames=5), positions)], HUMAN36M)
    with pytest.raises(InputError, match="no clips"):
        write_motion_clips(path, [], HUMAN36M)
    assert not list(tmp_path.iterdir())


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clips.h5"
    write_motion_clips(path, [(Clip("a", "01", 4), walked(4))], HUMAN36M)
    with h5py.File(path, "r+") as file:
        file["positions"].resize(3, axis=0)
    with pytest.raises(FileError, match="ends at frame 4 of 3"):
        open_motion(path)
    with h5py.File(path, "r+") as file:
        file.attrs["parents"] = np.array([5] * 17)
    with pytest.raises(FileError, match="skeleton cannot be read"):
        open_motion(path)


def test_an_open_file_survives_pickling(tmp_path: Path) -> None:
    """Workers that load data are sent the motion; a handle would not survive that."""
    path = tmp_path / "clips.h5"
    write_motion_clips(path, [(Clip("a", "01", 4), walked(4))], HUMAN36M)
    motion = open_motion(path)
    before = motion.read(0)
    again = replace(motion, pull=pickle.loads(pickle.dumps(motion.pull)))
    torch.testing.assert_close(again.read(0), before)


def test_many_frames_are_read_in_little_memory(tmp_path: Path) -> None:
    """200,000 frames (41 MB as float32) are written and then read clip by clip in less than 5 MB."""
    path, one = tmp_path / "long.h5", np.zeros((1000, 17, 3))
    tracemalloc.start()
    write_motion_clips(path, ((Clip(str(n), "01", 1000), one + n / 1000) for n in range(200)), HUMAN36M)
    motion = open_motion(path)
    last = [float(motion.read(number, 500, 600)[-1, 0, 0]) for number in range(200)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert motion.frames == 200_000
    np.testing.assert_allclose(last, np.arange(200) / 1000, atol=1e-6)
    assert peak < 5_000_000


def test_much_motion_is_mapped_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What random frames are drawn from is the same, in memory or in a temporary file, which leaves nothing behind."""
    path, folder = tmp_path / "clips.h5", tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    write_motion_clips(path, ((Clip(str(n), "01", 500), walked(500, n)) for n in range(20)), HUMAN36M)
    motion = open_motion(path)
    held = gathered(motion)
    tracemalloc.start()
    mapped = gathered(motion, most_in_memory=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000  # of 2 MB
    assert not list(folder.iterdir())
    chosen = torch.randint(0, motion.frames, (300,))
    torch.testing.assert_close(mapped.positions[chosen], held.positions[chosen], rtol=0, atol=0)
    assert (mapped.starts, mapped.clip.tolist()) == (held.starts, held.clip.tolist())


def test_choosing_and_limits(tmp_path: Path) -> None:
    path = tmp_path / "clips.h5"
    clips = [Clip("a", "01", 4), Clip("b", "02", 3), Clip("c", "02", 2, split="test")]
    write_motion_clips(path, [(clip, walked(clip.frames, seed)) for seed, clip in enumerate(clips)], HUMAN36M)
    motion = open_motion(path)
    part = motion.only(splits=["train"], subjects=["02"])
    assert [clip.name for clip in part.clips] == ["b"]
    torch.testing.assert_close(part.read(0), motion.read(1))
    for start, stop in ((0, 5), (-1, 2), (3, 2)):
        with pytest.raises(InputError, match="has 4 frames; asked for"):
            motion.read(0, start, stop)
    with pytest.raises(FileError, match=r"has no split other. Known: test, train"):
        open_motion(path, ["other"])
    with pytest.raises(UnknownNameError, match="No layout of motion named 'x'"):
        open_motion(path, format="x")


def test_other_skeletons_by_name(tmp_path: Path) -> None:
    path = tmp_path / "clips.h5"
    write_motion_clips(path, [(Clip("a", "01", 4), walked(4))], HUMAN36M, unit_mm=None)
    motion = open_motion(path)
    mapped = motion.mapped_to(get_skeleton("mpii16"))
    left = mapped.skeleton.index("left_knee"), HUMAN36M.index("left_knee")
    torch.testing.assert_close(mapped.read(0)[:, left[0]], motion.read(0)[:, left[1]])
    with pytest.raises(InputError, match=r"does not give the joints .*left_big_toe"):
        motion.mapped_to(get_skeleton("body25"))


# --- files of poses


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".trc", ".bvh", ".json"])
def test_every_file_of_poses_is_motion(suffix: str, tmp_path: Path) -> None:
    """Metres, z up, up to a turn about z; a written BVH keeps the bones' lengths only."""
    poses = walk(12, fps=60)
    write_poses(poses, tmp_path / f"07_01{suffix}")
    motion = open_motion(tmp_path)
    assert [(clip.name, clip.subject, clip.split) for clip in motion.clips] == [("07_01", "07", "train")]
    assert motion.clips[0].frames_per_second == pytest.approx(60, rel=1e-3)
    read, true = motion.read(0).double(), poses.positions[:, 0]
    near = 0.03 if suffix == ".bvh" else 1e-4
    torch.testing.assert_close(read[..., 2], true[..., 2], atol=near, rtol=0)
    for ours, theirs in ((read, true), (read[1:] - read[:-1], true[1:] - true[:-1])):
        torch.testing.assert_close(ours.norm(dim=-1), theirs.norm(dim=-1), atol=near, rtol=0)
    normal = torch.linalg.cross(read[0, 4] - read[0, 1], read[0, 8] - read[0, 0])  # right-handed still: left is left
    other = torch.linalg.cross(true[0, 4] - true[0, 1], true[0, 8] - true[0, 0])
    torch.testing.assert_close(
        (normal * (read[0, 9] - read[0, 8])).sum(), (other * (true[0, 9] - true[0, 8])).sum(), atol=near, rtol=0
    )


@pytest.mark.parametrize("up", ["+x", "-x", "+y", "-y", "+z", "-z"])
def test_any_axis_may_point_up(up: str, tmp_path: Path) -> None:
    """A walk turned so that another axis points up is turned back to heights above the floor, not mirrored."""
    true = walk(5).positions
    turn = {
        "+x": [[0, 0, 1], [1, 0, 0], [0, 1, 0]], "-x": [[0, 0, -1], [1, 0, 0], [0, -1, 0]],
        "+y": [[1, 0, 0], [0, 0, 1], [0, -1, 0]], "-y": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
        "+z": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "-z": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
    }[up]  # fmt: skip
    matrix = torch.tensor(turn, dtype=torch.float64)
    assert torch.linalg.det(matrix).item() == pytest.approx(1)
    write_poses(Poses3D.of(true @ matrix.T, skeleton=HUMAN36M, up=up), tmp_path / "a.npz")
    read = open_motion(tmp_path / "a.npz").read(0).double()
    torch.testing.assert_close(read[..., 2], true[:, 0, :, 2], atol=1e-6, rtol=0)
    volumes = [torch.linalg.det(one[0, [3, 6, 10]] - one[0, :1]) for one in (read, true[:, 0])]
    torch.testing.assert_close(volumes[0], volumes[1], atol=1e-6, rtol=0)


def test_folders_say_subject_and_split_and_clips_are_cut(tmp_path: Path) -> None:
    poses = walk(20, people=2)
    poses.positions[9, 1, 4] = torch.nan
    (tmp_path / "test" / "anna").mkdir(parents=True)
    write_poses(Poses3D.of(poses.positions, skeleton=HUMAN36M), tmp_path / "test" / "anna" / "two.npz")
    write_poses(walk(6), tmp_path / "02_01.npz")
    (tmp_path / "notes.txt").write_text("no poses")
    motion = open_motion(tmp_path)
    assert [(clip.name, clip.subject, clip.split, clip.frames) for clip in motion.clips] == [
        ("02_01", "02", "train", 6),
        ("two/person1", "anna", "test", 20),
        ("two/person2#0", "anna", "test", 9),
        ("two/person2#1", "anna", "test", 10),
    ]
    torch.testing.assert_close(motion.read(3, 2, 5).double(), poses.positions[12:15, 1], atol=1e-6, rtol=0)
    torch.testing.assert_close(motion.read(0).double(), walk(6).positions[:, 0], atol=1e-6, rtol=0)


def test_acclaim_motion_is_the_joints_another_program_found() -> None:
    """CMU's 02_01, cut short, and its 17 joints as computed elsewhere (tests/golden/poses)."""
    motion = open_motion(GOLDEN / "02_01.amc")
    expected = np.load(GOLDEN / "cmu_02_01_human36m17_mm.npy")
    np.testing.assert_allclose(1000 * motion.read(0).numpy(), expected, atol=1e-3)


@pytest.mark.filterwarnings("ignore:.*BVH states no length unit")
def test_animation_skeletons_are_known_by_their_names() -> None:
    """CMU's walk as MotionBuilder names it: pelvis half-way between the hips, legs as another program has them."""
    motion = open_motion(GOLDEN / "cmu_02_01.bvh")
    legs = 1000 * motion.read(0).numpy()[1:, [1, 2, 3, 4, 5, 6]] * 5.64444
    expected = np.load(GOLDEN / "cmu_02_01_legs_mm.npy")
    np.testing.assert_allclose(legs, expected, atol=0.05)
    joints = motion.read(0)[1:]
    torch.testing.assert_close(joints[:, 0], (joints[:, 1] + joints[:, 4]) / 2)
    head = HUMAN36M.indices("spine", "thorax", "neck_nose", "head")
    assert bool((joints[:, head, 2].diff(dim=1) > 0).all())  # the End Site of the head is its top


# names with the side's word or letter left out; a name of its own is in the middle
PROGRAMS = {
    "motionbuilder": (
        "Left Right",
        "Hips *UpLeg *Leg *Foot Spine Spine1 Neck Head Head_end *Shoulder *Arm *ForeArm *Hand",
    ),
    "mixamo": (
        "mixamorig:Left mixamorig:Right",
        "Hips *UpLeg *Leg *Foot mixamorig:Spine mixamorig:Neck mixamorig:Head HeadTop_End *Arm *ForeArm *Hand",
    ),
    "daz": ("l r", "hip *Thigh *Shin *Foot abdomen chest neck head head_end *Collar *Shldr *ForeArm *Hand"),
    "plain": ("Left Right", "Hips *Hip *Knee *Ankle Chest Neck Head Head_end *Collar *Shoulder *Elbow *Wrist"),
    "biped": (
        "Bip01_L_ Bip01_R_",
        "Bip01 *Thigh *Calf *Foot Bip01_Spine Bip01_Neck Bip01_Head Bip01_HeadNub *UpperArm *Forearm *Hand",
    ),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_names_of_animation_programs(program: str) -> None:
    """All 17 joints are found, and each limb's are those of its side, from the inside out."""
    (left, right), names = (part.split() for part in PROGRAMS[program])
    sided = [name.removeprefix("*") for name in names if name.startswith("*")]
    middle = [name for name in names if not name.startswith("*")]
    joints = (*middle, *(right + name for name in sided), *(left + name for name in sided))
    renamed = with_our_names(Skeleton("own", joints, (-1, *[0] * (len(joints) - 1))))
    assert mapping_between(renamed, HUMAN36M).missing == ()
    limbs = [name for name in sided if name not in ("Collar", *(["Shoulder"] if program == "motionbuilder" else []))]
    for side, prefix in (("left", left), ("right", right)):
        ours = [f"{side}_{joint}" for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")]
        assert [joints[renamed.index(joint)] for joint in ours] == [prefix + name for name in limbs]


def test_poses_that_do_not_fit(tmp_path: Path) -> None:
    dot = Skeleton("dot", ("a", "b"), (-1, 0))
    write_poses(Poses3D.of(torch.zeros(2, 1, 2, 3), skeleton=dot), tmp_path / "a.npz")
    with pytest.raises(FileError, match=r"a\.npz: its joints \(a, b, \.\.\.\) do not give pelvis, .* of human36m17"):
        open_motion(tmp_path / "a.npz")
    write_poses(Poses3D.of(torch.zeros(2, 1, 17, 3), skeleton=HUMAN36M, frame="camera"), tmp_path / "b.npz")
    with pytest.raises(FileError, match="are in the 'camera' frame"):
        open_motion(tmp_path / "b.npz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match="is no file of motion clips, nor of poses"):
        open_motion(tmp_path / "empty")
    write_poses(walk(4, fps=50), tmp_path / "c.npz")
    write_poses(walk(4, fps=60), tmp_path / "d.npz")
    for name in "ab":
        (tmp_path / f"{name}.npz").unlink()
    with pytest.raises(FileError, match="its clips have 50, 60 frames a second"):
        read_motion_clips(tmp_path, ["train"])


# --- VideoPose3D


def test_videopose3ds_archive_is_motion(tmp_path: Path) -> None:
    made = recordings()
    motion = open_motion(write_videopose3d(tmp_path, made)[0])
    for number, one in enumerate(made):
        np.testing.assert_allclose(motion.read(number).numpy(), one.world, atol=1e-6)
    assert motion.clips[1] == Clip("S9/Photo", "S9", 9, 50.0, "Photo", "test")
    assert [clip.split for clip in motion.clips] == ["train", "test", "test"]


@pytest.mark.parametrize("bad", ["joints", "shape", "subject", "key"])
def test_archives_of_something_else(bad: str, tmp_path: Path) -> None:
    path, good = tmp_path / "data_3d.npz", thirty_two(recordings()[0].world)
    value = {
        "joints": {"S1": {"a": good[:, :20]}}, "shape": {"S1": {"a": good[0]}}, "subject": {"S1": 3},
        "key": [1, 2],
    }[bad]  # fmt: skip
    np.savez(path, positions_3d=as_object(value))
    with pytest.raises(FileError, match=r"data_3d\.npz: .*(20 joints|no array|no actions|no dict)"):
        open_motion(path)


# --- cleaning


def test_stretches_are_whole_slow_high_and_long() -> None:
    positions = np.zeros((20, 2, 3))
    positions[5, 1] = np.nan
    positions[10:, 0, 0] = 1.0  # a jump of 1 m in 1/10 s: 10 m/s
    positions[15, 0, 2] = -0.2
    assert good_stretches(positions, 10.0) == [slice(0, 5), slice(6, 20)]
    assert good_stretches(positions, 10.0, fastest=9.9) == [slice(0, 5), slice(6, 10), slice(10, 20)]
    assert good_stretches(positions, 10.0, fastest=10.1) == [slice(0, 5), slice(6, 20)]
    assert good_stretches(positions, 10.0, lowest=-0.15) == [slice(0, 5), slice(6, 15), slice(16, 20)]
    assert good_stretches(positions, 10.0, lowest=-0.15, shortest=0.5) == [slice(0, 5), slice(6, 15)]
    assert good_stretches(positions[:0], 10.0) == []
    assert good_stretches(positions[5:6], 10.0) == []


def test_other_rates() -> None:
    """A joint that moves evenly is where it should be at the new times; whole multiples keep frames as they are."""
    at = np.arange(25)[:, None, None] * np.ones((1, 2, 3))
    np.testing.assert_array_equal(resampled(at, 120.0, 30.0), at[::4])
    np.testing.assert_array_equal(resampled(at, 119.999, 30.0), at[::4])
    np.testing.assert_array_equal(resampled(at, 30.0, 30.0), at)
    for wanted in (25.0, 50.0, 100.0):
        expected = np.arange(int(24 / 60 * wanted + 1e-6) + 1) * 60 / wanted
        np.testing.assert_allclose(resampled(at, 60.0, wanted)[:, 0, 0], expected, atol=1e-9)
    assert resampled(at[:1], 60.0, 100.0).shape == (1, 2, 3)
    assert resampled(at[:0], 60.0, 50.0).shape == (0, 2, 3)
    assert read_poses(GOLDEN / "02_01.amc").frames_per_second == pytest.approx(120)
