"""What a triangulation says about its cameras, joints and bones, and which of them is to blame where it is bad."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lift3d.cameras import CameraRig
from lift3d.keypoints import Keypoints2D
from lift3d.triangulation.agreement import Lenses, Sample, State
from lift3d.triangulation.offsets import TimeOffset, offsets_of, search_range
from lift3d.triangulation.report import Bone, CameraReport, Joint, Report, Totals
from lift3d.triangulation.report_words import verdict_of, words_of
from lift3d.triangulation.reprojection import matching_cameras
from lift3d.triangulation.result import Triangulation
from lift3d.triangulation.settings import TriangulationSettings
from lift3d.triangulation.suppositions import Supposition, explain
from lift3d.triangulation.triangulate import triangulate_in_detail

__all__ = ["diagnose", "sure_offsets"]

_POINTS = 400_000  # detections of a camera that medians are taken of
_FRAMES = 400  # that are triangulated again without each camera
_MOMENTS = 120  # of the course of the errors
_WHOLE_BODY = 0.8  # share of a body's joints that are off at once
_FEWEST_JOINTS = 5
_MOST_OFFSET = 10
DEFAULTS = TriangulationSettings()


def diagnose(
    found: Triangulation, settings: TriangulationSettings = DEFAULTS, moved: Mapping[str, int] | None = None
) -> Report:
    """Which camera, joint or bone is to blame, in numbers and in words.

    Errors, coverage and jitter are those of the triangulation. What goes beyond it - offsets in time, turned cameras,
    exchanged names, the error without a camera, bones - is judged by a sample of frames, so that an hour costs about as
    much as a minute.

    Args:
        found: of ``triangulate_in_detail``.
        settings: that it was made with.
        moved: frames by which cameras were moved in time already, for advice that adds up.
    """
    keypoints = found.keypoints
    sample = Sample.of(keypoints, search_range(keypoints, _MOST_OFFSET), settings.min_score)
    state = State.of(sample, Lenses.of(found.rig), np.zeros(len(found.rig), np.int64))
    totals = _totals(found, sample, float(np.median(state.lenses.longer_sides)))
    again = _Again.of(found, settings)
    with warnings.catch_warnings():  # medians of nothing are NaN, as they should be
        warnings.simplefilter("ignore", RuntimeWarning)
        measured = _cameras(found, settings, again)
        joints, bones = _joints(found), _bones(again.everything)
    explained = explain(state)
    judged = [
        replace(own, **_explanation(explained, camera, keypoints.camera_names))
        for camera, own in enumerate(_with_offsets(measured, state))
    ]
    judged = tuple(replace(own, verdict=verdict_of(own, judged)) for own in judged)
    report = Report((), totals, judged, joints, bones)
    return replace(report, words=tuple(words_of(report, found, dict(moved or {}))))


def sure_offsets(
    keypoints: Keypoints2D, rig: CameraRig, most: int = _MOST_OFFSET, min_score: float = 0.0
) -> dict[str, int]:
    """Frames to move cameras by, as ``Keypoints2D.shifted`` takes them: those that late cameras alone explain.

    As ``time_offsets``, but a camera whose calibration is off is not taken for a late one.

    Args:
        keypoints: distorted pixels.
        rig: holds all of the keypoints' cameras.
        most: frames to look for on either side.
        min_score: views with a lower score are left out.

    Raises:
        InputError: fewer than two cameras, or a camera is not in the rig.
    """
    rig = matching_cameras(keypoints, rig)
    sample = Sample.of(keypoints, search_range(keypoints, most), min_score)
    found = explain(State.of(sample, Lenses.of(rig), np.zeros(len(rig), np.int64)))
    return {keypoints.camera_names[item.cameras[0]]: item.offset for item in found if item.kind == "late"}


def _with_offsets(cameras: list[CameraReport], state: State) -> list[CameraReport]:
    found = offsets_of(state, tuple(own.name for own in cameras))
    return [replace(own, offset=offset) for own, offset in zip(cameras, found.cameras, strict=True)]


def _explanation(explained: list[Supposition], camera: int, names: tuple[str, ...]) -> dict[str, Any]:
    """What was found out about one camera, as fields of its report."""
    said: dict[str, Any] = {}
    for item in explained:
        if camera not in item.cameras:
            continue
        if item.kind == "late":
            said["late_frames"] = -item.offset
        elif item.turn is not None and "turned_deg" not in said:
            said |= {"turned_deg": math.degrees(item.turn.angle), "zoom": item.turn.zoom}
            said |= {"shift_px": item.turn.shift, "explained": item.turn.explained}
        elif item.kind == "exchanged":
            said["exchanged_with"] = names[next(other for other in item.cameras if other != camera)]
        elif item.kind == "convention":
            said["convention"] = item.convention
    return said


def _totals(found: Triangulation, sample: Sample, picture: float) -> Totals:
    positions, times = found.poses.positions, found.poses.times
    seen = (found.keypoints.scores > 0).sum(0)
    thin = _thinned(found)
    return Totals(
        frames=len(times),
        people=positions.shape[1],
        seconds=float(times[-1] - times[0]) if len(times) else 0.0,
        fps=found.poses.frames_per_second,
        triangulated=_share(torch.isfinite(positions).all(-1)),
        filled=_share(found.filled),
        unseen=_share(seen < 2),
        swapped=int(found.swapped.sum()),
        median_px=_quantile(thin.errors.numpy(), 0.5),
        sampled_frames=len(sample.frames),
        motion_px=sample.motion,
        picture_px=picture,
    )


def _thinned(found: Triangulation) -> Triangulation:
    """Frames spread evenly, no more than medians need."""
    frames, people, joints = found.poses.scores.shape
    step = max(1, frames * people * joints // _POINTS)
    if step == 1:
        return found
    return replace(
        found,
        poses=_some_poses(found, slice(None, None, step)),
        detections=_some_frames(found.detections, torch.arange(0, frames, step)),
        used=found.used[:, ::step],
        swapped=found.swapped[:, ::step],
    )


def _some_poses(found: Triangulation, part: slice) -> Any:
    poses = found.poses
    covariance = None if poses.covariance is None else poses.covariance[part]
    return replace(
        poses, positions=poses.positions[part], scores=poses.scores[part], times=poses.times[part],
        covariance=covariance,
    )  # fmt: skip


def _some_frames(keypoints: Keypoints2D, frames: Tensor) -> Keypoints2D:
    return replace(
        keypoints,
        pixels=keypoints.pixels[:, frames],
        scores=keypoints.scores[:, frames],
        times=keypoints.times[frames],
    )


@dataclass(frozen=True, eq=False)
class _Again:
    """A sample of frames, point by point: with all cameras, and without each of them where two would be left."""

    everything: Triangulation
    without: list[Triangulation | None]

    @classmethod
    def of(cls, found: Triangulation, settings: TriangulationSettings) -> _Again:
        frames = len(found.keypoints.times)
        chosen = torch.linspace(0, max(frames - 1, 0), min(frames, _FRAMES)).round().long()
        sample, names = _some_frames(found.keypoints, chosen), found.keypoints.camera_names
        everything = triangulate_in_detail(sample, found.rig, "robust", settings)
        without = [
            triangulate_in_detail(sample.only(other for other in names if other != name), found.rig, "robust", settings)
            if len(names) > 2
            else None
            for name in names
        ]
        return cls(everything, without)


def _cameras(found: Triangulation, settings: TriangulationSettings, again: _Again) -> list[CameraReport]:
    thin = _thinned(found)
    noise = thin.noise_px.numpy()
    reports = []
    for camera, name in enumerate(found.keypoints.camera_names):
        seen = found.keypoints.scores[camera] > 0
        wanted = seen & (found.keypoints.scores[camera] >= settings.min_score)
        off = wanted & ~found.used[camera]
        errors = thin.errors[camera].numpy()
        reports.append(
            CameraReport(
                name=name,
                seen=_share(seen),
                median_px=_quantile(errors, 0.5),
                p95_px=_quantile(errors, 0.95),
                noise_px=_quantile(noise[camera], 0.5),
                rejected=float(off.sum() / wanted.sum()) if wanted.any() else math.nan,
                rejected_bodies=_whole_bodies(off, wanted),
                swapped=int(found.swapped[camera].sum()),
                **_without(again, camera),
                offset=TimeOffset(name, 0, math.nan, math.nan, 0.0, 0.0, (), "not looked for"),
                late_frames=0,
                turned_deg=math.nan,
                zoom=1.0,
                shift_px=(math.nan, math.nan),
                explained=math.nan,
                exchanged_with="",
                convention="",
                verdict="",
                course_px=_course(errors),
                worst_joints=_worst_joints(off, wanted, found),
            )
        )
    return reports


def _whole_bodies(off: Tensor, wanted: Tensor) -> int:
    """Frames (and people) in which nearly all of a body's detections were not used."""
    enough = wanted.sum(-1) >= _FEWEST_JOINTS
    return int((enough & (off.sum(-1) >= _WHOLE_BODY * wanted.sum(-1))).sum())


