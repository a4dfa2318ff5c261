"""A diagnosis in plain words: short sentences that say what to do, the most important first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from lift3d.triangulation.report import CameraReport, Report
from lift3d.triangulation.result import Triangulation

__all__ = ["verdict_of", "words_of"]

_REJECTED = 0.15  # share of a camera's detections that are not used, above which they are bad
_WORSE = 3.0  # times the error of the other cameras
_BODIES = 0.02  # share of the frames in which a whole body is elsewhere
_BETTER = 0.8  # of the error of the others, without a camera
_LITTLE_ZOOM = 0.01
_RARE = 0.8  # coverage of a joint below which it is named
_FEW = 0.02  # of the joints triangulated: nothing worth speaking of
_HOPELESS = 0.05  # of the picture: a median error above it means that nothing fits
_FAR = 0.008  # of the picture: a median error above it is large
_SHANK = (0.15, 0.8)  # metres from knee to ankle that a person may measure
_HEADS = ("nose", "head", "head_top", "upper_neck", "neck", "thorax")


def verdict_of(own: CameraReport, everyone: Sequence[CameraReport]) -> str:
    """One or two words on a camera."""
    said = []
    if own.seen == 0:
        return "sees nobody"
    if own.convention:
        said.append("wrong convention")
    if own.exchanged_with:
        said.append(f"exchanged with {own.exchanged_with}?")
    if own.late_frames:
        said.append(f"{abs(own.late_frames)} frame{_s(own.late_frames)} {_late(own.late_frames)}")
    if math.isfinite(own.turned_deg):
        said.append("calibration is off")
    if not said and _detects_badly(own, everyone):
        said.append("bad detections")
    return ", ".join(said) or ("agrees" if math.isfinite(own.median_px) else "agrees with none")


def words_of(report: Report, found: Triangulation, moved: Mapping[str, int]) -> list[str]:
    """All that there is to say; at least one sentence."""
    said = [
        *_nothing(report),
        *_unit_and_up(report, found),
        *_conventions(report),
        *_exchanged(report),
        *(sentence for own in report.cameras for sentence in _about_time(own, moved)),
        *(sentence for own in report.cameras for sentence in _about_calibration(own, len(report.cameras))),
        *(sentence for own in report.cameras for sentence in _late_or_turned(own, moved)),
        *_picture_sizes(found),
        *(sentence for own in report.cameras for sentence in _about_detections(own, report)),
        *_better_without(report),
    ]
    return [*said, *_summary(report, bool(said)), *_swaps(found), *_rare_joints(report), *_offsets_not_told(report)]


def _nothing(report: Report) -> Iterator[str]:
    if not report.totals.frames:
        yield "The keypoints hold no frames."
    elif report.totals.unseen > 0.9:
        yield (
            "Hardly any joint is seen by two cameras at the same time: check that all cameras saw the same moments, "
            "that the detections are there, and that --min-score is not too high."
        )
    elif _all_disagree(report) and not _misread(report):
        yield (
            "No two cameras agree on any joint: the calibration is of another recording or another picture size, its "
            "cameras are named otherwise, its rotations go the other way, or the cameras do not show the same person."
        )


def _all_disagree(report: Report) -> bool:
    totals = report.totals
    return totals.triangulated < _FEW or not totals.median_px < _HOPELESS * totals.picture_px


def _misread(report: Report) -> bool:
    """Whether cameras look exchanged or their calibration read the wrong way."""
    return any(own.convention or own.exchanged_with for own in report.cameras)


def _conventions(report: Report) -> Iterator[str]:
    by_convention: dict[str, list[str]] = {}
    for own in report.cameras:
        if own.convention:
            by_convention.setdefault(own.convention, []).append(own.name)
    for convention, names in by_convention.items():
        if len(names) == len(report.cameras):
            yield f"All cameras would agree if the calibration were read another way: {convention}; write it anew."
        else:
            yield f"{_and(names)} would agree with the others if read another way: {convention}."


def _exchanged(report: Report) -> Iterator[str]:
    for own in report.cameras:
        if own.exchanged_with > own.name:
            yield (
                f"{own.name} and {own.exchanged_with} look exchanged: give each other's name to their keypoints or "
                "to their calibrations (--cameras names those of the keypoints)."
            )


def _picture_sizes(found: Triangulation) -> Iterator[str]:
    by_sizes: dict[tuple[float, ...], list[str]] = {}
    calibrated = found.rig.cameras.image_size.tolist()
    for name, own, wanted in zip(
        found.keypoints.camera_names, found.keypoints.image_sizes.tolist(), calibrated, strict=True
    ):
        if np.isfinite([*own, *wanted]).all() and np.abs(np.subtract(own, wanted)).max() >= 1:
            by_sizes.setdefault((*own, *wanted), []).append(name)
    for (width, height, *wanted), names in by_sizes.items():
        yield (
            f"{_and(names)}: pictures of {width:.0f} x {height:.0f}, calibrated for {wanted[0]:.0f} x {wanted[1]:.0f}; "
            "pictures cropped since see everything shifted, resized ones everything larger or smaller."
        )


def _about_time(own: CameraReport, moved: Mapping[str, int]) -> Iterator[str]:
    if own.late_frames:
        yield f"{_looks_late(own.name, own.late_frames, moved)}."


def _late_or_turned(own: CameraReport, moved: Mapping[str, int]) -> Iterator[str]:
    """On a camera that fits better at another time, but only as long as its calibration is not mended."""
    if own.offset.frames and not own.late_frames and math.isfinite(own.turned_deg) and not own.convention:
        yield (
            f"{_looks_late(own.name, -own.offset.frames, moved)}, with its calibration as it is; the calibration "
            "explains more of what it sees, and once that is mended no frame: mend it first."
        )


def _looks_late(name: str, frames: int, moved: Mapping[str, int]) -> str:
    flag = f"--offset {name}={moved.get(name, 0) - frames}"
    return f"{name} looks {abs(frames)} frame{_s(frames)} {_late(frames)}: {flag}"


def _about_calibration(own: CameraReport, cameras: int) -> Iterator[str]:
    if not math.isfinite(own.turned_deg):
        return
    zoom = "" if abs(own.zoom - 1) < _LITTLE_ZOOM else (
        f" and {100 * abs(own.zoom - 1):.0f} % too {'large' if own.zoom > 1 else 'small'}"
    )  # fmt: skip
    why = "moved after it was calibrated, or its picture cropped"
    why += ", or its zoom, lens or picture size changed" if zoom else ""
    doubt = "; of three cameras it may be another one" if cameras == 3 else ""
    yield (
        f"{own.name} sees everything {_direction(own.shift_px)}{zoom}: its calibration is off by "
        f"{own.turned_deg:.1f} degrees, which explains {100 * own.explained:.0f} % of its error ({why}{doubt}). "
        f"Calibrate it again, mend it with --refine mended.toml, or leave it out with --without {own.name}."
    )


def _direction(shift: tuple[float, float]) -> str:
    right, down = shift
    side, height = "right" if right > 0 else "left", "low" if down > 0 else "high"
    return f"{abs(right):.0f} px too far {side} and {abs(down):.0f} px too {height}"


def _detects_badly(own: CameraReport, everyone: Sequence[CameraReport]) -> bool:
    others = [other.median_px for other in everyone if other is not own and math.isfinite(other.median_px)]
    worse = len(others) > 1 and own.median_px > _WORSE * float(np.median(others))
    return own.rejected > _REJECTED or worse


def _alike(own: CameraReport, report: Report) -> int:
    """How many cameras have the same verdict."""
    return sum(other.verdict == own.verdict for other in report.cameras)


def _about_detections(own: CameraReport, report: Report) -> Iterator[str]:
    if own.seen == 0 and report.totals.frames:
        yield f"{own.name} sees nobody: check its keypoints, or leave it out with --without {own.name}."
        return
    if own.convention or own.exchanged_with or not math.isfinite(own.median_px):
        return
    moments, cameras = report.totals.frames * report.totals.people, len(report.cameras)
    elsewhere = [other for other in report.cameras if other.rejected_bodies > _BODIES * moments]
    if own in elsewhere and 2 * len(elsewhere) <= cameras:
        yield (
            f"{own.name} has the whole body elsewhere in {own.rejected_bodies} of {moments} frames: another person, or "
            "a mirror or poster."
        )
    elif own.verdict == "bad detections" and 2 * _alike(own, report) <= cameras:
        better = f"; without it the others agree to {own.others_without_px:.1f} px: --without {own.name}"
        better = better if cameras > 3 and own.others_without_px < _BETTER * own.others_px else ""
        which = f", mostly of {_and(own.worst_joints)}" if own.worst_joints else ""
        yield (
            f"{own.name} detects badly: {100 * own.rejected:.0f} % of its detections disagree with the other cameras"
            f"{which}, in no common direction (noise {own.noise_px:.1f} px)"
            f"{better}."
        )


def _better_without(report: Report) -> Iterator[str]:
    if len(report.cameras) < 4 or _all_disagree(report) or any(own.verdict != "agrees" for own in report.cameras):
        return
    candidates = [
        own for own in report.cameras
        if own.others_without_px < _BETTER * own.others_px and own.bones_without_percent < own.bones_percent
    ]  # fmt: skip
    best = min(candidates, key=lambda own: own.others_without_px, default=None)
    if best is not None:
        yield (
            f"Without {best.name} the other cameras agree to {best.others_without_px:.1f} px instead of "
            f"{best.others_px:.1f} px, and bones stray by {best.bones_without_percent:.1f} % instead of "
            f"{best.bones_percent:.1f} %: --without {best.name}."
        )


def _unit_and_up(report: Report, found: Triangulation) -> Iterator[str]:
    if _all_disagree(report) or _misread(report):
        return
    shanks = [bone.length_cm / 100 for bone in report.bones if bone.name.endswith("ankle")]
    shank = float(np.nanmean(shanks)) if np.isfinite(shanks).any() else math.nan
    if not _SHANK[0] <= shank <= _SHANK[1] and math.isfinite(shank):
        unit = "mm" if shank > 100 else "cm" if shank > _SHANK[1] else "m"
        yield f"Knee and ankle are {shank:.3g} m apart: the calibration is in another unit; try --unit {unit}."
    up = _upward(found)
    if up and up != found.rig.up:
        yield f"Heads are above feet along {up}, and the calibration says that {found.rig.up} is up: --up {up}."


def _upward(found: Triangulation) -> str:
    """The axis of the world along which heads are above feet; empty where it cannot be told."""
    skeleton, positions = found.poses.skeleton, found.poses.positions
    heads = [skeleton.index(name) for name in _HEADS if name in skeleton.joints][:1]
    feet = [joint for joint, name in enumerate(skeleton.joints) if name.endswith("ankle")]
    if not heads or not feet or not len(positions):
        return ""
    step = max(1, len(positions) // 2000)
    between = (positions[::step, :, heads].mean(2) - positions[::step, :, feet].mean(2)).flatten(0, 1)
    between = between[torch.isfinite(between).all(-1)]
    if not len(between):
        return ""
    middle = between.median(0).values
    axis = int(middle.abs().argmax())
    sure = float(middle[axis].abs() / middle.norm()) > 0.95
    return f"{'+' if middle[axis] > 0 else '-'}{'xyz'[axis]}" if sure else ""


def _summary(report: Report, trouble: bool) -> Iterator[str]:
    totals = report.totals
    if not math.isfinite(totals.median_px):
        return
    large = totals.median_px > _FAR * totals.picture_px
    error = f"median error {totals.median_px:.1f} px"
    if not trouble and not large:
        yield f"Everything agrees: {error}, {100 * totals.triangulated:.0f} % of the joints found."
    elif not trouble:
        yield f"The cameras agree badly ({error} of {totals.picture_px:.0f}), and no single one is to blame."
    else:
        yield f"As it is: {error}, {100 * totals.triangulated:.0f} % of the joints found."
    if len(report.cameras) == 2:
        yield (
            "With two cameras alone an error along the line between them cannot be seen, nor which of the two is wrong."
        )


def _swaps(found: Triangulation) -> Iterator[str]:
    for camera, name in enumerate(found.keypoints.camera_names):
        frames = int(found.swapped[camera].any(-1).sum())
        if frames:
            yield f"Left and right were exchanged in {frames} frame{_s(frames)} of {name} and put right."


def _rare_joints(report: Report) -> Iterator[str]:
    rare = [joint for joint in report.joints if joint.coverage < _RARE]
    if 0 < len(rare) < len(report.joints) and report.totals.triangulated > _FEW:
        named = _and([f"{joint.name} ({100 * joint.coverage:.0f} %)" for joint in rare[:4]])
        yield f"Found in few frames: {named}{', and others' if len(rare) > 4 else ''}."


def _offsets_not_told(report: Report) -> Iterator[str]:
    doubts: dict[str, list[str]] = {}
    for own in report.cameras:
        if own.offset.doubt and own.seen > 0 and not own.convention and not own.exchanged_with:
            doubts.setdefault(own.offset.doubt, []).append(own.name)
    for doubt, names in doubts.items():
        who = "any camera runs" if len(names) == len(report.cameras) else _and(names)
        who += "" if who.endswith("runs") else " runs" if len(names) == 1 else " run"
        yield f"Whether {who} late cannot be told: {doubt}."


def _late(frames: int) -> str:
    return "late" if frames > 0 else "early"


def _s(number: int, plural: str = "s") -> str:
    return "" if abs(number) == 1 else plural


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
