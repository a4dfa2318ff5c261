"""Pairs: every layout gives the same walk, whose positions project to its pixels; left is left; metres; own file."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from made_up import (
    HUMAN36M,
    MPII_OF_HUMAN36M,
    SERIALS,
    Recording,
    as_object,
    mmpose_rows,
    recordings,
    rig_of,
    thirty_two,
    with_ones,
    write_calibrations,
    write_martinez,
    write_mmpose_cameras,
    write_mmpose_npz,
    write_videopose3d,
)

from lift3d._discovery import module_names
from lift3d.datasets import PairClip, PosePairs, read_pose_pairs, write_pose_pairs
from lift3d.datasets.pose_pairs import pair_formats
from lift3d.errors import FileError, InputError, UnknownNameError
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import ring_rig, walk

LAYOUTS = ["videopose3d_npz", "martinez_h5", "mmpose_npz", "mmpose_json", "lift3d_h5"]


def write_mmpose_json(path: Path, made: list[Recording]) -> Path:
    rows = mmpose_rows(made)
    images = [{"id": 100 + row, "file_name": one[0], "width": 1000} for row, one in enumerate(rows)]
    annotations = [
        {
            "id": row, "image_id": 100 + row, "keypoints": with_ones(one[1]).reshape(-1).tolist(),
            "keypoints_3d": with_ones(one[3]).tolist(),
        }
        for row, one in enumerate(rows)
    ]  # fmt: skip
    path.write_text(json.dumps({"images": images, "annotations": annotations[::-1], "categories": []}))
    return path


def pairs_in(layout: str, folder: Path, made: list[Recording]) -> PosePairs:
    """The pairs of exact pixels, read from files of a layout; MMPose's hold every fifth frame."""
    if layout == "videopose3d_npz":
        first, second = write_videopose3d(folder, made)
        return read_pose_pairs(first, second, cameras=write_calibrations(folder / "rigs", made))
    if layout == "martinez_h5":
        return read_pose_pairs(write_martinez(folder, made))
    cameras = write_mmpose_cameras(folder / "cameras.pkl", made)
    if layout == "mmpose_npz":
        return read_pose_pairs(write_mmpose_npz(folder, made)[0], cameras=cameras)
    if layout == "mmpose_json":
        return read_pose_pairs(write_mmpose_json(folder / "h36m_coco.json", made), cameras=cameras)
    write_pose_pairs(pairs_in("martinez_h5", folder, made), folder / "pairs.h5", about="made up")
    return read_pose_pairs(folder / "pairs.h5")


def project(pairs: PosePairs, clip: int) -> torch.Tensor:
    camera = pairs.clips[clip].camera
    assert camera is not None
    positions = pairs.read(clip).positions.double()
    return camera.project_camera(positions.reshape(-1, 3)).reshape(*positions.shape[:2], 2)


def test_layouts_are_named_after_their_files() -> None:
    assert sorted(LAYOUTS) == list(pair_formats()) == module_names("lift3d.datasets.pair_sources")
    assert all(len(entry.about) <= 120 for entry in pair_formats().values())


