"""The numbers of a diagnosis, as plain frozen data, JSON and tables."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lift3d.triangulation.offsets import TimeOffset
from lift3d.triangulation.report_page import report_page

__all__ = ["Bone", "CameraReport", "Joint", "Report", "Totals"]


@dataclass(frozen=True)
class CameraReport:
    """How one camera does. Where a number cannot be told it is NaN.

    Args:
        name: of the camera.
        seen: share, 0 to 1, of all joints in all frames that it detected.
        median_px, p95_px: between its detections, used or not, and where the triangulated joints are seen.
        noise_px: standard deviation that its detections are taken to have, the median.
        rejected: share of its detections that were not used.
        rejected_bodies: frames in which it sees nearly the whole body elsewhere.
        swapped: detections of left and right that were exchanged and put right.
        others_px, others_without_px: median error of the other cameras, with and without this one, of points made one
            by one from a sample of frames.
        points_without: share of the points of that sample that are left without it.
        bones_percent, bones_without_percent: spread of the bones' lengths there, with and without it.
        offset: how it should be moved in time, the calibration taken as it is.
        late_frames: frames that it runs late, negative: early, where its calibration does not explain what it sees.
        turned_deg, zoom: by how much its calibration is turned, and its picture larger; NaN, 1 where it is not.
        shift_px: right and down, by which it sees things off the places where the other cameras have them.
        explained: share of its squared error that goes away with turn and zoom.
        exchanged_with: name of the camera that its name looks exchanged with, or empty.
        convention: what looks wrong with its calibration as a whole, in words, or empty.
        verdict: one or two words.
        course_px: median error at moments spread evenly over the recording.
        worst_joints: those that are rejected most, where its detections are at fault.
    """

    name: str
    seen: float
    median_px: float
    p95_px: float
    noise_px: float
    rejected: float
    rejected_bodies: int
    swapped: int
    others_px: float
    others_without_px: float
    points_without: float
    bones_percent: float
    bones_without_percent: float
    offset: TimeOffset
    late_frames: int
    turned_deg: float
    zoom: float
    shift_px: tuple[float, float]
    explained: float
    exchanged_with: str
    convention: str
    verdict: str
    course_px: tuple[float, ...]
    worst_joints: tuple[str, ...]


@dataclass(frozen=True)
class Joint:
    """How well one joint is found.

    Args:
        name: of the joint.
        coverage: share of frames and people in which it has a position.
        filled: share in which it was filled in.
        median_px, p95_px: error in all cameras.
        deviation_mm: standard deviation that its positions are said to have, the median.
        jitter_mm: root mean square of the second difference of its positions, millimetres per frame squared.
        swapped: detections that were exchanged with those of its twin and put right.
    """

    name: str
    coverage: float
    filled: float
    median_px: float
    p95_px: float
    deviation_mm: float
    jitter_mm: float
    swapped: int


@dataclass(frozen=True)
class Bone:
    """How constant one bone is, in points made one by one, before they are smoothed.

    Args:
        name: its lower joint.
        length_cm: the median.
        spread_percent: half the width of the middle 68 %, of the length.
        asymmetry_percent: how much longer the left bone is than the right one, of their mean; NaN on the midline.
    """

    name: str
    length_cm: float
    spread_percent: float
    asymmetry_percent: float


@dataclass(frozen=True)
class Totals:
    """The recording as a whole.

    Args:
        frames, people, fps: of the recording; seconds that it lasts.
        triangulated: share of joints, frames and people that have a position.
        filled: share that was filled in.
        unseen: share that fewer than two cameras saw.
        swapped: detections that were exchanged and put right.
        median_px: error of all cameras.
        sampled_frames: how many frames offsets and calibration were judged by.
        motion_px: by how much joints move from frame to frame there, the median.
        picture_px: longer side of the pictures, the median.
    """

    frames: int
    people: int
    seconds: float
    fps: float
    triangulated: float
    filled: float
    unseen: float
    swapped: int
    median_px: float
    sampled_frames: int
    motion_px: float
    picture_px: float


@dataclass(frozen=True)
class Report:
    """What :func:`diagnose` found.

    Args:
        words: sentences, the most important first.
        totals, cameras, joints, bones: the numbers.
    """

    words: tuple[str, ...]
    totals: Totals
    cameras: tuple[CameraReport, ...]
    joints: tuple[Joint, ...]
    bones: tuple[Bone, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries and lists; NaN and infinity become None."""
        return _plain(asdict(self))

    def to_json(self) -> str:
        """The report as strict JSON; units are in the names."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"

    def to_html(self) -> str:
        """The report as one page that loads nothing from anywhere."""
        return report_page(self)

    def tables(self) -> dict[str, tuple[list[str], list[list[str]]]]:
        """Header and rows of each table, as text, by title."""
        return {"Cameras": _camera_table(self.cameras), "Joints": _joint_table(self.joints),
                "Bones": _bone_table(self.bones)}  # fmt: skip

    def __str__(self) -> str:
        return "\n".join(self.words)

    @property
    def offsets(self) -> dict[str, int]:
        """Frames to move cameras by, by name: those that run late whatever their calibration."""
        return {own.name: -own.late_frames for own in self.cameras if own.late_frames}


def _camera_table(cameras: Sequence[CameraReport]) -> tuple[list[str], list[list[str]]]:
    header = ["camera", "seen", "median px", "95 % px", "noise px", "rejected", "others px", "without it", "bones",
              "without it", "best offset", "verdict"]  # fmt: skip
    rows = [
        [
            own.name,
            _percent(own.seen),
            _number(own.median_px),
            _number(own.p95_px),
            _number(own.noise_px),
            _percent(own.rejected),
            _number(own.others_px),
            _number(own.others_without_px),
            _percent(own.bones_percent / 100),
            _percent(own.bones_without_percent / 100),
            f"{own.offset.frames:+d}" if own.offset.frames else ("0" if own.offset.known else "-"),
            own.verdict,
        ]
        for own in cameras
    ]
    return header, rows


def _joint_table(joints: Sequence[Joint]) -> tuple[list[str], list[list[str]]]:
    header = ["joint", "found", "filled", "median px", "95 % px", "unsure mm", "jitter mm", "swapped"]
    rows = [
        [
            own.name,
            _percent(own.coverage),
            _percent(own.filled),
            _number(own.median_px),
            _number(own.p95_px),
            _number(own.deviation_mm),
            _number(own.jitter_mm),
            str(own.swapped),
        ]
        for own in joints
    ]
    return header, rows


def _bone_table(bones: Sequence[Bone]) -> tuple[list[str], list[list[str]]]:
    header = ["bone to", "length cm", "spread", "left - right"]
    rows = [
        [own.name, _number(own.length_cm), _percent(own.spread_percent / 100), _percent(own.asymmetry_percent / 100)]
        for own in bones
    ]
    return header, rows


def _number(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "-"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if math.isfinite(share) else "-"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(own) for key, own in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(own) for own in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
