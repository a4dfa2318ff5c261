"""What a detector has gained on footage of a rig that it has not learned from, without true joints to compare with.

Two things are held back. Frames: there, detections of all cameras are triangulated, and how far each detection lies
from its own point says how well the cameras agree. A camera: its detections are compared with where the points are
that the *other* cameras see with the detector as it was *before*, so agreeing on something wrong is no gain; once with
all of these points, once with those that three of the others (or all two) agree on, since the rest may be wrong. What
is there before and after counts: leaving hard detections out is no gain either, and how many there are is said.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.cameras import CameraRig
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.training.rig_labels import AgreementSettings, agreed_points
from lift3d.triangulation import reprojection_error, triangulate

__all__ = ["camera_figures", "frame_figures"]


def frame_figures(before: Keypoints2D, after: Keypoints2D, rig: CameraRig, frames: slice) -> dict[str, Any]:
    """How well the cameras agree in some frames, before and after.

    Args:
        before, after: detections of the same videos, in time with each other.
        rig: the cameras, the same before and after.
        frames: which.

    Returns:
        ``before`` and ``after``: median and 95th percentile of the reprojection error of detections that are there both
        times (pixels), the share of them within 10 pixels, how many detections there are in all, the spread of the
        lengths of bones (percent); ``detections``: how many are compared; ``moved_mm``: by how much the triangulated
        joints have moved, median. What there is nothing to tell from is None.
    """
    points = [triangulate(own, rig, "robust") for own in (before, after)]
    errors = [
        reprojection_error(poses, own, rig)[:, frames] for poses, own in zip(points, (before, after), strict=True)
    ]
    away = (points[1].positions - points[0].positions).norm(dim=-1)[frames]
    compared = _compared(*errors)
    for name, poses in zip(("before", "after"), points, strict=True):
        compared[name]["bone_spread_percent"] = _rounded(_bone_spread(poses, frames))
    return {**compared, "moved_mm": _rounded(1000 * away.nanmedian())}


def camera_figures(
    before: Keypoints2D,
    after: Keypoints2D,
    rig: CameraRig,
    camera: str,
    agreement: AgreementSettings,
    frames: slice = slice(None),
) -> dict[str, Any]:
    """How far a camera's detections are from what the others saw before.

    Args:
        before, after: detections of all cameras, in time with each other.
        rig: the cameras.
        camera: that nothing was learned from.
        agreement: when the others agree; but for the number of views, see above.
        frames: which are looked at.

    Returns:
        ``all`` and ``agreed``, each as of :func:`frame_figures` without what is said of points and bones.
    """
    others = before.only(name for name in before.camera_names if name != camera)
    strict = replace(agreement, views=min(3, len(others.camera_names)))
    references = {
        "all": triangulate(others, rig, "robust"),
        "agreed": agreed_points(others, rig, strict).points,
    }
    figures = {}
    for name, points in references.items():
        places = rig[camera].project(points.positions.double())
        errors = [(own.only([camera]).pixels[0] - places).norm(dim=-1)[frames] for own in (before, after)]
        figures[name] = _compared(*errors)
    return figures


def _compared(before: Float[Tensor, "..."], after: Float[Tensor, "..."]) -> dict[str, Any]:
    """Of errors in pixels, NaN where a detection is missing."""
    both = torch.isfinite(before) & torch.isfinite(after)
    figures: dict[str, Any] = {"detections": int(both.sum())}
    for name, errors in (("before", before), ("after", after)):
        own = errors.double().masked_fill(~both, torch.nan)
        figures[name] = {
            "median_px": _rounded(own.nanquantile(0.5)),
            "p95_px": _rounded(own.nanquantile(0.95)),
            "within_10_px": _rounded((own[both] <= 10).double().mean()),
            "detections": int(torch.isfinite(errors).sum()),
        }
    return figures


def _rounded(figure: Tensor) -> float | None:
    """None for NaN, which JSON does not know."""
    return round(figure.item(), 3) if bool(torch.isfinite(figure)) else None


def _bone_spread(poses: Poses3D, frames: slice) -> Tensor:
    """Standard deviation over mean of each bone's length, percent, median of the bones."""
    first, second = (list(ends) for ends in zip(*poses.skeleton.bones, strict=True))
    positions = poses.positions[frames]
    lengths = (positions[..., first, :] - positions[..., second, :]).norm(dim=-1).flatten(0, 1)  # (frames, bones)
    known = torch.isfinite(lengths)
    mean = lengths.nanmean(0)
    spread = ((lengths - mean).square().masked_fill(~known, 0.0).sum(0) / known.sum(0)).sqrt()
    return 100 * (spread / mean).nanmedian()