@pytest.mark.parametrize("layout", LAYOUTS)
class TestEveryLayout:
    def test_positions_project_to_the_pixels(self, layout: str, tmp_path: Path) -> None:
        pairs = pairs_in(layout, tmp_path, recordings())
        assert len(pairs.clips) == 12
        for number in range(12):
            seen = pairs.read(number)
            assert seen.pixels.dtype == seen.scores.dtype == seen.positions.dtype == torch.float32
            assert float((project(pairs, number) - seen.pixels).abs().max()) < 1e-3
            assert bool((seen.scores == 1).all())

    def test_is_the_walk_that_was_filmed(self, layout: str, tmp_path: Path) -> None:
        """Metres in the world, every joint in its place, sequences under one name, with their cameras."""
        made = recordings()
        pairs, step = pairs_in(layout, tmp_path, made), 5 if layout.startswith("mmpose") else 1
        for one in made:
            for place, camera in enumerate(SERIALS):
                number = [clip.name for clip in pairs.clips].index(f"{one.subject}/{one.sequence}/{camera}")
                clip = pairs.clips[number]
                assert (clip.action, clip.split) == (
                    one.sequence.split()[0],
                    {"S1": "train", "S9": "test"}[one.subject],
                )
                assert clip.frames_per_second == pytest.approx(50 / step)
                np.testing.assert_allclose(pairs.positions_world(number).numpy(), one.world[::step], atol=2e-6)
                np.testing.assert_allclose(pairs.read(number).pixels.numpy(), one.pixels[place, ::step], atol=1e-3)

    def test_left_is_left(self, layout: str, tmp_path: Path) -> None:
        """Seen from above, the left hip lies to the left of the way from hips to toes: forward x left is up."""
        pairs = pairs_in(layout, tmp_path, recordings()[:1])
        world = pairs.positions_world(0)
        across = world[:, HUMAN36M.index("left_hip")] - world[:, HUMAN36M.index("right_hip")]
        forward = world[:, HUMAN36M.index("neck_nose")] - world[:, HUMAN36M.index("thorax")]
        assert bool((torch.linalg.cross(forward, across)[:, 2] > 0).all())

    def test_a_part_is_a_part(self, layout: str, tmp_path: Path) -> None:
        pairs = pairs_in(layout, tmp_path, recordings())
        whole, part = pairs.read(0), pairs.read(0, 1, 2)
        for ours, theirs in zip(part, whole, strict=True):
            torch.testing.assert_close(ours, theirs[1:2])
        assert pairs.read(0, 1, 1).positions.shape == (0, 17, 3)
        with pytest.raises(InputError, match=r"has .* frames; asked for 0 to 99"):
            pairs.read(0, 0, 99)

    def test_choosing(self, layout: str, tmp_path: Path) -> None:
        pairs = pairs_in(layout, tmp_path, recordings())
        chosen = pairs.only(subjects=["S9"], actions=["WalkDog"], cameras=[SERIALS[2]], splits=["test"])
        assert [clip.name for clip in chosen.clips] == [f"S9/WalkDog 1/{SERIALS[2]}"]
        number = [clip.name for clip in pairs.clips].index(chosen.clips[0].name)
        torch.testing.assert_close(chosen.read(0).pixels, pairs.read(number).pixels)

    def test_survives_lift3ds_own_file(self, layout: str, tmp_path: Path) -> None:
        pairs = pairs_in(layout, tmp_path, recordings())
        write_pose_pairs(pairs, tmp_path / "own.h5")
        again = read_pose_pairs(tmp_path / "own.h5")
        assert (again.skeleton, again.keypoint_skeleton) == (pairs.skeleton, pairs.keypoint_skeleton)
        for number, (ours, theirs) in enumerate(zip(again.clips, pairs.clips, strict=True)):
            assert replace(ours, camera=None).__dict__ == replace(theirs, camera=None).__dict__
            torch.testing.assert_close(again.read(number), pairs.read(number), rtol=0, atol=0)
            torch.testing.assert_close(project(again, number), project(pairs, number), rtol=0, atol=0)


# --- VideoPose3D


def test_longer_detections_are_cut_and_shorter_ones_refused(tmp_path: Path) -> None:
    made = recordings()
    rigs = write_calibrations(tmp_path / "rigs", made)
    pairs = read_pose_pairs(*write_videopose3d(tmp_path, made, more=3), cameras=rigs)
    assert [clip.frames for clip in pairs.clips[::4]] == [12, 9, 7]
    with pytest.raises(FileError, match=r"Walking 1: 11 frames of detections for 12"):
        read_pose_pairs(*write_videopose3d(tmp_path, made, more=-1), cameras=rigs)


