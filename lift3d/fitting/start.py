"""Where a fit starts: which points are not to be trusted, how large the person is, and a first pose for each frame.

A point that is wrong spoils a closed-form pose, and least squares from there on. So points are left out, for the start
alone, that stretch bones beyond what the person's other frames have, or that leave their own track and come back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lift3d.bodies import BodyModel
from lift3d.compiled.body_start import first_poses
from lift3d.fitting.body_tree import BodyTree
from lift3d.fitting.hinges import Hinge, upper_joints
from lift3d.fitting.least_squares import BodyState

__all__ = ["Seen", "first_shape", "first_state", "length_noise", "rigid_pairs", "suspicious"]

_SPREADS = 5.0  # robust standard deviations from the median that are still believed
_LEAST_STRETCH = 0.03  # metres
_LEAST_JUMP = 0.08
_LEAST_ACCELERATION = 50.0  # metres / second^2, that is believed of anybody
_LENGTH_NOISE = 0.02  # metres, of a bone in one frame
_FEW = 8  # frames: with fewer the model says how long bones are
_OF_MODEL = 0.3  # of a bone, that people differ by
_TO_DEVIATION = 1.4826  # of the median absolute deviation of normal numbers


@dataclass(frozen=True, eq=False)
class Seen:
    """Points of poses, those of a person one after the other in time.

    Args:
        targets: (N, M, 3) metres; 0 where nothing was seen.
        seen: (N, M).
        whose: (N) person of each pose.
        frames: (N) frame of each pose.
        runs: slices of poses that follow each other frame by frame.
        seconds: between two frames.
    """

    targets: np.ndarray
    seen: np.ndarray
    whose: np.ndarray
    frames: np.ndarray
    runs: tuple[slice, ...]
    seconds: float

    def of(self, poses: np.ndarray) -> Seen:
        """The poses chosen by index, each by itself."""
        alone = tuple(slice(i, i + 1) for i in range(len(poses)))
        return Seen(self.targets[poses], self.seen[poses], self.whose[poses], self.frames[poses], alone, self.seconds)


def rigid_pairs(body: BodyTree) -> np.ndarray:
    """(pairs, 2) points whose distance no pose changes: of one carrier, or at both ends of a bone."""
    carriers = body.tree.joints[body.tree.carriers]
    fixed = (carriers[:, None] == carriers) | (body.on[:, None] == carriers) | (carriers[:, None] == body.on)
    return np.argwhere(np.triu(fixed, 1))


def suspicious(seen: Seen, body: BodyTree) -> np.ndarray:
    """(N, M) points that are not to be trusted, among those that were seen."""
    wrong = _jumps(seen)
    pairs = rigid_pairs(body)
    points = _rest_points(body)
    expected = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    for person in np.unique(seen.whose):
        own = np.nonzero(seen.whose == person)[0]
        wrong[own] |= _stretched(seen.targets[own], seen.seen[own] & ~wrong[own], pairs, expected)
    return wrong & seen.seen


def _rest_points(body: BodyTree) -> np.ndarray:
    """(M, 3) points of the mean shape at rest."""
    rest = body.rest(np.zeros((1, body.joint_directions.shape[2])), body.point_offsets[None])
    return body.joint_template[body.tree.joints[body.tree.carriers]] + rest.points[0]


def _jumps(seen: Seen) -> np.ndarray:
    """Points far from the median of five frames around them, for how their joint moves.

    Where most of a pose does so it is the body that moved.
    """
    away = np.zeros(seen.seen.shape)
    for run in seen.runs:
        track = np.where(seen.seen[run, :, None], seen.targets[run], np.nan)
        if len(track) < 5:
            continue
        padded = np.pad(track, ((2, 2), (0, 0), (0, 0)), constant_values=np.nan)
        window = np.stack([padded[i : i + len(track)] for i in range(5)])
        ordered = np.sort(window, axis=0)  # NaN last
        count = np.isfinite(window).sum(0)
        middle = np.take_along_axis(ordered, np.maximum(count - 1, 0)[None] // 2, axis=0)[0]
        away[run] = np.linalg.norm(np.where(count > 2, track - middle, 0.0), axis=-1)
    away = np.nan_to_num(away)
    usual = np.array([np.median(one[own]) if own.any() else 0.0 for one, own in zip(away.T, seen.seen.T, strict=True)])
    far = away > np.maximum(2 * _SPREADS * usual, max(_LEAST_JUMP, _LEAST_ACCELERATION * seen.seconds**2))
    return far & (2 * far.sum(1) < seen.seen.sum(1))[:, None]


def _stretched(targets: np.ndarray, seen: np.ndarray, pairs: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Points that make more of their bones too long or short than others do; one after the other, the worst first."""
    lengths = np.linalg.norm(targets[:, pairs[:, 0]] - targets[:, pairs[:, 1]], axis=2)
    known = seen[:, pairs[:, 0]] & seen[:, pairs[:, 1]]
    usual, allowed = _usual_lengths(lengths, known, expected)
    bad = known & (np.abs(lengths - usual) > allowed)
    wrong = np.zeros(seen.shape, bool)
    of_point = np.zeros((len(pairs), seen.shape[1]))
    of_point[np.arange(len(pairs))[:, None], pairs] = 1.0
    for _ in range(seen.shape[1]):
        frames = np.nonzero(bad.any(1))[0]
        if not len(frames):
            break
        many = bad[frames] @ of_point
        worst = (many * many / np.maximum(known[frames] @ of_point, 1)).argmax(1)
        wrong[frames, worst] = True
        gone = of_point.T[worst] > 0
        bad[frames] &= ~gone
        known[frames] &= ~gone
    return wrong


