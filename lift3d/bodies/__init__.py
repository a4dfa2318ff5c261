"""Bodies: a surface with a shape, a skeleton inside, and skin that follows the bones."""

from lift3d.bodies.model import BodyModel, PosedBody, ShapedBody
from lift3d.bodies.motion import BodyMotion
from lift3d.bodies.skinning import linear_blend_skinning, pose_corrections
from lift3d.bodies.smpl_skeletons import smpl_skeleton

__all__ = [
    "BodyModel",
    "BodyMotion",
    "PosedBody",
    "ShapedBody",
    "linear_blend_skinning",
    "pose_corrections",
    "smpl_skeleton",
]
