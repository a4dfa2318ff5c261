"""What poses people take: a mixture of Gaussians over rotation vectors, learnt from motion capture.

A pose costs what its likeliest component says (max-mixture: Olson and Agarwal 2013, "Inference on networks of mixtures
for robust robot mapping"; as a prior of poses: Bogo et al. 2016, "Keep it SMPL"), which is a square in the rotation
vectors and so a term of Levenberg and Marquardt's method. Within a component a joint depends only on those that it
hangs on, so that limbs are tied to each other by the choice of the component alone, and the solver keeps its tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from lift3d.errors import FileError, InputError

__all__ = ["PosePrior", "read_pose_prior", "tree_precision"]

_FILE = Path(__file__).parents[1] / "data" / "pose_prior.npz"
_ARRAYS = ("joints", "parents", "weights", "means", "precisions")


@dataclass(frozen=True, eq=False)
class PosePrior:
    """A mixture of Gaussians over the rotation vectors of joints, each in its parent's frame, radians.

    Args:
        joints: names, parents first.
        parents: index of the joint that each hangs on, -1 where that is none of these.
        weights: (C) of the components; they sum to 1.
        means: (C, P, 3).
        precisions: (C, 3 P, 3 P) inverse covariances; zero between joints of which neither hangs on the other.

    Raises:
        InputError: axes do not fit together, or a precision is not positive definite.
    """

    joints: tuple[str, ...]
    parents: tuple[int, ...]
    weights: np.ndarray
    means: np.ndarray
    precisions: np.ndarray

    def __post_init__(self) -> None:
        count, components = len(self.joints), len(self.weights)
        fits = (
            len(self.parents) == count
            and self.means.shape == (components, count, 3)
            and self.precisions.shape == (components, 3 * count, 3 * count)
        )
        if not fits or not np.isfinite(self.precisions).all() or np.linalg.eigvalsh(self.precisions).min() <= 0:
            raise InputError("PosePrior: expected means (C, P, 3) and positive definite precisions (C, 3P, 3P).")

    @property
    def constants(self) -> np.ndarray:
        """(C) cost of each component at its mean, -log of its density; the least is 0."""
        costs = -np.log(self.weights) - np.linalg.slogdet(self.precisions)[1] / 2
        return costs - costs.min()

    def log_likelihood(self, vectors: np.ndarray) -> np.ndarray:
        """Natural logarithm of the density of poses (..., P, 3)."""
        away = vectors.reshape(*vectors.shape[:-2], 1, -1) - self.means.reshape(len(self.weights), -1)
        squares = np.einsum("...ci,cij,...cj->...c", away, self.precisions, away)
        dimensions = self.means[0].size
        scale = np.linalg.slogdet(self.precisions)[1] - dimensions * np.log(2 * np.pi)
        return np.asarray(np.logaddexp.reduce(np.log(self.weights) + scale / 2 - squares / 2, axis=-1))


def tree_precision(covariance: np.ndarray, parents: tuple[int, ...]) -> np.ndarray:
    """The inverse covariance of the likeliest Gaussian in which joints depend only on those that they hang on.

    The density of each joint given its chain, multiplied: the inverse of the chain's covariance less that of the chain
    without the joint (Lauritzen 1996, "Graphical models", proposition 5.9).

    Args:
        covariance: (3 P, 3 P), positive definite.
        parents: index of the joint that each hangs on, parents first; -1 for none.
    """
    precision = np.zeros_like(covariance)
    chains: list[list[int]] = []
    for joint, parent in enumerate(parents):
        above = chains[parent] if parent >= 0 else []
        chains.append([*above, 3 * joint, 3 * joint + 1, 3 * joint + 2])
        for chain, sign in ((chains[joint], 1), (above, -1)):
            block = np.ix_(chain, chain)
            precision[block] += sign * np.linalg.inv(covariance[block])
    return (precision + precision.T) / 2


@cache
def read_pose_prior(path: str | Path = _FILE) -> PosePrior:
    """A pose prior from its file; by default the one that comes with lift3d.

    Raises:
        FileError: the file is missing, or is no pose prior.
    """
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in _ARRAYS}
    except (OSError, KeyError, ValueError) as error:
        raise FileError(
            path, f"is no pose prior ({error})", "Expected what data_tools/build_pose_prior.py writes."
        ) from error
    numbers = {name: arrays[name].astype(np.float64) for name in ("weights", "means", "precisions")}
    return PosePrior(tuple(map(str, arrays["joints"])), tuple(map(int, arrays["parents"])), **numbers)
