"""Pictures of the nouns: a page to turn and play, stills, and videos."""

from lift3d.viewing.animation import save_video
from lift3d.viewing.plot_2d import plot_keypoints
from lift3d.viewing.plot_3d import plot_contact_sheet, plot_poses
from lift3d.viewing.web_viewer import CameraImages, Scene, view

__all__ = ["CameraImages", "Scene", "plot_contact_sheet", "plot_keypoints", "plot_poses", "save_video", "view"]
