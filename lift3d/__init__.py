"""lift3d: from 2D human keypoints to 3D.

The nouns flow through the steps: images -> Keypoints2D -> Poses3D. Every public name is listed here and loaded
when it is first used, so that ``import lift3d`` is instant.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "BodyFit": "lift3d.fitting",
    "BodyModel": "lift3d.bodies",
    "BodyMotion": "lift3d.bodies",
    "Camera": "lift3d.cameras",
    "CameraRig": "lift3d.cameras",
    "Keypoints2D": "lift3d.keypoints",
    "Lens": "lift3d.cameras",
    "Lift3dError": "lift3d.errors",
    "Poses3D": "lift3d.poses",
    "Skeleton": "lift3d.skeletons",
    "Scene": "lift3d.viewing",
    "detect": "lift3d.detection",
    "diagnose": "lift3d.triangulation",
    "evaluate": "lift3d.evaluation",
    "filter_poses": "lift3d.filtering",
    "fit": "lift3d.fitting.fit",
    "fit_body": "lift3d.fitting",
    "get_skeleton": "lift3d.skeletons",
    "lift": "lift3d.lifting",
    "load_network": "lift3d.checkpoints",
    "mapping_between": "lift3d.skeletons",
    "measure": "lift3d.bodies",
    "read_body": "lift3d.formats",
    "read_cameras": "lift3d.formats",
    "read_keypoints": "lift3d.formats",
    "read_motion": "lift3d.formats",
    "read_poses": "lift3d.formats",
    "reprojection_error": "lift3d.triangulation",
    "triangulate": "lift3d.triangulation",
    "triangulate_in_detail": "lift3d.triangulation",
    "view": "lift3d.viewing",
    "write_cameras": "lift3d.formats",
    "write_keypoints": "lift3d.formats",
    "write_motion": "lift3d.formats",
    "write_poses": "lift3d.formats",
}

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]

if TYPE_CHECKING:
    from lift3d.bodies import BodyModel, BodyMotion, measure
    from lift3d.cameras import Camera, CameraRig, Lens
    from lift3d.checkpoints import load_network
    from lift3d.detection import detect
    from lift3d.errors import Lift3dError
    from lift3d.evaluation import evaluate
    from lift3d.filtering import filter_poses
    from lift3d.fitting import BodyFit, fit_body
    from lift3d.fitting.fit import fit
    from lift3d.formats import (
        read_body,
        read_cameras,
        read_keypoints,
        read_motion,
        read_poses,
        write_cameras,
        write_keypoints,
        write_motion,
        write_poses,
    )
    from lift3d.keypoints import Keypoints2D
    from lift3d.lifting import lift
    from lift3d.poses import Poses3D
    from lift3d.skeletons import Skeleton, get_skeleton, mapping_between
    from lift3d.triangulation import diagnose, reprojection_error, triangulate, triangulate_in_detail
    from lift3d.viewing import Scene, view


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lift3d' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