def test_s11s_first_directions_is_left_out(tmp_path: Path) -> None:
    """The recording without a number; the numbered one stays, and so does S9's."""
    names = [("S11", "Directions"), ("S11", "Directions 1"), ("S9", "Directions")]
    made = [replace(recordings()[0], subject=subject, sequence=name) for subject, name in names]
    for layout in ("videopose3d_npz", "martinez_h5", "mmpose_npz"):
        folder = tmp_path / layout
        folder.mkdir()
        pairs = pairs_in(layout, folder, made)
        assert {clip.name.rpartition("/")[0] for clip in pairs.clips} == {"S11/Directions 1", "S9/Directions"}


@pytest.mark.parametrize(
    ("detector", "joints", "skeleton"),
    [
        ("cpn_ft_h36m_dbb", 17, "human36m17"),
        ("detectron_ft_h36m", 17, "human36m17"),
        ("detectron_pt_coco", 17, "coco17"),
        ("sh_pt_mpii", 16, "mpii16"),
        ("sh_ft_h36m", 16, "mpii16"),
    ],
)
def test_the_detectors_name_says_the_joints(detector: str, joints: int, skeleton: str, tmp_path: Path) -> None:
    made = recordings()[:1]
    made[0].pixels[0, 3, 5] = np.nan
    short = [replace(made[0], pixels=made[0].pixels[:, :, :joints])]
    first, second = write_videopose3d(tmp_path, short, detector)
    pairs = read_pose_pairs(first, second, cameras=made[0].rig)
    assert pairs.keypoint_skeleton == get_skeleton(skeleton)
    assert pairs.skeleton == HUMAN36M
    seen = pairs.read(0)
    assert (seen.scores == 0).nonzero().tolist() == [[3, 5]]
    assert bool(seen.pixels[3, 5].isnan().all())


def test_cameras_are_needed_and_must_be_as_many(tmp_path: Path) -> None:
    made = recordings()[:1]
    first, second = write_videopose3d(tmp_path, made)
    with pytest.raises(FileError, match="holds no cameras"):
        read_pose_pairs(first, second)
    with pytest.raises(FileError, match="holds only the 3D"):
        read_pose_pairs(first, cameras=made[0].rig)
    with pytest.raises(FileError, match=r"has 3 cameras .* for subject S1; the data has 4"):
        read_pose_pairs(first, second, cameras=rig_of(0, cameras=3))


def test_motion_without_detections_is_said(tmp_path: Path) -> None:
    made = recordings()
    _, second = write_videopose3d(tmp_path, made[:1])
    np.savez(
        tmp_path / "data_3d_more.npz",
        positions_3d=as_object({one.subject: {one.sequence: thirty_two(one.world).astype("f4")} for one in made}),
    )
    with pytest.warns(UserWarning, match="1 sequences have no detections and are left out: S9/WalkDog 1"):
        pairs = read_pose_pairs(tmp_path / "data_3d_more.npz", second, cameras=made[0].rig)
    assert {clip.subject for clip in pairs.clips} == {"S1"}


def test_humaneva(tmp_path: Path) -> None:
    """15 joints, three cameras, subjects that say their split."""
    skeleton, rig = get_skeleton("humaneva15"), ring_rig(3, lens="brown", seed=4)
    world = walk(8, skeleton="humaneva15", seed=3).positions[:, 0]
    pixels = [camera.astype("f4") for camera in rig.project(world).numpy()]
    first, second = tmp_path / "data_3d_humaneva15.npz", tmp_path / "data_2d_humaneva15_gt.npz"
    subjects = ("Train/S1", "Validate/S1")
    positions = {one: {"Walking 1 chunk0": world.numpy().astype("f4")} for one in subjects}
    np.savez(first, positions_3d=as_object(positions))
    np.savez(second, positions_2d=as_object({one: {"Walking 1 chunk0": pixels} for one in subjects}))
    pairs = read_pose_pairs(first, second, cameras=rig)
    assert [(clip.split, clip.subject, clip.action) for clip in pairs.clips[::3]] == [
        ("train", "S1", "Walking"),
        ("validate", "S1", "Walking"),
    ]
    assert len({clip.name for clip in pairs.clips}) == 6
    assert pairs.skeleton == pairs.keypoint_skeleton == skeleton
    assert pairs.clips[0].frames_per_second == 60
    assert float((project(pairs, 5) - pairs.read(5).pixels).abs().max()) < 1e-3


