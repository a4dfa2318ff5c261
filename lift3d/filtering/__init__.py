"""Poses3D -> Poses3D, by a standard filter over time."""

from lift3d.filtering._apply import all_filters, filter_poses

__all__ = ["all_filters", "filter_poses"]
