"""Boxes of people: left, top, width, height in pixels."""

from __future__ import annotations

import numpy as np

__all__ = ["around_centres", "around_joints", "clipped"]


def clipped(boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Boxes cut at the edge of their pictures as HRNet's loader does (Sun et al. 2019).

    A corner may lie on the centres of the outermost pixels, so that a box of all the picture is one pixel less wide.

    Args:
        boxes: (people, 4).
        sizes: (people, 2): width and height of each one's picture; infinite where not known.
    """
    start = np.maximum(boxes[:, :2], 0)
    stop = np.minimum(sizes - 1, start + np.maximum(boxes[:, 2:] - 1, 0))
    return np.concatenate([start, stop - start], axis=1)


def around_centres(centres: np.ndarray, width: np.ndarray, height: np.ndarray) -> np.ndarray:
    """(people, 4) boxes of a width and height about (people, 2) centres."""
    return np.stack([centres[:, 0] - width / 2, centres[:, 1] - height / 2, width, height], axis=1)


def around_joints(pixels: np.ndarray, margin: float = 1.2) -> np.ndarray:
    """(people, 4) boxes around (people, joints, 2), of which one at least is not NaN, grown by ``margin``.

    Joints lie inside of a body: hands, feet and the outline stand out by about a tenth on each side.
    """
    low, high = np.nanmin(pixels, axis=1), np.nanmax(pixels, axis=1)
    side = np.maximum(margin * (high - low), 1.0)
    return around_centres((low + high) / 2, side[:, 0], side[:, 1])
