"""The 2D joints of people as cameras saw them: all that an encoding may use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.cameras import Camera

__all__ = ["Observed", "filled_over_time", "without"]


_POINTS_AT_ONCE = 1 << 18  # that the lens is undone for: bounds memory


@dataclass(frozen=True, eq=False)
class Observed:
    """People seen by one camera, or each by one of their own; NaN with score 0 where a joint is missing.

    Args:
        pixels: as seen in the picture, the lens not undone; the centre of the top-left pixel is (0, 0).
        rays: (x/z, y/z) in the camera frame, the lens undone.
        scores: 0 to 1.
        intrinsics: of the camera, pixels. Batch axes, if there are any, broadcast against those of the people.
        image_size: width and height, pixels; NaN where not known. Batch axes as of the intrinsics.
    """

    pixels: Float[Tensor, "*batch joints 2"]
    rays: Float[Tensor, "*batch joints 2"]
    scores: Float[Tensor, "*batch joints"]
    intrinsics: Float[Tensor, "*cameras 3 3"]
    image_size: Float[Tensor, "*cameras 2"]

    @classmethod
    def by(
        cls, camera: Camera, pixels: Float[Tensor, "*batch joints 2"], scores: Float[Tensor, "*batch joints"]
    ) -> Observed:
        """What a camera saw, in single precision; the lens is undone in double precision.

        Args:
            camera: one camera.
            pixels: NaN where missing.
            scores: 0 where missing.
        """
        camera = camera if camera.intrinsics.dtype == torch.float64 else camera.to(torch.float64)
        parts = pixels.reshape(-1, 2).split(_POINTS_AT_ONCE)
        rays = torch.cat([camera.normalise(part.to(torch.float64)).float() for part in parts]).reshape(pixels.shape)
        return cls(pixels.float(), rays, scores.float(), camera.intrinsics.float(), camera.image_size.float())

    @property
    def seen(self) -> Bool[Tensor, "*batch joints"]:
        """Which joints are there: a finite ray and pixel, and a score above 0."""
        return ((self.rays + self.pixels).abs() < torch.inf).all(-1) & (self.scores > 0)

    def __getitem__(self, index: object) -> Observed:
        """A part, by an index of the batch axes."""
        parts = {name: getattr(self, name)[index] for name in ("pixels", "rays", "scores")}
        for name, axes in (("intrinsics", 2), ("image_size", 1)):
            own = getattr(self, name)
            if own.ndim > axes:  # a camera for each person
                parts[name] = own.expand(*self.scores.shape[:-1], *own.shape[-axes:])[index]
        return replace(self, **parts)

    def to(self, device: torch.device | str) -> Observed:
        """The same on another device."""
        return Observed(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))

    def mirrored(self, flip_order: Sequence[int]) -> Observed:
        """The mirrored picture of the mirrored people: left joints are called right, x is turned around.

        Pixels are mirrored about the middle of the picture (x becomes width - x, as VideoPose3D does), or about the
        principal point where the size is not known.

        Args:
            flip_order: of the joints' skeleton.
        """
        twins = list(flip_order)
        middle = 0.5 * self.image_size[..., 0]
        middle = torch.where(middle.isfinite(), middle, self.intrinsics[..., 0, 2])
        x, y = self.pixels[..., twins, :].unbind(-1)
        turned = torch.stack([2 * middle[..., None] - x, y], dim=-1)
        k = self.intrinsics.clone()
        k[..., 0, 1], k[..., 0, 2] = -k[..., 0, 1], 2 * middle - k[..., 0, 2]
        rays = self.rays[..., twins, :] * self.rays.new_tensor([-1.0, 1.0])
        return Observed(turned, rays, self.scores[..., twins], k, self.image_size)


def without(
    joints: Sequence[int], pixels: Float[Tensor, "*batch joints 2"], scores: Float[Tensor, "*batch joints"]
) -> tuple[Float[Tensor, "*batch joints 2"], Float[Tensor, "*batch joints"]]:
    """Pixels and scores with some joints missing: NaN and 0."""
    if not joints:
        return pixels, scores
    gone = torch.zeros(scores.shape[-1], dtype=torch.bool, device=scores.device)
    gone[list(joints)] = True
    return pixels.masked_fill(gone[:, None], torch.nan), scores.masked_fill(gone, 0.0)


def filled_over_time(observed: Observed) -> Observed:
    """People with missing joints put where they would be on a straight line over time, each with score 0.

    The first and last known positions are held outwards. A joint that is never seen is put in the middle of its
    person's joints that are known, or of the picture (the principal point) where nobody is.

    Args:
        observed: batch axes (*batch, frames).
    """
    seen = observed.seen
    if bool(seen.all()):
        return observed
    both = torch.cat([observed.pixels, observed.rays], dim=-1).masked_fill(~seen[..., None], 0.0)
    before, after = _nearest_seen(seen)
    frames = seen.shape[-2]
    number = torch.arange(frames, device=seen.device)[:, None].expand_as(seen)
    first, last = before.clamp_min(0), after.clamp_max(frames - 1)
    first, last = torch.where(before < 0, last, first), torch.where(after >= frames, first, last)
    share = (number - first) / (last - first).clamp_min(1)
    start, stop = (both.gather(-3, at[..., None].expand_as(both)) for at in (first, last))
    line = torch.lerp(start, stop, share.clamp(0, 1)[..., None].to(both.dtype))
    known = seen.any(-2, keepdim=True).expand_as(seen)
    centre = (line * known[..., None]).sum(-2, keepdim=True) / known.sum(-1)[..., None, None].clamp_min(1)
    principal = observed.intrinsics[..., :2, 2]
    nobody = torch.cat([principal, torch.zeros_like(principal)], dim=-1)[..., None, :]
    centre = torch.where(known.any(-1)[..., None, None], centre, nobody)
    full = torch.where(known[..., None], line, centre)
    return replace(observed, pixels=full[..., :2], rays=full[..., 2:], scores=observed.scores * seen)


def _nearest_seen(seen: Bool[Tensor, "*batch frames joints"]) -> tuple[Tensor, Tensor]:
    """Number of the last frame up to each and of the first from each in which the joint is seen; -1, frames if none."""
    frames = seen.shape[-2]
    number = torch.arange(frames, device=seen.device)[:, None].expand_as(seen)
    before = torch.where(seen, number, -1).cummax(-2).values
    after = torch.where(seen, number, frames).flip(-2).cummin(-2).values.flip(-2)
    return before, after
