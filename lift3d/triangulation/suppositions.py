"""What may be wrong with a rig, tried one after another: late cameras, turned ones, exchanged names, other conventions.

Each supposition changes a ``State``; the one that lets the views agree best is taken, then the next is looked for, as
long as the views agree clearly better with it. At the end each is left out once more, and dropped if it is not missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import torch

from lift3d.compiled import point_loops
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.triangulation.agreement import Lenses, State
from lift3d.triangulation.offsets import is_sure, settled

__all__ = ["CONVENTIONS", "Supposition", "Turn", "best_turn", "explain"]

_CLEAR = {"late": 0.02, "turned": 0.4, "exchanged": 0.4, "convention": 0.4}  # share of a camera's part of the cost
_ROUNDS = 8
_TURN_STEPS = 6
_MENDING = 2
_SMALL = 1e-5  # radians, and share of the focal length: steps of the slopes
_FEWEST = 60  # views that a turn is fitted to


@dataclass(frozen=True)
class Turn:
    """A small change of one camera's calibration.

    Args:
        rotvec: radians, about the camera's own axes; the world is turned by it before it is seen.
        zoom: the picture is larger by this factor.
        explained: share, 0 to 1, of the camera's squared error that goes away with it.
        shift: (right, down) pixels by which the detections lie off, the median.
    """

    rotvec: tuple[float, float, float]
    zoom: float
    explained: float
    shift: tuple[float, float]

    @property
    def angle(self) -> float:
        """Radians that the camera is turned by."""
        return float(np.linalg.norm(self.rotvec))

    def applied(self, lenses: Lenses, camera: int) -> Lenses:
        """The lenses with one camera turned."""
        return _changed(lenses, camera, np.array([*self.rotvec, np.log(self.zoom)]))


@dataclass(frozen=True)
class Supposition:
    """One thing that may be wrong.

    Args:
        kind: ``"late"``, ``"turned"``, ``"exchanged"`` or ``"convention"``.
        cameras: numbers of the cameras it is about; all of them for a convention of the whole rig.
        offset: frames that the camera has to be moved by.
        turn: of the camera.
        convention: a key of ``CONVENTIONS``.
        gain: share by which the views' cost falls with it.
        certainty: the same in standard errors.
    """

    kind: str
    cameras: tuple[int, ...]
    offset: int = 0
    turn: Turn | None = None
    convention: str = ""
    gain: float = 0.0
    certainty: float = 0.0

    def applied(self, state: State) -> State:
        """The state as it would be."""
        if self.kind == "late":
            return state.moved(self.cameras[0], self.offset)
        if self.turn is not None:
            return replace(state, lenses=self.turn.applied(state.lenses, self.cameras[0]))
        if self.kind == "exchanged":
            order = list(range(len(state.lenses)))
            one, other = self.cameras
            order[one], order[other] = other, one
            return replace(state, lenses=state.lenses[order])
        lenses = state.lenses
        for camera in self.cameras:
            lenses = CONVENTIONS[self.convention](lenses, camera)
        return replace(state, lenses=lenses)


def _transposed(lenses: Lenses, camera: int) -> Lenses:
    return lenses.with_camera(camera, rotation=lenses.rotation[camera].T)


def _placed(lenses: Lenses, camera: int) -> Lenses:
    return lenses.with_camera(camera, translation=-lenses.rotation[camera] @ lenses.translation[camera])


def _inverted(lenses: Lenses, camera: int) -> Lenses:
    turned = lenses.rotation[camera].T
    return lenses.with_camera(camera, rotation=turned, translation=-turned @ lenses.translation[camera])


def _backward(lenses: Lenses, camera: int) -> Lenses:
    flip = np.diag([1.0, -1.0, -1.0])
    return lenses.with_camera(
        camera, rotation=flip @ lenses.rotation[camera], translation=flip @ lenses.translation[camera]
    )


def _rescaled(scale: float) -> Callable[[Lenses, int], Lenses]:
    def change(lenses: Lenses, camera: int) -> Lenses:
        intrinsics = lenses.intrinsics[camera].copy()
        intrinsics[:2] *= scale
        return lenses.with_camera(camera, intrinsics=intrinsics)

    return change


def _mirrored(lenses: Lenses, camera: int) -> Lenses:
    intrinsics = lenses.intrinsics[camera].copy()
    width = lenses.size[camera, 0] if np.isfinite(lenses.size[camera, 0]) else 2 * intrinsics[0, 2] + 1
    intrinsics[0, :2] *= -1
    intrinsics[0, 2] = width - 1 - intrinsics[0, 2]
    return lenses.with_camera(camera, intrinsics=intrinsics)


def _rolled(quarters: int) -> Callable[[Lenses, int], Lenses]:
    """The camera of a picture turned clockwise by so many quarters."""

    def change(lenses: Lenses, camera: int) -> Lenses:
        intrinsics, rotation = lenses.intrinsics[camera], lenses.rotation[camera]
        translation = lenses.translation[camera]
        size = lenses.size[camera]
        width, height = np.where(np.isfinite(size), size, 2 * intrinsics[:2, 2] + 1)
        for _ in range(quarters):  # (x, y) -> (height - 1 - y, x)
            roll = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
            rotation, translation = roll @ rotation, roll @ translation
            (fx, _, cx), (_, fy, cy), _ = intrinsics
            intrinsics = np.array([[fy, 0, height - 1 - cy], [0, fx, cx], [0, 0, 1.0]])
            width, height = height, width
        return lenses.with_camera(camera, intrinsics=intrinsics, rotation=rotation, translation=translation)

    return change


CONVENTIONS: dict[str, Callable[[Lenses, int], Lenses]] = {
    "its rotation is transposed": _transposed,
    "its translation is the camera's place, not the world's origin seen from the camera": _placed,
    "its rotation and translation go from the camera to the world, not from the world to the camera": _inverted,
    "its y axis points up and it looks along -z (OpenGL, Blender)": _backward,
    "its pictures are mirrored": _mirrored,
    "its pictures are turned clockwise by a quarter": _rolled(1),
    "its pictures are upside down": _rolled(2),
    "its pictures are turned anticlockwise by a quarter": _rolled(3),
    "its pictures are half as large as calibrated": _rescaled(0.5),
    "its pictures are twice as large as calibrated": _rescaled(2.0),
}


def _changed(lenses: Lenses, camera: int, change: np.ndarray) -> Lenses:
    """The lenses with one camera turned about its axes (three numbers) and zoomed (the logarithm)."""
    turn = rotvec_to_matrix(torch.from_numpy(change[:3])).numpy()
    intrinsics = lenses.intrinsics[camera].copy()
    intrinsics[:2, :2] *= np.exp(change[3])
    return lenses.with_camera(
        camera,
        rotation=turn @ lenses.rotation[camera],
        translation=turn @ lenses.translation[camera],
        intrinsics=intrinsics,
    )


def best_turn(state: State, camera: int) -> Turn | None:
    """The small change of a camera that best fits what it sees to the points that the others make.

    Iteratively reweighted least squares with a Cauchy kernel. None where there is too little to fit it to.
    """
    points = state.points_without(camera)
    views = state.sample.views(state.offsets)
    pixels, scores = views.pixels[camera], views.scores[camera]
    kept = np.isfinite(points[:, 0]) & (scores > 0)
    if kept.sum() < _FEWEST:
        return None
    points, pixels = points[kept], pixels[kept]
    information = state.noise.information(np.array(camera), scores[kept])
    change = np.zeros(4)
    first = pixels - _seen(state.lenses, camera, points, change)
    if np.isfinite(first[:, 0]).sum() < _FEWEST:
        return None
    for _ in range(_TURN_STEPS):
        at = _seen(state.lenses, camera, points, change)
        left = pixels - at
        slopes = np.stack(
            [(_seen(state.lenses, camera, points, change + step) - at) / _SMALL for step in _SMALL * np.eye(4)], axis=-1
        )
        squared = np.square(left).sum(-1)
        sound = np.isfinite(squared)
        middle = np.median(squared[sound] * information[sound])
        weight = np.where(sound, information / (1 + squared * information / max(middle, 1.0)), 0.0)
        left, slopes = np.nan_to_num(left), np.nan_to_num(slopes)
        normal = np.einsum("nik,n,nil->kl", slopes, weight, slopes)
        normal += 1e-9 * np.trace(normal) * np.eye(4)
        change = change + np.linalg.solve(normal, np.einsum("nik,n,ni->k", slopes, weight, left))
        if not np.isfinite(change).all() or np.abs(change).max() > 1:
            return None
    last = pixels - _seen(state.lenses, camera, points, change)
    return Turn(
        (float(change[0]), float(change[1]), float(change[2])),
        float(np.exp(change[3])),
        _explained(first, last),
        (float(np.nanmedian(first[:, 0])), float(np.nanmedian(first[:, 1]))),
    )


def _seen(lenses: Lenses, camera: int, points: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Where a camera, changed, sees points (N, 3) of the world."""
    packed = _changed(lenses[[camera]], 0, change).packed()
    pixels = np.empty((1, len(points), 2))
    point_loops.project(packed.lens, packed.numbers, np.ascontiguousarray(points - packed.origin), pixels)
    return pixels[0]


