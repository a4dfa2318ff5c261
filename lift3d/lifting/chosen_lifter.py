"""What lifts, as a user names it: a network that is shipped or in a file, or a library of exemplars."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lift3d.checkpoints import load_network
from lift3d.lifting.exemplar import is_library, lift_by_exemplars, load_library
from lift3d.lifting.lift import lift
from lift3d.lifting.lifter import DEFAULT_LIFTER
from lift3d.poses import Poses3D

__all__ = ["chosen_lifter"]


def chosen_lifter(
    model: str | None = None, *, flip: bool = True, device: str = "cpu"
) -> tuple[Callable[..., Poses3D], str]:
    """A function of keypoints of one camera and the camera, as ``lift``, and the kind: ``"network"`` or ``"library"``.

    Args:
        model: a shipped lifter's name, or a file of a network or of exemplars; by default the shipped one.
        flip: average with the answer for the mirrored person; exemplars have no such answer.
        device: where a network computes.

    Raises:
        FileError: the file cannot be read.
    """
    name = model or DEFAULT_LIFTER
    if is_library(name):
        return partial(lift_by_exemplars, library=load_library(name)), "library"
    return partial(lift, checkpoint=load_network(name, device), flip=flip, device=device), "network"
