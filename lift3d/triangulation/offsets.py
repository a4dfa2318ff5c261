"""Which cameras run late, found from the keypoints alone.

The cameras are triangulated together, one of them moved in time by every number of frames in turn, and the move that
lets all views agree best is taken; then the next is looked for with that one made, until no move makes the views agree
clearly better. So several late cameras do not spoil each other for long. Only a sample of frames in which people move
is looked at, of one size whatever the recording's: the cost does not grow with its length.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from lift3d.cameras import CameraRig
from lift3d.errors import InputError
from lift3d.keypoints import Keypoints2D
from lift3d.triangulation.agreement import Lenses, Sample, State, Verdict
from lift3d.triangulation.reprojection import matching_cameras

__all__ = ["TimeOffset", "TimeOffsets", "is_sure", "offsets_of", "search_range", "settled", "time_offsets"]

_CLEAR = 0.002  # share of the cost that a move must gain
_SURE, _PLAIN = 4.0, 2.5  # and standard errors, for a small gain and for one of
_PLAIN_GAIN = 0.05  # or more
_BETTER = 1.0  # standard errors for a move that only mends an earlier one
_TOLD = 3.0  # standard errors by which another offset must be worse to be ruled out
_ROUNDS = 24
_STILL = 1.2  # times the scatter of a detection: joints that seem to move by less a frame may stand still


@dataclass(frozen=True)
class TimeOffset:
    """How one camera should be moved in time.

    Args:
        camera: its name.
        frames: to move it by, as ``Keypoints2D.shifted`` takes them: -2 for a camera that runs two frames late; 0
            where no move is clearly better.
        exact: the same to fractions of a frame, by a parabola through the neighbours; NaN where it cannot be told.
        uncertainty: offsets further than so many frames from ``frames`` are clearly worse; NaN where it cannot be told.
        gain: share by which the disagreement of all views falls with the move.
        certainty: the same in standard errors.
        curve: disagreement at the moves -M to M, the other cameras moved as found; NaN where a move was not tried.
        doubt: why it cannot be told, in words; empty where it can.
    """

    camera: str
    frames: int
    exact: float
    uncertainty: float
    gain: float
    certainty: float
    curve: tuple[float, ...]
    doubt: str

    @property
    def known(self) -> bool:
        """Whether the recording tells."""
        return not self.doubt


@dataclass(frozen=True)
class TimeOffsets:
    """The offsets of all cameras.

    Args:
        cameras: one each, in the order of the keypoints.
        sampled_frames: how many frames were looked at.
        motion: pixels that a joint moves by from one of them to the next, the median.
    """

    cameras: tuple[TimeOffset, ...]
    sampled_frames: int
    motion: float

    @property
    def frames(self) -> dict[str, int]:
        """The moves to make, by camera: what ``Keypoints2D.shifted`` takes."""
        return {own.camera: own.frames for own in self.cameras if own.frames}


def time_offsets(keypoints: Keypoints2D, rig: CameraRig, most: int = 10, min_score: float = 0.0) -> TimeOffsets:
    """Which cameras run late or early, by whole frames, found from the keypoints alone.

    Most cameras are taken to be right; where as many say otherwise, the first. The calibration is taken to be right: a
    camera that was turned can look late where people move in one direction, which ``diagnose`` tells apart.

    Args:
        keypoints: distorted pixels; person p is the same person in every camera.
        rig: holds all of the keypoints' cameras.
        most: frames to look for on either side; fewer for short recordings.
        min_score: views with a lower score are left out.

    Raises:
        InputError: fewer than two cameras, a camera is not in the rig, or ``most`` is below 1.
    """
    if most < 1:
        raise InputError(f"time_offsets: most={most}; expected at least 1 frame.")
    rig = matching_cameras(keypoints, rig)
    sample = Sample.of(keypoints, search_range(keypoints, most), min_score)
    return offsets_of(State.of(sample, Lenses.of(rig), np.zeros(len(rig), np.int64)), keypoints.camera_names)


def search_range(keypoints: Keypoints2D, most: int) -> int:
    """Frames to look for on either side: a quarter of a short recording."""
    return max(0, min(most, len(keypoints.times) // 4))


def settled(state: State) -> State:
    """The state with all cameras moved in time to where they agree best; most stay as they are."""
    for _ in range(_ROUNDS):
        moved = _best_move(state, [_curve(state, camera) for camera in range(len(state.lenses))])
        if moved is None:
            break
        state = state.with_offsets(moved).again()
    return _anchored(state)


def offsets_of(state: State, names: tuple[str, ...]) -> TimeOffsets:
    """The offsets of the cameras of a state, which starts with none."""
    state = settled(state)
    found = tuple(_offset(state, camera, name) for camera, name in enumerate(names))
    return TimeOffsets(found, len(state.sample.frames), state.sample.motion)


def _curve(state: State, camera: int) -> dict[int, Verdict]:
    """What the views cost with one camera at every offset."""
    most = state.sample.most
    return {offset: state.moved(camera, offset).verdict() for offset in range(-most, most + 1)}


def _best_move(state: State, curves: list[dict[int, Verdict]]) -> np.ndarray | None:
    """The offsets after the move with which the views agree best; None if none makes them agree clearly better."""
    alone = [
        (state.moved(camera, offset).offsets, verdict)
        for camera, curve in enumerate(curves)
        for offset, verdict in curve.items()
    ]
    best = _clearly_best(state, alone)
    return best if best is not None or len(curves) < 3 else _clearly_best(state, _pairs(state))


def is_sure(gain: float, certainty: float) -> bool:
    """Whether a gain, a share of the cost, is no accident; the larger it is, the fewer standard errors it needs."""
    return bool(certainty > np.interp(gain, [0, _PLAIN_GAIN], [_SURE, _PLAIN]))


def _clearly_best(state: State, moves: Iterable[tuple[np.ndarray, Verdict]]) -> np.ndarray | None:
    """The best of some moves; one that moves only cameras that were moved before needs less certainty."""
    now = state.verdict()
    best, most_gained = None, 0.0
    for offsets, verdict in moves:
        gain, certainty = verdict.gain_over(now)
        mends = bool((state.offsets[offsets != state.offsets] != 0).all())
        sure = certainty > _BETTER if mends else is_sure(gain, certainty)
        if gain > max(most_gained, 0 if mends else _CLEAR) and sure:
            best, most_gained = offsets, gain
    return best


def _pairs(state: State) -> Iterator[tuple[np.ndarray, Verdict]]:
    """Two cameras moved together by a frame: opposite each other, they may hold each other at a wrong offset."""
    for pair in combinations(range(len(state.offsets)), 2):
        for step in (-1, 1):
            offsets = state.offsets.copy()
            offsets[list(pair)] += step
            if np.abs(offsets).max() <= state.sample.most:
                yield offsets, state.with_offsets(offsets).verdict()


def _anchored(state: State) -> State:
    """The state with the offset that most cameras share made 0; of equally many, the first camera's."""
    counts = Counter(state.offsets.tolist())
    common = max(counts, key=lambda offset: (counts[offset], offset == state.offsets[0]))
    return state.with_offsets(np.clip(state.offsets - common, -state.sample.most, state.sample.most))


