"""Keypoints2D, or pictures, of several calibrated cameras -> Poses3D."""

from lift3d.triangulation.algebraic import triangulate_rays
from lift3d.triangulation.diagnosis import diagnose, sure_offsets
from lift3d.triangulation.differentiable import (
    information_used,
    point_covariances,
    triangulate_pixels,
    triangulate_with_gradients,
)
from lift3d.triangulation.from_pictures import check_view_networks, pelvis_of, triangulate_pictures
from lift3d.triangulation.offsets import TimeOffset, TimeOffsets, time_offsets
from lift3d.triangulation.person_boxes import boxes_of_poses
from lift3d.triangulation.refinement import RefinedRig, RefinementSettings, refine_rig
from lift3d.triangulation.report import Report
from lift3d.triangulation.reprojection import reprojection_error
from lift3d.triangulation.result import Triangulation
from lift3d.triangulation.settings import SmoothingSettings, TriangulationSettings
from lift3d.triangulation.triangulate import METHODS, triangulate, triangulate_in_detail

__all__ = [
    "METHODS",
    "RefinedRig",
    "RefinementSettings",
    "Report",
    "SmoothingSettings",
    "TimeOffset",
    "TimeOffsets",
    "Triangulation",
    "TriangulationSettings",
    "boxes_of_poses",
    "check_view_networks",
    "diagnose",
    "information_used",
    "pelvis_of",
    "point_covariances",
    "refine_rig",
    "reprojection_error",
    "sure_offsets",
    "time_offsets",
    "triangulate",
    "triangulate_in_detail",
    "triangulate_pictures",
    "triangulate_pixels",
    "triangulate_rays",
    "triangulate_with_gradients",
]
