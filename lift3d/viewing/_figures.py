"""What the matplotlib plots share: a figure without pyplot, and the colours of the sides."""

from __future__ import annotations

import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lift3d.errors import InputError
from lift3d.skeletons import Skeleton

__all__ = ["Picture", "bone_side", "check_frame", "side_colour"]

_COLOURS = {"left": "#0072b2", "right": "#d55e00", "middle": "#5d6470"}  # Okabe and Ito: told apart by everyone


class Picture(Figure):
    """A figure that shows itself in a notebook and belongs to no global state."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        FigureCanvasAgg(self).print_png(buffer)
        return buffer.getvalue()


def side_colour(side: str) -> str:
    """Colour of ``"left"``, ``"right"`` or ``"middle"``."""
    return _COLOURS[side]


def bone_side(skeleton: Skeleton, edge: tuple[int, int]) -> str:
    """Side of a bone; one from the trunk to a limb belongs to the limb, one between left and right to neither."""
    first, second = (skeleton.side(joint) for joint in edge)
    if first == second or second == "middle":
        return first
    return second if first == "middle" else "middle"


def check_frame(frame: int, count: int) -> int:
    """The frame's number from the start; refuses one that there is not.

    Raises:
        InputError: it is out of range.
    """
    if not -count <= frame < count:
        raise InputError(f"There is no frame {frame}: the frames are 0 to {count - 1}.")
    return frame % count
