"""One's own recording: each label lies in its camera and frame, frames of videos come in any order, true joints fit."""

from __future__ import annotations

import pickle
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from lift3d import write_cameras, write_keypoints, write_poses
from lift3d.cameras import CameraRig
from lift3d.datasets.labelled_pictures import read_labelled_pictures
from lift3d.errors import FileError
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import observe, ring_rig, walk
from lift3d.video import read_frames

FRAMES = 40


def grey(frame: int, camera: int) -> np.ndarray:
    """A picture of 64 x 48 that says which it is: brightness by frame, the left half brighter in camera 1."""
    rgb = np.full((48, 64, 3), 20 + 5 * frame, np.uint8)
    rgb[:, :32] += 10 * np.uint8(camera)
    return rgb


def write_video(path: Path, camera: int) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 64, 48, "yuv420p", 4_000_000
        for frame in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey(frame, camera), format="rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture
def keypoints(tmp_path: Path) -> Path:
    """Two cameras; in frame 3 the second saw nobody."""
    pixels = np.random.default_rng(0).uniform(5, 40, (2, FRAMES, 1, 17, 2))
    pixels[1, 3] = np.nan
    made = Keypoints2D.of(pixels, skeleton=get_skeleton("coco17"), camera_names=["left", "right"])
    write_keypoints(made, tmp_path / "keypoints.npz")
    return tmp_path / "keypoints.npz"


def test_frames_of_videos_come_in_any_order(keypoints: Path, tmp_path: Path) -> None:
    for camera, name in enumerate(("left", "right")):
        write_video(tmp_path / f"{name}.mp4", camera)
    labelled = read_labelled_pictures(keypoints, tmp_path)
    assert len(labelled.people) == 2 * FRAMES - 1
    in_order = [[frame.rgb for frame in read_frames(tmp_path / f"{name}.mp4")] for name in ("left", "right")]
    order = [*range(5), *np.random.default_rng(0).permutation(2 * FRAMES)[:30].tolist(), 39, 0, 79]
    for picture in order:
        camera, frame = divmod(picture, FRAMES)
        assert labelled.pictures[picture] == f"{['left', 'right'][camera]}/{frame}"
        assert torch.equal(labelled.read(picture), in_order[camera][frame])
        assert abs(float(labelled.read(picture)[:, 40:].float().mean()) - (20 + 5 * frame)) < 3
    again = pickle.loads(pickle.dumps(labelled))
    assert torch.equal(again.read(45), in_order[1][5])


def test_a_video_that_is_shorter_than_its_labels_is_one_line(keypoints: Path, tmp_path: Path) -> None:
    write_video(tmp_path / "left.mp4", 0)
    (tmp_path / "right.mp4").write_bytes(b"no video")
    labelled = read_labelled_pictures(keypoints, tmp_path)
    with pytest.raises(FileError, match="frame 0 cannot be decoded"):
        labelled.read(FRAMES)
    many = Keypoints2D.of(np.ones((1, 50, 1, 17, 2)), skeleton=get_skeleton("coco17"))
    write_keypoints(many, tmp_path / "many.npz")
    with pytest.raises(FileError, match="has no frame 45; it has 40"):
        read_labelled_pictures(tmp_path / "many.npz", tmp_path / "left.mp4").read(45)


def test_folders_of_pictures_in_natural_order(keypoints: Path, tmp_path: Path) -> None:
    for camera, name in enumerate(("left", "right")):
        (tmp_path / name).mkdir()
        for frame in range(FRAMES):
            Image.fromarray(grey(frame, camera)).save(tmp_path / name / f"frame{frame}.png")
    labelled = read_labelled_pictures(keypoints, tmp_path)
    assert labelled.read(FRAMES + 11)[0, 0].tolist() == [85, 85, 85]  # 20 + 5 * 11 + 10
    (tmp_path / "left" / "frame7.png").unlink()
    with pytest.raises(FileError, match="holds 39 pictures for 40 frames"):
        read_labelled_pictures(keypoints, tmp_path)
    with pytest.raises(FileError, match="one video or picture folder called 'left', found none"):
        read_labelled_pictures(keypoints, tmp_path / "right")


def test_poses_are_seen_by_every_camera(tmp_path: Path) -> None:
    rig, poses = ring_rig(cameras=3, lens="brown"), walk(frames=8)
    write_poses(poses, tmp_path / "poses.npz")
    write_cameras(rig, tmp_path / "rig.toml", "lift3d_cameras_toml")
    with pytest.raises(FileError, match="Pass the calibration"):
        read_labelled_pictures(tmp_path / "poses.npz")
    labelled = read_labelled_pictures(tmp_path / "poses.npz", cameras=tmp_path / "rig.toml")
    assert len(labelled.people) == 24
    for camera, name in enumerate(rig.names):
        own = labelled.matching(f"{name}/*").people
        assert own.joints_3d is not None
        truth = poses.positions[:, 0].double()
        expected = rig[name].world_to_camera(truth.reshape(-1, 3)).reshape(8, -1, 3)
        np.testing.assert_allclose(own.joints_3d, expected, atol=1e-5)
        np.testing.assert_allclose(own.pixels, rig.project(truth)[camera], atol=1e-2)
        left, top, width, height = own[0].box
        inside = (own[0].pixels > torch.tensor([left, top])) & (
            own[0].pixels < torch.tensor([left + width, top + height])
        )
        assert inside.all()


def test_keypoints_with_true_joints(tmp_path: Path) -> None:
    rig, poses = ring_rig(cameras=2), walk(frames=6)
    write_keypoints(observe(poses, rig, noise_px=0.0), tmp_path / "seen.npz")
    labelled = read_labelled_pictures(tmp_path / "seen.npz", cameras=rig, poses=poses)
    for person in labelled.people:
        assert person.joints_3d is not None
        camera = rig[labelled.pictures[person.picture].split("/")[0]]
        pixels = camera.project_camera(person.joints_3d.double())
        seen = person.visibility > 0
        np.testing.assert_allclose(person.pixels[seen], pixels[seen], atol=1e-2)
    with pytest.raises(FileError, match="Pass both or neither"):
        read_labelled_pictures(tmp_path / "seen.npz", cameras=rig)
    with pytest.raises(FileError, match="has 6 frames of 1 people; the poses have 5 of 1"):
        read_labelled_pictures(tmp_path / "seen.npz", cameras=rig, poses=poses.between(0, 5))


def test_what_lies_outside_of_the_picture_is_not_labelled(tmp_path: Path) -> None:
    whole, poses = ring_rig(cameras=1, image_size=(300, 200)), walk(frames=4)
    x, y = whole.project(poses.positions[0, 0].double())[0].mean(0).tolist()
    rig = CameraRig.of({"own": whole[whole.names[0]].cropped(x - 15, y - 10, 30, 20)})
    write_poses(poses, tmp_path / "poses.npz")
    labelled = read_labelled_pictures(tmp_path / "poses.npz", cameras=rig).people
    pixels = rig.project(poses.positions[:, 0].double())[0]
    outside = ((pixels < -0.5) | (pixels > torch.tensor([29.5, 19.5]))).any(-1)
    assert outside.any()
    np.testing.assert_array_equal(labelled.visibility, np.where(outside, 0, 2))
