"""Poses3D, or Keypoints2D -> BodyFit: bodies with a shape from joints."""

from lift3d.fitting.fit_body import fit_body
from lift3d.fitting.fit_mesh import MeshFit, fit_mesh
from lift3d.fitting.fit_view import fit_view
from lift3d.fitting.fit_views import fit_views
from lift3d.fitting.points import BodyPoints, body_points
from lift3d.fitting.pose_prior import PosePrior, read_pose_prior
from lift3d.fitting.result import BodyFit, FailedFrame
from lift3d.fitting.settings import FitSettings

__all__ = [
    "BodyFit",
    "BodyPoints",
    "FailedFrame",
    "FitSettings",
    "MeshFit",
    "PosePrior",
    "body_points",
    "fit_body",
    "fit_mesh",
    "fit_view",
    "fit_views",
    "read_pose_prior",
]
