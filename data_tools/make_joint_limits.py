r"""Make the table of joint limits that comes with lift3d from motion clips.

    python data_tools/make_joint_limits.py cmu17.h5 --splits train train_retargeted \
        --leave-out 60_salsa06#0 60_salsa06#1 60_salsa07

Each limb's directions (``lift3d.skeletons.joint_limits``) are counted in the cells of a sphere. A cell is within the
limits where at least 20 frames lie within 15 degrees of its centre. The clips left out above have heads that are
folded into the chest, an error of their making.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch
from torch import Tensor

from lift3d._files import writing
from lift3d.datasets.motion_clips import MotionClips, read_motion_clips
from lift3d.geometry.joint_angles import cell_centres, cell_of
from lift3d.skeletons.joint_limits import LIMBS, limb_directions

ROWS = 16
WIDENED_DEG = 15.0
FRAMES = 20
HEAD = """# Where the limbs of a body can point, as maps of the sphere of directions: '#' where they can, '.' not.
# Each row of a map is a band of equal height, from up (+z) to down; its parts run from the azimuth -180 degrees, from
# backward over the right (-90), forward (0) and the left (90). See lift3d.skeletons.joint_limits.
# Made by data_tools/make_joint_limits.py. The data used in this project was obtained from mocap.cs.cmu.edu. The
# database was created with funding from NSF EIA-0196217.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("motion", help="file of motion clips")
    parser.add_argument("--splits", nargs="+", default=["train"])
    parser.add_argument("--leave-out", nargs="*", default=[], help="names of clips")
    parser.add_argument("-o", "--output", default="lift3d/data/joint_limits.toml")
    arguments = parser.parse_args()
    clips = read_motion_clips(arguments.motion, tuple(arguments.splits))
    text = HEAD + "\n[maps]\n" + "".join(_entry(name, cells) for name, cells in _limits(clips, arguments.leave_out))
    with writing(Path(arguments.output)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"{arguments.output}: {len(text)} bytes, from the splits {', '.join(arguments.splits)}.")


def _limits(clips: MotionClips, left_out: list[str]) -> list[tuple[str, Tensor]]:
    """Name of each table and which cells are within the limits; both sides are counted, mirrored and not."""
    kept = torch.tensor([name not in left_out for name in clips.names])[clips.clip]
    people = clips.positions[kept].double()
    mirrored = people[:, list(clips.skeleton.flip_order)] * people.new_tensor([-1.0, 1.0, 1.0])
    directions = torch.cat([limb_directions(part, clips.skeleton) for part in (people, mirrored)])
    near = cell_centres(ROWS) @ cell_centres(ROWS).T >= math.cos(math.radians(WIDENED_DEG))
    counts = {limb.table: torch.zeros(len(near)) for limb in LIMBS}
    for place, limb in enumerate(LIMBS):
        counts[limb.table] += torch.bincount(cell_of(directions[:, place], ROWS), minlength=len(near))
    return [(name, near.float() @ count >= FRAMES) for name, count in counts.items()]


def _entry(name: str, cells: Tensor) -> str:
    rows = ["".join("#" if inside else "." for inside in row) for row in cells.reshape(ROWS, -1).tolist()]
    return f"{name} = [\n" + "".join(f'    "{row}",\n' for row in rows) + "]\n"


if __name__ == "__main__":
    main()
