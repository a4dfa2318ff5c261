"""The box around a person, in a picture's pixels."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

__all__ = ["Box"]


@dataclass(frozen=True)
class Box:
    """A part of a picture, which may reach beyond it.

    Args:
        left, top: of its edges, pixels; the centre of the picture's top-left pixel is (0, 0).
        width, height: pixels.
    """

    left: float
    top: float
    width: float
    height: float

    @classmethod
    def around(cls, pixels: Float[Tensor, "joints 2"]) -> Box:
        """The smallest box with all joints, at least one and none missing."""
        (left, top), (right, bottom) = pixels.amin(0).tolist(), pixels.amax(0).tolist()
        return cls(left, top, right - left, bottom - top)

    @classmethod
    def whole(cls, rgb: Tensor) -> Box:
        """The whole of a picture (height, width, 3), to the outer edges of its pixels."""
        height, width = rgb.shape[:2]
        return cls(-0.5, -0.5, width, height)

    @property
    def middle(self) -> tuple[float, float]:
        """X and y."""
        return self.left + self.width / 2, self.top + self.height / 2

    def grown(self, scale: float) -> Box:
        """So many times as wide and high, about the same middle."""
        x, y = self.middle
        width, height = scale * self.width, scale * self.height
        return Box(x - width / 2, y - height / 2, width, height)

    def towards(self, other: Box, share: float) -> Box:
        """A box that lies ``share``, 0 to 1, of the way to another."""
        names = ("left", "top", "width", "height")
        return Box(*((1 - share) * getattr(self, name) + share * getattr(other, name) for name in names))