def _without(again: _Again, camera: int) -> dict[str, float]:
    """What the points of the sample become without a camera."""
    names = ("others_px", "others_without_px", "points_without", "bones_percent", "bones_without_percent")
    without, everything = again.without[camera], again.everything
    if without is None:
        return dict.fromkeys(names, math.nan)
    others = [other for other in range(len(again.without)) if other != camera]
    before = torch.isfinite(everything.poses.positions).all(-1).sum()
    after = torch.isfinite(without.poses.positions).all(-1).sum()
    numbers = (
        _quantile(everything.errors[others].numpy(), 0.5),
        _quantile(without.errors.numpy(), 0.5),
        float(after / before) if before else math.nan,
        float(np.nanmean(_spread_percent(everything))),
        float(np.nanmean(_spread_percent(without))),
    )
    return dict(zip(names, numbers, strict=True))


def _course(errors: np.ndarray) -> tuple[float, ...]:
    """Medians of errors (F, people, joints) of parts of the recording."""
    parts = np.array_split(errors, min(_MOMENTS, max(1, len(errors))))
    return tuple(_quantile(part, 0.5) for part in parts)


def _worst_joints(off: Tensor, wanted: Tensor, found: Triangulation) -> tuple[str, ...]:
    """Joints of which a camera's detections are rejected twice as often as usual, and at least every fifth."""
    share = (off.sum((0, 1)) / wanted.sum((0, 1)).clamp(min=1)).numpy()
    bad = np.nonzero(share >= max(0.2, 2 * float(off.sum() / max(int(wanted.sum()), 1))))[0]
    return tuple(found.keypoints.skeleton.joints[joint] for joint in bad[np.argsort(-share[bad])][:4])


