"""What was seen of bodies, as the fit wants it: places to start from, and a term to minimise.

``JointsSeen`` are joints in space. Other kinds, such as pixels of several views, give the same: a term's pull on the
points has 3 x 3 information and a gradient for each (``least_squares.Pull``), whatever was seen of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from torch import Tensor

from lift3d._times import clips_of
from lift3d.fitting.body_tree import BodyTree
from lift3d.fitting.least_squares import Pull, TargetTerm
from lift3d.fitting.points import BodyPoints
from lift3d.fitting.settings import FitSettings
from lift3d.fitting.start import Seen, length_noise
from lift3d.poses import Poses3D

__all__ = ["Joined", "JointsSeen", "Observations", "joints_seen", "runs_of"]

_FIRST_NOISE = 0.015  # metres, until it is measured
_LEAST_NOISE = 0.002
_OFFSET_NOISE = 0.010
_LEAST_KERNEL = 0.010  # metres of noise that the robust kernel reckons with at least: starts are not better
_TO_DEVIATION = 1 / 1.5382  # the median length of a vector of three standard normal numbers


class Observations(Protocol):
    """What was seen of the points of N poses. "Noise" is in units of the kind's own, in which it is 1 or measured."""

    @property
    def seen(self) -> Seen:
        """Places in space to start from."""
        ...

    @property
    def first_noise(self) -> float:
        """What the noise is taken to be until it is measured."""
        ...

    @property
    def offset_noise(self) -> float:
        """Least noise for the offsets: fits to the last millimetre are not worth far shapes and offsets."""
        ...

    @property
    def known_noise(self) -> float | None:
        """The noise where it need not be measured."""
        ...

    def least_noise(self, trusted: np.ndarray, body: BodyTree) -> float:
        """What the noise cannot be less than: poses follow it, so that what is left of it misleads."""
        ...

    def deviation(self, poses: np.ndarray, points: np.ndarray) -> float:
        """The noise of chosen poses by how far off their points (n, M, 3) are; outliers leave it alone."""
        ...

    def residuals(self, points: np.ndarray) -> np.ndarray:
        """(N, M) metres by which points (N, M, 3) of all poses are off; NaN where nothing was seen."""
        ...

    def term(
        self, poses: np.ndarray, trusted: np.ndarray | None, noise: float, scale: float
    ) -> Callable[[np.ndarray], Pull]:
        """What chosen poses should minimise.

        Args:
            poses: indices.
            trusted: (N, M) points that count; all if None.
            noise: see above.
            scale: of the robust kernel, standard deviations; infinite for least squares.
        """
        ...


@dataclass(frozen=True, eq=False)
class JointsSeen:
    """Joints in space; see ``Observations``.

    Args:
        seen: where, by pose.
        information: (N, M, 6) upper triangles, 0 where nothing was seen: 1 / metre^2 where the poses have a covariance,
            else the joint's score.
        sure: whether they have; the noise is then the factor by which deviations are larger, else metres.
        settings: of the fit.
    """

    seen: Seen
    information: np.ndarray
    sure: bool
    settings: FitSettings

    @property
    def first_noise(self) -> float:
        """1 for a covariance as it is, else metres."""
        return 1.0 if self.sure else (self.settings.noise or _FIRST_NOISE)

    @property
    def offset_noise(self) -> float:
        """1 for a covariance as it is, else metres."""
        return 1.0 if self.sure else (self.settings.noise or _OFFSET_NOISE)

    @property
    def known_noise(self) -> float | None:
        """That of the settings, unless the poses have a covariance."""
        return None if self.sure else self.settings.noise

    def least_noise(self, trusted: np.ndarray, body: BodyTree) -> float:
        """By the lengths of the bones."""
        return 1.0 if self.sure else max(length_noise(self.seen, trusted, body), _LEAST_NOISE)

    def deviation(self, poses: np.ndarray, points: np.ndarray) -> float:
        """From the median distance."""
        targets, seen = self.seen.targets[poses], self.seen.seen[poses]
        pull = TargetTerm(targets, self.information[poses])(points)
        away = np.einsum("nmi,nmi->nm", points - targets, pull.gradient)
        return float(np.median(np.sqrt(np.maximum(away[seen], 0.0)))) * _TO_DEVIATION

    def residuals(self, points: np.ndarray) -> np.ndarray:
        """Distances from where the joints were seen."""
        return np.where(self.seen.seen, np.linalg.norm(points - self.seen.targets, axis=-1), np.nan)

    def term(self, poses: np.ndarray, trusted: np.ndarray | None, noise: float, scale: float) -> TargetTerm:
        """Points at their targets; the kernel is no narrower than starts are good."""
        information = self.information[poses] / noise**2
        if trusted is not None:
            information = np.where(trusted[poses, :, None], information, 0.0)
        metres = noise * float(np.median(self.information[self.seen.seen][:, 0]) ** -0.5)
        width = scale * max(1.0, _LEAST_KERNEL / metres)
        return TargetTerm(np.ascontiguousarray(self.seen.targets[poses]), np.ascontiguousarray(information), width)


