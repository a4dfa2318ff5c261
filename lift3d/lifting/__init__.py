"""Keypoints2D of one camera -> Poses3D."""

from lift3d.lifting.ground import stood_on_floor
from lift3d.lifting.lift import lift
from lift3d.lifting.lifter import DEFAULT_LIFTER
from lift3d.lifting.onnx_export import OnnxModel, export_onnx
from lift3d.lifting.root_position import root_position
from lift3d.lifting.steady_distance import with_steady_distance
from lift3d.lifting.streaming import LifterStream

__all__ = [
    "DEFAULT_LIFTER",
    "LifterStream",
    "OnnxModel",
    "export_onnx",
    "lift",
    "root_position",
    "stood_on_floor",
    "with_steady_distance",
]
