"""A diagnosis as one HTML page that needs nothing else: words, small charts drawn as SVG, tables; no scripts."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lift3d.triangulation.report import Bone, CameraReport, Joint, Report

__all__ = ["report_page"]

_WIDTH, _HEIGHT = 180, 56  # of a chart, in its own units
_WIDEST_SPREAD = 15.0  # percent: a full bar
_QUIET = ("As it is", "Left and right", "Whether", "Found in", "With two")  # what is good to know but no trouble


def report_page(report: Report) -> str:
    """The page as text."""
    tables, totals = report.tables(), report.totals
    highest = _highest([joint.p95_px for joint in report.joints])
    parts = {
        "summary": f"{totals.frames} frames, {totals.seconds:.1f} s at {totals.fps:.4g} frames/s; "
        f"{len(report.cameras)} cameras, {totals.people} {'person' if totals.people == 1 else 'people'}",
        "facts": "".join(
            f"<div><b>{value}</b>{name}</div>"
            for name, value in {
                "median error": f"{_number(totals.median_px)} px",
                "of the joints found": f"{100 * totals.triangulated:.1f} %",
                "filled in": f"{100 * totals.filled:.1f} %",
                "seen by fewer than two cameras": f"{100 * totals.unseen:.1f} %",
                "detections exchanged left and right": str(totals.swapped),
            }.items()
        ),
        "words": "".join(_sentence(sentence) for sentence in report.words),
        "cards": "".join(_card(own, report) for own in report.cameras),
        "cameras": _table(*tables["Cameras"]),
        "joints": _table(*tables["Joints"], [_joint_bar(own, highest) for own in report.joints]),
        "scale": f"{highest:.0f}",
        "bones": _table(*tables["Bones"], [_bone_bar(own) for own in report.bones]),
        "footer": f"Offsets and calibration judged by {totals.sampled_frames} frames in which joints move by "
        f"{totals.motion_px:.1f} px a frame. Made by lift3d.",
    }  # fmt: skip
    template = (Path(__file__).parent / "report.html").read_text(encoding="utf-8")
    pieces = template.split("@@")  # text, name, text, ...: what is put in is never searched again
    return "".join(parts[piece] if i % 2 else piece for i, piece in enumerate(pieces))


def _sentence(text: str) -> str:
    kind = "good" if text.startswith("Everything") else "" if text.startswith(_QUIET) else "bad"
    marked = re.sub(
        r"(--[a-z]\S*(?: [^\s-]\S*?)?(?:=-?\d+)?)(?=[:;,.]?(?:\s|$))", r"<code>\1</code>", html.escape(text)
    )
    return f'<li class="{kind}">{marked}</li>'


def _card(own: CameraReport, report: Report) -> str:
    good = " good" if own.verdict == "agrees" else ""
    top = max(_highest(other.course_px) for other in report.cameras)
    course = _course(own.course_px, top, report.totals.seconds)
    badge = f'<span class="badge{good}">{html.escape(own.verdict)}</span>'
    return (
        f'<section class="camera"><h3>{html.escape(own.name)}{badge}</h3><div class="charts">'
        f"<figure>{course}<figcaption>median error over time, px</figcaption></figure>"
        f"<figure>{_offset_curve(own)}<figcaption>disagreement if moved by frames</figcaption></figure></div></section>"
    )


def _course(values: Sequence[float], top: float, seconds: float) -> str:
    """The median error over time, all cameras on one scale."""
    points = _points(np.arange(len(values)), np.asarray(values, float), 0.0, top)
    marks = (
        f'<text x="-2" y="8" text-anchor="end">{top:.0f}</text><text x="-2" y="{_HEIGHT}" text-anchor="end">0</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 11}" text-anchor="end">{seconds:.3g} s</text>'
    )
    return _chart(f"{marks}{_lines(points)}")


def _offset_curve(own: CameraReport) -> str:
    """How much all views disagree with one camera moved in time; the best move marked."""
    costs = np.asarray(own.offset.curve, float)
    if len(costs) < 3:
        return _chart('<text x="50%" y="50%" text-anchor="middle">too short to tell</text>')
    most = len(costs) // 2
    points = _points(np.arange(-most, most + 1), costs, float(np.nanmin(costs)), float(np.nanmax(costs)))
    best = points[own.offset.frames + most]
    middle = points[most][0]
    marks = (
        f'<line class="now" x1="{middle:.1f}" x2="{middle:.1f}" y1="0" y2="{_HEIGHT}"/>'
        f'<text x="0" y="{_HEIGHT + 11}">-{most}</text><text x="{middle:.1f}" y="{_HEIGHT + 11}" text-anchor="middle">0'
        f'</text><text x="{_WIDTH}" y="{_HEIGHT + 11}" text-anchor="end">+{most}</text>'
    )
    dot = "" if own.offset.doubt else (
        f'<circle class="dot" cx="{best[0]:.1f}" cy="{best[1]:.1f}" r="3.5">'
        f"<title>{own.offset.frames:+d} frames</title></circle>"
    )  # fmt: skip
    return _chart(f"{marks}{_lines(points)}{dot}")


def _chart(inside: str) -> str:
    return (
        f'<svg viewBox="-20 -4 {_WIDTH + 24} {_HEIGHT + 18}" role="img">'
        f'<path class="axis" d="M0 0V{_HEIGHT}H{_WIDTH}"/>{inside}</svg>'
    )


def _points(x: np.ndarray, y: np.ndarray, low: float, high: float) -> list[tuple[float, float]]:
    """Places in a chart; NaN stays NaN."""
    across = (x - x.min(initial=0)) / max(float(np.ptp(x)) if len(x) else 0.0, 1e-9) * _WIDTH
    up = np.clip((y - low) / max(high - low, 1e-9), 0, 1) * _HEIGHT
    return [(float(a), float(_HEIGHT - b)) for a, b in zip(across, up, strict=True)]


def _lines(points: Sequence[tuple[float, float]]) -> str:
    """A curve with breaks where a value is missing."""
    parts, pen = [], "M"
    for x, y in points:
        if math.isfinite(y):
            parts.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L" if math.isfinite(y) else "M"
    return f'<path class="curve" d="{"".join(parts)}"/>'


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], bars: Sequence[str] = ()) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in header) + ("<th></th>" if bars else "")
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
        + (f'<td class="bar">{bars[at]}</td>' if bars else "") + "</tr>"
        for at, row in enumerate(rows)
    )  # fmt: skip
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _joint_bar(own: Joint, highest: float) -> str:
    return _bar(own.name, own.median_px / highest, own.p95_px / highest)


def _bone_bar(own: Bone) -> str:
    return _bar(own.name, own.spread_percent / _WIDEST_SPREAD)


def _bar(name: str, share: float, tail: float = math.nan) -> str:
    side = name.partition("_")[0]
    side = side if side in ("left", "right") else ""
    lines = [(part, kind) for part, kind in ((share, ""), (tail, "tail")) if math.isfinite(part)]
    inside = "".join(f'<i class="{kind}" style="width:{100 * min(part, 1):.1f}%"></i>' for part, kind in lines)
    return f'<div class="track {side}">{inside}</div>'


def _highest(values: Sequence[float]) -> float:
    held = [value for value in values if math.isfinite(value)]
    return max([*held, 1.0])


def _number(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "-"