def _explained(first: np.ndarray, last: np.ndarray) -> float:
    """Share of the squared residuals that is gone, gross ones left out."""
    before, after = np.square(first).sum(-1), np.square(last).sum(-1)
    usual = before <= 16 * np.nanmedian(before)
    total = np.nansum(before[usual])
    return float(max(0.0, 1 - np.nansum(after[usual]) / total)) if total > 0 else 0.0


def explain(start: State) -> list[Supposition]:
    """What is wrong, in the order in which it was found.

    What makes a camera see nonsense - exchanged names, another convention - is looked for first, and only among cameras
    that do. Then late and turned cameras compete. What is not missed once the rest is put right is dropped.
    """
    found: list[Supposition] = []
    for candidates in (_gross, _fine):
        for _ in range(_ROUNDS):
            state = _with(start, found).again()
            best = _best(state, candidates(state))
            if best is None:
                break
            found = [*(item for item in found if not _same(item, best) or item.turn), best]
    return _with_all_offsets(start, _mended(start, _missed(start, found)))


def _clear(state: State, item: Supposition) -> float:
    """The share of all views' cost that a supposition has to gain."""
    return _CLEAR[item.kind] / len(state.lenses)


def _with(start: State, found: Iterable[Supposition]) -> State:
    """The state with suppositions applied."""
    state = start
    for item in found:
        state = item.applied(state)
    return state


