"""Volumes around a person: cells in the world, what views see there, and several views made one. Tensors only.

cuboid = Cuboid.of(centres, side=2.5, cells=64)
volumes = unproject_maps(maps, projections, cuboid.positions(), "softmax")

Axes of a volume are the world's x, y and z (before the cuboid is turned), in this order.
"""

from lift3d.volumes.aggregation import AGGREGATIONS, aggregate_views
from lift3d.volumes.cuboid import Cuboid
from lift3d.volumes.unprojection import (
    map_projections,
    project_positions,
    sample_maps,
    unproject_maps,
    unproject_points,
)

__all__ = [
    "AGGREGATIONS",
    "Cuboid",
    "aggregate_views",
    "map_projections",
    "project_positions",
    "sample_maps",
    "unproject_maps",
    "unproject_points",
]
