"""The Keypoints2D noun: what a detector saw, in all cameras over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d._times import frame_rate, frame_times
from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.skeletons import Skeleton, mapping_between

__all__ = ["Keypoints2D"]


@dataclass(frozen=True, eq=False)
class Keypoints2D:
    """2D joints of all people in all cameras over time.

    Args:
        pixels: distorted pixels as seen in the picture; the centre of the top-left pixel is (0, 0). A missing joint
            is NaN.
        scores: 0 to 1; 0 where the joint is missing.
        times: seconds, one a frame, never decreasing.
        camera_names: one a camera, all different.
        skeleton: what the joints are.
        image_sizes: width and height of each camera's pictures, pixels; NaN where not known.

    Person p of one camera is the same person as person p of the others only where the source says so.

    Raises:
        ShapeError: axes do not fit together.
        InputError: a score is not within 0 and 1, or camera names repeat.
    """

    pixels: Float[Tensor, "cameras frames people joints 2"]
    scores: Float[Tensor, "cameras frames people joints"]
    times: Float[Tensor, "frames"]
    camera_names: tuple[str, ...]
    skeleton: Skeleton
    image_sizes: Float[Tensor, "cameras 2"]

    def __post_init__(self) -> None:
        shape = tuple(self.pixels.shape)
        if len(shape) != 5 or shape[-1] != 2:
            raise ShapeError("Keypoints2D.pixels", shape, "(cameras, frames, people, joints, 2)")
        expected = {
            "scores": shape[:4],
            "times": shape[1:2],
            "image_sizes": (shape[0], 2),
        }
        for name, wanted in expected.items():
            if tuple(getattr(self, name).shape) != wanted:
                raise ShapeError(f"Keypoints2D.{name}", tuple(getattr(self, name).shape), f"{wanted}, from the pixels")
        if shape[0] != len(self.camera_names) or len(set(self.camera_names)) != shape[0]:
            raise InputError(
                f"Keypoints2D: {shape[0]} cameras, names {list(self.camera_names)}; expected one each, different."
            )
        if shape[3] != len(self.skeleton):
            raise ShapeError(
                "Keypoints2D.pixels", shape, f"{len(self.skeleton)} joints, of skeleton {self.skeleton.name!r}",
                "Pass the skeleton that the detector used.",
            )  # fmt: skip
        if self.scores.numel() and not bool(((self.scores >= 0) & (self.scores <= 1)).all()):
            raise InputError("Keypoints2D.scores must lie within 0 and 1; 0 marks a missing joint.")

    @classmethod
    def of(
        cls,
        pixels: Any,
        scores: Any = None,
        *,
        skeleton: Skeleton,
        times: Any = None,
        fps: float = 30.0,
        camera_names: Sequence[str] | None = None,
        image_sizes: Any = None,
    ) -> Keypoints2D:
        """Keypoints from arrays, with what is missing made consistent.

        Scores default to 1; joints with score 0 become NaN, NaN joints get score 0; scores are clipped to 0..1.

        Args:
            pixels: (cameras, frames, people, joints, 2), NaN where missing.
            scores: (cameras, frames, people, joints).
            skeleton: what the joints are.
            times: seconds; by default frame number divided by ``fps``.
            fps: frames a second, used where ``times`` is not given.
            camera_names: by default ``cam0``, ``cam1``, ...
            image_sizes: (cameras, 2) width and height.
        """
        pixels = torch.as_tensor(pixels)
        pixels = pixels if pixels.is_floating_point() else pixels.double()
        if pixels.ndim != 5 or pixels.shape[-1] != 2:
            raise ShapeError("pixels", tuple(pixels.shape), "(cameras, frames, people, joints, 2)")
        scores = torch.ones_like(pixels[..., 0]) if scores is None else torch.as_tensor(scores).to(pixels.dtype)
        if scores.shape != pixels.shape[:-1]:
            raise ShapeError("scores", tuple(scores.shape), f"{tuple(pixels.shape[:-1])}, from the pixels")
        missing = ~torch.isfinite(pixels).all(-1) | ~(scores > 0)
        count = len(pixels)
        sizes = torch.full((count, 2), torch.nan) if image_sizes is None else torch.as_tensor(image_sizes)
        return cls(
            pixels=pixels.masked_fill(missing[..., None], torch.nan),
            scores=scores.clamp(0, 1).masked_fill(missing, 0.0),
            times=frame_times(times, pixels.shape[1], fps),
            camera_names=tuple(camera_names) if camera_names is not None else tuple(f"cam{i}" for i in range(count)),
            skeleton=skeleton,
            image_sizes=sizes.to(torch.float64),
        )

    @property
    def frames_per_second(self) -> float:
        """Median rate of the frames; 30 where there is one frame or none."""
        return frame_rate(self.times)

    def only(self, camera_names: Iterable[str]) -> Keypoints2D:
        """The keypoints of the named cameras, in the order given.

        Raises:
            UnknownNameError: there is no such camera.
        """
        names = tuple(camera_names)
        for name in names:
            if name not in self.camera_names:
                raise UnknownNameError("camera", name, self.camera_names)
        kept = [self.camera_names.index(name) for name in names]
        return replace(
            self,
            pixels=self.pixels[kept],
            scores=self.scores[kept],
            camera_names=names,
            image_sizes=self.image_sizes[kept],
        )

    def between(self, start: int, stop: int) -> Keypoints2D:
        """The frames ``start`` to ``stop``, without the last, as of a Python slice."""
        part = slice(start, stop)
        return replace(self, pixels=self.pixels[:, part], scores=self.scores[:, part], times=self.times[part])

    def shifted(self, offsets: Mapping[str, int]) -> Keypoints2D:
        """The keypoints with some cameras moved in time against the others, by whole frames.

        A camera that runs two frames late needs ``{"cam03": -2}``: what it saw in frame 2 belongs to frame 0. The
        number of frames stays; those that nothing moves into are missing.

        Args:
            offsets: frames by camera name; negative is earlier.

        Raises:
            UnknownNameError: there is no such camera.
        """
        pixels, scores = self.pixels.clone(), self.scores.clone()
        frames = len(self.times)
        for name, offset in offsets.items():
            if name not in self.camera_names:
                raise UnknownNameError("camera", name, self.camera_names)
            camera = self.camera_names.index(name)
            pixels[camera], scores[camera] = torch.nan, 0.0
            source = slice(max(0, -offset), max(0, min(frames, frames - offset)))
            target = slice(max(0, offset), max(0, min(frames, frames + offset)))
            pixels[camera, target], scores[camera, target] = self.pixels[camera, source], self.scores[camera, source]
        return replace(self, pixels=pixels, scores=scores)

    def mapped_to(self, skeleton: Skeleton) -> Keypoints2D:
        """The same detections on another skeleton's joints; see ``lift3d.skeletons.mapping``."""
        if skeleton == self.skeleton:
            return self
        mapping = mapping_between(self.skeleton, skeleton)
        pixels = mapping.coordinates(self.pixels)
        scores = mapping.scores(self.scores).masked_fill(~torch.isfinite(pixels).all(-1), 0.0)
        return replace(self, pixels=pixels, scores=scores, skeleton=skeleton)

    @classmethod
    def stacked(cls, parts: Sequence[Keypoints2D]) -> Keypoints2D:
        """Keypoints of several cameras as one; frames are matched by number, shorter ones end in missing joints.

        Raises:
            InputError: there are none, their skeletons differ, or camera names repeat.
        """
        if not parts:
            raise InputError("Keypoints2D.stacked: no keypoints were given; expected those of at least one camera.")
        other = next((part for part in parts if part.skeleton != parts[0].skeleton), None)
        if other is not None:
            said = " and ".join(
                f"{part.camera_names[0]} has {part.skeleton.name!r} ({', '.join(part.skeleton.joints[:4])}, ...)"
                for part in (parts[0], other)
            )
            raise InputError(f"Keypoints2D.stacked: cameras have different skeletons: {said}. Pass skeleton=... .")
        longest = max(parts, key=lambda part: len(part.times))
        frames, people = len(longest.times), max(part.pixels.shape[2] for part in parts)
        return cls(
            pixels=torch.cat([_padded(part.pixels, frames, people, torch.nan) for part in parts]),
            scores=torch.cat([_padded(part.scores, frames, people, 0.0) for part in parts]),
            times=longest.times,
            camera_names=tuple(name for part in parts for name in part.camera_names),
            skeleton=longest.skeleton,
            image_sizes=torch.cat([part.image_sizes for part in parts]),
        )


def _padded(values: Tensor, frames: int, people: int, fill: float) -> Tensor:
    cameras, own_frames, own_people = values.shape[:3]
    full = values.new_full((cameras, frames, people, *values.shape[3:]), fill)
    full[:, :own_frames, :own_people] = values
    return full
