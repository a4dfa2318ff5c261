"""TRC, the marker file of OpenSim and Pose2Sim.

Written: metres, Y up. The world's axes are turned so that its up axis becomes Y; of a world with Z up,
(X, Y, Z) of the file = (Y, Z, X) of the world. Markers are called as in Pose2Sim's marker sets (``LBigToe``). A file
holds one person; of several, the markers are called ``person1_LHip``, ``person2_LHip``, ...: OpenSim shows all of
them, and its tools take those of one by these names.

OpenSim cannot read a missing value, so none is written: a joint not seen for a while is interpolated linearly in time,
and holds its first and last place outside; a joint never seen is left out. A warning says how many. TRC keeps neither
scores nor which joints were filled: read back, all that is there has score 1.

Read: the unit in the header, axes as in the file (up is +y), an empty field is a missing joint; with or without an
empty line before the numbers. The skeleton is the smallest known one that has all the markers, else one of their own,
without bones.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lift3d._progress import progress
from lift3d.errors import FileError, InputError
from lift3d.formats._entry import FileFormat
from lift3d.formats._joint_names import marker_names
from lift3d.formats._json import beginning
from lift3d.formats._markers import people_of_markers
from lift3d.formats._tracks import person_prefixes, warn_of_gaps, without_gaps, y_up_positions
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton

_METRES = {"m": 1.0, "meters": 1.0, "metres": 1.0, "cm": 0.01, "mm": 0.001}
_HEADER = 5  # lines


def _recognises(path: Path) -> bool:
    return beginning(path, 64).startswith("PathFileType")


def _read(path: Path, skeleton: Skeleton | None = None) -> Poses3D:
    lines = _lines(path)
    header = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=False))
    unit = header.get("Units", "").strip().lower()
    if unit not in _METRES:
        raise FileError(path, f"line 3 has the unit {unit!r}; expected m, cm or mm")
    names = [name.strip() for name in lines[3].split("\t")[2:] if name.strip()]
    values = _values(path, lines, len(names))
    count = header.get("NumFrames", "").strip()
    if count.isdecimal() and int(count) > len(values):
        raise FileError(path, f"is cut short: {len(values)} frames of {count}", "Write or copy it again.")
    markers = values[:, 2:].reshape(len(values), -1, 3)
    chosen, positions = people_of_markers(path, names, markers, skeleton)
    return Poses3D.of(positions * _METRES[unit], skeleton=chosen, times=values[:, 1], up="+y")


def _lines(path: Path) -> list[str]:
    """The lines of the file: five of header and at least one of numbers."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise FileError(path, f"is no TRC: byte {error.start} is not UTF-8 text", "Check the file.") from error
    if not lines or not lines[0].startswith("PathFileType"):
        raise FileError(path, "is no TRC: the first line does not begin with PathFileType", "Check the file.")
    if len(lines) <= _HEADER:
        raise FileError(path, f"is cut short: {len(lines)} lines; expected five and the frames", "Write it again.")
    return lines


def _values(path: Path, lines: list[str], markers: int) -> np.ndarray:
    """(frames, 2 + 3 markers): frame, time, x, y, z, ...; NaN for empty fields."""
    if not markers:
        raise FileError(path, "line 4 names no markers", "Expected Frame#, Time and the markers.")
    width = 2 + 3 * markers
    rows = []
    for number, line in enumerate(lines[_HEADER:], start=_HEADER + 1):
        if not line.strip():
            continue
        fields = [one.strip() for one in line.split("\t")]
        if len(fields) < width or any(fields[width:]):
            raise FileError(path, f"line {number} has {len(fields)} fields; expected {width}, of {markers} markers")
        try:
            rows.append([float(one) if one else np.nan for one in fields[:width]])
        except ValueError as error:
            raise FileError(path, f"line {number}: {error}; expected numbers") from None
    if not rows:
        raise FileError(path, "holds no frames", "Write it again.")
    values = np.array(rows)
    if not np.isfinite(values[:, 1]).all():
        raise FileError(path, "a frame has no time", "Write it again.")
    return values


def _write(poses: Poses3D, path: Path) -> None:
    names, markers = _markers(poses)
    rate = f"{poses.frames_per_second:.10g}"
    frames = len(poses.times)
    triples = "".join(f"X{one}\tY{one}\tZ{one}\t" for one in range(1, len(names) + 1))
    header = [
        "PathFileType\t4\t(X/Y/Z)\tlift3d.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate}\t{rate}\t{frames}\t{len(names)}\tm\t{rate}\t0\t{frames}",
        "Frame#\tTime\t" + "".join(f"{name}\t\t\t" for name in names),
        f"\t\t{triples}",
    ]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in header)
        rows = zip(poses.times.tolist(), markers.tolist(), strict=True)
        for frame, (time, row) in enumerate(progress(rows, "writing TRC", "frame", len(markers))):
            file.write("\t".join([str(frame), f"{time:.9f}", *(f"{value:.9f}" for value in row)]) + "\n")


def _markers(poses: Poses3D) -> tuple[list[str], np.ndarray]:
    """Names of the markers, and (frames, 3 markers) without a missing value; warns of what was filled or left out."""
    positions = y_up_positions(poses)
    names, columns, left_out, filled = [], [], [], 0
    for person, prefix in enumerate(person_prefixes(positions.shape[1])):
        for joint, name in enumerate(marker_names(poses.skeleton)):
            track = positions[:, person, joint]
            seen = np.asarray(np.isfinite(track).all(axis=-1))
            if not seen.any():
                left_out.append(prefix + name)
                continue
            names.append(prefix + name)
            columns.append(without_gaps(track, seen, poses.times.numpy()))
            filled += int((~seen).sum())
    if not names:
        raise InputError("A TRC file needs a joint that is seen at least once; these poses have none.")
    warn_of_gaps("TRC", filled, left_out)
    return names, np.concatenate(columns, axis=-1)


FORMAT = FileFormat(
    name="trc",
    holds=Poses3D,
    suffixes=(".trc",),
    about="OpenSim's and Pose2Sim's marker file: Y up; metres, and millimetres when read.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
