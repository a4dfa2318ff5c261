"""What a file of this folder declares: one encoding, under the name ``ENCODING``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from jaxtyping import Float
from torch import Tensor

from lift3d.lifting.observed import Observed
from lift3d.skeletons import Skeleton

__all__ = ["Answer", "EncodingEntry", "FeaturesAlone", "part_of", "with_root"]


@dataclass(frozen=True, eq=False)
class Answer:
    """What a network says about people, understood.

    Args:
        relative: joints relative to the root in the camera's axes (x right, y down, z forward), metres.
        covariance: of these, square metres; 0 of the root. None where the network does not say how sure it is.
    """

    relative: Float[Tensor, "*batch joints 3"]
    covariance: Float[Tensor, "*batch joints 3 3"] | None = None

    @property
    def values(self) -> tuple[Tensor, ...]:
        """The positions and, where there are, the covariances: ``Answer(*answer.values)`` is the answer again."""
        return (self.relative,) if self.covariance is None else (self.relative, self.covariance)

    def mirrored(self, flip_order: Sequence[int]) -> Answer:
        """The mirrored people: left joints are called right, x is turned around."""
        twins, sign = list(flip_order), self.relative.new_tensor([-1.0, 1.0, 1.0])
        relative = self.relative[..., twins, :] * sign
        if self.covariance is None:
            return Answer(relative)
        return Answer(relative, self.covariance[..., twins, :, :] * sign[:, None] * sign)

    def mean_with(self, other: Answer) -> Answer:
        """The mean of two answers about the same people, and of their covariances."""
        return Answer(*(0.5 * (own + its) for own, its in zip(self.values, other.values, strict=True)))


Encoded = TypeVar("Encoded")
"""People as a network sees them (``features``) and what is needed to understand its answer: a frozen dataclass of
tensors that all have the same leading axes, so that a part of the frames can be taken."""


@dataclass(frozen=True, eq=False)
class FeaturesAlone:
    """People as a network sees them, whose answer needs nothing else to be understood."""

    features: Float[Tensor, "*batch features"]


def part_of(encoded: Encoded, index: Any) -> Encoded:
    """A part of encoded people, by an index of their leading axes."""
    return type(encoded)(**{field.name: getattr(encoded, field.name)[index] for field in fields(encoded)})  # type: ignore[arg-type]


def with_root(others: Float[Tensor, "*batch others numbers"], root: int) -> Float[Tensor, "*batch joints numbers"]:
    """A row of zeros for the root, put between the rows of the other joints."""
    count = others.shape[-2]
    rows = [min(joint - (joint > root), count - 1) for joint in range(count + 1)]
    return others[..., rows, :] * others.new_tensor([float(joint != root) for joint in range(count + 1)])[:, None]


@dataclass(frozen=True)
class EncodingEntry:
    """How 2D joints become the features of a network and its outputs become 3D joints.

    Frames are encoded one by one: what a network is told of a frame does not depend on the others.

    Args:
        name: such as ``"turned_rays"``; what checkpoints call it.
        settings: the frozen dataclass of its settings.
        about: one line for people.
        features: ``features(joints, settings)``: numbers a frame that the network is given.
        outputs: ``outputs(joints, settings)``: numbers a frame that the network answers, of the joints it predicts.
        encode: ``encode(observed, settings)``: batch axes are kept. Missing joints are NaN with score 0, unless
            ``fill`` has filled them.
        decode: ``decode(outputs, encoded, skeleton, settings)``: an :class:`Answer` on the skeleton predicted.
        uses: ``uses(settings)``: names of the fields of :class:`Observed` that ``encode`` looks at.
        fill: fills missing joints over time (*batch, frames, joints) before they are encoded; None where the network
            handles missing joints itself.
    """

    name: str
    settings: type
    about: str
    features: Callable[[int, Any], int]
    outputs: Callable[[int, Any], int]
    encode: Callable[[Observed, Any], Any]
    decode: Callable[[Tensor, Any, Skeleton, Any], Answer]
    uses: Callable[[Any], tuple[str, ...]]
    fill: Callable[[Observed], Observed] | None = None