def _offset(state: State, camera: int, name: str) -> TimeOffset:
    curve, frames = _curve(state, camera), int(state.offsets[camera])
    uncertainty = _uncertainty(curve, frames)
    gain, certainty = curve[frames].gain_over(curve[0]) if frames else (0.0, 0.0)
    doubt = _why_not_told(state, camera, uncertainty)
    return TimeOffset(
        camera=name,
        frames=0 if doubt else frames,
        exact=np.nan if doubt else _lowest(curve, frames),
        uncertainty=np.nan if doubt else uncertainty,
        gain=gain,
        certainty=certainty,
        curve=tuple(verdict.cost for verdict in curve.values()),
        doubt=doubt,
    )


def _why_not_told(state: State, camera: int, uncertainty: float) -> str:
    """Why the offset of a camera cannot be told, if so."""
    sample, frames = state.sample, int(state.offsets[camera])
    if sample.most < 1 or not len(sample.frames):
        return "the recording is too short"
    if not (sample.views(state.offsets).scores[camera] > 0).any():
        return "it sees nobody"
    if state.sees_nonsense(camera):
        return "it does not agree with the others at any offset"
    if abs(frames) == sample.most:
        return f"it fits better the further it is moved, up to the {sample.most} frames that were tried"
    if np.isfinite(uncertainty):
        return ""
    return "nothing moves" if sample.motion <= _STILL * sample.scatter else "it fits many offsets equally well"


def _uncertainty(curve: dict[int, Verdict], frames: int) -> float:
    """The largest distance of an offset that is not clearly worse; NaN if it is as far as was looked."""
    near = [
        abs(offset - frames)
        for offset, verdict in curve.items()
        if offset != frames and curve[frames].gain_over(verdict)[1] < _TOLD
    ]
    furthest = max(near, default=0)
    return float(furthest) if furthest <= max(curve) // 2 else np.nan


def _lowest(curve: dict[int, Verdict], frames: int) -> float:
    """Where a parabola through the costs of the lowest offset near ``frames`` and its neighbours is lowest."""
    if frames - 1 not in curve or frames + 1 not in curve:
        return float(frames)
    before, at, after = (curve[frames + step].cost for step in (-1, 0, 1))
    bend = before - 2 * at + after
    return float(frames + np.clip((before - after) / (2 * bend), -1, 1)) if bend > 0 else float(frames)
