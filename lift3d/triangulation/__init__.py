"""Keypoints2D of several calibrated cameras -> Poses3D."""

from lift3d.triangulation.algebraic import triangulate, triangulate_rays
from lift3d.triangulation.reprojection import reprojection_error

__all__ = ["reprojection_error", "triangulate", "triangulate_rays"]