def _joints(found: Triangulation) -> tuple[Joint, ...]:
    thin = _thinned(found)
    deviation = thin.poses.deviation
    jitter = _jitter(found)
    seen, filled = torch.isfinite(found.poses.positions).all(-1), found.filled
    return tuple(
        Joint(
            name=name,
            coverage=_share(seen[..., joint]),
            filled=_share(filled[..., joint]),
            median_px=_quantile(thin.errors[..., joint].numpy(), 0.5),
            p95_px=_quantile(thin.errors[..., joint].numpy(), 0.95),
            deviation_mm=math.nan if deviation is None else 1000 * _quantile(deviation[..., joint].numpy(), 0.5),
            jitter_mm=1000 * float(jitter[joint]),
            swapped=int(found.swapped[..., joint].sum()),
        )
        for joint, name in enumerate(found.poses.skeleton.joints)
    )


def _jitter(found: Triangulation) -> np.ndarray:
    """(joints) root mean square of the second difference, metres per frame squared."""
    positions = found.poses.positions
    middle = torch.arange(1, max(len(positions) - 1, 1))
    middle = middle[:: max(1, len(middle) * positions.shape[1] * positions.shape[2] // _POINTS)]
    if len(positions) < 3:
        return np.full(positions.shape[2], np.nan)
    squared = (positions[middle - 1] - 2 * positions[middle] + positions[middle + 1]).square().sum(-1)
    return np.sqrt(np.nanmean(squared.flatten(0, 1).double().numpy(), axis=0))


def _bones(points: Triangulation) -> tuple[Bone, ...]:
    skeleton = points.poses.skeleton
    lengths = np.nanmedian(points.poses.bone_lengths().flatten(0, 1).double().numpy(), axis=0)
    spreads = _spread_percent(points)
    number = {bone: at for at, bone in enumerate(skeleton.bones)}
    bones = []
    for at, (parent, child) in enumerate(skeleton.bones):
        twin = number.get((skeleton.flip_order[parent], skeleton.flip_order[child]), at)
        sign = {"left": 1.0, "right": -1.0}.get(skeleton.side(child), math.nan)
        difference = 100 * sign * 2 * (lengths[at] - lengths[twin]) / (lengths[at] + lengths[twin])
        asymmetry = math.nan if twin == at else float(difference)
        bones.append(Bone(skeleton.joints[child], 100 * float(lengths[at]), float(spreads[at]), asymmetry))
    return tuple(bones)


def _spread_percent(points: Triangulation) -> np.ndarray:
    """(bones) half the width of the middle 68 % of the lengths, percent of their median; the mean over people."""
    lengths = points.poses.bone_lengths().double().numpy()
    if not lengths.size:
        return np.full(lengths.shape[-1], np.nan)
    low, middle, high = np.nanquantile(lengths, [0.16, 0.5, 0.84], axis=0)
    return np.nanmean(100 * (high - low) / 2 / np.where(middle > 0, middle, np.nan), axis=0)


def _share(mask: Tensor) -> float:
    return float(mask.double().mean()) if mask.numel() else 0.0


def _quantile(values: np.ndarray, share: float) -> float:
    """Quantile of what is not NaN; NaN where nothing is left."""
    held = values[np.isfinite(values)]
    return float(np.quantile(held, share)) if held.size else math.nan
