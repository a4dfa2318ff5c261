"""A small walk seen by two cameras, made from sines: enough for pictures, and known exactly."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lift3d.cameras import Camera, CameraRig
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.skeletons import get_skeleton

# Heights and sideways places of half a coco17 body, metres: joint -> (sideways to the left, height)
_BODY = {
    "eye": (0.03, 1.65), "ear": (0.07, 1.63), "shoulder": (0.18, 1.42), "elbow": (0.22, 1.12), "wrist": (0.22, 0.86),
    "hip": (0.1, 0.92), "knee": (0.1, 0.5), "ankle": (0.1, 0.08),
}  # fmt: skip
_SWING = {"elbow": 0.12, "wrist": 0.3, "knee": -0.2, "ankle": -0.35}  # forward, metres, on the left; right is opposite


def walking(frames: int = 20, people: int = 1) -> Tensor:
    """Positions (frames, people, 17 joints of coco17, 3): z up, walking along +x, metres."""
    joints = torch.zeros(frames, people, 17, 3, dtype=torch.float64)
    skeleton = get_skeleton("coco17")
    phase = torch.arange(frames, dtype=torch.float64)[:, None] / 30 * 2 * math.pi + torch.arange(people)
    for index, name in enumerate(skeleton.joints):
        side, _, part = name.partition("_")
        sideways, height = _BODY.get(part, (0.0, 1.6))
        sign = {"left": 1, "right": -1}.get(side, 0)
        swing = sign * _SWING.get(part, 0.0) * torch.sin(phase) + (0.1 if name == "nose" else 0.0)
        joints[..., index, 0] = swing + torch.arange(frames)[:, None] / 30
        joints[..., index, 1] = sign * sideways + 1.2 * torch.arange(people)
        joints[..., index, 2] = height
    return joints


def camera(yaw: float) -> Camera:
    """A camera 4 m from the middle of the walk and 1.5 m high, looking at it horizontally."""
    forward = torch.tensor([-math.cos(yaw), -math.sin(yaw), 0.0])
    right = torch.tensor([-math.sin(yaw), math.cos(yaw), 0.0])
    rotation = torch.stack([right, torch.tensor([0.0, 0.0, -1.0]), forward]).double()
    rotation[0] = torch.linalg.cross(rotation[1], rotation[2])
    centre = torch.tensor([0.3, 0.0, 1.2]).double() - 4 * rotation[2]
    focal = [[600, 0, 319.5], [0, 600, 239.5], [0, 0, 1]]
    return Camera.of(focal, (), rotation, -rotation @ centre, image_size=(640, 480))


@pytest.fixture
def make_walk():
    return walking


@pytest.fixture
def make_camera():
    return camera


@pytest.fixture
def poses() -> Poses3D:
    """20 frames of a walk with one missing joint and one that is filled in."""
    positions = walking()
    positions[3, 0, 9] = math.nan
    scores = torch.ones(positions.shape[:-1], dtype=torch.float64)
    scores[:, 0, 10] = 0.0
    return Poses3D.of(positions, scores, skeleton=get_skeleton("coco17"))


@pytest.fixture
def rig() -> CameraRig:
    return CameraRig.of({"cam01": camera(0.4), "cam02": camera(2.0)})


@pytest.fixture
def keypoints(poses: Poses3D, rig: CameraRig) -> Keypoints2D:
    """What the rig sees of the walk, to the pixel."""
    return Keypoints2D.of(
        rig.project(poses.positions),
        skeleton=poses.skeleton,
        camera_names=rig.names,
        image_sizes=rig.cameras.image_size,
    )
