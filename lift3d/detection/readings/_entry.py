"""What a file of this folder declares: one reading, under the name ``READING``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lift3d.checkpoints import Checkpoint
from lift3d.detection.box import Box
from lift3d.detection.joints import Joints
from lift3d.detection.running import Run

__all__ = ["Model", "Reading", "ReadingEntry"]


@dataclass(frozen=True, eq=False)
class Model:
    """A detector that runs.

    Args:
        checkpoint: what it is.
        run: its network.
        mirror: also look at the mirrored picture and average, at twice the time.
    """

    checkpoint: Checkpoint
    run: Run
    mirror: bool


@dataclass(frozen=True, eq=False)
class Reading:
    """How to see people in pictures with one detector; pictures are (height, width, 3), RGB, 0 to 255.

    Args:
        look: ``look(pictures, boxes, near)``: the person in each box, all asked of the network at once; of several the
            one whose joints are nearest to those of ``near`` (joints, 2), if the detector can tell them apart. Where
            ``near`` is None, the one in the middle. None if it can only ``search``.
        search: ``search(pictures)``: everybody in each picture, best first. None if it must be told where people are.
        box_scale: by which a person's box is to be grown before it is looked at.
        joint_scale: a box around a person's joints, grown by this, is the person's box.
    """

    look: Callable[[Sequence[Tensor], Sequence[Box], Sequence[Tensor | None]], list[Joints]] | None
    search: Callable[[Sequence[Tensor]], list[list[Joints]]] | None
    box_scale: float = 1.25
    joint_scale: float = 1.0


@dataclass(frozen=True)
class ReadingEntry:
    """A way in which pictures go into detectors and joints come out.

    Args:
        name: such as ``"top_down"``; what checkpoints call it.
        settings: the frozen dataclass of its settings; a checkpoint holds them beside the name.
        about: one line for people.
        open: ``open(model, settings)``: the model's :class:`Reading`. Raises an InputError if the model's network is
            none for this reading.
    """

    name: str
    settings: type
    about: str
    open: Callable[[Model, Any], Reading]