@pytest.mark.parametrize("joints", [17, 28])
def test_mpi_inf_3dhp(joints: int, tmp_path: Path) -> None:
    """Its own orders of joints, written down here by name, come out as Human3.6M's."""
    order = {
        17: "head thorax right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist right_hip "
        "right_knee right_ankle left_hip left_knee left_ankle pelvis spine neck_nose",
        28: "- - - spine pelvis thorax neck_nose head - left_shoulder left_elbow left_wrist - - right_shoulder "
        "right_elbow right_wrist - left_hip left_knee left_ankle - - right_hip right_knee right_ankle - -",
    }[joints].split()
    rig, world = ring_rig(2, seed=2), walk(6, seed=5).positions[:, 0]
    theirs = torch.full((6, joints, 3), 9.0, dtype=torch.float64)
    for place, name in enumerate(order):
        if name != "-":
            theirs[:, place] = world[:, HUMAN36M.index(name)]
    first, second = tmp_path / "data_3d_3dhp.npz", tmp_path / "data_2d_3dhp_gt.npz"
    np.savez(first, positions_3d=as_object({"S1": {"Seq1": theirs.numpy().astype("f4")}}))
    pixels = [camera.astype("f4") for camera in rig.project(theirs).numpy()]
    np.savez(second, positions_2d=as_object({"S1": {"Seq1": pixels}}))
    pairs = read_pose_pairs(first, second, cameras=rig, fps=25.0)
    assert (pairs.skeleton, pairs.keypoint_skeleton, pairs.clips[0].frames_per_second) == (HUMAN36M, HUMAN36M, 25)
    np.testing.assert_allclose(pairs.positions_world(1).numpy(), world.numpy(), atol=2e-6)
    assert float((project(pairs, 1) - pairs.read(1).pixels).abs().max()) < 1e-3


# --- Martinez, MMPose


def test_stacked_hourglass_is_in_mpiis_order(tmp_path: Path) -> None:
    made = recordings()
    root = write_martinez(tmp_path, made)
    (root / "S9" / "StackedHourglass" / f"WalkDog_1.{SERIALS[1]}.h5").unlink()
    pairs = read_pose_pairs(tmp_path, "StackedHourglass")
    assert pairs.keypoint_skeleton == get_skeleton("mpii16")
    assert len(pairs.clips) == 11
    pixels = pairs.read(0).pixels.numpy()
    expected = made[0].pixels[0][:, HUMAN36M.indices(*MPII_OF_HUMAN36M)] + [1.0, 0.0]
    np.testing.assert_allclose(pixels, expected, atol=1e-3)
    with h5py.File(root / "S9" / "StackedHourglass" / f"Photo.{SERIALS[0]}.h5", "r+") as file:
        kept = file["poses"][:4]
        del file["poses"]
        file["poses"] = kept
    with pytest.raises(FileError, match=r"Photo\.54138969\.h5: 4 frames of detections for 9"):
        read_pose_pairs(tmp_path, "StackedHourglass")
    with pytest.raises(FileError, match="no sequences with detections 'Other'"):
        read_pose_pairs(tmp_path, "Other")


