"""One's own recording: a file of keypoints or poses of lift3d's, with the videos or picture folders of its cameras.

Keypoints (``lift3d_keypoints_npz``) are the labels as they are, of whoever is seen; with ``poses=`` and ``cameras=``
their joints in the camera frame come with them. Poses (``lift3d_poses_npz``) in the world are projected to each
camera of ``cameras=``, with its lens; those in the camera frame need a rig of one camera. Frame n of the labels is
frame n of each camera's video, or the n-th picture of its folder in natural order.

``images`` is the folder that holds a video or a picture folder for each camera, called after it; of one camera, also
the video or picture folder itself. The box is 1.2 times as wide and high as the joints reach. Joints that lie outside
of the picture are not labelled, where its size is known.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lift3d._natural_order import natural_order
from lift3d.cameras import Camera, CameraRig
from lift3d.datasets.labelled_pictures import LabelledPeople, LabelledPictures, PictureOptions, PicturesFormat
from lift3d.datasets.picture_sources._boxes import around_joints
from lift3d.datasets.picture_sources._picture_files import PictureFiles
from lift3d.datasets.picture_sources._picture_names import FrameNames
from lift3d.datasets.picture_sources._video_pictures import VideoPictures
from lift3d.errors import FileError
from lift3d.formats import kinds_of, read_keypoints, read_poses
from lift3d.formats._own_npz import is_own
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.video import IMAGE_SUFFIXES

_MARKS = ("lift3d_keypoints", "lift3d_poses")


def _recognises(path: Path) -> bool:
    return path.suffix.lower() == ".npz" and any(is_own(path, mark) for mark in _MARKS)


def _read(path: Path, images: Path | None, options: PictureOptions) -> LabelledPictures:
    rig = options.cameras("") if options.cameras is not None else None
    if Poses3D in kinds_of(path):
        if options.poses is not None:
            raise FileError(path, "holds poses itself", "Leave out poses=.")
        poses = read_poses(path, skeleton=options.skeleton)
        if rig is None:
            raise FileError(path, "holds poses, which are in no camera yet", "Pass the calibration (cameras=...).")
        local = _in_cameras(path, poses, rig)
        keypoints = _projected(poses, local, rig)
    else:
        keypoints = read_keypoints(path, skeleton=options.skeleton)
        if (rig is None) != (options.poses is None):
            raise FileError(path, "true joints need poses= and cameras=; only one was given", "Pass both or neither.")
        local = _true_joints(path, keypoints, options.poses, rig) if rig is not None and options.poses else None
    return _labelled(path, keypoints, local, images)


def _in_cameras(path: Path, poses: Poses3D, rig: CameraRig) -> Tensor:
    """(cameras, frames, people, joints, 3) in each camera's frame."""
    if poses.frame == "camera" and len(rig) == 1:
        return poses.positions[None]
    if poses.frame != "world":
        raise FileError(path, f"its poses are in the frame {poses.frame!r}, not the world", "Pass poses in the world.")
    flat = poses.positions.reshape(1, -1, 3).to(rig.cameras.rotation.dtype).expand(len(rig), -1, 3)
    return rig.cameras.world_to_camera(flat).reshape(len(rig), *poses.positions.shape)


def _projected(poses: Poses3D, local: Tensor, rig: CameraRig) -> Keypoints2D:
    """Where each camera sees the joints; missing where they are behind it or outside of its picture."""
    pixels = rig.cameras.project_camera(local.reshape(len(rig), -1, 3).to(rig.cameras.rotation.dtype))
    return Keypoints2D.of(
        _inside(pixels, rig.cameras).reshape(*local.shape[:-1], 2), skeleton=poses.skeleton, times=poses.times,
        camera_names=rig.names, image_sizes=rig.cameras.image_size,
    )  # fmt: skip


def _inside(pixels: Tensor, cameras: Camera) -> Tensor:
    """NaN where a pixel lies outside of a picture of known size."""
    outside = (pixels < -0.5) | (pixels > cameras.image_size[:, None] - 0.5)  # never of a size that is NaN
    return pixels.masked_fill(outside.any(-1, keepdim=True), torch.nan)