def _missed(start: State, found: list[Supposition]) -> list[Supposition]:
    """Those without which the views agree clearly worse, though all the others are put right."""
    for item in list(found):
        state = _with(start, found).again()
        others = [other for other in found if other is not item]
        without = replace(_with(start, others), noise=state.noise).verdict()
        gain, certainty = state.verdict().gain_over(without)
        if gain < _clear(start, item) or not is_sure(gain, certainty):
            found = others
    return found


def _mended(start: State, found: list[Supposition]) -> list[Supposition]:
    """The same, where one camera is late and turned both: each found again with the other put right."""
    kinds = {camera: {item.kind for item in found if item.cameras == (camera,)} for camera in range(len(start.lenses))}
    for _ in range(_MENDING):
        for at, item in enumerate(found):
            if {"late", "turned"} <= kinds.get(item.cameras[0], set()) and item.kind in ("late", "turned"):
                without = _with(start, [*found[:at], *found[at + 1 :]])
                again = _best(without, (other for other in _fine(without) if _same(other, item)))
                found[at] = item if again is None else again
    return found


def _with_all_offsets(start: State, found: list[Supposition]) -> list[Supposition]:
    """The same with the offsets of all cameras found together, where some camera is late."""
    late = [item for item in found if item.kind == "late"]
    if not late:
        return found
    others = [item for item in found if item.kind != "late"]
    state = settled(_with(start, others).again())
    now, moved = state.verdict(), np.nonzero(state.offsets)[0].tolist()
    for camera in moved:
        gain, certainty = now.gain_over(state.moved(camera, 0).verdict())
        others.append(Supposition("late", (camera,), int(state.offsets[camera]), gain=gain, certainty=certainty))
    return others


def _same(one: Supposition, other: Supposition) -> bool:
    return (one.kind, one.cameras) == (other.kind, other.cameras)


def _best(state: State, candidates: Iterable[Supposition]) -> Supposition | None:
    """The supposition with which the views agree clearly better, and best."""
    now, best = state.verdict(), None
    for item in candidates:
        gain, certainty = item.applied(state).verdict().gain_over(now)
        if gain > max(_clear(state, item), best.gain if best else 0) and is_sure(gain, certainty):
            best = replace(item, gain=gain, certainty=certainty)
    return best


def _gross(state: State) -> Iterator[Supposition]:
    """Suppositions about cameras that see nonsense."""
    cameras = range(len(state.lenses))
    bad = [camera for camera in cameras if state.sees_nonsense(camera)]
    for pair in combinations(cameras, 2):
        if set(pair) & set(bad):
            yield Supposition("exchanged", pair)
    for convention in CONVENTIONS:
        if 2 * len(bad) >= len(cameras):
            yield Supposition("convention", tuple(cameras), convention=convention)
        for camera in bad if len(cameras) > 2 else ():
            yield Supposition("convention", (camera,), convention=convention)


def _fine(state: State) -> Iterator[Supposition]:
    """Suppositions about cameras that run late or are slightly turned."""
    most = state.sample.most
    for camera in range(len(state.lenses)):
        for offset in range(-most, most + 1):
            if offset != state.offsets[camera]:
                yield Supposition("late", (camera,), offset=offset)
        turn = best_turn(state, camera) if len(state.lenses) > 2 else None
        if turn is not None:
            yield Supposition("turned", (camera,), turn=turn)
