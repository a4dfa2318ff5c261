"""C3D, the marker file of motion capture (Vicon, Qualisys, OptiTrack, Visual3D, Mokka, Pose2Sim).

Written: millimetres as 32-bit real numbers, so that nothing is rounded to whole millimetres; axes as in the world,
whose up axis stands in POINT:Y_SCREEN. Markers are called as in TRC (``LBigToe``), of several people
``person1_LBigToe``. A missing joint has residual -1, one that is there residual 0; scores, and which joints were filled
in, are not kept, nor times beyond the first and the rate. Files of more than 65535 frames keep their number in
TRIAL:ACTUAL_END_FIELD.

Read: whole and real numbers of Intel, DEC and MIPS processors; the unit in POINT:UNITS (else millimetres, or metres if
all lies within 10, with a warning); up as in POINT:Y_SCREEN (else +z, with a warning); a negative residual is a missing
joint. Markers that begin with ``*``, and angles, forces, moments, powers and scalars, are left out. ``person1_`` or
Vicon's ``Subject:`` before the markers' names tells people apart. The skeleton is the smallest known one that has all
the markers, else one of their own, without bones. Analog channels, events and force plates are passed over.

The bytes are read here rather than by a library (ezc3d, which the tests compare with), as that ends the interpreter on
some damaged files, and writes long ones without saying how long they are.
"""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lift3d.errors import FileError, InputError
from lift3d.formats._c3d_parameters import MOST_BLOCKS, Parameters, packed, parsed, real_numbers
from lift3d.formats._detections import check_dense
from lift3d.formats._entry import FileFormat
from lift3d.formats._joint_names import marker_names
from lift3d.formats._markers import people_of_markers
from lift3d.formats._tracks import person_prefixes
from lift3d.formats._units import metres_of_points
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton

_BLOCK = 512  # bytes
_MOST_IN_HEADER = 65535
_LONGEST_LABEL = 120  # 255 of them fit the distance to the next record
_CALCULATED = ("ANGLES", "FORCES", "MOMENTS", "POWERS", "SCALARS")


@dataclass(frozen=True)
class _Layout:
    """Where the numbers are.

    Args:
        processor: 84 Intel, 85 DEC, 86 MIPS.
        points: markers in a frame.
        analog: analog numbers in a frame, behind the markers.
        scale: of whole numbers; negative: the numbers are real.
        start: byte at which the first frame begins.
        first: number of the first frame, from 1.
        frames: how many there are.
        rate: frames a second.
        parameters: of the file.
    """

    processor: int
    points: int
    analog: int
    scale: float
    start: int
    first: int
    frames: int
    rate: float
    parameters: Parameters


