"""Joint angles of bodies as a table: one row a frame, degrees.

Columns: ``time_s``, then one for each angle such as ``left_knee_flexion_deg``; of several people ``person1_`` stands
before. What each angle is: ``lift3d.bodies.joint_angles``. A missing person's fields are empty.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

from lift3d.bodies import BodyMotion, joint_angles
from lift3d.formats._entry import FileFormat
from lift3d.formats._tracks import person_prefixes


def _write(motion: BodyMotion, path: Path) -> None:
    angles = joint_angles(motion)
    names = [f"{prefix}{name}_deg" for prefix in person_prefixes(motion.people) for name in angles.names]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["time_s", *names])
        for time, row in zip(angles.times.tolist(), angles.degrees.flatten(1).tolist(), strict=True):
            table.writerow([f"{time:.6f}", *("" if math.isnan(value) else f"{value:.3f}" for value in row)])


FORMAT = FileFormat(
    name="joint_angles_csv",
    holds=BodyMotion,
    suffixes=(".csv",),
    about="Joint angles of bodies as a table, degrees: flexion of knees, elbows, hips, ...; ISB-like.",
    write=_write,
)
