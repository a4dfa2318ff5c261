"""Bodies: a surface with a shape, a skeleton inside, and skin that follows the bones."""

from lift3d.bodies.joint_angles import JointAngles, joint_angles
from lift3d.bodies.measurements import Measurements, measure
from lift3d.bodies.model import BodyModel, PosedBody, ShapedBody
from lift3d.bodies.motion import BodyMotion
from lift3d.bodies.skinning import linear_blend_skinning, pose_corrections
from lift3d.bodies.smpl_skeletons import smpl_skeleton

__all__ = [
    "BodyModel",
    "BodyMotion",
    "JointAngles",
    "Measurements",
    "PosedBody",
    "ShapedBody",
    "joint_angles",
    "linear_blend_skinning",
    "measure",
    "pose_corrections",
    "smpl_skeleton",
]
