"""BodyMotion and CameraRig -> pictures of the surface: which part of the body each pixel sees, and where on it."""

from lift3d.surfaces.charts import PARTS, Charts, body_charts
from lift3d.surfaces.iuv import IuvPicture, render_iuv, save_iuv

__all__ = ["PARTS", "Charts", "IuvPicture", "body_charts", "render_iuv", "save_iuv"]