@dataclass(frozen=True, eq=False)
class Joined:
    """Observations, and something else that is asked of the points besides; noise is that of what was seen.

    Args:
        own: what was seen.
        also: of indices of poses, and the scale of the robust kernel: what else those should minimise.
    """

    own: Observations
    also: Callable[[np.ndarray, float], Callable[[np.ndarray], Pull]]

    @property
    def seen(self) -> Seen:
        """Places to start from."""
        return self.own.seen

    @property
    def first_noise(self) -> float:
        """Of what was seen."""
        return self.own.first_noise

    @property
    def offset_noise(self) -> float:
        """Of what was seen."""
        return self.own.offset_noise

    @property
    def known_noise(self) -> float | None:
        """Of what was seen."""
        return self.own.known_noise

    def least_noise(self, trusted: np.ndarray, body: BodyTree) -> float:
        """Of what was seen."""
        return self.own.least_noise(trusted, body)

    def deviation(self, poses: np.ndarray, points: np.ndarray) -> float:
        """Of what was seen."""
        return self.own.deviation(poses, points)

    def residuals(self, points: np.ndarray) -> np.ndarray:
        """Of what was seen."""
        return self.own.residuals(points)

    def term(
        self, poses: np.ndarray, trusted: np.ndarray | None, noise: float, scale: float
    ) -> Callable[[np.ndarray], Pull]:
        """Both together."""
        own, also = self.own.term(poses, trusted, noise, scale), self.also(poses, scale)
        return lambda points: own(points) + also(points)


def joints_seen(poses: Poses3D, points: BodyPoints, settings: FitSettings, least: int) -> tuple[JointsSeen, np.ndarray]:
    """The joints of people in frames of which at least so many were seen, and how many of all were, (F, people)."""
    targets, information = _observed(poses, points, settings.misfit)
    count = (information[..., 0] > 0).sum(-1)
    people, frames = np.nonzero((count >= least).T)
    own = information[frames, people]
    runs, seconds = runs_of(people, frames, poses.times), 1 / poses.frames_per_second
    seen = Seen(targets[frames, people], own[..., 0] > 0, people, frames, runs, seconds)
    return JointsSeen(seen, own, poses.covariance is not None, settings), count


def _observed(poses: Poses3D, points: BodyPoints, misfit: float) -> tuple[np.ndarray, np.ndarray]:
    """Where points were seen, (F, people, M, 3) and 0 where not; and their information as upper triangles, 0 there.

    Without covariance the information is the score, in units of 1 / noise^2; else of the covariance with the misfit.
    """
    joints = list(points.joints)
    places = poses.positions[:, :, joints].detach().cpu().double().numpy()
    scores = poses.scores[:, :, joints].detach().cpu().double().numpy()
    seen = np.isfinite(places).all(-1) & (scores > 0)
    if poses.covariance is None:
        matrices = scores[..., None, None] * np.eye(3)
    else:
        covariance = poses.covariance[:, :, joints].detach().cpu().double().numpy()
        seen &= np.isfinite(covariance).all((-2, -1))
        matrices = np.linalg.inv(np.where(seen[..., None, None], covariance + misfit**2 * np.eye(3), np.eye(3)))
    upper = matrices[..., [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]]
    return np.where(seen[..., None], places, 0.0), np.where(seen[..., None], upper, 0.0)


def runs_of(people: np.ndarray, frames: np.ndarray, times: Tensor) -> tuple[slice, ...]:
    """Poses of one person in frames that follow each other without a gap.

    Args:
        people, frames: (N) of each pose, person by person and frame by frame.
        times: of all frames, seconds.
    """
    clip = np.zeros(len(times), np.int64)
    for number, part in enumerate(clips_of(times)):
        clip[part] = number
    breaks = (np.diff(people) != 0) | (np.diff(frames) != 1) | (np.diff(clip[frames]) != 0)
    edges = [0, *(np.nonzero(breaks)[0] + 1).tolist(), len(frames)]
    return tuple(slice(start, stop) for start, stop in pairwise(edges))
