"""A made-up body of 5 joints and 40 vertices, with everything that a model can have."""

from __future__ import annotations

import torch

from lift3d.bodies import BodyModel
from lift3d.skeletons import Skeleton

SKELETON = Skeleton("tiny5", ("pelvis", "left_hip", "right_hip", "left_knee", "head"), (-1, 0, 0, 1, 0))


def tiny_body(shapes: int = 3, corrected: bool = True, vertices: int = 40) -> BodyModel:
    """Random numbers of about the right size; the same at every call. float64."""
    random = torch.Generator().manual_seed(7)

    def normal(*shape: int, scale: float) -> torch.Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64) * scale

    def shares(*shape: int) -> torch.Tensor:
        return normal(*shape, scale=2.0).softmax(-1)

    joints = len(SKELETON)
    return BodyModel(
        name="tiny",
        template=normal(vertices, 3, scale=0.5),
        shape_directions=normal(vertices, 3, shapes, scale=0.05),
        pose_directions=normal(vertices, 3, 9 * (joints - 1), scale=0.02) if corrected else None,
        joint_regressor=shares(joints, vertices),
        parents=SKELETON.parents,
        weights=shares(vertices, joints),
        faces=torch.randint(vertices, (60, 3), generator=random),
        skeleton=SKELETON,
        about="made up",
        licence="of the test",
    )