def _recognises(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(_BLOCK)
    except OSError:
        return False
    return len(head) == _BLOCK and head[1] == 0x50 and head[0] > 0


def _read(path: Path, skeleton: Skeleton | None = None, unit: str | None = None) -> Poses3D:
    layout = _layout(path)
    labels = _labels(layout)
    if not labels:
        raise FileError(path, "holds no markers with names", "Export the trajectories with their labels.")
    check_dense(path, layout.frames, 1, len(labels))
    points, places = _points(path, layout), list(labels.values())
    chosen, positions = people_of_markers(path, list(labels), points[:, places], skeleton)
    said = _texts(layout, "POINT:UNITS")
    metres = metres_of_points(path, positions, unit, said[0] if said else None)
    return Poses3D.of(
        positions * metres,
        skeleton=chosen,
        times=(layout.first - 1 + np.arange(layout.frames)) / layout.rate,
        up=_up(path, layout),
    )


def _layout(path: Path) -> _Layout:
    try:
        with path.open("rb") as file:
            head = file.read(_BLOCK)
            if len(head) < _BLOCK or head[1] != 0x50 or head[0] == 0:
                raise FileError(path, "is no C3D: it does not begin with its header", "Check the file.")
            file.seek(_BLOCK * (head[0] - 1))
            content = file.read(_BLOCK * MOST_BLOCKS)
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the path.") from error
    processor = content[3] if len(content) > 3 else 0
    if processor not in (84, 85, 86):
        raise FileError(path, "has no parameters of a known processor (84, 85 or 86)", "Export the file again.")
    try:
        parameters = parsed(content[4 : _BLOCK * content[2] if content[2] else None], processor)
    except (ValueError, struct.error) as error:
        raise FileError(path, f"its parameters are damaged ({error})", "Export or copy it again.") from error
    return _checked(path, head, parameters, processor)


def _checked(path: Path, head: bytes, parameters: Parameters, processor: int) -> _Layout:
    """The layout that header and parameters tell, if the file is long enough for it."""
    order = ">" if processor == 86 else "<"
    points, analog, first, last = struct.unpack_from(f"{order}4H", head, 2)
    block = struct.unpack_from(f"{order}H", head, 16)[0]
    bits = np.frombuffer(head, dtype=np.uint8)
    scale, rate = (float(real_numbers(bits[at : at + 4].copy(), processor)[0]) for at in (12, 20))
    rate = _number(parameters, "POINT:RATE") or rate
    rate = float(str(np.float32(rate)))  # 59.94, not 59.939998626708984
    if not (np.isfinite(rate) and rate > 0 and np.isfinite(scale) and scale != 0) or block < 2 or not points:
        raise FileError(path, "its header states no markers, rate, scale or place of the data", "Export it again.")
    first, frames = _frames(parameters, first, last)
    start, bytes_a_frame = _BLOCK * (block - 1), (4 * points + analog) * (4 if scale < 0 else 2)
    there = max(0, path.stat().st_size - start) // bytes_a_frame
    if frames is None:
        warnings.warn(f"{path}: counts no further than {last} frames; took the {there} that it holds.", stacklevel=2)
        frames = there
    if not frames or there < frames:
        raise FileError(path, f"is cut short: {there} frames of {frames}", "Export or copy it again.")
    return _Layout(processor, points, analog, scale, start, first, frames, rate, parameters)


def _frames(parameters: Parameters, first: int, last: int) -> tuple[int, int | None]:
    """Number of the first frame, from 1, and how many there are; None where there are more than the file counts."""
    ends = [_long(parameters, f"TRIAL:ACTUAL_{end}_FIELD") for end in ("START", "END")]
    if ends[0] is not None and ends[1] is not None and ends[1] >= ends[0]:
        return max(ends[0], 1), ends[1] - ends[0] + 1
    if last == _MOST_IN_HEADER:
        stated = _number(parameters, "POINT:LONG_FRAMES") or _number(parameters, "POINT:FRAMES") or 0.0
        return max(first, 1), int(stated) if _MOST_IN_HEADER < stated < 2**31 else None
    return max(first, 1), last - first + 1 if last >= first else 0


def _long(parameters: Parameters, name: str) -> int | None:
    """A whole number that two halves of 16 bits keep, the lower first."""
    values = parameters.get(name, [])
    if not values or not all(isinstance(value, int) for value in values):
        return None
    halves = [int(value) & 0xFFFF for value in values]
    return halves[0] + (halves[1] << 16 if len(halves) > 1 else 0)


def _number(parameters: Parameters, name: str) -> float | None:
    values: list[Any] = list(parameters.get(name, []))
    return float(values[0]) if values and isinstance(values[0], int | float) else None


def _texts(layout: _Layout, name: str) -> list[str]:
    return [value for value in layout.parameters.get(name, []) if isinstance(value, str)]


def _labels(layout: _Layout) -> dict[str, int]:
    """Place of each marker that has a name of its own; of two of the same name the first."""
    names, number = _texts(layout, "POINT:LABELS"), 2
    while f"POINT:LABELS{number}" in layout.parameters:
        names += _texts(layout, f"POINT:LABELS{number}")
        number += 1
    calculated = {name for kind in _CALCULATED for name in _texts(layout, f"POINT:{kind}")}
    places: dict[str, int] = {}
    for place, name in enumerate(names[: layout.points]):
        if name.strip() and not name.startswith("*") and name not in calculated:
            places.setdefault(name.strip(), place)
    return places


def _points(path: Path, layout: _Layout) -> np.ndarray:
    """(frames, points, 3) in the file's unit; NaN where missing."""
    width = 4 * layout.points + layout.analog
    if layout.scale < 0:
        raw = np.memmap(path, np.uint8, "r", layout.start, (layout.frames, 4 * width))[:, : 16 * layout.points]
        values = real_numbers(np.ascontiguousarray(raw).reshape(-1), layout.processor).astype(np.float64)
        scale = 1.0
    else:
        kind = ">i2" if layout.processor == 86 else "<i2"
        values = np.memmap(path, kind, "r", layout.start, (layout.frames, width))[:, : 4 * layout.points]
        scale = layout.scale
    table = values.reshape(layout.frames, layout.points, 4)
    seen = np.asarray(table[..., 3] >= 0)
    return np.where(seen[..., None], table[..., :3] * scale, np.nan)


def _up(path: Path, layout: _Layout) -> str:
    said = _texts(layout, "POINT:Y_SCREEN")
    axis = said[0].strip().lower() if said else ""
    axis = axis if axis[:1] in ("+", "-") else f"+{axis}"
    if axis[1:] in ("x", "y", "z"):
        return axis
    warnings.warn(f"{path}: the file does not state which axis points up; took '+z'.", stacklevel=2)
    return "+z"


def _write(poses: Poses3D, path: Path) -> None:
    labels = [prefix + name for prefix in person_prefixes(poses.positions.shape[1])
              for name in marker_names(poses.skeleton)]  # fmt: skip
    long = next((label for label in labels if len(label) > _LONGEST_LABEL), None)
    frames = len(poses.times)
    if long is not None or not frames or not labels or len(labels) > _MOST_IN_HEADER:
        problem = f"a name of {len(long)} letters" if long else f"{frames} frames of {len(labels)} markers"
        raise InputError(f"C3D keeps 1 to {_MOST_IN_HEADER} markers of names up to {_LONGEST_LABEL}; here: {problem}.")
    rate = poses.frames_per_second
    first = 1 + max(0, round(float(poses.times[0]) * rate))
    _warn_of_times(poses, rate)
    points = np.zeros((frames, len(labels), 4), dtype="<f4")
    millimetres = poses.positions.detach().cpu().double().numpy().reshape(frames, len(labels), 3) * 1000
    seen = np.asarray(np.isfinite(millimetres).all(axis=-1))
    points[..., :3] = np.where(seen[..., None], millimetres, 0.0)
    points[..., 3] = np.where(seen, 0.0, -1.0)
    try:
        parameters = _parameters(labels, poses.up, rate, first, frames)
    except ValueError as error:
        raise InputError(f"These poses do not fit a C3D file: {error}.") from error
    start = 2 + len(parameters) // _BLOCK
    shown_last = min(first + frames - 1, _MOST_IN_HEADER)
    head = struct.pack(
        "<BB5HfHHf", 2, 0x50, len(labels), 0, min(first, _MOST_IN_HEADER), shown_last, 0, -1.0, start, 0, rate
    )  # fmt: skip
    with path.open("wb") as file:
        file.write(head.ljust(_BLOCK, b"\0") + parameters)
        points.tofile(file)
        file.write(bytes(-points.nbytes % _BLOCK))


def _warn_of_times(poses: Poses3D, rate: float) -> None:
    steps = np.diff(poses.times.detach().cpu().numpy()) * rate
    if len(steps) and np.abs(steps - 1).max() > 0.01:
        warnings.warn(f"C3D: times are not evenly apart; it keeps the rate, {rate:.6g} a second, alone.", stacklevel=2)


def _parameters(labels: list[str], up: str, rate: float, first: int, frames: int) -> bytes:
    """The parameter section, with the block at which the frames begin."""
    names = {f"LABELS{one // 255 + 1 if one else ''}": labels[one : one + 255] for one in range(0, len(labels), 255)}
    last = first + frames - 1
    right = "+Y" if up[1] == "x" else "+X"

    def groups(start: int) -> dict[str, dict[str, Any]]:
        return {
            "POINT": {
                "USED": [len(labels)], "SCALE": [-1.0], "RATE": [float(rate)], "DATA_START": [start],
                "FRAMES": [min(frames, _MOST_IN_HEADER)],
                "UNITS": ["mm"], **names, "DESCRIPTIONS": ["" for _ in labels[:255]],
                "X_SCREEN": [right], "Y_SCREEN": [up.upper()],
            },
            "ANALOG": {"USED": [0], "RATE": [0.0], "GEN_SCALE": [1.0], "LABELS": [""], "SCALE": [1.0], "OFFSET": [0]},
            "FORCE_PLATFORM": {"USED": [0]},
            "TRIAL": {
                "ACTUAL_START_FIELD": [first & 0xFFFF, first >> 16], "ACTUAL_END_FIELD": [last & 0xFFFF, last >> 16],
            },
            "MANUFACTURER": {"SOFTWARE": ["lift3d"]},
        }  # fmt: skip

    blocks = len(packed(groups(0))) // _BLOCK
    return packed(groups(2 + blocks))


FORMAT = FileFormat(
    name="c3d",
    holds=Poses3D,
    suffixes=(".c3d",),
    about="C3D, the marker file of motion capture: millimetres as real numbers, the world's axes.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