def _usual_lengths(lengths: np.ndarray, known: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How long each pair of points is apart as a rule, and by how much it may differ from that."""
    usual, allowed = np.empty(len(expected)), np.empty(len(expected))
    every = (lengths / expected)[known]
    size = float(np.median(every)) if len(every) else 1.0
    for pair in range(len(expected)):
        own = lengths[known[:, pair], pair]
        if len(own) < _FEW:
            usual[pair] = size * expected[pair]
            allowed[pair] = _OF_MODEL * usual[pair] + _LEAST_STRETCH
            continue
        usual[pair] = np.median(own)
        allowed[pair] = max(_SPREADS * _TO_DEVIATION * float(np.median(np.abs(own - usual[pair]))), _LEAST_STRETCH)
    return usual, allowed


def length_noise(seen: Seen, trusted: np.ndarray, body: BodyTree) -> float:
    """Deviation of the points, metres an axis, by how much lengths vary that no pose changes; 0 if that is not known.

    A length that changes by d for two points' noise of deviation s has the deviation d = 2^(1/2) s. Of all pairs the
    median is taken: of points that are not the body's joints some lengths vary with the pose after all.
    """
    pairs = rigid_pairs(body)
    lengths = np.linalg.norm(seen.targets[:, pairs[:, 0]] - seen.targets[:, pairs[:, 1]], axis=2)
    known = trusted[:, pairs[:, 0]] & trusted[:, pairs[:, 1]]
    found = []
    for person in np.unique(seen.whose):
        own = seen.whose == person
        for values, there in zip(lengths[own].T, known[own].T, strict=True):
            if there.sum() >= _FEW:
                one = values[there]
                found.append(_TO_DEVIATION * float(np.median(np.abs(one - np.median(one)))) / 2**0.5)
    return float(np.median(found)) if found else 0.0


def first_shape(
    seen: Seen, trusted: np.ndarray, body: BodyTree, people: int, prior: float, spread: np.ndarray
) -> np.ndarray:
    """(people, S) shapes whose bones are as long as those seen, the median of each: Gauss and Newton's method.

    Args:
        seen: the points.
        trusted: (N, M) which of them to believe.
        body: whose shapes.
        people: how many.
        prior: stiffness with which the components are held to 0.
        spread: (M) standard deviation of the points' places on the body, metres.
    """
    pairs = rigid_pairs(body)
    shapes = body.joint_directions.shape[2]
    betas = np.zeros((people, shapes))
    carriers = body.tree.joints[body.tree.carriers]
    steps = body.joint_directions[carriers] + body.rest(betas[:1], body.point_offsets[None]).point_steps
    between, change = (values[pairs[:, 0]] - values[pairs[:, 1]] for values in (_rest_points(body), steps))
    far = np.linalg.norm(seen.targets[:, pairs[:, 0]] - seen.targets[:, pairs[:, 1]], axis=2)
    known = trusted[:, pairs[:, 0]] & trusted[:, pairs[:, 1]]
    doubt = np.square(spread[pairs]).sum(1)
    for person in range(people):
        own = seen.whose == person
        count = known[own].sum(0)
        length = np.array(
            [
                np.median(values[there]) if there.any() else 0.0
                for values, there in zip(far[own].T, known[own].T, strict=True)
            ]
        )
        weight = np.where(count > 0, 1 / (_LENGTH_NOISE**2 / np.clip(count, 1, 30) + doubt), 0.0)
        for _ in range(4):
            now = between + change @ betas[person]
            size = np.linalg.norm(now, axis=1)
            slope = np.einsum("pc,pcs->ps", now, change) / size[:, None]
            normal = (slope.T * weight) @ slope + prior * np.eye(shapes) + 1e-9 * np.eye(shapes)
            betas[person] -= np.linalg.solve(normal, slope.T @ (weight * (size - length)) + prior * betas[person])
    return betas


def first_state(
    seen: Seen, trusted: np.ndarray, body: BodyTree, model: BodyModel, hinges: tuple[Hinge, ...], betas: np.ndarray,
    upright: np.ndarray,
) -> BodyState:  # fmt: skip
    """Poses in closed form, of bodies of given shapes.

    Args:
        seen: the points.
        trusted: (N, M) which of them to believe.
        body, model: of what.
        hinges: knees and elbows.
        betas: (people, S).
        upright: (3, 3) how a root is turned of which nothing is known.
    """
    tree, poses = body.tree, len(seen.whose)
    offsets = np.repeat(body.point_offsets[None], len(betas), axis=0)
    rest = body.rest(betas, offsets)
    below, axes = upper_joints(hinges, model.skeleton)
    rotations, translation = np.empty((poses, len(tree.parents), 3, 3)), np.empty((poses, 3))
    first_poses(
        tree.parents, tree.joints[tree.carriers], body.on, rest.bones, rest.points, np.ascontiguousarray(seen.whose),
        np.ascontiguousarray(seen.targets), np.ascontiguousarray(trusted), np.ascontiguousarray(below),
        np.ascontiguousarray(axes), np.ascontiguousarray(upright), rotations, translation,
    )  # fmt: skip
    return BodyState(seen.whose, rotations, translation, betas, offsets)
