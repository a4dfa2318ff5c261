"""A made-up body of 24 joints without a surface, and motion of it, for tests of the fit."""

import math

import numpy as np
import torch

from lift3d.bodies import BodyModel
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.poses import Poses3D
from lift3d.skeletons import get_skeleton

# joint: offset from its parent, metres; x to the left, y up, z forward
_OFFSETS = [
    (0.0, 0.0, 0.0), (0.07, -0.09, -0.01), (-0.07, -0.09, -0.01), (0.0, 0.11, -0.02), (0.03, -0.38, 0.0),
    (-0.03, -0.38, 0.0), (0.0, 0.14, 0.02), (-0.02, -0.41, -0.04), (0.02, -0.41, -0.04), (0.0, 0.05, 0.02),
    (0.03, -0.06, 0.12), (-0.03, -0.06, 0.12), (0.0, 0.21, -0.03), (0.08, 0.11, -0.02), (-0.08, 0.11, -0.02),
    (0.0, 0.09, 0.05), (0.10, 0.04, -0.01), (-0.10, 0.04, -0.01), (0.26, -0.01, -0.02), (-0.26, -0.01, -0.02),
    (0.25, 0.01, 0.0), (-0.25, 0.01, 0.0), (0.085, -0.01, -0.01), (-0.085, -0.01, -0.01),
]  # fmt: skip


def bony_body(shapes: int = 10, seed: int = 0) -> BodyModel:
    """A body whose vertices are its joints; component 0 is the size, the others stretch and turn bones a little."""
    skeleton = get_skeleton("smpl24")
    bones = torch.tensor(_OFFSETS, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(24, 4, shapes, generator=generator, dtype=torch.float64)
    steps = 0.04 * normal[:, :1] * bones[..., None] + 0.003 * normal[:, 1:]
    mirrored = steps[list(skeleton.flip_order)] * steps.new_tensor([-1.0, 1.0, 1.0])[:, None]
    steps = (steps + mirrored) / 2
    steps[..., 0] = 0.045 * bones
    joints, directions = bones.clone(), steps.clone()
    for joint, parent in enumerate(skeleton.parents[1:], 1):
        joints[joint] += joints[parent]
        directions[joint] += directions[parent]
    return BodyModel(
        name="bony",
        template=joints,
        shape_directions=directions,
        pose_directions=None,
        joint_regressor=torch.eye(24, dtype=torch.float64),
        parents=skeleton.parents,
        weights=torch.eye(24, dtype=torch.float64),
        faces=torch.zeros(0, 3, dtype=torch.int64),
        skeleton=skeleton,
    )


def dance(frames: int, seed: int = 0, fps: float = 30.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Rotation vectors (frames, 24, 3) and translation (frames, 3): smooth, knees and elbows bend as they can."""
    random = np.random.default_rng(seed)
    spread = np.full((24, 3), 0.2)
    spread[0] = 0.1
    spread[[1, 2, 16, 17]] = 0.4
    spread[[3, 6, 9, 12, 13, 14]] = 0.1
    spread[[10, 11, 22, 23]] = 0.0
    spread[[4, 5, 18, 19]] = 0.05
    waves = sum(
        np.sin(2 * math.pi * random.uniform(0.1, 1.2, (24, 3)) * np.arange(frames)[:, None, None] / fps + start)
        for start in random.uniform(0, 2 * math.pi, (3, 24, 3))
    )
    rotations = spread / math.sqrt(1.5) * waves
    bend = 0.7 + 0.3 * waves[:, [4, 5, 18, 19], 0]
    rotations[:, [4, 5], 0] = np.abs(bend[:, :2]) + 0.1
    rotations[:, 18, 1] = -np.abs(bend[:, 2]) - 0.1
    rotations[:, 19, 1] = np.abs(bend[:, 3]) + 0.1
    rotations[:, 16, 2] -= 0.9
    rotations[:, 17, 2] += 0.9
    rotations[:, 0, 1] += np.linspace(0, frames / fps, frames)
    translation = np.array([0.3, 1.0, 3.0]) + np.cumsum(random.normal(size=(frames, 3)) * 0.01, 0)
    return torch.from_numpy(rotations), torch.from_numpy(translation)


def poses_of(model: BodyModel, betas, rotations, translation, noise: float = 0.0, seed: int = 0) -> Poses3D:
    """Joints of one person, (frames, 1, 24, 3), with noise of so many metres an axis."""
    joints = model.with_shape(torch.as_tensor(betas)).with_pose(rotvec_to_matrix(rotations), translation).joints
    generator = torch.Generator().manual_seed(seed)
    joints = joints + noise * torch.randn(joints.shape, generator=generator, dtype=joints.dtype)
    return Poses3D.of(joints[:, None], skeleton=model.skeleton)
