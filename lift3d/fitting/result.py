"""What a fit found, and how well it fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.bodies import BodyModel, BodyMotion
from lift3d.cameras import CameraRig
from lift3d.fitting.points import BodyPoints
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D

if TYPE_CHECKING:
    from lift3d.viewing import Scene

__all__ = ["BodyFit", "FailedFrame"]


@dataclass(frozen=True)
class FailedFrame:
    """A person in a frame who could not be fitted.

    Args:
        frame, person: which, counted from 0 as in the arrays.
        reason: why.
    """

    frame: int
    person: int
    reason: str


@dataclass(frozen=True, eq=False)
class BodyFit:
    """Bodies fitted to the joints of people over time.

    Args:
        model: of which they are shapes and poses.
        betas: shape of each person, in standard deviations.
        rotations: rotation vectors of each joint in its parent's frame, the root's in the world; radians. NaN where a
            frame failed.
        translation: of the body, metres, as ``ShapedBody.with_pose`` takes it; NaN where a frame failed.
        poses: what they were fitted to.
        points: which joints of the poses took part, and where they hang on the body.
        offsets: of the points in their carriers' frames, metres, for each person; 0 where they were not estimated.
        residuals: distance of each point from where it was seen, metres; NaN where it was not, or did not count. Of
            what was seen in pictures alone: from the lines of sight, the median of the cameras.
        prior_cost: minus the logarithm of the pose prior's density, up to a constant; NaN where a frame failed.
        bends: of knees and elbows, radians, positive the right way; NaN where a frame failed.
        hinges: names of those.
        noise: standard deviation of the points about the body that the fit reckoned with, metres an axis; where the
            poses have a covariance the factor by which deviations were taken to be larger.
        failures: people in frames who could not be fitted.
        pixels: between each point and where a camera saw it, in its picture; NaN where it did not, or the frame failed.
            None where they were fitted to 3D joints.
        camera_names: of those cameras.
    """

    model: BodyModel
    betas: Float[Tensor, "people shapes"]
    rotations: Float[Tensor, "frames people joints 3"]
    translation: Float[Tensor, "frames people 3"]
    poses: Poses3D
    points: BodyPoints
    offsets: Float[Tensor, "people points 3"]
    residuals: Float[Tensor, "frames people points"]
    prior_cost: Float[Tensor, "frames people"]
    bends: Float[Tensor, "frames people hinges"]
    hinges: tuple[str, ...]
    noise: float
    failures: tuple[FailedFrame, ...]
    pixels: Float[Tensor, "cameras frames people points"] | None = None
    camera_names: tuple[str, ...] = ()

    @cached_property
    def motion(self) -> BodyMotion:
        """The bodies over time, ready to be written, shown or measured; NaN where a frame failed."""
        return BodyMotion(
            model=self.model,
            betas=self.betas,
            rotations=self.rotations,
            translation=self.translation,
            times=self.poses.times.double(),
            frame=self.poses.frame,
            up=self.poses.up,
        )

    def joints(self) -> Poses3D:
        """The bodies' own joints, on the body's skeleton; a frame that failed is missing."""
        return self.motion.joints()

    def joints_as_seen(self) -> Poses3D:
        """The joints that the bodies were fitted to, on the skeleton of those, where the bodies have them.

        Offsets are counted. A joint that the body does not have, or of a frame that failed, is missing.
        """
        bodies, points = self.motion.bodies, self.points
        carriers, rest = list(points.carriers), bodies.shaped.joints
        on = torch.tensor(points.on)
        known = (on >= 0)[:, None]
        local = self.offsets + torch.where(known, rest[:, on.clamp(min=0)] - rest[:, carriers], torch.zeros(3).to(rest))
        turned = (bodies.posed.orientations[:, :, carriers] @ local[..., None])[..., 0]
        places = torch.full_like(self.poses.positions, torch.nan)
        places[:, :, list(points.joints)] = (bodies.joints[:, :, carriers] + turned).to(places)
        return replace(self.joints(), positions=places, scores=(~places[..., 0].isnan()).to(places),
                       skeleton=self.poses.skeleton)  # fmt: skip

    def mesh(self, frame: int) -> Float[Tensor, "people vertices 3"]:
        """Vertices of everybody in a frame, metres, in the frame of the poses; NaN where it failed."""
        return self.motion.mesh(frame)

    def show(
        self,
        rig: CameraRig | None = None,
        keypoints: Keypoints2D | None = None,
        videos: Mapping[str, str | Path] | None = None,
        image_width: int = 480,
        image_every: int = 1,
    ) -> Scene:
        """The bodies over the joints that they were fitted to, as a page: it shows itself in a notebook.

        Args:
            rig, keypoints, videos, image_width, image_every: as of ``lift3d.view``.

        Raises:
            InputError, UnknownNameError, FileError: as of ``lift3d.view``.
        """
        from lift3d.viewing import view

        return view({"joints": self.poses}, rig, keypoints, videos, image_width, image_every, motion=self.motion)

    @property
    def residual(self) -> Float[Tensor, "points"]:
        """Mean distance of each point from where it was seen, metres."""
        return self.residuals.flatten(0, 1).nanmean(0)

    def summary(self) -> str:
        """How well it fits, in a few lines; people are counted from 1, frames from 0."""
        seen = self.residuals[torch.isfinite(self.residuals)]
        frames = int(torch.isfinite(self.translation[..., 0]).sum())
        people = "person" if len(self.betas) == 1 else "people"
        lines = [f"{frames} poses of {len(self.betas)} {people} fitted, {len(self.failures)} failed."]
        if len(seen):
            mean, most = 1000 * float(seen.mean()), 1000 * float(seen.quantile(0.95))
            lines.append(f"joints: {mean:.1f} mm from where they were seen, 95 % within {most:.1f} mm.")
            if self.pixels is not None:
                away = self.pixels[torch.isfinite(self.pixels)]
                lines.append(f"in the pictures: half within {away.median():.1f} px, 95 % {away.quantile(0.95):.1f} px.")
            worst = self.residual.nan_to_num(0.0).argmax()
            lines.append(f"furthest off: {self.points.names[worst]}, {1000 * float(self.residual[worst]):.1f} mm.")
        lines += [f"frame {one.frame}, person {one.person + 1}: {one.reason}" for one in self.failures[:5]]
        return "\n".join(lines)
