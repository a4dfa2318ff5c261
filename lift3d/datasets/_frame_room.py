"""Room for many frames: in memory, or mapped from a file, so that only those in use are loaded."""

from __future__ import annotations

import math
import tempfile

import numpy as np
import torch
from torch import Tensor

from lift3d.errors import FileError

__all__ = ["frame_room"]


def frame_room(shape: tuple[int, ...], most_in_memory: int) -> Tensor:
    """Room for float32 numbers of a shape; a file goes away with it.

    Args:
        shape: frames first.
        most_in_memory: numbers from which on they lie in an unnamed file in the folder of temporary files.

    Raises:
        FileError: that folder has no room for them.
    """
    if math.prod(shape) <= most_in_memory:
        return torch.empty(shape)
    try:
        with tempfile.TemporaryFile() as file:  # the mapping keeps it
            mapped = np.memmap(file, dtype=np.float32, mode="w+", shape=shape)
    except OSError as error:
        problem = f"has no room for {math.prod(shape) * 4 / 1e9:.1f} GB of frames ({error.strerror})"
        raise FileError(tempfile.gettempdir(), problem, "Point TMPDIR to a larger disk.") from error
    return torch.from_numpy(mapped)
