"""What a lifter says of depth, as a weak observation beside one picture, which says nothing of it.

A lifter's distances are guesses, as is the size of the person: scaled about the camera, both look the same. What it
knows is which joint is before which. So what counts is d = log(depth) - log(lifted depth) of each joint, less the mean
of all joints: it is the same at any scale. Without that mean the cost of a pose is half the sum of
``w (d - mean)^2 / (1 + w (d - mean)^2 / scale^2)`` (Geman and McClure's kernel: limbs that were lifted the wrong way
round are let go of).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lift3d.fitting.least_squares import Pull

__all__ = ["DepthTerm"]

_NEAREST = 0.1  # metres before the camera that joints are taken to be at least
_UPPER = ([0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2])


@dataclass(frozen=True, eq=False)
class DepthTerm:
    """Joints should lie behind each other as they were lifted.

    Args:
        axis: (3) the camera's viewing direction in the frame of the points, of length 1.
        centre: (3) where the camera is, metres.
        depths: (N, M) lifted depths, metres; any positive number where there is none.
        weights: (N, M) 1 / variance of the logarithm; 0 where there is none.
        scale: of the kernel, standard deviations; infinite for least squares.
    """

    axis: np.ndarray
    centre: np.ndarray
    depths: np.ndarray
    weights: np.ndarray
    scale: float = np.inf

    def __call__(self, points: np.ndarray) -> Pull:
        """The pull on points (N, M, 3).

        The mean moves with the points, which the information leaves out: it says too much of the distance of the whole
        body, so that steps along it are short, but not wrong.
        """
        depth = np.maximum((points - self.centre) @ self.axis, _NEAREST)
        away = np.log(depth / self.depths)
        total = np.maximum(self.weights.sum(1, keepdims=True), 1e-12)
        away = away - (self.weights * away).sum(1, keepdims=True) / total
        square = self.weights * away * away
        root = 1 / (1 + square / self.scale**2)
        weights = self.weights * root * root
        pull = weights * away
        pull = (pull - self.weights * pull.sum(1, keepdims=True) / total) / depth
        slope = np.outer(self.axis, self.axis)[_UPPER]
        return Pull((square * root).sum(1) / 2, (weights / depth**2)[..., None] * slope, pull[..., None] * self.axis)
