r"""Make a library for lifting by example (``lift3d.lifting.exemplar``) from motion clips.

    python data_tools/make_exemplar_library.py cmu17.h5 --splits train train_retargeted -o library.npz

lifts then as a model does: ``lift3d lift keypoints.json --model library.npz``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lift3d.datasets.motion_clips import read_motion_clips
from lift3d.lifting.exemplar import build_library, save_library


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("motion", help="file of motion clips")
    parser.add_argument("-o", "--output", default="library.npz")
    parser.add_argument("--splits", nargs="+", default=["train"])
    parser.add_argument("--poses", type=int, default=12000, help="how many to keep (default: 12000)")
    parser.add_argument("--azimuths", type=int, default=24, help="cameras around a pose (default: 24)")
    parser.add_argument("--elevations", type=float, nargs="+", default=[0, 10], help="degrees (default: 0 10)")
    parser.add_argument("--licence", default="", help="under what the poses are given, with their owners' words")
    arguments = parser.parse_args()
    clips = read_motion_clips(arguments.motion, tuple(arguments.splits))
    library = build_library(
        clips.positions,
        clips.skeleton,
        poses=arguments.poses,
        azimuths=arguments.azimuths,
        elevations_deg=arguments.elevations,
        licence=arguments.licence,
    )
    save_library(library, arguments.output)
    size = Path(arguments.output).stat().st_size / 1e6
    counts = f"{len(library.poses)} of {len(clips.positions)} poses, each seen by {len(library.cameras)} cameras"
    print(f"{arguments.output}: {counts}; {size:.1f} MB.")


if __name__ == "__main__":
    main()
