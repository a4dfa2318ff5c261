"""Labels that nobody drew: where several cameras agree on a joint, all of them are told where they should see it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.cameras import CameraRig
from lift3d.errors import InputError
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.triangulation import reprojection_error, triangulate

__all__ = ["Agreement", "AgreementSettings", "agreed_labels", "agreed_points", "person_sizes"]


@dataclass(frozen=True)
class AgreementSettings:
    """When cameras agree.

    Args:
        error: largest distance of a detection from where its triangulated joint is seen, in parts of the person's size
            in that picture: the longer side of the box around the joints.
        views: at least so many detections of a joint must be as near.
        lowest_score: a detection with a lower score does not count.
        share: of a picture's detections at least so many must be as near, or nothing is learned from it: the camera
            may be off, late, or look at somebody else. In other pictures joints that are far off are learned too, from
            the views that agree.
    """

    error: float = 0.03
    views: int = 3
    lowest_score: float = 0.3
    share: float = 0.5

    def __post_init__(self) -> None:
        if not (self.error > 0 and self.views >= 2 and 0 <= self.share <= 1):
            raise InputError(
                f"agreement: error={self.error}, views={self.views}, share={self.share}; expected an error above 0, at "
                "least 2 views, and a share of 0 to 1."
            )


@dataclass(frozen=True, eq=False)
class Agreement:
    """What cameras agree on.

    Args:
        points: triangulated from the detections that agree alone; missing where too few do.
        near: which detections lie where their point is seen.
    """

    points: Poses3D
    near: Bool[Tensor, "cameras frames people joints"]


def agreed_points(keypoints: Keypoints2D, rig: CameraRig, settings: AgreementSettings) -> Agreement:
    """The joints that cameras agree on: triangulated robustly, then once more from what is near alone.

    Args:
        keypoints: detections of two or more cameras; person p is the same in all of them.
        rig: the cameras, matched by name.
        settings: when cameras agree.

    Raises:
        InputError: fewer than two cameras, or a camera of the keypoints is not in the rig.
    """
    sure = _only(keypoints, keypoints.scores >= settings.lowest_score)
    near = _near(sure, sure, rig, settings)
    near = _near(_only(sure, near), sure, rig, settings)
    enough = near.sum(0) >= settings.views
    points = triangulate(_only(sure, near & enough), rig, "robust")
    return Agreement(points, near)


def agreed_labels(keypoints: Keypoints2D, rig: CameraRig, settings: AgreementSettings) -> Keypoints2D:
    """Where each camera should see the joints that the cameras agree on, with lens distortion; others are missing.

    Args:
        keypoints, rig, settings: see :func:`agreed_points`.

    Returns:
        Distorted pixels, in the order of the detections; the score is the share of the cameras that agree. Joints
        outside of a picture of known size are missing.
    """
    agreed = agreed_points(keypoints, rig, settings)
    sure = (keypoints.scores >= settings.lowest_score) & (keypoints.scores > 0)
    trusted = agreed.near.sum(-1) >= settings.share * sure.sum(-1).clamp_min(1)  # (cameras, frames, people)
    pixels = rig.only(keypoints.camera_names).project(agreed.points.positions.double())
    sizes = keypoints.image_sizes[:, None, None, None]
    outside = ((pixels < -0.5) | (pixels > sizes - 0.5)).any(-1)  # never of a size that is NaN
    shown = trusted[..., None] & ~outside & torch.isfinite(pixels).all(-1)
    return Keypoints2D.of(
        pixels.masked_fill(~shown[..., None], torch.nan),
        agreed.near.double().mean(0).expand_as(agreed.near) * shown,
        skeleton=keypoints.skeleton, times=keypoints.times, camera_names=keypoints.camera_names,
        image_sizes=keypoints.image_sizes,
    )  # fmt: skip


def person_sizes(keypoints: Keypoints2D) -> Float[Tensor, "cameras frames people"]:
    """The longer side of the box around each person's joints, pixels; NaN where there are none."""
    known = torch.isfinite(keypoints.pixels)
    high = keypoints.pixels.masked_fill(~known, -torch.inf).amax(-2)
    low = keypoints.pixels.masked_fill(~known, torch.inf).amin(-2)
    return (high - low).amax(-1).masked_fill(~known.any(-1).any(-1), torch.nan)


def _near(chosen: Keypoints2D, keypoints: Keypoints2D, rig: CameraRig, settings: AgreementSettings) -> Tensor:
    """Which detections are near the points triangulated from the chosen ones."""
    errors = reprojection_error(triangulate(chosen, rig, "robust"), keypoints, rig)
    return errors <= settings.error * person_sizes(keypoints)[..., None]  # False where missing


def _only(keypoints: Keypoints2D, kept: Tensor) -> Keypoints2D:
    return replace(
        keypoints,
        pixels=keypoints.pixels.masked_fill(~kept[..., None], torch.nan),
        scores=keypoints.scores.masked_fill(~kept, 0.0),
    )
