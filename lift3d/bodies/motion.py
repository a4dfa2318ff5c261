"""The BodyMotion noun: bodies of people over time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d._times import frame_rate
from lift3d.bodies.model import BodyModel, PosedBody, ShapedBody
from lift3d.cameras import check_up
from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from lift3d.poses import FRAMES, Poses3D

__all__ = ["BodyMotion"]


@dataclass(frozen=True, eq=False)
class BodyMotion:
    """Bodies of all people over time, one shape each.

    Args:
        model: of which they are shapes and poses.
        betas: shape of each person, in standard deviations.
        rotations: rotation vectors of each joint in its parent's frame, the root's in the world, radians; NaN where a
            person is missing.
        translation: of the body, metres, as ``ShapedBody.with_pose`` takes it; NaN where a person is missing.
        times: seconds, one a frame.
        frame: as of ``Poses3D``.
        up: the axis that points up in the world, such as ``"+y"``. A body at rest stands along +y in any world.

    Raises:
        ShapeError: axes do not fit together.
        UnknownNameError: the frame or axis is unknown.
    """

    model: BodyModel
    betas: Float[Tensor, "people shapes"]
    rotations: Float[Tensor, "frames people joints 3"]
    translation: Float[Tensor, "frames people 3"]
    times: Float[Tensor, "frames"]
    frame: str = "world"
    up: str = "+z"

    def __post_init__(self) -> None:
        frames, people, joints = len(self.times), len(self.betas), len(self.model.parents)
        wanted = {"rotations": (frames, people, joints, 3), "translation": (frames, people, 3)}
        for name, shape in wanted.items():
            if tuple(getattr(self, name).shape) != shape:
                raise ShapeError(f"BodyMotion.{name}", tuple(getattr(self, name).shape), str(shape))
        if self.frame not in FRAMES:
            raise UnknownNameError("frame", self.frame, FRAMES)
        check_up(self.up)

    @property
    def people(self) -> int:
        """Number of people."""
        return len(self.betas)

    @property
    def frames_per_second(self) -> float:
        """Median rate of the frames; 30 for a single one."""
        return frame_rate(self.times)

    @property
    def seen(self) -> Bool[Tensor, "frames people"]:
        """Whether a person is there."""
        return torch.isfinite(self.rotations).all(-1).all(-1) & torch.isfinite(self.translation).all(-1)

    @cached_property
    def shaped(self) -> ShapedBody:
        """The people at rest, (people)."""
        return self.model.with_shape(self.betas)

    @cached_property
    def bodies(self) -> PosedBody:
        """The bodies of all frames and people; NaN where a person is missing."""
        return self.shaped.with_pose(self.rotations, self.translation)

    def joints(self) -> Poses3D:
        """The bodies' own joints, on the model's skeleton, metres; those of a missing person are missing."""
        return Poses3D.of(
            self.bodies.joints, skeleton=self.model.skeleton, times=self.times, frame=self.frame, up=self.up
        )

    def mesh(self, frame: int) -> Float[Tensor, "people vertices 3"]:
        """Vertices of everybody in a frame, metres; NaN where a person is missing."""
        return self.shaped.with_pose(self.rotations[frame], self.translation[frame]).mesh()

    def only(self, person: int) -> BodyMotion:
        """One person alone."""
        part = slice(person, person + 1)
        return replace(
            self,
            betas=self.betas[part],
            rotations=self.rotations[:, part],
            translation=self.translation[:, part],
        )

    def between(self, start: int, stop: int) -> BodyMotion:
        """The frames ``start`` to ``stop``, without the last, as of a Python slice."""
        part = slice(start, stop)
        return replace(self, rotations=self.rotations[part], translation=self.translation[part], times=self.times[part])

    def turned(self, rotation: Float[Tensor, "3 3"], up: str) -> BodyMotion:
        """The same motion in other axes of the world.

        Args:
            rotation: ``x_new = rotation @ x``.
            up: the axis that points up after it.
        """
        turn = rotation.to(self.rotations)
        root = matrix_to_rotvec(turn @ rotvec_to_matrix(self.rotations[:, :, 0]))
        own = self.shaped.joints[:, 0].to(turn)  # the root turns about its own place at rest
        return replace(
            self,
            rotations=torch.cat([root[:, :, None], self.rotations[:, :, 1:]], dim=2),
            translation=(self.translation + own) @ turn.T - own,
            up=up,
        )

    def filled(self) -> BodyMotion:
        """The motion without gaps: a missing person is interpolated in time, along the shortest turns of the joints,
        and stays as first and last seen before and after.

        Raises:
            InputError: a person is never seen.
        """
        seen = self.seen
        if not bool(seen.any(0).all()):
            raise InputError(f"person {1 + int((~seen.any(0)).nonzero()[0])} is missing in all frames; leave them out.")
        if bool(seen.all()):
            return self
        rotations, translation = self.rotations.clone(), self.translation.clone()
        for person in range(self.people):
            before, after, share = _around(self.times, seen[:, person])
            first = rotvec_to_matrix(self.rotations[before, person])
            way = matrix_to_rotvec(first.mT @ rotvec_to_matrix(self.rotations[after, person]))
            between = matrix_to_rotvec(first @ rotvec_to_matrix(way * share[:, None, None]))
            gap = ~seen[:, person]
            rotations[gap, person] = between[gap]
            moved = torch.lerp(self.translation[before, person], self.translation[after, person], share[:, None])
            translation[gap, person] = moved[gap]
        return replace(self, rotations=rotations, translation=translation)


def _around(
    times: Float[Tensor, "frames"], seen: Bool[Tensor, "frames"]
) -> tuple[Tensor, Tensor, Float[Tensor, "frames"]]:
    """For each frame the seen frames before and after it, and how far from one to the other it lies, 0 to 1."""
    known = seen.nonzero()[:, 0]
    frames = torch.arange(len(times))
    after = torch.searchsorted(known, frames).clamp(max=len(known) - 1)
    before = (torch.searchsorted(known, frames, right=True) - 1).clamp(min=0)
    first, last = known[before], known[after]
    length = times[last] - times[first]
    share = torch.where(length > 0, (times - times[first]) / length.clamp_min(1e-12), torch.zeros_like(times))
    return first, last, share.clamp(0, 1)
