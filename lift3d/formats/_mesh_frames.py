"""The meshes of a motion, frame by frame, for formats with a file for each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lift3d._progress import progress
from lift3d.bodies import BodyMotion
from lift3d.errors import InputError
from lift3d.formats._up_axis import right_angles

__all__ = ["mesh_frames"]


def mesh_frames(motion: BodyMotion, name: str) -> Iterator[tuple[str, dict[int, np.ndarray]]]:
    """The frame's number in six digits, and (vertices, 3) of everybody seen in it by person; metres, y up.

    Raises:
        InputError: nobody is seen in any frame.
    """
    if not bool(motion.seen.any()):
        raise InputError(f"{name}: nobody is seen in any frame; nothing to write.")
    turned = motion.turned(right_angles(motion.up, "+y"), "+y")
    for frame, seen in enumerate(progress(motion.seen.tolist(), f"writing {name}", "frame")):
        if any(seen):
            meshes = turned.mesh(frame).detach().cpu().numpy()
            yield f"{frame:06d}", {person: meshes[person] for person, there in enumerate(seen) if there}
