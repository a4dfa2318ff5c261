"""The Poses3D noun: 3D joints over time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d._times import frame_rate, frame_times
from lift3d.cameras import Camera, check_up
from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.skeletons import Skeleton, mapping_between

__all__ = ["FRAMES", "Poses3D"]

FRAMES = ("world", "camera", "root")


@dataclass(frozen=True, eq=False)
class Poses3D:
    """3D joints of all people over time.

    Args:
        positions: metres. A missing joint is NaN.
        scores: 0 to 1; 0 where the joint is missing, and also where a joint is filled in rather than seen.
        times: seconds, one a frame.
        skeleton: what the joints are.
        frame: ``"world"``; ``"camera"`` (x right, y down, z forward, the camera at the origin); or ``"root"`` (axes
            of the camera, the skeleton's root joint at the origin).
        up: the axis that points up in the world, such as ``"+z"``; ``"-y"`` for the camera and root frames.
        covariance: how sure each position is, square metres; NaN where it is missing. None where nobody said.

    Raises:
        ShapeError: axes do not fit together.
        InputError: a score is not within 0 and 1, or the frame or axis is unknown.
    """

    positions: Float[Tensor, "frames people joints 3"]
    scores: Float[Tensor, "frames people joints"]
    times: Float[Tensor, "frames"]
    skeleton: Skeleton
    frame: str = "world"
    up: str = "+z"
    covariance: Float[Tensor, "frames people joints 3 3"] | None = None

    def __post_init__(self) -> None:
        shape = tuple(self.positions.shape)
        if len(shape) != 4 or shape[-1] != 3:
            raise ShapeError("Poses3D.positions", shape, "(frames, people, joints, 3)")
        for name, wanted in {"scores": shape[:3], "times": shape[:1]}.items():
            if tuple(getattr(self, name).shape) != wanted:
                raise ShapeError(f"Poses3D.{name}", tuple(getattr(self, name).shape), f"{wanted}, from the positions")
        if self.covariance is not None and tuple(self.covariance.shape) != (*shape, 3):
            raise ShapeError("Poses3D.covariance", tuple(self.covariance.shape), f"{(*shape, 3)}, from the positions")
        if shape[2] != len(self.skeleton):
            raise ShapeError(
                "Poses3D.positions", shape, f"{len(self.skeleton)} joints, of skeleton {self.skeleton.name!r}"
            )
        if self.scores.numel() and not bool(((self.scores >= 0) & (self.scores <= 1)).all()):
            raise InputError("Poses3D.scores must lie within 0 and 1; 0 marks a joint that was not seen.")
        if self.frame not in FRAMES:
            raise UnknownNameError("frame", self.frame, FRAMES)
        check_up(self.up)

    @classmethod
    def of(
        cls,
        positions: Any,
        scores: Any = None,
        *,
        skeleton: Skeleton,
        times: Any = None,
        fps: float = 30.0,
        frame: str = "world",
        up: str | None = None,
        covariance: Any = None,
    ) -> Poses3D:
        """Poses from arrays; scores default to 1, and to 0 where a joint is NaN.

        Args:
            positions: (frames, people, joints, 3), metres, NaN where missing.
            scores: (frames, people, joints).
            skeleton: what the joints are.
            times: seconds; by default frame number divided by ``fps``.
            fps: frames a second, used where ``times`` is not given.
            frame: see the class.
            up: by default ``"+z"`` in the world and ``"-y"`` otherwise.
            covariance: (frames, people, joints, 3, 3), square metres.
        """
        positions = torch.as_tensor(positions)
        positions = positions if positions.is_floating_point() else positions.double()
        if positions.ndim != 4 or positions.shape[-1] != 3:
            raise ShapeError("positions", tuple(positions.shape), "(frames, people, joints, 3)")
        scores = torch.ones_like(positions[..., 0]) if scores is None else torch.as_tensor(scores).to(positions.dtype)
        if scores.shape != positions.shape[:-1]:
            raise ShapeError("scores", tuple(scores.shape), f"{tuple(positions.shape[:-1])}, from the positions")
        missing = ~torch.isfinite(positions).all(-1)
        return cls(
            positions=positions.masked_fill(missing[..., None], torch.nan),
            scores=scores.clamp(0, 1).masked_fill(missing, 0.0),
            times=frame_times(times, len(positions), fps),
            skeleton=skeleton,
            frame=frame,
            up=up if up is not None else ("+z" if frame == "world" else "-y"),
            covariance=None if covariance is None else _where_seen(torch.as_tensor(covariance).to(positions), missing),
        )

    @property
    def frames_per_second(self) -> float:
        """Median rate of the frames; 30 where there is one frame or none."""
        return frame_rate(self.times)

    def between(self, start: int, stop: int) -> Poses3D:
        """The frames ``start`` to ``stop``, without the last, as of a Python slice."""
        part = slice(start, stop)
        covariance = None if self.covariance is None else self.covariance[part]
        return replace(
            self,
            positions=self.positions[part],
            scores=self.scores[part],
            times=self.times[part],
            covariance=covariance,
        )

    @property
    def deviation(self) -> Float[Tensor, "frames people joints"] | None:
        """Standard deviation of each position, metres: the root of the mean variance of its three axes."""
        return None if self.covariance is None else (self.covariance.diagonal(dim1=-2, dim2=-1).mean(-1)).sqrt()

    def mapped_to(self, skeleton: Skeleton) -> Poses3D:
        """The same poses on another skeleton's joints; see ``lift3d.skeletons.mapping``.

        Errors of the joints that make up another are taken to be independent.
        """
        if skeleton == self.skeleton:
            return self
        mapping = mapping_between(self.skeleton, skeleton)
        positions = mapping.coordinates(self.positions)
        scores = mapping.scores(self.scores).masked_fill(~torch.isfinite(positions).all(-1), 0.0)
        covariance = None if self.covariance is None else mapping.covariance(self.covariance)
        return replace(self, positions=positions, scores=scores, skeleton=skeleton, covariance=covariance)

    def root_relative(self) -> Poses3D:
        """The poses with the skeleton's root joint at the origin; the world's axes are kept, the covariance is not."""
        root = self.positions[:, :, self.skeleton.root : self.skeleton.root + 1]
        return replace(self, positions=self.positions - root, covariance=None)

    def to_world(self, camera: Camera, up: str = "+z") -> Poses3D:
        """Poses of a camera's frame in the world that the camera is calibrated in.

        Args:
            camera: the one camera whose frame the poses are in.
            up: the axis of the world that points up, such as ``rig.up``.

        Raises:
            InputError: the poses are not in the camera frame.
        """
        if self.frame != "camera":
            raise InputError(f"Poses3D.to_world needs poses in the camera frame; these are in {self.frame!r}.")
        flat = self.positions.reshape(-1, 3).to(camera.rotation.dtype)
        positions = camera.camera_to_world(flat).reshape(self.positions.shape).to(self.positions.dtype)
        covariance = None
        if self.covariance is not None:
            turn = camera.rotation.to(self.covariance.dtype)
            covariance = turn.mT @ self.covariance @ turn
        return replace(self, positions=positions, frame="world", up=up, covariance=covariance)

    def bone_lengths(self) -> Float[Tensor, "frames people bones"]:
        """Length of each bone of ``skeleton.bones``, metres; NaN where an end is missing."""
        parents, children = (list(ends) for ends in zip(*self.skeleton.bones, strict=True))
        return (self.positions[:, :, children] - self.positions[:, :, parents]).norm(dim=-1)


def _where_seen(covariance: Tensor, missing: Tensor) -> Tensor:
    return covariance.masked_fill(missing[..., None, None], torch.nan) if covariance.ndim == 5 else covariance