def _true_joints(path: Path, keypoints: Keypoints2D, poses: Poses3D, rig: CameraRig) -> Tensor:
    """(cameras, frames, people, joints, 3) of the keypoints' joints."""
    own = poses.mapped_to(keypoints.skeleton)
    if own.positions.shape[:2] != keypoints.pixels.shape[1:3]:
        seen, known = tuple(keypoints.pixels.shape[1:3]), tuple(own.positions.shape[:2])
        raise FileError(path, f"has {seen[0]} frames of {seen[1]} people; the poses have {known[0]} of {known[1]}",
                        "Frame by frame and person by person they must be the same.")  # fmt: skip
    return _in_cameras(path, own, rig.only(keypoints.camera_names))


def _labelled(path: Path, keypoints: Keypoints2D, local: Tensor | None, images: Path | None) -> LabelledPictures:
    cameras, frames, people, joints = keypoints.scores.shape
    pixels = keypoints.pixels.reshape(-1, joints, 2)
    rows = torch.isfinite(pixels).all(-1).any(-1).nonzero()[:, 0]
    if not len(rows):
        raise FileError(path, "nobody is seen in it", "Pass labels of somebody.")
    names = FrameNames(
        [f"{camera.replace('%', '%%')}/%d" for camera in keypoints.camera_names],
        np.repeat(np.arange(cameras), frames), np.tile(np.arange(frames), cameras),
    )  # fmt: skip
    labelled = LabelledPeople.of(
        torch.div(rows, people, rounding_mode="floor"),
        around_joints(pixels[rows].double().numpy()),
        pixels[rows],
        joints_3d=None if local is None else local.reshape(-1, joints, 3)[rows],
    )
    return LabelledPictures(keypoints.skeleton, labelled, names, _Filmed(path, keypoints, images))


class _Filmed:
    """Reads the picture of a camera and frame, by their place: camera by camera, frame by frame."""

    def __init__(self, path: Path, keypoints: Keypoints2D, images: Path | None) -> None:
        self.frames = keypoints.pixels.shape[1]
        self.path = path
        self.cameras = [] if images is None else [
            _pictures_of(images, name, len(keypoints.camera_names), self.frames) for name in keypoints.camera_names
        ]  # fmt: skip

    def __call__(self, picture: int) -> Tensor:
        if not self.cameras:
            raise FileError(self.path, "nobody said where its pictures are", "Pass their folder (images=...).")
        camera, frame = divmod(picture, self.frames)
        return self.cameras[camera](frame)


def _pictures_of(images: Path, camera: str, cameras: int, frames: int) -> VideoPictures | PictureFiles:
    if not images.exists():
        raise FileError(images, "does not exist", "Pass the folder of the cameras' videos or pictures.")
    inside = list(images.iterdir()) if images.is_dir() else []
    own = [one for one in inside if camera in (one.name, one.stem) and one.suffix.lower() not in IMAGE_SUFFIXES]
    if not own and cameras == 1:
        own = [images]
    if len(own) != 1:
        found = f"{len(own)} of that name" if own else "none"
        problem = f"expected one video or picture folder called {camera!r}, found {found}"
        raise FileError(images, problem, "Call each after its camera.")
    if not own[0].is_dir():
        return VideoPictures(own[0])
    names = [one.name for one in own[0].iterdir() if one.suffix.lower() in IMAGE_SUFFIXES and one.name[0] != "."]
    if len(names) < frames:
        raise FileError(own[0], f"holds {len(names)} pictures for {frames} frames", "The labels are of another.")
    return PictureFiles(own[0], sorted(names, key=lambda name: natural_order(name.lower())), own[0])


PICTURES = PicturesFormat(
    name="recording",
    about="One's own recording: lift3d's keypoints or poses with the cameras' videos or picture folders.",
    recognises=_recognises,
    read=_read,
    takes=("skeleton", "cameras", "poses"),
)