def test_mmposes_detections_and_what_is_not_there(tmp_path: Path) -> None:
    made = recordings()
    first, second = write_mmpose_npz(tmp_path, made)
    truth, detected = read_pose_pairs(first), read_pose_pairs(first, second)
    torch.testing.assert_close(
        detected.read(3).pixels - truth.read(3).pixels, torch.tensor([0.0, 1.0]).expand(3, 17, 2), atol=1e-4, rtol=0
    )
    assert bool((detected.read(3).scores == 0.5).all())
    assert truth.clips[0].camera is None
    with pytest.raises(InputError, match="has no camera"):
        truth.positions_world(0)
    arrays = dict(np.load(first))
    arrays["S"][0, 4, 3] = arrays["part"][0, 2, 2] = 0
    np.savez(first, **arrays)
    seen = read_pose_pairs(first).read(0)
    assert bool(seen.positions[0, 4].isnan().all())
    assert (seen.scores == 0).nonzero().tolist() == [[0, 2]]
    np.save(second, np.zeros((3, 17, 3)))
    with pytest.raises(FileError, match=r"has shape \(3, 17, 3\); expected numbers"):
        read_pose_pairs(first, second)


# --- errors, and lift3d's own file


@pytest.mark.parametrize("layout", LAYOUTS)
def test_files_of_something_else(layout: str, tmp_path: Path) -> None:
    for name, content in {"a.h5": b"no", "a.npz": b"PK", "a.json": b'{"keypoints_3d": 1}', "a.txt": b""}.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(FileError) as caught:
            read_pose_pairs(
                path, "other.npz" if layout == "videopose3d_npz" else None, format=layout, cameras=rig_of(0)
            )
        assert "\n" not in str(caught.value)


def test_unknown_paths_and_layouts(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not exist"):
        read_pose_pairs(tmp_path / "none.npz")
    with pytest.raises(FileError, match=r"holds no pose pairs.*lift3d_h5"):
        read_pose_pairs(tmp_path)
    with pytest.raises(UnknownNameError, match="No layout of pairs named 'own'"):
        read_pose_pairs(tmp_path, format="own")


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return print, ("ran",)

    np.savez(tmp_path / "data_3d_h36m.npz", positions_3d=as_object({"S1": Evil()}))
    with pytest.raises(FileError, match="refused: it asks to run"):
        read_pose_pairs(tmp_path / "data_3d_h36m.npz", "x.npz", cameras=rig_of(0))


def long_pairs(frames: int) -> PosePairs:
    """Frames made up as they are asked for."""
    clip = PairClip("S1", "Long", "cam0", frames, 50.0, rig_of(0)[SERIALS[0]], "Long", "train")

    def pull(clip: int, start: int, stop: int) -> tuple[np.ndarray, None, np.ndarray]:
        at = np.arange(start, stop, dtype=np.float64)[:, None, None]
        return np.broadcast_to(at, (len(at), 17, 2)), None, np.broadcast_to(at / 1000, (len(at), 17, 3))

    return PosePairs((clip,), HUMAN36M, HUMAN36M, pull)


def test_a_long_file_is_written_and_read_in_little_memory(tmp_path: Path) -> None:
    """100,000 frames, 41 MB of float32: neither writing nor reading them holds more than a tenth of it."""
    path, most = tmp_path / "long.h5", 0
    tracemalloc.start()
    write_pose_pairs(long_pairs(100_000), path)
    pairs = read_pose_pairs(path)
    for start in range(0, 100_000, 1000):
        most = max(most, int(pairs.read(0, start, start + 1000).pixels[-1, 0, 0]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most == 99_999
    assert path.stat().st_size > 40_000_000
    assert peak < 6_000_000


def test_nothing_is_left_of_a_file_that_was_not_finished(tmp_path: Path) -> None:
    def pull(clip: int, start: int, stop: int) -> tuple[np.ndarray, None, np.ndarray]:
        raise FileError("source.h5", "is gone")

    with pytest.raises(FileError, match="is gone"):
        write_pose_pairs(replace(long_pairs(10), pull=pull), tmp_path / "pairs.h5")
    with pytest.raises(InputError, match="no clips"):
        write_pose_pairs(long_pairs(10).only(subjects=[]), tmp_path / "pairs.h5")
    assert not list(tmp_path.iterdir())
